"""What all parts of the letter share: measures, styles of paragraph, letterhead, running heads.

The type area is 43 full-width characters of 10.5 points, so that a line of Japanese fills it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from portal.letters.layout_words import REHEARSAL_STAMP, both, dated, western, word
from portal.paper.breaking import fitted
from portal.paper.flow import Drawing, Frame, Text
from portal.paper.outline import filled
from portal.paper.sheet import GREY, HAIR, Colour, Sheet, sans, serif
from portal.paper.tables import Column, Look, Row, Table

Names = Mapping[str, str]

SIZE = 10.5
LEADING = {"ja": 17.5}
LEADING_LATIN = 15.0
WIDTH = 43 * SIZE
A4 = (595.276, 841.89)
MARGIN = (A4[0] - WIDTH) / 2
FRAME = Frame(left=MARGIN, right=A4[0] - MARGIN, bottom=74, top=A4[1] - 84, first_top=A4[1] - 60)
INK: Colour = (0.10, 0.17, 0.30)
ALARM: Colour = (0.72, 0.07, 0.12)
PALE: Colour = (0.97, 0.87, 0.87)


@dataclass(frozen=True)
class Printed:
    """The projection with what is asked of it all the time."""

    record: Mapping[str, Any]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.record["languages"])

    @property
    def main(self) -> str:
        return self.languages[0]

    @property
    def rehearsal(self) -> bool:
        return bool(self.record.get("rehearsal"))

    @property
    def reference(self) -> str:
        return str(self.record["reference"])

    @cached_property
    def day(self) -> date:
        return date.fromisoformat(self.record["date"])

    @property
    def edition(self) -> str:
        """The edition's name in the letter's languages."""
        return both(f"edition_{self.record.get('edition') or 'none'}", self.languages)

    @property
    def file_stem(self) -> str:
        return str(self.record.get("edition") or "draft")

    def one(self, by_language: Mapping[str, Any] | None, language: str) -> Any:
        """The value in this language, else in the main one, else in any; None if there is none."""
        if not by_language:
            return None
        for candidate in (language, *self.languages, *by_language):
            if by_language.get(candidate):
                return by_language[candidate]
        return None

    def said(self, by_language: Mapping[str, Any] | None) -> list[tuple[str, str]]:
        """(language, text) in the letter's order, each text once."""
        seen: dict[str, str] = {}
        for language in self.languages:
            text = (by_language or {}).get(language)
            if text and text not in seen.values():
                seen[language] = str(text)
        return list(seen.items())


def leading(language: str, size: float = SIZE) -> float:
    """Distance of baselines in points."""
    return LEADING.get(language, LEADING_LATIN) * size / SIZE


def paragraph(text: str, language: str, **options: Any) -> Text:
    """Body text: Japanese justified, Latin ragged right (it is never hyphenated)."""
    size = options.pop("size", SIZE)
    given: dict[str, Any] = {
        "style": serif(language),
        "size": size,
        "leading": leading(language, size),
        "justify": language == "ja",
        "after": 6.5,
        **options,
    }
    return Text(text, **given)


def heading(text: str, language: str, *, level: int = 1, **options: Any) -> Text:
    """A heading; kept with what follows."""
    size = {1: 14.0, 2: 11.0, 3: SIZE}[level]
    given: dict[str, Any] = {
        "style": serif(language, bold=True),
        "size": size,
        "leading": size * 1.45,
        "tag": f"H{level}",
        "before": {1: 0.0, 2: 11.0, 3: 8.0}[level],
        "after": {1: 9.0, 2: 4.0, 3: 3.0}[level],
        "keep": True,
        "whole": True,
        **options,
    }
    return Text(text, **given)


def small(text: str, language: str, **options: Any) -> Text:
    """Notes and particulars, in the sans."""
    size = options.pop("size", 8.5)
    given: dict[str, Any] = {
        "style": sans(language),
        "size": size,
        "leading": size * (1.55 if language == "ja" else 1.42),
        "after": 3.0,
        **options,
    }
    return Text(text, **given)


def letterhead(letter: Printed, language: str) -> Drawing:
    """Name in this language large, in the others below; address and contact at the right."""
    association = letter.record["association"]
    names: Names = association["names"]
    own = letter.one(names, language)
    others = [name for name in dict.fromkeys(names.values()) if name != own]
    address = [*(letter.one(association.get("address"), language) or ()), association.get("contact") or ""]
    bold, plain, note = serif(language, bold=True), serif(language), sans(language)
    big = fitted(own, bold, 17, 268)
    under = [line for name in others for line in fitted(name, plain, 10, 268)]
    right = [line for part in address if part for line in fitted(part, note, 8.5, 168)]
    height = max(len(big) * 22 + len(under) * 14.5, len(right) * 12) + 12

    def paint(sheet: Sheet, x: float, top: float) -> None:
        node = sheet.tags.root.add("P", language=language)
        with sheet.marked(node):
            y = top - 16
            for line in big:
                sheet.words(x, y, line, 17, style=bold, colour=INK)
                y -= 22
            y += 4.5
            for line in under:
                sheet.words(x, y, line, 10, style=plain, colour=INK)
                y -= 14.5
            y = top - 9
            for line in right:
                sheet.words(x + WIDTH, y, line, 8.5, style=note, align="right", colour=GREY)
                y -= 12
        sheet.rule(x, top - height, x + WIDTH, weight=1.2, colour=INK)

    return Drawing(height, paint, after=24)


class Furniture:
    """What stands on every page: running head from page 2, page number, the rehearsal's stamp."""

    def __init__(self, letter: Printed, what: str = "") -> None:
        """`what` this paper is, at the foot of each page; the edition if it is not said."""
        self._letter, self._what = letter, what or letter.edition

    def __call__(self, sheet: Sheet, page: int, pages: int) -> None:
        letter = self._letter
        if letter.rehearsal:
            self._stamp(sheet)
        style = sans(letter.main)
        with sheet.artifact("Pagination"):
            if page > 1:
                y = A4[1] - 52
                name = letter.one(letter.record["association"]["names"], letter.main)
                left = f"{letter.reference}   {name}"
                sheet.words(FRAME.left, y, _cut_short(left, 340, 8.5), 8.5, style=style, colour=GREY)
                day = western(letter.day, letter.main)
                sheet.words(FRAME.right, y, day, 8.5, style=style, align="right", colour=GREY)
            foot = word("page", letter.main, page=page, pages=pages)
            sheet.words(FRAME.right, 42, foot, 8.5, style=style, align="right", colour=GREY)
            sheet.words(FRAME.left, 42, self._what, 8.5, style=style, colour=GREY)
        if page > 1:
            sheet.rule(FRAME.left, A4[1] - 58, FRAME.right, weight=0.4, colour=HAIR)

    def _stamp(self, sheet: Sheet) -> None:
        """Large and pale across the page, and in words at the head.

        The large one is outlines and no text, so that nothing is mixed into what is copied out.
        """
        letter = self._letter
        style = sans("ja")
        with sheet.artifact("Background"):
            big = filled(serif("ja", bold=True), REHEARSAL_STAMP, 62, A4[0] / 2, A4[1] / 2, 52)
            sheet.put(f"q {PALE[0]:g} {PALE[1]:g} {PALE[2]:g} rg {big} Q")
        with sheet.artifact("Pagination"):
            words = f"{REHEARSAL_STAMP}   {both('rehearsal', letter.languages, '  ')}"
            size = min(8.5, 8.5 * (WIDTH - 12) / (style.width(words) * 8.5 / 1000))
            rgb = f"{ALARM[0]:g} {ALARM[1]:g} {ALARM[2]:g}"
            sheet.put(f"{rgb} RG 0.8 w {FRAME.left:.2f} {A4[1] - 36:.2f} {WIDTH:.2f} 17 re S")
            sheet.words(A4[0] / 2, A4[1] - 31, words, size, style=style, align="centre", colour=ALARM)


def _cut_short(text: str, width: float, size: float) -> str:
    """The text cut to one line of this width in points."""
    line = fitted(text, sans("ja"), size, width)[0]
    return line if line == text else line + "…"


def reference_block(letter: Printed, language: str) -> Drawing:
    """Addressee at the left, reference and date at the right; delivery line above the addressee."""
    plain, bold, note = serif(language), serif(language, bold=True), sans(language)
    rows = [
        (word("reference", language), letter.reference),
        (word("date", language), dated(letter.day, language, letter.languages)),
    ]
    label = max(note.width(name) for name, _ in rows) * 8.5 / 1000 + 10
    value = max(plain.width(text) for _, text in rows) * SIZE / 1000
    lines: list[tuple[str, bool]] = [
        (line, strong)
        for text, strong in addressee_lines(letter, language)
        for line in fitted(text, bold if strong else plain, SIZE, 252)
    ]
    step = leading(language)
    delivery = letter.one(letter.record.get("delivery"), language)
    said = fitted(str(delivery), note, 8.5, WIDTH - value - label - 12) if delivery else []
    above = max(len(rows) * step, len(said) * 12.0) + 10
    height = max(len(lines), 2) * step + above

    def paint(sheet: Sheet, x: float, top: float) -> None:
        y = top - 11
        with sheet.marked(sheet.tags.root.add("P", language=language)):
            for name, text in rows:
                left = x + WIDTH - value - label
                sheet.words(left, y, name, 8.5, style=note, colour=GREY)
                sheet.words(left + label, y, text, SIZE, style=plain)
                y -= step
        y = top - 11
        if said:
            with sheet.marked(sheet.tags.root.add("P", language=language)):
                for line in said:
                    sheet.words(x, y, line, 8.5, style=note, colour=GREY)
                    y -= 12
        y = top - above - 11
        with sheet.marked(sheet.tags.root.add("P", language=language)):
            for line, strong in lines:
                sheet.words(x, y, line, SIZE, style=bold if strong else plain)
                y -= step

    return Drawing(height, paint, after=20)


def addressee_lines(letter: Printed, language: str) -> list[tuple[str, bool]]:
    """(line, bold?) of the addressee block: name, office, person, address."""
    addressee = letter.record["addressee"]
    lines = [(str(letter.one(addressee["names"], language)), True)]
    for key in ("office", "person"):
        text = letter.one(addressee.get(key), language)
        if text:
            lines.append((str(text), False))
    lines += [(str(line), False) for line in letter.one(addressee.get("address"), language) or () if line]
    return lines


def particulars(letter: Printed, title: str, shown: Sequence[tuple[str, str]]) -> Table:
    """A table of (name, value); rows without a value are left out. `title` is a key of the words."""
    rows: list[Row] = [[name, value] for name, value in shown if value]
    columns = [Column(both(title, letter.languages), 124, "left", GREY), Column("", WIDTH - 124)]
    look = Look(sans(letter.main), serif(letter.main, bold=True), size=7.8, leading=10.2, pad=1.8, gutter=6)
    return Table(columns, rows, look, before=4)
