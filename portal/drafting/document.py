"""The letter's text: numbered sections in several languages, one structure, one digest. Pure.

A `Document` holds plain text only. Its canonical form is the very JSON that the record of an issued
letter carries (``languages``, ``prevails``, ``subject``, ``sections``), so that a stranger can compute
the digest of the approved revision from the record and compare.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from portal.kernel.digest import digest_of
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say

MAX_SECTIONS: Final = 40
MAX_BLOCKS: Final = 60
"""Paragraphs and demands in one section."""
MAX_TEXT: Final = 5_000
"""Characters in one paragraph or demand."""
MAX_LINE: Final = 200
"""Characters in the subject or a heading."""
MAX_TOTAL: Final = 120_000
"""Characters in one language."""
MAX_DEMANDS: Final = 20

IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
DEADLINE_MARK: Final = re.compile(r"\s*\[(?:by|期限)\s*(\d{4}-\d{2}-\d{2})\]\s*$")
"""How the editing format writes a demand's deadline; may not be the end of a text itself."""


class BlockKind(StrEnum):
    """What a block of a section is."""

    paragraph = "paragraph"
    demand = "demand"


@dataclass(frozen=True)
class Block:
    """A paragraph or a demand; ``id`` is unique in its section, number and deadline are a demand's only."""

    id: str
    kind: BlockKind
    text: str
    number: int | None = None
    deadline: date | None = None

    def as_json(self) -> dict[str, Any]:
        if self.kind is BlockKind.paragraph:
            return {"id": self.id, "kind": "paragraph", "text": self.text}
        return {
            "id": self.id,
            "kind": "demand",
            "number": self.number,
            "text": self.text,
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
        }


@dataclass(frozen=True)
class Section:
    """A headed part of the letter; ``id`` is the same in every language and over all revisions."""

    id: str
    heading: str
    blocks: tuple[Block, ...]

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "heading": self.heading, "blocks": [block.as_json() for block in self.blocks]}


@dataclass(frozen=True)
class Document:
    """The whole text in all its languages (BCP 47 tags); ``prevails`` decides where they differ."""

    languages: tuple[str, ...]
    prevails: str
    subject: Mapping[str, str]
    sections: Mapping[str, tuple[Section, ...]]

    def as_json(self) -> dict[str, Any]:
        """The canonical form: these four fields stand in the record under the same names."""
        return {
            "languages": list(self.languages),
            "prevails": self.prevails,
            "subject": {language: self.subject[language] for language in self.languages},
            "sections": {
                language: [section.as_json() for section in self.sections[language]]
                for language in self.languages
            },
        }

    @property
    def digest(self) -> str:
        """The digest over all languages: of the canonical form (RFC 8785)."""
        return digest_of(self.as_json())

    def demands(self, language: str) -> tuple[Block, ...]:
        """The demands in one language, in order."""
        return tuple(
            block
            for section in self.sections[language]
            for block in section.blocks
            if block.kind is BlockKind.demand
        )


def from_json(value: Mapping[str, Any]) -> Document:
    """The document of a canonical form (also of a record, which has more fields).

    Raises `Invalid` where the value has another shape.
    """
    try:
        return Document(
            languages=tuple(value["languages"]),
            prevails=value["prevails"],
            subject=dict(value["subject"]),
            sections={
                language: tuple(_section(section) for section in value["sections"][language])
                for language in value["languages"]
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid([Problem("document", say("This is not the text of a letter."))]) from error


def _section(value: Mapping[str, Any]) -> Section:
    return Section(value["id"], value["heading"], tuple(_block(block) for block in value["blocks"]))


def _block(value: Mapping[str, Any]) -> Block:
    deadline = value.get("deadline")
    return Block(
        id=value["id"],
        kind=BlockKind(value["kind"]),
        text=value["text"],
        number=value.get("number"),
        deadline=None if deadline is None else date.fromisoformat(deadline),
    )


# --- validation -----------------------------------------------------------------------------------


def unprintable(text: str) -> str | None:
    """The first character that may not stand in a letter, as ``U+202E``; None if there is none.

    Refused are controls (NUL, line breaks), format characters (which turn the order of what is read
    or are invisible: two texts that look the same must be the same), surrogates, private use and
    unassigned code points. Variation selectors (category Mn) stay: names need them.
    """
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            return f"U+{ord(character):04X}"
    return None


def check_text(text: str, max_characters: int) -> Sentence | None:
    """What is wrong with one text of a letter, or None."""
    if not text.strip():
        return say("It is empty.")
    if len(text) > max_characters:
        return say(
            "It has %(have)s characters; at most %(most)s are possible.", have=len(text), most=max_characters
        )
    found = unprintable(text)
    if found is not None:
        return say("It has an invisible or control character (%(code)s); remove it.", code=found)
    if text != text.strip():
        return say("It begins or ends with a space.")
    if re.search(r"\{[^{}]*\}", text):
        return say("A place in braces is not filled in.")
    return None


def problems(document: Document) -> tuple[Problem, ...]:
    """Everything that keeps *document* from being published, with its place (``ja/demands/d1``)."""
    if not document.languages or len(set(document.languages)) != len(document.languages):
        return (Problem("languages", say("Name each language of the letter once.")),)
    if any(not LANGUAGE.fullmatch(language) for language in document.languages):
        return (Problem("languages", say("A language is written like en or ja.")),)
    if document.prevails not in document.languages:
        return (Problem("prevails", say("The language that prevails is not one of the letter's.")),)
    if any(
        language not in document.sections or language not in document.subject
        for language in document.languages
    ):
        return (Problem("languages", say("The text is missing in one of the languages.")),)
    found: list[Problem] = []
    for language in document.languages:
        found += _text_problems(document, language)
        found += _structure_problems(document.sections[language], language)
    found += _difference_problems(document)
    return tuple(found)


def check(document: Document) -> Document:
    """*document* itself; raises `Invalid` with all its `problems`."""
    found = problems(document)
    if found:
        raise Invalid(found)
    return document


def _text_problems(document: Document, language: str) -> Iterator[Problem]:
    total = 0
    texts: list[tuple[str, str, int]] = [(f"{language}/subject", document.subject[language], MAX_LINE)]
    for section in document.sections[language]:
        texts.append((f"{language}/{section.id}", section.heading, MAX_LINE))
        texts += [(f"{language}/{section.id}/{block.id}", block.text, MAX_TEXT) for block in section.blocks]
    for where, text, most in texts:
        total += len(text)
        sentence = check_text(text, most)
        if sentence is not None:
            yield Problem(where, sentence)
        elif DEADLINE_MARK.search(text):
            yield Problem(where, say("A deadline in brackets belongs to a demand, not into its text."))
    if total > MAX_TOTAL:
        yield Problem(language, say("The letter has more than %(most)s characters.", most=MAX_TOTAL))


def _structure_problems(sections: Sequence[Section], language: str) -> Iterator[Problem]:
    if not sections:
        yield Problem(language, say("The letter has no section."))
    if len(sections) > MAX_SECTIONS:
        yield Problem(language, say("The letter has more than %(most)s sections.", most=MAX_SECTIONS))
    ids = [section.id for section in sections]
    for place, section in enumerate(sections):
        where = f"{language}/{section.id}"
        if not IDENTIFIER.fullmatch(section.id):
            yield Problem(
                where, say("A section's id has small letters, digits and hyphens, 40 at most: {#facts}.")
            )
        if section.id in ids[:place]:
            yield Problem(where, say("Two sections have the same id."))
        if not 1 <= len(section.blocks) <= MAX_BLOCKS:
            yield Problem(
                where, say("A section has at least one paragraph and at most %(most)s.", most=MAX_BLOCKS)
            )
        blocks = [block.id for block in section.blocks]
        if len(set(blocks)) != len(blocks) or not all(IDENTIFIER.fullmatch(one) for one in blocks):
            yield Problem(where, say("Two paragraphs of the section have the same id, or one has a bad one."))
    yield from _number_problems(sections, language)


def _number_problems(sections: Sequence[Section], language: str) -> Iterator[Problem]:
    """Where the demands of the letter are not numbered 1, 2, 3 … through all sections."""
    expected = 1
    for section in sections:
        for block in section.blocks:
            where = f"{language}/{section.id}/{block.id}"
            if block.kind is BlockKind.paragraph:
                if block.number is not None or block.deadline is not None:
                    yield Problem(where, say("Only a demand has a number or a deadline."))
                continue
            if block.number != expected:
                yield Problem(
                    where, say("The demands are numbered 1, 2, 3 …; here %(n)s is expected.", n=expected)
                )
            expected += 1
    if expected - 1 > MAX_DEMANDS:
        yield Problem(language, say("The letter has more than %(most)s demands.", most=MAX_DEMANDS))


def _difference_problems(document: Document) -> Iterator[Problem]:
    """Where a language has another structure than the first: sections, blocks, numbers, deadlines."""
    first, *others = document.languages
    model = document.sections[first]
    for language in others:
        sections = document.sections[language]
        if [section.id for section in sections] != [section.id for section in model]:
            yield Problem(
                language,
                say(
                    "The sections are not the same as in “%(first)s”: it has %(there)s, here are %(here)s.",
                    first=first,
                    there=", ".join(section.id for section in model),
                    here=", ".join(section.id for section in sections),
                ),
            )
            continue
        for theirs, ours in zip(model, sections, strict=True):
            shape = [(block.id, block.kind, block.number, block.deadline) for block in theirs.blocks]
            if shape != [(block.id, block.kind, block.number, block.deadline) for block in ours.blocks]:
                yield Problem(
                    f"{language}/{ours.id}",
                    say(
                        "Paragraphs, demand numbers or deadlines differ from this section in “%(first)s”.",
                        first=first,
                    ),
                )
