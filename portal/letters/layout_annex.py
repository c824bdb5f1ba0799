"""The annexes: the schedule of works and the exhibits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from portal.letters.layout_frame import WIDTH, Printed, heading, paragraph, small
from portal.letters.layout_words import both, counted, instant, kind, word
from portal.letters.schedule import BETWEEN, ScheduleRow
from portal.paper.flow import Block, NewPage
from portal.paper.sheet import BLACK, GREY, sans, serif
from portal.paper.tables import Column, Group, Look, Row, Table

# Above this many rows the schedule is read aloud page by page and not cell by cell: a structure
# element for every cell would make the file several times larger than the words in it.
_TAGGED_ROWS = 300


def schedule(letter: Printed, works: Sequence[ScheduleRow]) -> Iterator[Block | NewPage]:
    """Annex A: every work of this edition once, under its owners; totals by kind."""
    yield NewPage()
    title = both("annex_schedule", letter.languages, "\n")
    yield heading(title, letter.main, bookmark=word("annex_schedule", letter.main))
    if not works:
        for language in letter.languages:
            yield paragraph(word("schedule_empty", language), language)
        return
    file = f"schedule.{letter.file_stem}.csv"
    for language in letter.languages:
        said = word("schedule_intro", language, works=counted(len(works)), file=file)
        yield small(said, language, size=9, after=2)
    yield _totals(letter, works)
    yield _table(letter, works)


def _totals(letter: Printed, works: Sequence[ScheduleRow]) -> Table:
    """Works by kind, the most frequent first."""
    counts: dict[str, int] = {}
    for work in works:
        counts[work.kind] = counts.get(work.kind, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows: list[Row] = [[_kind(letter, name), counted(count)] for name, count in ordered]
    rows.append([both("total", letter.languages), counted(len(works))])
    columns = [Column(both("totals", letter.languages), 190), Column("", 60, "right")]
    return Table(columns, rows, _look(letter, "cells"), before=8, after=12)


def _kind(letter: Printed, name: str) -> str:
    return " / ".join(dict.fromkeys(kind(name, language) for language in letter.languages))


def _look(letter: Printed, tagged: str) -> Look:
    style = sans("ja" if "ja" in letter.languages else letter.main)
    bold = serif("ja" if "ja" in letter.languages else letter.main, bold=True)
    return Look(
        style,
        bold,
        size=8.2,
        leading=10.6,
        pad=1.7,
        gutter=7,
        tagged=tagged,
        continued=both("continued", letter.languages, " "),
    )


def _table(letter: Printed, works: Sequence[ScheduleRow]) -> Table:
    languages = letter.languages
    identified = any(work.identifiers for work in works)
    widths = [34.0, 0.0, 0.0, 62.0, 32.0, 96.0 if identified else 0.0]
    rest = WIDTH - sum(widths)
    widths[1] = rest * 0.47
    widths[2] = rest - widths[1]
    heads = ["number", "title", "title_other", "kind", "year", "identifiers"]
    columns = [
        Column(both(head, languages, "\n"), width, "left", GREY if head == "number" else BLACK)
        for head, width in zip(heads, widths, strict=True)
        if width
    ]
    rows: list[Row | Group] = []
    for (english, japanese), owned in groupby(works, key=lambda work: (work.owners_en, work.owners_ja)):
        group = list(owned)
        rows.append(Group(_owners(letter, english, japanese), _count(letter, len(group))))
        rows += [_row(letter, work, identified=identified) for work in group]
    return Table(columns, rows, _look(letter, "cells" if len(works) <= _TAGGED_ROWS else "page"))


def _owners(letter: Printed, english: Sequence[str], japanese: Sequence[str]) -> str:
    """The owners in both scripts, Japanese first where the letter is Japanese too."""
    names = [japanese, english] if "ja" in letter.languages else [english]
    return "   ".join(dict.fromkeys(BETWEEN.join(each) for each in names if any(each)))


def _count(letter: Printed, n: int) -> str:
    key = "works_count_one" if n == 1 else "works_count"
    return both(key, letter.languages, " / ", n=counted(n))


def _row(letter: Printed, work: ScheduleRow, *, identified: bool) -> list[str]:
    others = dict.fromkeys(title for title in (work.title_ja, work.title_en) if title and title != work.title)
    year = "" if work.year is None else str(work.year)
    row = [str(work.number), work.title, " / ".join(others), kind(work.kind, letter.main), year]
    return [*row, BETWEEN.join(work.identifiers)] if identified else row


def exhibits(letter: Printed, *, after_schedule: bool) -> Iterator[Block | NewPage]:
    """Annex B: what was observed, when it was captured, and the digest of the file."""
    shown: Sequence[Mapping[str, Any]] = letter.record.get("exhibits") or []
    if not shown:
        return
    yield NewPage()
    key = "annex_exhibits" if after_schedule else "annex_exhibits_only"
    yield heading(both(key, letter.languages, "\n"), letter.main, bookmark=word(key, letter.main))
    for exhibit in shown:
        number = both("exhibit", letter.languages, " / ", n=exhibit["number"])
        yield heading(number, letter.main, level=3, tag="H2")
        for language, text in letter.said(exhibit.get("title")):
            yield paragraph(text, language, after=1.5, keep=True)
        for language, text in letter.said(exhibit.get("note")):
            yield paragraph(text, language, size=9.5, after=1.5, keep=True)
        details = [exhibit.get("url")]
        if exhibit.get("captured_at"):
            at = exhibit["captured_at"]
            details.append(
                " / ".join(word("captured", each, at=instant(at, each)) for each in letter.languages)
            )
        details = [detail for detail in details if detail]
        for detail in details:
            yield small(str(detail), letter.main, colour=GREY, after=0, keep=True)
        yield small(str(exhibit["sha256"]), letter.main, colour=GREY, after=6)
