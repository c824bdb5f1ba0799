"""Reads one XLSX file from stdin and writes its cells to stdout as JSON. Run as a process of its own.

A file of a few kilobytes can name a cell a million rows down and make a reader ask for hundreds of
gigabytes; another inflates without end. So the file is looked through first (`guard`), then read,
both in this process, under limits of the operating system: whatever gets past the guard kills only
this process. It is started by path and isolated (``python -I``), so it imports nothing of the portal.

Output: ``{"sheet": name, "rows": [[text, …], …]}``, or ``{"refused": code, …}`` and exit status 3.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

MAX_PARTS = 1_000
MAX_INFLATED = 320 << 20
"""Bytes of all parts together; 100,000 rows of 12 filled columns are about 100 MB."""
MAX_ROWS = 100_100
MAX_COLUMNS = 256
SECONDS = 60
MEMORY = 1536 << 20
_PIECE = 1 << 20

_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_CELL = re.compile(rb"""<(?:\w+:)?(?:row|c)\s[^>]*?\br\s*=\s*["']\s*([A-Za-z]{0,4})([0-9]{1,12})""")
_NAMES_OF_A_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)


class Refused(Exception):  # noqa: N818 - the outcome, not a fault
    """The file is not read; ``code`` is turned into a sentence by the parent."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params


def guard(data: bytes) -> None:
    """Look through *data* without building anything from it. Raises `Refused`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Refused("damaged") from error
    with archive:
        parts = archive.infolist()
        _names(parts)
        if sum(part.file_size for part in parts) > MAX_INFLATED:
            raise Refused("inflates", most=MAX_INFLATED >> 20)
        inflated = 0
        for part in parts:
            sheet = _Extent() if _NAMES_OF_A_SHEET.fullmatch(part.filename) else None
            for piece in _pieces(archive, part):
                # The sizes in the directory are the file's own claim; what comes out is counted.
                inflated += len(piece)
                if inflated > MAX_INFLATED:
                    raise Refused("inflates", most=MAX_INFLATED >> 20)
                if sheet is not None:
                    sheet.look(piece)


def _names(parts: list[zipfile.ZipInfo]) -> None:
    names = [part.filename for part in parts]
    lower = {name.lower() for name in names}
    if len(parts) > MAX_PARTS or len(lower) != len(names):
        raise Refused("parts")
    if "mimetype" in lower and "content.xml" in lower:
        raise Refused("ods")
    if "[content_types].xml" not in lower or "xl/workbook.xml" not in lower:
        raise Refused("not-a-workbook")
    if any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in lower):
        raise Refused("macros")
    if any(name.startswith("xl/externallinks/") for name in lower):
        raise Refused("links")
    if any(part.flag_bits & 0x1 for part in parts):
        raise Refused("password")


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(part) as file:
            while piece := file.read(_PIECE):
                yield piece
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused("damaged") from error
    except Exception as error:  # zlib.error, lzma's and bz2's own
        raise Refused("damaged") from error


class _Extent:
    """How far a sheet reaches, from its row and cell references, seen piece by piece."""

    def __init__(self) -> None:
        self.rows = 0
        self.rest = b""
        self.begun = False

    def look(self, piece: bytes) -> None:
        if not self.begun:
            self.begun = True
            # Anything but UTF-8 would hide the references from the search below.
            if b"\0" in piece[:200] or re.search(rb"encoding=[\"'](?!utf-8)", piece[:200], re.IGNORECASE):
                raise Refused("damaged")
        text = self.rest + piece
        cut = text.rfind(b"<")
        text, self.rest = (text[:cut], text[cut:]) if cut >= 0 else (b"", text)
        if len(self.rest) > 4 * _PIECE:
            raise Refused("damaged")
        self.rows += len(_ROW.findall(text))
        if self.rows > MAX_ROWS:
            raise Refused("rows", most=MAX_ROWS - 100)
        for letters, digits in _CELL.findall(text):
            if int(digits) > MAX_ROWS:
                raise Refused("rows", most=MAX_ROWS - 100)
            if len(letters) > 1 and _column(letters) > MAX_COLUMNS:
                raise Refused("columns", most=MAX_COLUMNS)


def _column(letters: bytes) -> int:
    number = 0
    for char in letters.upper():
        number = number * 26 + char - 64
    return number


def read(data: bytes) -> dict[str, Any]:
    """The cells of the first visible sheet that has any, as text. Raises `Refused`."""
    import python_calamine as calamine

    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            for number, about in enumerate(book.sheets_metadata):
                if about.visible is not calamine.SheetVisibleEnum.Visible:
                    continue
                if about.typ is not calamine.SheetTypeEnum.WorkSheet:
                    continue
                rows = [[_text(cell) for cell in row] for row in book.get_sheet_by_index(number).iter_rows()]
                if any(any(row) for row in rows):
                    return {"sheet": about.name, "rows": rows}
    except calamine.PasswordError as error:
        raise Refused("password") from error
    except (calamine.CalamineError, calamine.ZipError, calamine.XmlError, ValueError, OSError) as error:
        raise Refused("damaged") from error
    raise Refused("empty")


def _text(cell: Any) -> str:
    """A cell as a person sees it: whole numbers without a point, dates as ISO 8601."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        midnight = cell.time() == time(0)
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _limit() -> None:
    import resource

    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):  # macOS knows no limit of the address space
            continue


def main() -> int:
    """Read stdin, answer on stdout."""
    _limit()
    try:
        data = sys.stdin.buffer.read()
        guard(data)
        answer = read(data)
    except Refused as refused:
        json.dump({"refused": refused.code, **refused.params}, sys.stdout)
        return 3
    except MemoryError:
        json.dump({"refused": "memory"}, sys.stdout)
        return 3
    json.dump(answer, sys.stdout, ensure_ascii=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
