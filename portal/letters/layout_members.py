"""Who stands behind the letter: the named members in the declared order, and the officers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portal.letters.layout_frame import WIDTH, Printed, heading, leading, paragraph, small
from portal.letters.layout_words import both, counted, instant, word
from portal.paper.breaking import fitted
from portal.paper.flow import Block, Drawing, NewPage
from portal.paper.sheet import BLACK, GREY, Sheet, sans, serif
from portal.paper.tables import Cell, Column, Look, Table


def members(letter: Printed) -> Iterator[Block | NewPage]:
    """The page of names: totals and order said in every language, then the names in both scripts."""
    yield NewPage()
    title = both("members", letter.languages, "\n")
    yield heading(title, letter.main, bookmark=word("members", letter.main))
    signatories = letter.record["signatories"]
    named, total = signatories["named"], int(signatories["total"])
    for language in letter.languages:
        yield small(_total(len(named), total, language), language, after=1, size=9)
        for key in ("quorum", "order"):
            sentence = (letter.record.get(key) or {}).get("sentence") or {}
            if sentence.get(language):
                yield small(sentence[language], language, after=1, size=9)
    if named:
        yield _table(letter, named)
    left = total - len(named)
    if left and named:
        key = "members_unnamed_one" if left == 1 else "members_unnamed"
        for language in letter.languages:
            yield paragraph(word(key, language, n=counted(left)), language, before=6, after=2)
    yield from _mandate(letter)


def _total(named: int, total: int, language: str) -> str:
    if not named:
        return word("members_none_named", language, total=counted(total))
    key = "members_total_all" if named == total else "members_total"
    return word(key, language, total=counted(total), named=counted(named))


def _table(letter: Printed, named: list[Mapping[str, Any]]) -> Table:
    """No., legal name in its own script, name in Latin letters (or another of the letter's)."""
    languages = letter.languages
    rows: list[tuple[str, Cell, Cell]] = []
    for member in named:
        names, own = member["names"], member.get("language") or letter.main
        first = letter.one(names, own) or ""
        second = next((name for key, name in names.items() if key != own and name != first), "")
        rows.append((str(member["position"]), Cell(str(first), own), Cell(str(second), "en")))
    number = 34.0
    half = (WIDTH - number) / 2
    columns = [
        Column(both("number", languages), number + 22, "left", GREY),
        Column(both("name_original", languages), half - 11),
        Column(both("name_latin", languages), half - 11),
    ]
    look = Look(serif(letter.main), serif(letter.main, bold=True), size=10, leading=13.5, pad=2.6, gutter=8)
    return Table(columns, rows, look, before=10, after=4)


def _share(firsts: Sequence[str], seconds: Sequence[str], heads: Sequence[str], look: Look) -> float:
    """The first column's share of the width: as the longest names have it, within bounds."""
    widest = [
        max(look.style.width(text) for text in [head, *column])
        for head, column in zip(heads, (firsts, seconds), strict=True)
    ]
    return min(max(widest[0] / sum(widest), 0.35), 0.65)


def _mandate(letter: Printed) -> Iterator[Block]:
    mandate = (letter.record.get("mandate") or {}).get("text") or {}
    said = letter.said(mandate)
    if not said:
        return
    yield heading(both("mandate", letter.languages), letter.main, level=2, before=14)
    for language, text in said:
        yield paragraph(text, language, size=9.5, after=4)


def countersignatures(letter: Printed) -> Iterator[Block]:
    """The officers, each with name, title, time and the digest of the evidence."""
    given = letter.record.get("countersignatures") or []
    if not given:
        return
    yield heading(both("countersigned", letter.languages), letter.main, level=2, before=16, after=6)
    for one in given:
        yield _officer(letter, one)


def _officer(letter: Printed, one: Mapping[str, Any]) -> Drawing:
    main = letter.main
    step = leading(main)
    names = "  ".join(dict.fromkeys(text for _, text in letter.said(one["names"])))
    names = names or str(letter.one(one["names"], main))
    titles = both_texts(letter, one.get("title"))
    at = " / ".join(
        word("countersigned_at", language, at=instant(one["at"], language)) for language in letter.languages
    )
    digest = f"{word('evidence_digest', main)}: {one['digest']}" if one.get("digest") else ""
    lines = [(names, serif(main, bold=True), 11.0)]
    lines += [(titles, serif(main), 10.0)] if titles else []
    lines += [(text, sans(main), 8.0) for text in (at, digest) if text]
    broken = [
        (line, style, size) for text, style, size in lines for line in fitted(text, style, size, WIDTH - 14)
    ]
    height = sum(step if size > 9 else 12 for _, _, size in broken) + 6

    def paint(sheet: Sheet, x: float, top: float) -> None:
        y = top - 12
        with sheet.marked(sheet.tags.root.add("P", language=main)):
            for line, style, size in broken:
                colour = GREY if size < 9 else BLACK
                sheet.words(x + 14, y, line, size, style=style, colour=colour)
                y -= step if size > 9 else 12
        with sheet.artifact():
            sheet.put(f"0.1 0.17 0.3 RG 1.6 w {x + 1:.2f} {top:.2f} m {x + 1:.2f} {top - height:.2f} l S")

    return Drawing(height, paint, after=10)


def both_texts(letter: Printed, by_language: Mapping[str, Any] | None) -> str:
    """The texts in the letter's languages on one line."""
    return " / ".join(text for _, text in letter.said(by_language))
