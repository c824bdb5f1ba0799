"""The plain text in which staff edit a letter, one language at a time. Pure.

::

    # Subject of the letter

    ## Facts {#facts}

    A paragraph. Lines are joined until
    an empty line.

    ## Demands {#demands}

    1. Do this. [by 2026-12-18]
    2. And that.

A paragraph may carry its own id at its end (``{#p4}``); without one it is ``p`` and its place among the
section's paragraphs, a demand ``d`` and its number. A paragraph that begins like a heading or a demand
is written with a backslash before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from portal.drafting.document import DEADLINE_MARK, Block, BlockKind, Document, Section
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say

MAX_SOURCE: Final = 200_000
"""Characters of one language's editing text."""

_ID: Final = re.compile(r"\s*\{#([^{}\s]*)\}\s*$")
_DEMAND: Final = re.compile(r"(\d{1,3})[.．]\s*(.*)", re.DOTALL)
_NEEDS_ESCAPE: Final = re.compile(r"\\|#|\d{1,3}[.．]")
_WIDE: Final = re.compile(r"[⺀-鿿豈-﫿＀-￯　-〿\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Edited:
    """One language's text as parsed."""

    subject: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class _Chunk:
    line: int
    text: str


def parse(source: str) -> Edited:
    """The subject and sections of one language's editing text.

    Raises `Invalid`; each problem's ``where`` is ``line 12``. Limits, characters and the agreement of
    the languages are checked by `portal.drafting.document.problems`.
    """
    if len(source) > MAX_SOURCE:
        raise Invalid(
            [Problem("line 1", say("The text has more than %(most)s characters.", most=MAX_SOURCE))]
        )
    reader = _Reader()
    for chunk in _chunks(source):
        reader.take(chunk)
    return reader.result()


class _Reader:
    """Puts the chunks of a source together."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.subject: str | None = None
        self.sections: list[tuple[str, str, list[Block]]] = []

    def refuse(self, line: int, sentence: Sentence) -> None:
        self.problems.append(Problem(f"line {line}", sentence))

    def take(self, chunk: _Chunk) -> None:
        text = chunk.text
        if text.startswith("## "):
            self.heading(chunk)
        elif text.startswith("# "):
            if self.subject is not None or self.sections:
                self.refuse(chunk.line, say("The subject (#) stands once, at the beginning."))
            self.subject = text[2:].strip()
        elif text.startswith("#"):
            self.refuse(
                chunk.line, say("A heading begins with ## and a space, the subject with # and a space.")
            )
        elif not self.sections:
            self.refuse(chunk.line, say("This stands before the first heading (##)."))
        else:
            self.block(chunk)

    def heading(self, chunk: _Chunk) -> None:
        found = _ID.search(chunk.text)
        if found is None:
            self.refuse(chunk.line, say("The heading has no id; write it at the end, as in {#facts}."))
        heading = _ID.sub("", chunk.text)[3:].strip()
        self.sections.append((found.group(1) if found else "", heading, []))

    def block(self, chunk: _Chunk) -> None:
        _, _, blocks = self.sections[-1]
        found = _ID.search(chunk.text)
        own_id = found.group(1) if found else None
        text = _ID.sub("", chunk.text)
        demand = _DEMAND.fullmatch(text)
        if demand is None:
            text = text.removeprefix("\\")
            place = sum(block.kind is BlockKind.paragraph for block in blocks) + 1
            blocks.append(Block(own_id or f"p{place}", BlockKind.paragraph, text))
            return
        number, text = int(demand.group(1)), demand.group(2)
        deadline: date | None = None
        mark = DEADLINE_MARK.search(text)
        if mark is not None:
            try:
                deadline = date.fromisoformat(mark.group(1))
            except ValueError:
                self.refuse(chunk.line, say("“%(text)s” is not a date.", text=mark.group(1)))
            text = DEADLINE_MARK.sub("", text)
        blocks.append(Block(own_id or f"d{number}", BlockKind.demand, text, number, deadline))

    def result(self) -> Edited:
        if self.subject is None:
            self.refuse(1, say("The text begins with the subject: # and a space, then the subject."))
        if self.problems:
            raise Invalid(self.problems)
        assert self.subject is not None
        return Edited(
            self.subject,
            tuple(Section(one, heading, tuple(blocks)) for one, heading, blocks in self.sections),
        )


def _chunks(source: str) -> Iterator[_Chunk]:
    """The headings, paragraphs and demands of *source* with the number of their first line."""
    lines: list[str] = []
    start = 1
    for number, raw in enumerate(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = raw.strip()
        alone = line.startswith("#")
        if lines and (not line or alone or _DEMAND.match(line)):
            yield _Chunk(start, _join(lines))
            lines = []
        if alone:
            yield _Chunk(number, line)
        elif line:
            if not lines:
                start = number
            lines.append(line)
    if lines:
        yield _Chunk(start, _join(lines))


def _join(lines: Sequence[str]) -> str:
    """Wrapped lines as one; Japanese is joined without a space."""
    text = lines[0]
    for line in lines[1:]:
        wide = _WIDE.match(line) is not None or _WIDE.fullmatch(text[-1]) is not None
        text += line if wide else " " + line
    return text


def write(document: Document, language: str) -> str:
    """The editing text of one language; `parse` gives the same subject and sections back."""
    parts = [f"# {document.subject[language]}"]
    for section in document.sections[language]:
        parts.append(f"## {section.heading} {{#{section.id}}}")
        place = 0
        for block in section.blocks:
            place += block.kind is BlockKind.paragraph
            parts.append(_write_block(block, language, place))
    return "\n\n".join(parts) + "\n"


def _write_block(block: Block, language: str, place: int) -> str:
    if block.kind is BlockKind.paragraph:
        text = "\\" + block.text if _NEEDS_ESCAPE.match(block.text) else block.text
        usual = f"p{place}"
    else:
        mark = "期限" if language == "ja" else "by"
        deadline = "" if block.deadline is None else f" [{mark} {block.deadline.isoformat()}]"
        text = f"{block.number}. {block.text}{deadline}"
        usual = f"d{block.number}"
    return text if block.id == usual else f"{text} {{#{block.id}}}"


def document_of(languages: Sequence[str], prevails: str, sources: dict[str, str]) -> Document:
    """The document of the editing texts by language.

    Raises `Invalid`; a problem of the source is at ``ja/line 12``.
    """
    problems: list[Problem] = []
    parsed: dict[str, Edited] = {}
    for language in languages:
        try:
            parsed[language] = parse(sources.get(language, ""))
        except Invalid as error:
            problems += [Problem(f"{language}/{one.where}", one.sentence) for one in error.problems]
    if problems:
        raise Invalid(problems)
    return Document(
        languages=tuple(languages),
        prevails=prevails,
        subject={language: parsed[language].subject for language in languages},
        sections={language: parsed[language].sections for language in languages},
    )
