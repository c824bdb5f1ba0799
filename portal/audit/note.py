"""The C2SP formats of the log: signed-note (Ed25519), tlog-checkpoint and tlog-proof.

Specifications: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-proof.
Parsers are strict: one text has one meaning, and what the specification does not allow is refused
with a reason. Everything here is pure; keys and files are handled elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portal.audit import merkle
from portal.kernel.sentence import Sentence, say

ED25519: Final = b"\x01"
"""The signature type of Ed25519 in signed-note."""
MAX_SIGNATURES: Final = 32
"""The specification asks for a limit, and for at least 16."""
MAX_BYTES: Final = 1_000_000
"""No note or proof of ours comes near this; it bounds what a stranger can make us read."""
MAX_HASHES: Final = 63
"""An inclusion proof in a tree of at most 2**63 leaves."""

_PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note, checkpoint, key or proof is malformed or not signed by the right key; says why."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


# --- keys -----------------------------------------------------------------------------------------


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes that identify an Ed25519 key of this name: SHA-256(name || LF || 0x01 || key)[:4]."""
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


@dataclass(frozen=True)
class Verifier:
    """A key that signatures are checked with: its name (the log's origin) and 32 public bytes."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """From ``name+hex(key id)+base64(type || key)``. Raises `NoteError`."""
        name, *rest = vkey.strip("\n").split("+", 2)
        if len(rest) != 2 or not _is_key_name(name):
            raise NoteError(say("A verifier key has the form name+key id+key; this text has not."))
        material = _decode(rest[1])
        if material is None or len(material) != 33 or material[:1] != ED25519:
            raise NoteError(say("The verifier key is not an Ed25519 key."))
        if rest[0] != key_id(name, material[1:]).hex():
            raise NoteError(say("The verifier key's identifier does not belong to its name and key."))
        return cls(name, material[1:])

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(ED25519 + self.public_key)}"

    @cached_property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key)

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether these 64 bytes are this key's signature over *text*."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A key that signs notes. *seed* is the 32-byte Ed25519 private key (RFC 8032 §5.1.5)."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not _is_key_name(name):
            raise NoteError(say("A log's name is not empty and has neither spaces nor a plus sign in it."))
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, text: str) -> str:
        """The note: *text*, an empty line and one signature line. Raises `NoteError` for a bad text."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise NoteError(say("The text of a note ends in a line feed and has no control characters."))
        signature = self.verifier.key_id + self._key.sign(text.encode())
        return f"{text}\n— {self.name} {_encode(signature)}\n"


# --- notes ----------------------------------------------------------------------------------------


def open_note(note: str, verifiers: Sequence[Verifier]) -> str:
    """The text of a note that one of *verifiers* has signed.

    Signatures of other keys are passed over, as the specification demands. Raises `NoteError` if the
    note is malformed, if a known key's signature is wrong, or if none is of a known key.
    """
    text, lines = _parts(note)
    accepted = False
    for name, identifier, signature in lines:
        for verifier in verifiers:
            if (verifier.name, verifier.key_id) == (name, identifier):
                if not verifier.accepts(text, signature):
                    raise NoteError(say("The signature of %(name)s is wrong.", name=name))
                accepted = True
    if not accepted:
        raise NoteError(say("The note is not signed by a key that is known here."))
    return text


def _parts(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and (name, key id, signature) of each signature line of a well-formed note."""
    _check_characters(note)
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteError(say("A note is a text, an empty line and signature lines; this has another form."))
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(say("The note has too many signatures."))
    return text + "\n", [_signature_line(line) for line in lines]


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    dash, *rest = line.split(" ")
    material = _decode(rest[1]) if len(rest) == 2 else None
    if dash != "—" or material is None or len(material) < 5 or not _is_key_name(rest[0]):
        raise NoteError(say("A signature line of the note is malformed."))
    return rest[0], material[:4], material[4:]


# --- checkpoints ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checkpoint:
    """What the log was at one moment: its origin, number of entries and root hash (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, _encode(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From a note's text. Raises `NoteError`."""
        _check_characters(text)
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise NoteError(say("A checkpoint has at least three lines, none of them empty."))
        root = _decode(lines[2])
        if not _DECIMAL.fullmatch(lines[1]):
            raise NoteError(say("The size in the checkpoint is not a number written the plain way."))
        if root is None or len(root) != 32:
            raise NoteError(say("The root hash in the checkpoint is not 32 bytes in base64."))
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:]))


def sign_checkpoint(signer: Signer, size: int, root: bytes) -> str:
    """The signed checkpoint of the log whose origin is the signer's name."""
    return signer.sign(Checkpoint(signer.name, size, root).text())


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint in a note signed by *verifier*, whose name must be its origin. Raises `NoteError`."""
    checkpoint = Checkpoint.parse(open_note(note, [verifier]))
    if checkpoint.origin != verifier.name:
        raise NoteError(say("The checkpoint is of another log: %(origin)s.", origin=checkpoint.origin))
    return checkpoint


# --- proofs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TlogProof:
    """That an entry is in the log: its index, the audit path (leaf's sibling first), a signed checkpoint.

    ``extra`` is opaque to the format; ours is the entry itself, so that one file says what was logged.
    It counts for something only after `verify` of its leaf hash.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        """The proof as a file's text."""
        lines = [_PROOF_HEADER]
        if self.extra is not None:
            lines.append(f"extra {_encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [_encode(value) for value in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """From a file's text. Raises `NoteError`; says nothing yet about whether the proof holds."""
        _check_characters(text)
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or lines.pop(0) != _PROOF_HEADER:
            raise NoteError(say("This is not a proof in the format %(format)s.", format=_PROOF_HEADER))
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _decode(lines.pop(0).removeprefix("extra "))
            if extra is None:
                raise NoteError(say("The extra line of the proof is not base64."))
        index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
        if not _DECIMAL.fullmatch(index):
            raise NoteError(say("The proof has no index line, or no plain number in it."))
        hashes = [_decode(line) for line in lines]
        whole = tuple(value for value in hashes if value is not None and len(value) == 32)
        if len(whole) != len(hashes) or len(hashes) > MAX_HASHES:
            raise NoteError(say("The hashes of the proof are not at most 63 lines of 32 bytes in base64."))
        _parts(checkpoint)
        return cls(int(index), whole, checkpoint, extra)

    def verify(self, leaf: bytes, verifier: Verifier) -> Checkpoint:
        """The checkpoint, if it is signed by *verifier* and the leaf hash *leaf* is in its tree.

        Raises `NoteError` otherwise.
        """
        checkpoint = open_checkpoint(self.checkpoint, verifier)
        if not merkle.verify_inclusion(self.index, checkpoint.size, leaf, self.hashes, checkpoint.root):
            raise NoteError(say("The proof does not lead from the entry to the root of the checkpoint."))
        return checkpoint


# --- small parts ----------------------------------------------------------------------------------


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def _check_characters(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise NoteError(say("The text is too long to be a note or a proof."))
    if _CONTROL.search(text):
        raise NoteError(say("The text has control characters in it; a note has none but line feeds."))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError(say("The text is not valid UTF-8.")) from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes | None:
    """The bytes of canonical base64 (RFC 4648 §4); None for any other writing of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _encode(data) == text else None
