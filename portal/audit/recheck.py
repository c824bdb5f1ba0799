"""Everything in the log computed again and compared: for ``doctor``, backups and auditors.

One pass over the entries in order of position; memory does not grow with their number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import commitment, merkle
from portal.audit.keys import LogKey
from portal.audit.log import Inconsistent, check_at_start, person_hash, size
from portal.audit.model import LogCheckpoint, LogEntry, LogNode
from portal.audit.note import Checkpoint, NoteError, open_checkpoint
from portal.kernel.digest import canonical
from portal.kernel.sentence import Sentence, say

MAX_PROBLEMS = 100
BATCH = 1_000
_OPEN = {"v", "at", "kind", "subject", "person", "payload"}
_COMMITMENT = {"v", "at", "content"}


@dataclass(frozen=True)
class LogCheck:
    """What was found: entries and checkpoints read, and what is wrong (the first hundred things)."""

    size: int
    checkpoints: int
    problems: tuple[Sentence, ...]

    @property
    def is_sound(self) -> bool:
        return not self.problems


def check(session: Session, key: LogKey | None) -> LogCheck:
    """Recompute the log and compare it with all that is stored and was signed.

    With *key* None the signatures and the key's memory are left out (nodes and roots are not).
    """
    problems = list(islice(_problems(session, key), MAX_PROBLEMS))
    checkpoints = session.scalar(sa.select(sa.func.count()).select_from(LogCheckpoint)) or 0
    return LogCheck(size(session), checkpoints, tuple(problems))


def _problems(session: Session, key: LogKey | None) -> Iterator[Sentence]:
    roots = _signed_roots(session)
    edge: dict[tuple[int, int], bytes] = {}
    made: list[tuple[int, int, bytes]] = []
    expected, nodes = 0, 0
    rows = session.scalars(sa.select(LogEntry).order_by(LogEntry.position).execution_options(yield_per=BATCH))
    for row in rows:
        if row.position != expected:
            yield say(
                "Position %(expected)s is missing; the next entry has position %(found)s.",
                expected=expected,
                found=row.position,
            )
            return
        yield from _entry_problems(row)
        new = merkle.appended(row.position, merkle.leaf_hash(row.entry), _reader(edge))
        edge.update({(level, place): value for level, place, value in new})
        made += new
        expected += 1
        edge = {place: edge[place] for place in merkle.frontier(expected)}
        if expected in roots and roots.pop(expected) != merkle.root(expected, _reader(edge)):
            yield say("The checkpoint over %(size)s entries has another root than these.", size=expected)
        session.expunge(row)
        if len(made) >= BATCH:
            yield from _node_problems(session, made)
            nodes, made = nodes + len(made), []
    yield from _node_problems(session, made)
    yield from _count_problems(session, expected, nodes + len(made))
    for missing in sorted(roots):
        yield say("There is a checkpoint over %(size)s entries, but so many there are not.", size=missing)
    if key is not None:
        yield from _signature_problems(session, key)


def _reader(nodes: Mapping[tuple[int, int], bytes]) -> merkle.Read:
    return lambda level, place: nodes[level, place]


def _entry_problems(row: LogEntry) -> Iterator[Sentence]:
    if merkle.leaf_hash(row.entry) != row.leaf:
        yield say("Entry %(position)s does not have the hash stored with it.", position=row.position)
    try:
        told = json.loads(row.entry)
        is_entry = set(told) in (_OPEN, _COMMITMENT) and canonical(told) == row.entry
    except (ValueError, TypeError):
        is_entry = False
    if not is_entry:
        yield say("Entry %(position)s is not an entry in canonical JSON.", position=row.position)
        return
    is_commitment = set(told) == _COMMITMENT
    if is_commitment and row.salt is not None:
        opening = {"salt": row.salt.hex(), "content": row.content}
        if not commitment.opens(row.entry, opening):
            yield say(
                "Entry %(position)s is not opened by the content stored with it.", position=row.position
            )
    if told["at"] != commitment.time_text(row.at) or not _told_by_row(
        row, row.content if is_commitment else told
    ):
        yield say("Entry %(position)s says something else than its row.", position=row.position)


def _told_by_row(row: LogEntry, content: Any) -> bool:
    """Whether the row's own columns say the same as *content*; nothing is left to compare once erased."""
    if content is None:
        return True
    if not isinstance(content, dict):
        return False
    person = content.get("person")
    if row.salt is not None and person != (row.person and person_hash(row.salt, row.person)):
        return False
    return (content.get("kind"), content.get("subject")) == (row.kind, row.subject)


def _node_problems(session: Session, made: list[tuple[int, int, bytes]]) -> Iterator[Sentence]:
    stored = {
        (level, place): value
        for level, place, value in session.execute(
            sa.select(LogNode.level, LogNode.place, LogNode.hash).where(
                sa.tuple_(LogNode.level, LogNode.place).in_([node[:2] for node in made])
            )
        )
    }
    for level, place, value in made:
        if stored.get((level, place)) != value:
            yield say("Node %(place)s of level %(level)s is missing or wrong.", place=place, level=level)


def _count_problems(session: Session, entries: int, nodes: int) -> Iterator[Sentence]:
    if size(session) != entries:
        yield say(
            "The head says %(head)s entries, there are %(entries)s.", head=size(session), entries=entries
        )
    stored = session.scalar(sa.select(sa.func.count()).select_from(LogNode)) or 0
    if stored != nodes:
        yield say("There are %(stored)s nodes, and should be %(nodes)s.", stored=stored, nodes=nodes)


def _signed_roots(session: Session) -> dict[int, bytes]:
    """The root of each stored checkpoint by size, whoever signed it; empty trees are left out."""
    roots = {}
    for row in session.scalars(sa.select(LogCheckpoint).where(LogCheckpoint.size > 0)):
        try:
            roots[row.size] = Checkpoint.parse(row.text.rpartition("\n\n")[0] + "\n").root
        except NoteError:
            roots[row.size] = b""
    return roots


def _signature_problems(session: Session, key: LogKey) -> Iterator[Sentence]:
    for row in session.scalars(sa.select(LogCheckpoint)):
        try:
            sizes = open_checkpoint(row.text, key.verifier).size, row.size
        except NoteError as error:
            yield say(
                "The checkpoint over %(size)s entries: %(reason)s", size=row.size, reason=error.sentence
            )
            continue
        if sizes[0] != sizes[1]:
            yield say("The checkpoint over %(size)s entries says another number.", size=row.size)
    try:
        check_at_start(session, key)
    except Inconsistent as error:
        yield error.sentence
