"""What changed between two texts: by word in Latin script, by character in Japanese. Pure.

Reading the kept and added pieces gives the new text, reading the kept and removed ones the old; a
test holds this for all texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from portal.drafting.document import Block, BlockKind, Document

_TOKEN: Final = re.compile(
    r"[0-9A-Za-zÀ-ɏ]+(?:['’.,-][0-9A-Za-zÀ-ɏ]+)*"  # a word or number, with what is inside it
    r"|\s+"
    r"|.",
    re.DOTALL,
)
_SAME_PARAGRAPH: Final = 0.35
"""Paragraphs at least this alike (0 to 1) are shown as one that changed."""


class Change(StrEnum):
    """What happened to a piece or a line."""

    same = "same"
    removed = "removed"
    added = "added"
    changed = "changed"


@dataclass(frozen=True)
class Piece:
    """A run of text that is the same, removed or added."""

    change: Change
    text: str


@dataclass(frozen=True)
class Line:
    """One line of a redline: a heading, paragraph or demand, old and new in one.

    ``section_id`` is the section it stands in; ``kind`` is ``subject``, ``heading``, ``paragraph``
    or ``demand``.
    """

    section_id: str
    kind: str
    change: Change
    pieces: tuple[Piece, ...]


def tokens(text: str) -> list[str]:
    """*text* cut into words, runs of space and single characters; joined they give *text*."""
    return _TOKEN.findall(text)


def diff(old: str, new: str) -> tuple[Piece, ...]:
    """The pieces that lead from *old* to *new*; neighbours of the same kind are joined."""
    if old == new:
        return (Piece(Change.same, old),) if old else ()
    before, after = tokens(old), tokens(new)
    pieces: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(Change.same, "".join(before[i:j])))
            continue
        if j > i:
            pieces.append(Piece(Change.removed, "".join(before[i:j])))
        if m > k:
            pieces.append(Piece(Change.added, "".join(after[k:m])))
    return tuple(pieces)


def old_text(pieces: Sequence[Piece]) -> str:
    """The text before: what was kept and what was removed."""
    return "".join(piece.text for piece in pieces if piece.change is not Change.added)


def new_text(pieces: Sequence[Piece]) -> str:
    """The text after: what was kept and what was added."""
    return "".join(piece.text for piece in pieces if piece.change is not Change.removed)


def compare(old: Document, new: Document, language: str) -> tuple[Line, ...]:
    """The whole letter in one language as a redline, line by line in the order of the new text.

    A language that one of the documents lacks is compared with nothing.
    """
    before, after = _lines(old, language), _lines(new, language)
    result: list[Line] = []
    ids = _merged([one for one, _ in before], [one for one, _ in after])
    old_of, new_of = dict(before), dict(after)
    for section_id in ids:
        result += _section_lines(section_id, old_of.get(section_id, []), new_of.get(section_id, []))
    return tuple(result)


def _lines(document: Document, language: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per section (the subject is the section ""): its id and its lines as (kind, text as read)."""
    if language not in document.languages:
        return []
    result = [("", [("subject", document.subject[language])])]
    for section in document.sections[language]:
        lines = [("heading", section.heading)]
        lines += [(block.kind.value, as_read(block)) for block in section.blocks]
        result.append((section.id, lines))
    return result


def as_read(block: Block) -> str:
    """A block as a reader sees it, with a demand's number and deadline: these change too."""
    if block.kind is BlockKind.paragraph:
        return block.text
    deadline = "" if block.deadline is None else f" [{block.deadline.isoformat()}]"
    return f"{block.number}. {block.text}{deadline}"


def _merged(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The new order, each id that is gone put behind the one it stood behind."""
    result = list(new)
    for place, one in enumerate(old):
        if one not in new:
            earlier = [result.index(other) for other in old[:place] if other in result]
            result.insert(earlier[-1] + 1 if earlier else 0, one)
    return result


def _section_lines(
    section_id: str, old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]
) -> Iterator[Line]:
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            for kind, text in old[i:j]:
                yield Line(section_id, kind, Change.same, diff(text, text))
        else:
            yield from _pair(section_id, old[i:j], new[k:m])


def _pair(section_id: str, old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> Iterator[Line]:
    """Old and new lines of a changed stretch, those alike put together in order."""
    waiting = list(old)
    for kind, text in new:
        match = next(
            (
                place
                for place, (old_kind, old) in enumerate(waiting)
                if old_kind == kind and _alike(old, text)
            ),
            None,
        )
        if match is None:
            yield Line(section_id, kind, Change.added, (Piece(Change.added, text),))
            continue
        for old_kind, gone in waiting[:match]:
            yield Line(section_id, old_kind, Change.removed, (Piece(Change.removed, gone),))
        yield Line(section_id, kind, Change.changed, diff(waiting[match][1], text))
        del waiting[: match + 1]
    for old_kind, gone in waiting:
        yield Line(section_id, old_kind, Change.removed, (Piece(Change.removed, gone),))


def _alike(old: str, new: str) -> bool:
    matcher = SequenceMatcher(None, tokens(old), tokens(new), autojunk=False)
    return matcher.real_quick_ratio() >= _SAME_PARAGRAPH and matcher.ratio() >= _SAME_PARAGRAPH
