"""Works lists as files: read, told what is what, checked; and written for spreadsheets. Pure.

Reading never half-succeeds in silence: either the file cannot be read at all (`ReadError`, with the
place), or every row is either among ``rows`` or named in ``problems``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portal.kernel.errors import Problem
from portal.kernel.sentence import Sentence, say
from portal.works.columns import HEADINGS, Column, ColumnMapping, find_mapping
from portal.works.delimited import read_text
from portal.works.identifiers import NAMES
from portal.works.rows import WorkRow, row_from_cells
from portal.works.xlsx import MAX_BYTES, ReadError, read_xlsx

__all__ = [
    "MAX_BYTES", "MAX_ROWS", "Column", "ColumnMapping", "ReadError", "ReadResult", "RowProblem", "harmless",
    "read", "template_csv", "write_csv", "write_xlsx",
]  # fmt: skip

MAX_ROWS: Final = 100_000
MAX_PROBLEMS: Final = 20_000
"""Further problems are counted but not described: nobody reads them, and they would fill the memory."""


@dataclass(frozen=True)
class RowProblem:
    """Something wrong in a row, which is therefore left out: ``line`` from 1, ``column`` as in the file."""

    line: int
    column: str
    sentence: Sentence

    def as_problem(self) -> Problem:
        """The problem as the whole portal reports them (in English where it is no page)."""
        return Problem(f"line {self.line}, column {self.column}", self.sentence)


@dataclass(frozen=True)
class ReadResult:
    """What a file holds. ``encoding`` is ``xlsx`` for a workbook, with the sheet's name in ``sheet``.

    ``rows`` are the good ones; ``left_out`` is how many rows have problems and are not among them.
    """

    rows: tuple[WorkRow, ...]
    problems: tuple[RowProblem, ...]
    mapping: ColumnMapping
    left_out: int
    encoding: str
    separator: str = ""
    sheet: str = ""


def read(data: bytes) -> ReadResult:
    """Read a works list: a CSV-like text of any usual encoding, or a workbook (XLSX), told by its content.

    At most 64 MB and 100,000 rows. Raises `ReadError` where it cannot be read at all.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(say("The file is larger than %(most)s MB. Divide it.", most=MAX_BYTES >> 20))
    if not data.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise ReadError(say("The file is empty."))
    if data.startswith(b"PK"):
        sheet, cells = read_xlsx(data)
        return _result(cells, range(1, len(cells) + 1), encoding="xlsx", sheet=sheet)
    for start, sentence in _OTHER_FILES:
        if data.lstrip()[:8].lower().startswith(start):
            raise ReadError(sentence)
    table = read_text(data, max_rows=MAX_ROWS)
    return _result(table.rows, table.lines, encoding=table.encoding, separator=table.separator)


_OTHER_FILES: Final = (
    (
        b"\xd0\xcf\x11\xe0",
        say("This is an old Excel file (.xls) or one with a password. Save it as XLSX, without a password."),
    ),
    (b"%pdf", say("This is a PDF, not a table. Save the table as XLSX or CSV.")),
    (b"<!doc", say("This is a web page, not a table. Save the table as XLSX or CSV.")),
    (b"<html", say("This is a web page, not a table. Save the table as XLSX or CSV.")),
    (b"<?xml", say("This is an XML file, not a table. Save the table as XLSX or CSV.")),
    (b"{\\rtf", say("This is a text document, not a table. Save the table as XLSX or CSV.")),
    (b"\x89png", say("This is a picture, not a table. Save the table as XLSX or CSV.")),
    (b"\xff\xd8\xff", say("This is a picture, not a table. Save the table as XLSX or CSV.")),
    (b"gif8", say("This is a picture, not a table. Save the table as XLSX or CSV.")),
)


def _result(
    cells: Sequence[Sequence[str]],
    lines: Sequence[int],
    *,
    encoding: str,
    separator: str = "",
    sheet: str = "",
) -> ReadResult:
    mapping = find_mapping(cells)
    if mapping is None:
        raise ReadError(
            say(
                "No row of column names was found. One column must be called “%(ja)s” or “%(en)s”; "
                "take the template to see the others.",
                ja=HEADINGS[Column.title_main][1],
                en=HEADINGS[Column.title_main][0],
            ),
            line=1,
            column=1,
        )
    rows: list[WorkRow] = []
    problems: list[RowProblem] = []
    left_out = 0
    name_of = {column: name for name, column in mapping.taken}
    for row, line in zip(cells[mapping.row + 1 :], lines[mapping.row + 1 :], strict=True):
        if not any(cell and not cell.isspace() for cell in row):
            continue
        found: list[RowProblem] = []

        def report(
            column: Column, sentence: Sentence, line: int = line, to: list[RowProblem] = found
        ) -> None:
            to.append(RowProblem(line, name_of.get(column, HEADINGS[column][0]), sentence))

        work = _row(row, mapping, line, found, report)
        if work is None:
            left_out += 1
            problems.extend(found[: max(0, MAX_PROBLEMS - len(problems))])
        else:
            rows.append(work)
    if len(rows) + left_out > MAX_ROWS:
        raise ReadError(
            say("The file has more than %(most)s rows. Divide it.", most=MAX_ROWS), line=MAX_ROWS + 1
        )
    if not rows and not left_out:
        raise ReadError(say("There is no row below the column names."), line=lines[mapping.row] + 1, column=1)
    return ReadResult(tuple(rows), tuple(problems), mapping, left_out, encoding, separator, sheet)


def _row(
    row: Sequence[str], mapping: ColumnMapping, line: int, found: list[RowProblem], report: Any
) -> WorkRow | None:
    surplus = [cell for cell in row[len(mapping.columns) :] if cell.strip()]
    if surplus:
        found.append(
            RowProblem(
                line,
                mapping.names[-1],
                say(
                    "This row has more cells than there are columns. A cell with a separator in it needs "
                    'quotation marks (") around it.'
                ),
            )
        )
        return None
    cells = {column: cell for column, cell in zip(mapping.columns, row, strict=False) if column is not None}
    return row_from_cells(cells, report, line=line)


# --- writing --------------------------------------------------------------------------------------

_LIVE = re.compile(r"'*[=+\-@\t\r＝＋－＠]")


def harmless(text: str) -> str:
    """*text* so that no spreadsheet takes it for a formula: an apostrophe before ``=``, ``+``, ``-``, ``@``.

    Reading such a file takes the apostrophe away again.
    """
    return "'" + text if _LIVE.match(text) else text


EXPORTED: Final = tuple(Column)[: tuple(Column).index(Column.identifiers) + 1]
"""The columns of template and exports; single identifier schemes go into one column there."""


def template_csv(language: str) -> bytes:
    """An empty works list to fill in: UTF-8 with a byte order mark, so that spreadsheets show it right."""
    return _csv([_headings(language)])


def write_csv(rows: Iterable[WorkRow], language: str) -> bytes:
    """The rows as CSV for spreadsheets (UTF-8 with mark, CRLF), no live formulas; `read` takes it back."""
    return _csv([_headings(language), *(_cells(row) for row in rows)])


def write_xlsx(rows: Iterable[WorkRow], language: str) -> bytes:
    """The rows as a workbook; every cell is text, so nothing in it can be a formula."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("works")
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for place, heading in enumerate(_headings(language)):
            sheet.write_string(0, place, heading, bold)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(_cells(row)):
                if cell:
                    sheet.write_string(number, place, cell)
    return out.getvalue()


def _headings(language: str) -> list[str]:
    return [HEADINGS[column][1 if language == "ja" else 0] for column in EXPORTED]


def _cells(row: WorkRow) -> list[str]:
    cells: Mapping[Column, str] = {
        Column.code: row.code,
        Column.title_main: row.title,
        Column.reading: row.reading,
        Column.title_ja: row.title_ja,
        Column.title_en: row.title_en,
        Column.romanised: row.romanised,
        Column.kind: row.kind.value,
        Column.published: row.published,
        Column.co_owners: " | ".join(row.co_owners),
        Column.url: row.url,
        Column.consent: "" if row.consent is None else row.consent.value,
        Column.identifiers: " | ".join(f"{NAMES[one.scheme]} {one.value}" for one in row.identifiers),
    }
    return [harmless(cells[column]) for column in EXPORTED]


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()
