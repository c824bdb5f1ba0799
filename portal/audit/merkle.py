"""Merkle tree hashing and proofs of RFC 6962 §2 (SHA-256), with the checks of RFC 9162 §2.1.

The tree is read through ``read(level, index)``, which gives the hash of the complete subtree over
the leaves ``index << level`` up to ``(index + 1) << level``. Complete subtrees never change once
they are written, so a proof in a log of a million entries reads about forty stored hashes and no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest

Read = Callable[[int, int], bytes]
"""``read(level, index)``: the 32 bytes of a complete subtree; level 0 are the leaf hashes."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962 §2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 || entry), RFC 6962 §2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right), RFC 6962 §2.1."""
    return sha256(b"\x01" + left + right).digest()


def frontier(size: int) -> list[tuple[int, int]]:
    """``(level, index)`` of the complete subtrees a tree of *size* leaves is made of, left to right."""
    return [
        (level, (size >> level) - 1) for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1
    ]


def appended(size: int, leaf: bytes, read: Read) -> list[tuple[int, int, bytes]]:
    """The complete subtrees that come to be when the leaf hash *leaf* is added to *size* leaves.

    Gives ``(level, index, hash)``, the leaf itself first. Reads members of ``frontier(size)`` only.
    """
    nodes = [(0, size, leaf)]
    level, index, value = nodes[0]
    while index & 1:
        value = node_hash(read(level, index - 1), value)
        level, index = level + 1, index >> 1
        nodes.append((level, index, value))
    return nodes


def root(size: int, read: Read) -> bytes:
    """The Merkle tree hash over the first *size* leaves (RFC 6962 §2.1)."""
    if size < 0:
        raise ValueError("a tree has no negative size")
    return _span(0, size, read) if size else EMPTY_ROOT


def inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """The audit path of leaf *index* in the tree of *size* leaves (RFC 6962 §2.1.1), leaf's sibling first.

    Raises `ValueError` if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of that size")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_span(middle, end, read))
            end = middle
        else:
            path.append(_span(begin, middle, read))
            begin = middle
    return path[::-1]


def consistency(old: int, new: int, read: Read) -> list[bytes]:
    """The proof that the tree of *new* leaves begins with the tree of *old* ones (RFC 6962 §2.1.2).

    Empty for equal sizes. Raises `ValueError` unless ``0 < old <= new``: an empty tree is the
    beginning of every tree, so nothing can be proved about it.
    """
    if not 0 < old <= new:
        raise ValueError("consistency is between a tree with leaves and one that is no smaller")
    proof: list[bytes] = []
    begin, end, is_whole_old_tree = 0, new, True
    while begin + old != end:
        middle = begin + _split(end - begin)
        if begin + old <= middle:
            proof.append(_span(middle, end, read))
            end = middle
        else:
            proof.append(_span(begin, middle, read))
            old -= middle - begin
            begin, is_whole_old_tree = middle, False
    if not is_whole_old_tree:
        proof.append(_span(begin, end, read))
    return proof[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether *proof* leads from the leaf hash *leaf* at *index* to the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != 32 or any(len(hash_) != 32 for hash_ in proof):
        return False
    place, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            value = node_hash(sibling, value)
            # A right edge has no siblings on the levels where its place is even: skip these.
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and compare_digest(value, expected_root)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether *proof* shows that the newer tree begins with the older one (RFC 9162 §2.1.4.2).

    False for an empty older tree: that comparison says nothing, and a caller must not take it for one.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and compare_digest(old_root, new_root)
    if not proof or any(len(hash_) != 32 for hash_ in proof):
        return False
    rest = list(proof)
    # A tree of 2**k leaves is itself a node of the newer one, and is left out of the proof.
    first = old_root if old & (old - 1) == 0 else rest.pop(0)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_value = new_value = first
    for sibling in rest:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and compare_digest(old_value, old_root) and compare_digest(new_value, new_root)


def _split(width: int) -> int:
    """The largest power of two below *width* (RFC 6962 §2.1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _span(begin: int, end: int, read: Read) -> bytes:
    """The hash over the leaves *begin* to *end*, one of the spans the RFC's splitting makes."""
    width = end - begin
    if width & (width - 1) == 0:  # complete, and aligned because of how spans are split
        level = width.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(width)
    return node_hash(_span(begin, middle, read), _span(middle, end, read))
