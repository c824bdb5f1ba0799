"""The schedule of works as a CSV file (RFC 4180): UTF-8, header row, CRLF, quoted where needed.

The sealed schedule gives titles back exactly: what was submitted is what is read. So a title that
begins with ``=``, ``+``, ``-`` or ``@`` (there are such titles) is *not* changed into something a
spreadsheet would not take for a formula. It is evidence, to be read as text; exports meant for
spreadsheets are made elsewhere, and do guard against that.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

COLUMNS: Final = (
    "number", "owners_en", "owners_ja", "title", "title_ja", "title_en", "kind", "year", "identifiers",
)  # fmt: skip
BETWEEN: Final = " | "
"""Between several owners, and between several identifiers, of one work."""


@dataclass(frozen=True)
class ScheduleRow:
    """One work as listed; ``number`` from 1, ``owners_…`` in the same order in both."""

    number: int
    owners_en: tuple[str, ...]
    owners_ja: tuple[str, ...]
    title: str
    title_ja: str
    title_en: str
    kind: str
    year: int | None
    identifiers: tuple[str, ...]


def write_schedule(rows: Iterable[ScheduleRow]) -> bytes:
    """The file's bytes; the same rows give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            (
                row.number,
                BETWEEN.join(row.owners_en),
                BETWEEN.join(row.owners_ja),
                row.title,
                row.title_ja,
                row.title_en,
                row.kind,
                "" if row.year is None else row.year,
                BETWEEN.join(row.identifiers),
            )
        )
    return text.getvalue().encode()


def read_schedule(data: bytes) -> tuple[ScheduleRow, ...]:
    """The rows of a file made by `write_schedule`. Raises `ValueError` for any other."""
    try:
        lines = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError("the schedule has other columns")
    if any(len(line) != len(COLUMNS) for line in lines):
        raise ValueError("a row of the schedule has too few or too many columns")
    return tuple(
        ScheduleRow(
            number=int(number),
            owners_en=tuple(owners_en.split(BETWEEN)),
            owners_ja=tuple(owners_ja.split(BETWEEN)),
            title=title,
            title_ja=title_ja,
            title_en=title_en,
            kind=kind,
            year=int(year) if year else None,
            identifiers=tuple(identifiers.split(BETWEEN)) if identifiers else (),
        )
        for number, owners_en, owners_ja, title, title_ja, title_en, kind, year, identifiers in lines[1:]
    )
