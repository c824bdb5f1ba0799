"""Signed notes, checkpoints and proofs: the specification's own example, round trips, and mutations."""

import base64
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.audit import merkle
from portal.audit.note import (
    Checkpoint,
    NoteError,
    Signer,
    TlogProof,
    Verifier,
    open_checkpoint,
    open_note,
    sign_checkpoint,
)

# The example of c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SIGNER = Signer("log.association.example", b"\x07" * 32)
OTHER = Signer("other.example", b"\x08" * 32)
ENTRIES = [f"entry {n}".encode() for n in range(11)]


def tree(entries):
    nodes = {}
    for size, entry in enumerate(entries):
        for level, index, value in merkle.appended(size, merkle.leaf_hash(entry), lambda *key: nodes[key]):
            nodes[level, index] = value
    return lambda *key: nodes[key]


def proof_of(index, entries=ENTRIES, extra=True):
    read, size = tree(entries), len(entries)
    note = sign_checkpoint(SIGNER, size, merkle.root(size, read))
    hashes = tuple(merkle.inclusion(index, size, read))
    return TlogProof(index, hashes, note, entries[index] if extra else None)


def test_the_specification_example():
    verifier = Verifier.parse(VKEY)
    assert verifier.vkey == VKEY
    assert open_note(NOTE, [verifier]) == "This is an example message.\n"


@pytest.mark.parametrize(
    "vkey",
    [
        "", "example.com/foo", "example.com/foo+530d903a", VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"), VKEY.replace("example.com/foo", "example.com/fop"),
        VKEY.replace("example.com/foo", "exa mple"), VKEY.replace("+Ae", "+Be"), VKEY[:-1], VKEY + "=", " " + VKEY,
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)  # fmt: skip
def test_bad_verifier_keys_are_refused(vkey):
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\nb", "a\x7f\x00b"])
def test_bad_names_are_refused(name):
    with pytest.raises(NoteError):
        Signer(name, b"\x07" * 32)


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]) | st.just("\n")))
def test_round_trip(text):
    note = SIGNER.sign(text + "\n")
    assert open_note(note, [OTHER.verifier, SIGNER.verifier]) == text + "\n"
    with pytest.raises(NoteError, match="not signed by a key"):
        open_note(note, [OTHER.verifier])


def test_other_signatures_are_passed_over_and_a_wrong_one_of_ours_is_not():
    ours, theirs = SIGNER.sign("text\n"), OTHER.sign("text\n")
    both = ours + theirs.split("\n\n")[1]
    assert open_note(both, [SIGNER.verifier]) == "text\n"
    wrong = SIGNER.sign("another\n").split("\n\n")[1]
    with pytest.raises(NoteError, match="wrong"):
        open_note(ours + wrong, [SIGNER.verifier])
    same_name_other_key = Signer(SIGNER.name, b"\x09" * 32)
    assert open_note(ours + same_name_other_key.sign("text\n").split("\n\n")[1], [SIGNER.verifier])


@pytest.mark.parametrize("text", ["", "no end", "tab\tbed\n", "nul\x00\n", "cr\r\n"])
def test_texts_that_cannot_be_signed(text):
    with pytest.raises(NoteError):
        SIGNER.sign(text)


LINE = SIGNER.sign("text\n").split("\n\n")[1]


@pytest.mark.parametrize(
    "note",
    [
        "", "\n\n", "text\n", "text\n\n", "text\n\n" + LINE[:-1], "text\n\n" + LINE + "\n", "text\n\n" + LINE.replace("—", "-"),
        "text\n\n" + LINE.replace(" ", "  "), "text\r\n\n" + LINE, "text\n\n" + LINE[:-2] + "\n", "text\n\n— a+b AAAAAAAA\n",
        "text\n\n— a AAAA\n", "text\n\n" + LINE * 33, "text" + LINE, "\ud800\n\n" + LINE, "x" * 1_000_001 + "\n\n" + LINE,
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(note):
    with pytest.raises(NoteError):
        open_note(note, [SIGNER.verifier])


ROOT = base64.b64encode(b"r" * 32).decode()


def test_checkpoint_round_trip():
    note = sign_checkpoint(SIGNER, 7, b"r" * 32)
    assert note.startswith(f"log.association.example\n7\n{ROOT}\n\n— log.association.example ")
    assert open_checkpoint(note, SIGNER.verifier) == Checkpoint(SIGNER.name, 7, b"r" * 32)
    assert Checkpoint.parse(f"o\n0\n{ROOT}\nmore\n").extensions == ("more",)


@pytest.mark.parametrize(
    "text",
    [
        "", "o\n7\n", f"o\n7\n{ROOT}", f"\n7\n{ROOT}\n", f"o\n07\n{ROOT}\n", f"o\n-7\n{ROOT}\n", f"o\n+7\n{ROOT}\n",
        f"o\n７\n{ROOT}\n", f"o\n7 \n{ROOT}\n", f"o\n7\n{ROOT[:-4]}\n", f"o\n7\n {ROOT}\n", f"o\n7\n{ROOT}\n\n",
        f"o\n99999999999999999999\n{ROOT}\n", f"o\n7\n{ROOT[:-2]}F=\n", f"o\n7\r\n{ROOT}\n",
    ],
)  # fmt: skip
def test_malformed_checkpoints_are_refused(text):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_a_checkpoint_of_another_origin_is_refused():
    note = SIGNER.sign(Checkpoint("other.example", 7, b"r" * 32).text())
    with pytest.raises(NoteError, match="another log"):
        open_checkpoint(note, SIGNER.verifier)


@pytest.mark.parametrize("size", [1, 2, 7, 11])
@pytest.mark.parametrize("extra", [True, False])
def test_proof_round_trip(size, extra):
    for index in range(size):
        proof = proof_of(index, ENTRIES[:size], extra)
        again = TlogProof.parse(proof.text())
        assert again == proof
        assert again.verify(merkle.leaf_hash(ENTRIES[index]), SIGNER.verifier).size == size
        with pytest.raises(NoteError, match="does not lead"):
            again.verify(merkle.leaf_hash(b"not logged"), SIGNER.verifier)
        with pytest.raises(NoteError, match="not signed"):
            again.verify(merkle.leaf_hash(ENTRIES[index]), OTHER.verifier)


def test_the_text_is_the_format_of_the_specification():
    lines = proof_of(3).text().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "extra " + base64.b64encode(ENTRIES[3]).decode()
    assert lines[2] == "index 3"
    assert [len(line) for line in lines[3:7]] == [44] * 4
    assert lines[7:10] == ["", SIGNER.name, "11"]


GOOD = proof_of(3).text()


@pytest.mark.parametrize(
    "text",
    [
        "", GOOD[1:], GOOD.replace("@v1", "@v2"), GOOD.replace("index 3", "index 03"), GOOD.replace("index 3\n", ""),
        GOOD.replace("index 3", "index -3"), GOOD.replace("index 3", "Index 3"), GOOD.replace("extra ", "extra  "),
        GOOD.replace("extra ", "extra !"), GOOD.replace("\n", "\r\n"), GOOD[:-1], GOOD + "\n", GOOD.replace("\n\n", "\n"),
        GOOD.replace("index 3", "index 3\nindex 3"), GOOD.replace("index 3\n", "index 3\n" + ("A" * 43 + "=\n") * 60),
        GOOD.replace("index 3\n", "index 3\nAAAA\n"),
    ],
)  # fmt: skip
def test_malformed_proofs_are_refused(text):
    with pytest.raises(NoteError):
        TlogProof.parse(text)


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_any_one_character_changed_is_refused(place, character):
    """Any change but to the opaque extra line, which the reader hashes himself, breaks the proof."""
    assume(GOOD[place] != character)
    changed = GOOD[:place] + character + GOOD[place + 1 :]

    def check():
        proof = TlogProof.parse(changed)
        proof.verify(merkle.leaf_hash(proof.extra or b""), SIGNER.verifier)

    with pytest.raises(NoteError):
        check()


def test_errors_say_why_in_a_sentence():
    with pytest.raises(NoteError) as caught:
        TlogProof.parse("nonsense")
    assert "c2sp.org/tlog-proof@v1" in str(caught.value.sentence)
    assert isinstance(caught.value, ValueError)


def test_key_id_is_the_recommended_one():
    key = SIGNER.verifier.public_key
    assert SIGNER.verifier.key_id == sha256(SIGNER.name.encode() + b"\n\x01" + key).digest()[:4]
