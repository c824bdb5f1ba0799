"""The log's key on disk, and beside it what it signed last.

``checkpoint.last`` remembers the last checkpoint outside the database, so that a database put back
from an old copy is noticed: it would otherwise sign a second history (C2SP tlog-checkpoint: "A log
MUST not sign any checkpoint which is inconsistent with any checkpoint it previously signed").
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from portal.audit.note import Checkpoint, NoteError, Signer, Verifier, open_checkpoint
from portal.kernel.act import new_id
from portal.kernel.sentence import say

REHEARSAL = "/rehearsal"
"""How the origin of a rehearsal's log ends."""


@dataclass(frozen=True)
class LogKey:
    """The signer and the file that remembers its last checkpoint."""

    signer: Signer
    memory: Path

    @property
    def origin(self) -> str:
        return self.signer.name

    @property
    def verifier(self) -> Verifier:
        return self.signer.verifier

    @property
    def vkey(self) -> str:
        """The verifier key as text: what is published, printed and compared."""
        return self.verifier.vkey

    def last(self) -> Checkpoint | None:
        """The last checkpoint signed, as remembered here; None if there is none yet.

        Raises `NoteError` if the file is not one signed by this key.
        """
        try:
            note = self.memory.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return open_checkpoint(note, self.verifier)

    def remember(self, note: str) -> None:
        """Keep this signed checkpoint as the last one; on disk when this returns."""
        _write_whole(self.memory, note.encode(), 0o644, replace=True)


def load_or_make_signer(path: Path, origin: str) -> LogKey:
    """The key whose 32-byte seed is in *path* as 64 hexadecimal digits; made if there is no such file.

    Two processes may do this at once; both get the same key. *origin* becomes the key's name.
    Raises `NoteError` if the file holds something else or the origin cannot be a name.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_whole(path, os.urandom(32).hex().encode() + b"\n", 0o600, replace=False)
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise NoteError(say("The log's key file does not hold 64 hexadecimal digits."))
    return LogKey(Signer(origin, seed), path.with_name("checkpoint.last"))


def settled_origin(path: Path, wanted: str, *, insisted: bool) -> str:
    """The origin of the log whose seed is in *path*: settled at the first start, kept in ``log.origin``.

    A log keeps its name for life, because everything it signed carries it; the address at which the
    portal is reached may change. *insisted*: somebody asked for *wanted* and not just for an address.
    Raises `NoteError` where that, or the mark of a rehearsal, contradicts what has been signed.
    """
    kept, memory = path.with_name("log.origin"), path.with_name("checkpoint.last")
    chosen = _first_line(kept) or _first_line(memory) or wanted
    if wanted != chosen and (insisted or wanted.endswith(REHEARSAL) != chosen.endswith(REHEARSAL)):
        if memory.exists():
            raise NoteError(
                say(
                    "The log of this installation is called %(settled)s and has signed under that name, so "
                    "it cannot become %(wanted)s. Take back RENSHO_LOG_ORIGIN or RENSHO_REHEARSAL, or begin "
                    "another installation in another folder (RENSHO_DATA).",
                    settled=chosen,
                    wanted=wanted,
                )
            )
        chosen = wanted
    if _first_line(kept) != chosen:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_whole(kept, f"{chosen}\n".encode(), 0o644, replace=True)
    return chosen


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0] or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write_whole(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    """Write a file that is never seen half-written; without *replace*, the first writer wins."""
    draft = path.with_name(f".{path.name}.{new_id()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
