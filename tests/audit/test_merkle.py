"""The tree against RFC 6962's recursive definition, and against 196 published vectors."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.audit import merkle

# --- the definition of RFC 6962 §2.1, written down as it stands -----------------------------------


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(entries):
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m, entries):
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m, entries, whole):
    n = len(entries)
    if m == n:
        return [] if whole else [mth(entries)]
    k = split(n)
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


class Store:
    """Complete subtrees as the log's table keeps them; counts what is read."""

    def __init__(self, entries):
        self.nodes, self.reads = {}, 0
        for size, entry in enumerate(entries):
            edge = set(merkle.frontier(size))

            def read(level, index, edge=edge):
                assert (level, index) in edge
                return self.nodes[level, index]

            for level, index, value in merkle.appended(size, merkle.leaf_hash(entry), read):
                assert (level, index) not in self.nodes
                self.nodes[level, index] = value

    def __call__(self, level, index):
        self.reads += 1
        return self.nodes[level, index]


entries_of = st.lists(st.binary(max_size=8), max_size=70)


@given(entries_of)
def test_root_is_the_definition(entries):
    store = Store(entries)
    for size in range(len(entries) + 1):
        assert merkle.root(size, store) == mth(entries[:size])


@given(entries_of.filter(bool), st.data())
def test_inclusion_is_the_definition_and_verifies(entries, data):
    store, size = Store(entries), len(entries)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(index, size, store)
    assert proof == path(index, entries)
    leaf, root = merkle.leaf_hash(entries[index]), mth(entries)
    assert merkle.verify_inclusion(index, size, leaf, proof, root)
    for wrong in (
        (index, size, merkle.leaf_hash(entries[index] + b"!"), proof, root),
        (index, size, leaf, [*proof, root], root),
        (index, size, leaf, proof, sha256(root).digest()),
        (size, size, leaf, proof, root),
        (-1, size, leaf, proof, root),
    ):
        assert not merkle.verify_inclusion(*wrong)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.verify_inclusion(index, size, leaf, proof[:place] + proof[place + 1 :], root)
        bad = bytes([proof[place][0] ^ 1]) + proof[place][1:]
        assert not merkle.verify_inclusion(
            index, size, leaf, [*proof[:place], bad, *proof[place + 1 :]], root
        )


@given(entries_of.filter(bool), st.data())
def test_consistency_is_the_definition_and_verifies(entries, data):
    store, new = Store(entries), len(entries)
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency(old, new, store)
    assert proof == subproof(old, entries, True)
    roots = mth(entries[:old]), mth(entries)
    assert merkle.verify_consistency(old, new, *roots, proof)
    other = mth([b"another history", *entries[1:old]])
    if other != roots[0]:
        assert not merkle.verify_consistency(old, new, other, roots[1], proof)
    assert not merkle.verify_consistency(old, new, roots[0], sha256(roots[1]).digest(), proof)
    assert not merkle.verify_consistency(old, new, *roots, [*proof, roots[0]])
    if old < new:
        assert not merkle.verify_consistency(new, old, *reversed(roots), proof)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_no_consistency_proof_of_nothing(old, new):
    with pytest.raises(ValueError, match="consistency"):
        merkle.consistency(old, new, Store([b"x"] * 5))
    assert not merkle.verify_consistency(old, new, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_no_inclusion_proof_of_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="leaf"):
        merkle.inclusion(index, size, Store([b"x"] * 5))


@pytest.mark.parametrize("size", [1_000_000, 999_999, 1 << 20, (1 << 20) + 1])
def test_a_proof_in_a_million_entries_reads_few_hashes(size):
    for act in (
        lambda r: merkle.inclusion(size // 3, size, r),
        lambda r: merkle.consistency(size // 3, size, r),
    ):
        reads = []

        def read(level, index, reads=reads):
            assert (index + 1) << level <= size  # complete subtrees only
            reads.append((level, index))
            return sha256(f"{level}/{index}".encode()).digest()

        act(read)
        assert len(reads) <= 40
    assert len(merkle.frontier(size)) <= 20


def b64(text):
    return base64.b64decode(text or "")


def vectors(kind):
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "merkle" / kind
    return sorted(folder.rglob("*.json"))


@pytest.mark.shared
def test_all_vectors_are_there():
    assert len(vectors("inclusion")) + len(vectors("consistency")) == 196


@pytest.mark.shared
@pytest.mark.parametrize("file", vectors("inclusion"), ids=lambda f: "-".join(f.parts[-2:]))
def test_inclusion_vector(file):
    v = json.loads(file.read_text())
    good = merkle.verify_inclusion(
        v["leafIdx"], v["treeSize"], b64(v["leafHash"]), [b64(h) for h in v["proof"] or ()], b64(v["root"])
    )
    assert good is not v["wantErr"], v["desc"]


@pytest.mark.shared
@pytest.mark.parametrize("file", vectors("consistency"), ids=lambda f: "-".join(f.parts[-2:]))
def test_consistency_vector(file):
    v = json.loads(file.read_text())
    good = merkle.verify_consistency(
        v["size1"], v["size2"], b64(v["root1"]), b64(v["root2"]), [b64(h) for h in v["proof"] or ()]
    )
    assert good is not v["wantErr"], v["desc"]
