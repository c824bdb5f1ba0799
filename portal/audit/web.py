"""The log for anyone: a page, and the resources of C2SP tlog-tiles under the log's prefix.

What is served is what the signed checkpoint covers; entries after it show on the page only. Entries
tell strangers nothing but of letters that went out (`portal.audit.commitment`), so that everybody may
read all of them; what else an entry commits to is shown to staff only.

Specification: https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log, merkle
from portal.audit.keys import LogKey
from portal.audit.log import Entry, OpenEntry, SignedCheckpoint
from portal.audit.model import LogEntry, LogNode
from portal.audit.note import TlogProof
from portal.kernel.act import Act, Permission, system_act
from portal.kernel.digest import canonical
from portal.kernel.errors import NotFound
from portal.kernel.sentence import say
from portal.web.requests import current_act, public, route, whole_number

bp = Blueprint("audit", __name__)

PAGE: Final = 50
TILE: Final = 256
"""Hashes in a full tile; a tile is a subtree of height 8."""
_TILE_PATH = re.compile(r"((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_FOREVER: Final = "public, max-age=31536000, immutable"
_TEXT: Final = "text/plain; charset=utf-8"


def _reader() -> Act:
    # Entries as they are hashed are public, and read as the portal itself: not as whoever looks.
    return system_act(datetime.now(UTC))


def _key() -> LogKey:
    key: LogKey = current_app.extensions["rensho-log-key"]
    return key


# --- the page -------------------------------------------------------------------------------------


@public(bp, "/log")
def index() -> ResponseReturnValue:
    """The latest checkpoint, the key to check it with, and the entries, newest first."""
    before = whole_number("before", 0, most=(1 << 63) - 1) or None
    entries, size, checkpoint = db.read(_page, current_act(), before=before)
    return render_template(
        "audit/index.html", entries=entries, size=size, checkpoint=checkpoint, key=_key(), page=PAGE,
        whole=current_act().may(Permission.log_read),
    )  # fmt: skip


def _page(
    session: Session, act: Act, *, before: int | None
) -> tuple[Sequence[Entry | OpenEntry], int, SignedCheckpoint | None]:
    found: Sequence[Entry | OpenEntry]
    if act.may(Permission.log_read):
        found = log.entries(session, act, before=before, limit=PAGE)
    else:
        found = log.open_entries(session, act, before=before, limit=PAGE)
    return found, log.size(session), log.latest_checkpoint(session)


@route(bp, "/log/entry/<int:position>/opening.json", Permission.log_read)
def opening(position: int) -> ResponseReturnValue:
    """What an entry commits to, and the salt to check that with; for staff."""
    found = db.read(log.opening_at, current_act(), position=_in_range(position))
    if found is None:
        raise NotFound(say("There is nothing to open this entry with: it is open, or its salt was erased."))
    response = Response(canonical(found), mimetype="application/json")
    response.headers.set("Content-Disposition", "attachment", filename=f"entry-{position}.opening.json")
    return response


@public(bp, "/log/entry/<int:position>")
def entry(position: int) -> ResponseReturnValue:
    """The bytes of one entry, as they are hashed."""
    found = db.read(log.open_entry, _reader(), position=_in_range(position))
    if found is None:
        raise NotFound
    response = Response(found.data, mimetype="application/json")
    response.headers.set("Content-Disposition", "attachment", filename=f"entry-{position}.json")
    response.headers["Cache-Control"] = _FOREVER
    return response


# --- checkpoint and proof -------------------------------------------------------------------------


@public(bp, "/log/checkpoint")
def checkpoint() -> ResponseReturnValue:
    """The latest signed checkpoint (C2SP tlog-checkpoint)."""
    return Response(_latest().text, content_type=_TEXT)


@public(bp, "/log/vkey")
def vkey() -> ResponseReturnValue:
    """The key that checkpoints are checked with (C2SP signed-note verifier key)."""
    return Response(_key().vkey + "\n", content_type=_TEXT)


@public(bp, "/log/proof/<int:position>")
def proof(position: int) -> ResponseReturnValue:
    """The proof that an entry is in the log (C2SP tlog-proof), with the entry itself as extra data."""
    text = db.read(_proof, _reader(), position=_in_range(position))
    response = Response(text, content_type=_TEXT)
    response.headers.set("Content-Disposition", "attachment", filename=f"entry-{position}.tlog-proof")
    return response


def _proof(session: Session, act: Act, *, position: int) -> str:
    signed = log.latest_checkpoint(session)
    found = log.open_entry(session, act, position=position)
    if found is None:
        raise NotFound
    if signed is None or position >= signed.size:
        raise NotFound(say("No checkpoint covers this entry yet. Try again in an hour at the latest."))

    def read(level: int, place: int) -> bytes:
        return session.get_one(LogNode, (level, place)).hash

    hashes = merkle.inclusion(position, signed.size, read)
    return TlogProof(position, tuple(hashes), signed.text, found.data).text()


def _latest() -> SignedCheckpoint:
    signed = db.read(lambda session, _act: log.latest_checkpoint(session), _reader())
    if signed is None:
        raise NotFound(say("No checkpoint has been signed yet."))
    return signed


def _in_range(position: int) -> int:
    # A number beyond 64 bits cannot even be asked of the database.
    if position >= 1 << 63:
        raise NotFound
    return position


# --- tiles ----------------------------------------------------------------------------------------


@public(bp, "/log/tile/<int:level>/<path:tile>")
def tile(level: int, tile: str) -> ResponseReturnValue:
    """A tile of the Merkle tree: up to 256 consecutive hashes at height 8 × *level*."""
    first, width = parse_tile(tile)
    if level > 63 or str(level) != request.path.split("/")[3]:
        raise NotFound
    return _immutable(db.read(_hashes, _reader(), level=level, first=first, width=width))


@public(bp, "/log/tile/entries/<path:tile>")
def bundle(tile: str) -> ResponseReturnValue:
    """An entry bundle: up to 256 consecutive entries, each after its length in two bytes."""
    first, width = parse_tile(tile)
    found = db.read(_entries, _reader(), first=first, width=width)
    return _immutable([len(data).to_bytes(2, "big") + data for data in found])


def parse_tile(path: str) -> tuple[int, int]:
    """Place of the first hash, and width, of the tile at a path like ``x001/x234/067.p/8``.

    Raises `NotFound` for any path that the specification does not give to a tile.
    """
    match = _TILE_PATH.fullmatch(path)
    if match is None or len(path) > 40:
        raise NotFound
    groups, last, width = match.groups()
    number = int(groups.replace("x", "").replace("/", "") + last)
    # 000 in front would be a second name of the same tile.
    if groups.startswith("x000/") or number * TILE >= 1 << 62 or (width and int(width) >= TILE):
        raise NotFound
    return number * TILE, int(width) if width else TILE


def _hashes(session: Session, _act: Act, *, level: int, first: int, width: int) -> Sequence[bytes]:
    # Only what the latest checkpoint covers: MUST NOT serve tiles of a tree that nobody signed.
    signed = log.latest_checkpoint(session)
    height = 8 * level
    if signed is None or height > 62 or first + width > signed.size >> height:
        raise NotFound
    query = (
        sa.select(LogNode.hash)
        .where(LogNode.level == height, LogNode.place >= first, LogNode.place < first + width)
        .order_by(LogNode.place)
    )
    return list(session.scalars(query))


def _entries(session: Session, _act: Act, *, first: int, width: int) -> Sequence[bytes]:
    signed = log.latest_checkpoint(session)
    if signed is None or first + width > signed.size:
        raise NotFound
    query = (
        sa.select(LogEntry.entry)
        .where(LogEntry.position >= first, LogEntry.position < first + width)
        .order_by(LogEntry.position)
    )
    return list(session.scalars(query))


def _immutable(parts: Sequence[bytes]) -> Response:
    response = Response(b"".join(parts), mimetype="application/octet-stream")
    response.headers["Cache-Control"] = _FOREVER
    return response
