"""Text tables as people really have them: which encoding, which separator, which line is broken. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from portal.kernel.sentence import say
from portal.works.xlsx import ReadError

SEPARATORS: Final = (",", "\t", ";")
MAX_CELL: Final = 100_000
"""Characters of one cell; a quotation mark that is never closed runs into this or the file's end."""


@dataclass(frozen=True)
class TextTable:
    """The cells of a text table. ``lines`` are the line numbers (from 1) at which the rows begin."""

    encoding: str
    separator: str
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


def read_text(data: bytes, *, max_rows: int) -> TextTable:
    """The rows of a CSV-like file. Raises `ReadError` with the line (and column) where it cannot be read."""
    text, encoding = decode(data)
    separator = _separator(text)
    return _parse(text, encoding, separator, max_rows)


# --- encoding -------------------------------------------------------------------------------------


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: a byte order mark decides; else UTF-8, CP932, EUC-JP.

    UTF-8 is tried first because other encodings practically never pass for it. CP932 and EUC-JP often
    pass for one another; then the reading with fewer characters that Japanese text rarely has wins.
    Raises `ReadError`.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _strict(data[len(mark) :], name), name
    if wide := _utf16_without_mark(data):
        return _strict(data, wide), wide
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError as error:
        not_utf8 = error
    if any(byte >= 0x80 for byte in data[: not_utf8.start]):
        # It begins as UTF-8 with more than ASCII, which no other encoding does by chance: it is damaged.
        raise _undecodable(data, not_utf8.start)
    readings = [(text, name) for name in ("cp932", "euc_jp") if (text := _try(data, name)) is not None]
    if readings:
        return min(readings, key=lambda reading: _strangeness(reading[0]))
    if found := _guess(data):
        return found
    raise _undecodable(data, not_utf8.start)


def _try(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return None


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise _undecodable(data, error.start) from error


def _undecodable(data: bytes, place: int) -> ReadError:
    line = data.count(b"\n", 0, place) + 1
    column = place - data.rfind(b"\n", 0, place)
    return ReadError(
        say(
            "The characters in line %(line)s cannot be read: the file is not UTF-8, UTF-16, Shift_JIS "
            "or EUC-JP, or it is damaged there. Save it as “CSV UTF-8”.",
            line=line,
        ),
        line=line,
        column=column,
    )


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 if every other byte of the beginning is often zero: the ASCII of separators and line ends."""
    start = data[: 4_000 & ~1]
    if len(start) < 4 or len(data) % 2:
        return None
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even + odd < max(2, len(start) // 20) or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


_KANA = re.compile("[ぁ-んァ-ヶー]")
_STRANGE = re.compile("[｡-ﾟ\ue000-\uf8ff\x80-\x9f]")


def _strangeness(text: str) -> float:
    """High where kanji and half-width kana were made of bytes that meant something else."""
    sample = text[:200_000]
    return len(_STRANGE.findall(sample)) * 3 - len(_KANA.findall(sample))


def _guess(data: bytes) -> tuple[str, str] | None:
    """What remains, such as Windows-1252 of a European member."""
    from charset_normalizer import from_bytes

    best = from_bytes(data[:500_000], threshold=0.15).best()
    text = _try(data, best.encoding) if best is not None else None
    return None if best is None or text is None or "\0" in text else (text, best.encoding)


# --- separator and cells --------------------------------------------------------------------------


def _separator(text: str) -> str:
    """The separator that most lines of the beginning have in the same number, outside quotation marks."""
    start = re.sub(r'"[^"]*"', "", text[:50_000])
    lines = [line for line in re.split(r"\r\n|\r|\n", start)[:50] if line.strip()][:-1] or [start]

    def agreement(separator: str) -> tuple[int, int]:
        counts = Counter(line.count(separator) for line in lines)
        counts.pop(0, None)
        if not counts:
            return (0, 0)
        number, times = counts.most_common(1)[0]
        return (times, number)

    return max(SEPARATORS, key=agreement)


def _parse(text: str, encoding: str, separator: str, max_rows: int) -> TextTable:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    before = 0
    try:
        for row in reader:
            if any(row):
                rows.append(tuple(row))
                lines.append(before + 1)
            before = reader.line_num
            if len(rows) > max_rows + 100:
                raise ReadError(
                    say("The file has more than %(most)s rows. Divide it.", most=max_rows),
                    line=reader.line_num,
                )
    except csv.Error as error:
        # The quotation mark that misleads stands in the row that began here, not where the parser stopped.
        raise ReadError(
            say(
                'In the row that begins in line %(line)s a quotation mark (") is not closed, or stands alone '
                'inside a cell. Write it twice ("").',
                line=before + 1,
            ),
            line=before + 1,
            column=1,
        ) from error
    return TextTable(encoding, separator, tuple(rows), tuple(lines))
