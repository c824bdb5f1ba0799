"""The append-only log: what happened, in a tree whose head the association signs.

An entry is written in the transaction of the change it tells of, as its very last step: the head row
is the one row every writer needs, so it is locked last and briefly, and no two writers can wait for
each other over it. Positions have no gaps, because position and entry commit together.

Strangers read the entries, so all but a few kinds are written as commitments (`commitment`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal import db
from portal.audit import commitment, merkle, note
from portal.audit.commitment import person_hash
from portal.audit.keys import LogKey, load_or_make_signer
from portal.audit.model import LogCheckpoint, LogEntry, LogHead, LogNode
from portal.audit.note import Checkpoint, NoteError, TlogProof, open_checkpoint
from portal.kernel.act import Act, Permission, require
from portal.kernel.digest import canonical
from portal.kernel.errors import Refused
from portal.kernel.sentence import say

__all__ = [
    "MAX_BYTES", "Entry", "Inconsistent", "LogKey", "OpenEntry", "SignedCheckpoint", "append",
    "check_at_start", "entries", "entry", "latest_checkpoint", "load_or_make_signer", "open_entries",
    "open_entry", "opening", "opening_at", "person_hash", "position_of", "proof_for", "sign_checkpoint",
    "size",
]  # fmt: skip

MAX_BYTES: Final = 65_535
"""The longest entry C2SP tlog-tiles can carry."""
_KIND = re.compile(r"[a-z][a-z_]*:[a-z][a-z_]*:[a-z][a-z_]*")
_WAITING = "audit.log.waiting"


class Inconsistent(Refused):
    """The log is not the one that was signed before. Nothing may be signed or started on it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "log-inconsistent"


@dataclass(frozen=True)
class Entry:
    """One entry as staff read it: its place, what it tells of, and the bytes that are hashed.

    ``content`` has ``kind``, ``subject``, ``person`` (a salted hash) and ``payload``; ``is_public``:
    whether ``data`` says so openly.
    """

    position: int
    kind: str
    subject: str
    at: datetime
    person: str | None
    content: Mapping[str, Any]
    data: bytes
    leaf: bytes
    is_public: bool


@dataclass(frozen=True)
class OpenEntry:
    """One entry as a stranger reads it; kind and subject are None where the entry is a commitment."""

    position: int
    kind: str | None
    subject: str | None
    at: datetime
    data: bytes
    leaf: bytes


@dataclass(frozen=True)
class SignedCheckpoint:
    """A signed checkpoint: what it covers, the note's text, when it was signed."""

    size: int
    text: str
    at: datetime


# --- writing --------------------------------------------------------------------------------------


def append(session: Session, act: Act, kind: str, subject: str, payload: Mapping[str, Any]) -> None:
    """Add an entry ``room:thing:verb`` about *subject*, written when the transaction commits.

    Strangers see what it says only where the kind is a public one (`commitment.PUBLIC`).

    *payload* is JSON without personal data. Raises `ValueError` for a malformed kind, an empty
    subject or content of more than 65,535 bytes (all mistakes of the caller, found at once).
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is not of the form room:thing:verb")
    if not 0 < len(subject) <= 64:
        raise ValueError("an entry is about something with an identifier of at most 64 characters")
    salt = secrets.token_bytes(commitment.SALT_BYTES)
    person = None if act.person_id is None else person_hash(salt, act.person_id)
    told = canonical({"kind": kind, "subject": subject, "person": person, "payload": payload})
    content = json.loads(told)  # a copy: what is said later must not change what was said here
    data = commitment.entry_bytes(content, act.at, salt)
    if max(len(data), len(told)) > MAX_BYTES:
        raise ValueError(f"the entry has {max(len(data), len(told))} bytes; at most {MAX_BYTES} are possible")
    waiting: list[dict[str, Any]] = session.info.setdefault(_WAITING, [])
    waiting.append(
        {"kind": kind, "subject": subject, "at": act.at, "entry": data, "leaf": merkle.leaf_hash(data),
         "person": act.person_id, "salt": salt, "content": None if commitment.is_public(kind) else content}
    )  # fmt: skip
    db.before_commit(session, _write, once_key="audit.log")


def _write(session: Session) -> None:
    """Give the waiting entries their places, and store them with the nodes they complete."""
    waiting: list[dict[str, Any]] = session.info.pop(_WAITING, [])
    if not waiting:
        return
    head = _locked_head(session)
    known = _nodes(session, merkle.frontier(head.size))
    new: list[dict[str, Any]] = []
    for position, row in enumerate(waiting, start=head.size):
        row["position"] = position
        for level, place, value in merkle.appended(position, row["leaf"], lambda *key: known[key]):
            known[level, place] = value
            new.append({"level": level, "place": place, "hash": value})
    db.bulk_insert(session, LogEntry.__table__, waiting)
    db.bulk_insert(session, LogNode.__table__, new)
    head.size += len(waiting)
    session.flush()


def _locked_head(session: Session) -> LogHead:
    """The head row, locked; made on the first use."""
    for _ in range(2):
        head = session.get(LogHead, 1, with_for_update=True, populate_existing=True)
        if head is not None:
            return head
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(insert(LogHead).values(id=1, size=0).on_conflict_do_nothing())
    raise RuntimeError("the log's head row cannot be made")


def _nodes(session: Session, keys: list[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    if not keys:
        return {}
    found = session.execute(
        sa.select(LogNode.level, LogNode.place, LogNode.hash).where(
            sa.tuple_(LogNode.level, LogNode.place).in_(keys)
        )
    )
    nodes = {(level, place): value for level, place, value in found}
    if len(nodes) != len(set(keys)):
        raise Inconsistent(say("Nodes of the log are missing from the database. Restore it from a backup."))
    return nodes


def _reader(session: Session) -> merkle.Read:
    """Reads one stored node at a time: forty queries by primary key at most, for a proof."""

    def read(level: int, place: int) -> bytes:
        return _nodes(session, [(level, place)])[level, place]

    return read


# --- checkpoints ----------------------------------------------------------------------------------


def sign_checkpoint(session: Session, act: Act, key: LogKey) -> SignedCheckpoint:
    """A signed checkpoint over all committed entries; the existing one if none came since.

    Entries waiting in this same transaction are not in it: what is not committed is not signed.
    Raises `Inconsistent` unless the log begins with what was signed last, in the database and in
    the key's own memory.
    """
    head = _locked_head(session)
    _require_consistent(session, key, head.size)
    latest = latest_checkpoint(session)
    if latest is not None and latest.size == head.size:
        return latest
    remembered = key.last()
    # After a crash between the two writes below, the signature made then is the one for this size.
    text = key.memory.read_text(encoding="utf-8") if remembered and remembered.size == head.size else None
    if text is None:
        text = note.sign_checkpoint(key.signer, head.size, merkle.root(head.size, _reader(session)))
        # Before the commit, so that no signature is ever out that this file does not know of.
        key.remember(text)
    session.add(LogCheckpoint(size=head.size, text=text, at=act.at))
    session.flush()
    return SignedCheckpoint(head.size, text, act.at)


def latest_checkpoint(session: Session) -> SignedCheckpoint | None:
    """The checkpoint of the largest size, or None before the first."""
    row = session.scalars(sa.select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1)).first()
    return None if row is None else SignedCheckpoint(row.size, row.text, row.at)


def check_at_start(session: Session, key: LogKey) -> None:
    """Refuse a database that is behind, or other than, what this key signed; reads some forty rows.

    Raises `Inconsistent`. For the whole check see `portal.audit.recheck.check`.
    """
    _require_consistent(session, key, size(session))


def _require_consistent(session: Session, key: LogKey, now: int) -> None:
    try:
        remembered = key.last()
        stored = latest_checkpoint(session)
        signed = [
            point for point in (remembered, stored and open_checkpoint(stored.text, key.verifier)) if point
        ]
    except NoteError as error:
        raise Inconsistent(
            say("The last checkpoint is not one signed by the log's key: %(reason)s", reason=error.sentence)
        ) from error
    for old in signed:
        if now < old.size:
            raise Inconsistent(
                say(
                    "The log in the database has %(now)s entries, but a checkpoint over %(signed)s was "
                    "signed. The database is older than what was published; restore the newest backup.",
                    now=now,
                    signed=old.size,
                )
            )
        if not _begins_with(session, old, now):
            raise Inconsistent(
                say(
                    "The log in the database differs from the one signed at %(signed)s entries. "
                    "Sign nothing; compare the database with its backups.",
                    signed=old.size,
                )
            )


def _begins_with(session: Session, old: Checkpoint, now: int) -> bool:
    read = _reader(session)
    if old.size == 0:
        return old.root == merkle.EMPTY_ROOT
    proof = merkle.consistency(old.size, now, read)
    return merkle.verify_consistency(old.size, now, old.root, merkle.root(now, read), proof)


# --- reading --------------------------------------------------------------------------------------


def size(session: Session) -> int:
    """How many entries are committed."""
    return session.scalar(sa.select(LogHead.size)) or 0


def position_of(session: Session, kind: str, subject: str) -> int | None:
    """The place of the latest entry of this kind about *subject*."""
    return session.scalar(
        sa.select(sa.func.max(LogEntry.position)).where(LogEntry.kind == kind, LogEntry.subject == subject)
    )


def proof_for(session: Session, kind: str, subject: str) -> TlogProof | None:
    """The proof of the latest entry of this kind about *subject*, with the entry itself as extra data.

    Under the latest checkpoint; None if there is no such entry or no checkpoint over it yet.
    """
    position, checkpoint = position_of(session, kind, subject), latest_checkpoint(session)
    if position is None or checkpoint is None or position >= checkpoint.size:
        return None
    hashes = merkle.inclusion(position, checkpoint.size, _reader(session))
    row = session.get_one(LogEntry, position)
    return TlogProof(position, tuple(hashes), checkpoint.text, row.entry)


def entries(
    session: Session,
    act: Act,
    *,
    before: int | None = None,
    limit: int = 50,
    kind: str | None = None,
    subject: str | None = None,
) -> tuple[Entry, ...]:
    """A page of entries, newest first: at most *limit* (up to 500) below position *before*."""
    require(act, Permission.log_read)
    query = sa.select(LogEntry).order_by(LogEntry.position.desc()).limit(max(1, min(limit, 500)))
    if before is not None:
        query = query.where(LogEntry.position < before)
    if kind is not None:
        query = query.where(LogEntry.kind == kind)
    if subject is not None:
        query = query.where(LogEntry.subject == subject)
    return tuple(_entry(row) for row in session.scalars(query))


def entry(session: Session, act: Act, *, position: int) -> Entry | None:
    """The entry at this place, or None."""
    require(act, Permission.log_read)
    row = session.get(LogEntry, position)
    return None if row is None else _entry(row)


def opening(session: Session, kind: str, subject: str) -> dict[str, Any] | None:
    """What opens the latest entry of this kind about *subject*: ``{"salt": hex, "content": {…}}``.

    None where there is no such entry, where it is open anyway, or where its salt was erased. To whom
    it is given is the caller's decision: it proves what the entry says, to whoever holds it.
    """
    position = position_of(session, kind, subject)
    return None if position is None else _opening(session.get_one(LogEntry, position))


def opening_at(session: Session, act: Act, *, position: int) -> dict[str, Any] | None:
    """What opens the entry at this place (see `opening`), for staff."""
    require(act, Permission.log_read)
    row = session.get(LogEntry, position)
    return None if row is None else _opening(row)


def _opening(row: LogEntry) -> dict[str, Any] | None:
    if row.salt is None or row.content is None:
        return None
    return {"salt": row.salt.hex(), "content": row.content}


def open_entries(
    session: Session, _act: Act, *, before: int | None = None, limit: int = 50
) -> tuple[OpenEntry, ...]:
    """A page of entries as any stranger may see them, newest first."""
    query = sa.select(LogEntry).order_by(LogEntry.position.desc()).limit(max(1, min(limit, 500)))
    if before is not None:
        query = query.where(LogEntry.position < before)
    return tuple(_open_entry(row) for row in session.scalars(query))


def open_entry(session: Session, _act: Act, *, position: int) -> OpenEntry | None:
    """The entry at this place as any stranger may see it, or None."""
    row = session.get(LogEntry, position)
    return None if row is None else _open_entry(row)


def _open_entry(row: LogEntry) -> OpenEntry:
    # From the bytes that are hashed and nothing else: what they do not say is not shown.
    told = json.loads(row.entry)
    return OpenEntry(row.position, told.get("kind"), told.get("subject"), row.at, row.entry, row.leaf)


def _entry(row: LogEntry) -> Entry:
    told = json.loads(row.entry)
    is_public = "content" not in told
    if is_public:
        content = {key: told[key] for key in ("kind", "subject", "person", "payload")}
    else:
        content = row.content or {}
    return Entry(
        row.position, row.kind, row.subject, row.at, row.person, content, row.entry, row.leaf, is_public
    )
