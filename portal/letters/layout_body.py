"""The letter's text in one language: letterhead to the clause on which language prevails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from portal.letters.layout_frame import (
    Printed,
    heading,
    letterhead,
    paragraph,
    reference_block,
    small,
)
from portal.letters.layout_words import western, word
from portal.paper.flow import Block, Text
from portal.paper.sheet import GREY, Sheet, serif
from portal.paper.tags import Node

_INDENT = 24.0


def part(letter: Printed, language: str) -> Iterator[Block]:
    """The complete letter in this language, as blocks."""
    yield letterhead(letter, language)
    yield reference_block(letter, language)
    subject = letter.one(letter.record["subject"], language)
    label = word("subject", language)
    bold = serif(language, bold=True)
    yield heading(
        str(subject),
        language,
        size=12.5,
        leading=18.5,
        label=label,
        indent=bold.width(label) * 12.5 / 1000 + 7,
        after=4,
        bookmark=word("language_part", language),
    )
    for section in letter.record["sections"].get(language, ()):
        yield from _section(section, language)
    yield from _prevails(letter, language)


def _section(section: Mapping[str, Any], language: str) -> Iterator[Block]:
    if section.get("heading"):
        yield heading(section["heading"], language, level=2, bookmark=section["heading"], depth=1)
    items = _list()
    blocks = section.get("blocks", ())
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block["kind"] == "demand":
            yield from _demand(block, language, items)
        else:
            items = _list()
            # "We therefore ask:" does not stand alone above an empty foot
            leads = following is not None and following["kind"] == "demand"
            yield paragraph(block["text"], language, keep=leads)


def _list() -> Callable[[Sheet], Node]:
    """Gives every item of one list its element; the list's own is made with the first."""
    made: list[Node] = []

    def item(sheet: Sheet) -> Node:
        if not made:
            made.append(sheet.tags.root.add("L"))
        return made[0].add("LI")

    return item


def _demand(block: Mapping[str, Any], language: str, item: Callable[[Sheet], Node]) -> Iterator[Text]:
    """A numbered demand, its number in the margin of its first line, and its deadline."""
    deadline = block.get("deadline")
    yield paragraph(
        block["text"],
        language,
        label=f"{block['number']}.",
        label_style=serif(language, bold=True),
        indent=_INDENT,
        tag="LBody",
        parent=item,
        keep=bool(deadline),
        after=2.0 if deadline else 6.5,
    )
    if deadline:
        by = word("by_deadline", language, date=western(date.fromisoformat(deadline), language))
        yield paragraph(by, language, style=serif(language, bold=True), indent=_INDENT)


def _prevails(letter: Printed, language: str) -> Iterator[Text]:
    if len(letter.languages) < 2:
        return
    names = [word(f"language_{each}", language) for each in letter.languages]
    yield small(
        word(
            "prevails",
            language,
            languages=word("and", language).join(names),
            prevailing=word(f"language_{letter.record.get('prevails') or letter.main}", language),
        ),
        language,
        before=10,
        colour=GREY,
    )
