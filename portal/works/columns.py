"""The columns of a works list: their names in Japanese and English, and how a file's are told. Pure."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from portal.works.identifiers import NAMES, Scheme


class Column(StrEnum):
    """What a column of a works list can hold."""

    code = "code"
    title_main = "title"
    reading = "reading"
    title_ja = "title_ja"
    title_en = "title_en"
    romanised = "romanised"
    kind = "kind"
    published = "published"
    co_owners = "co_owners"
    url = "url"
    consent = "consent"
    identifiers = "identifiers"
    isan = "isan"
    eidr = "eidr"
    doi = "doi"
    isbn = "isbn"
    issn = "issn"
    ismn = "ismn"
    iswc = "iswc"
    isrc = "isrc"
    grid = "grid"
    isni = "isni"
    gtin = "gtin"
    jasrac = "jasrac"


TITLES: Final = (Column.title_main, Column.title_ja, Column.title_en)

HEADINGS: Final[Mapping[Column, tuple[str, str]]] = {
    Column.code: ("Your code", "自社コード"),
    Column.title_main: ("Title", "題名"),
    Column.reading: ("Reading", "ヨミ"),
    Column.title_ja: ("Japanese title", "日本語題名"),
    Column.title_en: ("English title", "英語題名"),
    Column.romanised: ("Romanised title", "ローマ字題名"),
    Column.kind: ("Kind", "種別"),
    Column.published: ("First published", "初公表"),
    Column.co_owners: ("Co-owners", "共同権利者"),
    Column.url: ("URL", "URL"),
    Column.consent: ("Listing", "掲載"),
    Column.identifiers: ("Identifiers", "識別番号"),
    **{Column(scheme.value): (NAMES[scheme], NAMES[scheme]) for scheme in Scheme},
}
"""How our own template and exports name each column: (English, Japanese)."""

_WORDS: Final = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def words(table: str) -> Mapping[str, str]:
    """Which value each known word of a table of ``words.toml`` stands for."""
    return {plain(word): value for value, known in _WORDS[table].items() for word in known.split()}


def plain(text: str) -> str:
    """*text* as it is looked up: NFKC, without case, spaces and punctuation (unless it is nothing else)."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]", "", normal) or normal.strip()


_KNOWN: Final = {word: Column(value) for word, value in words("columns").items()}
_LOOK_AT: Final = 25
"""Rows at the top in which the column names are looked for; above them stand titles and remarks."""


@dataclass(frozen=True)
class ColumnMapping:
    """Which column of the file is which: ``columns`` by position (None: not taken), ``names`` as in the file.

    ``row`` is the index of the row of names.
    """

    row: int
    names: tuple[str, ...]
    columns: tuple[Column | None, ...]

    @property
    def taken(self) -> tuple[tuple[str, Column], ...]:
        """The columns that are read, as (name in the file, what it holds)."""
        return tuple((n, c) for n, c in zip(self.names, self.columns, strict=True) if c is not None)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the columns that nothing is read from."""
        return tuple(n for n, c in zip(self.names, self.columns, strict=True) if c is None and n)


def column_of(name: str) -> Column | None:
    """What a column called *name* holds; names in two languages (``題名 / Title``) are understood."""
    normal = unicodedata.normalize("NFKC", name)
    without_brackets = re.sub(r"[(\[【「〔].*?[)\]】」〕]", "", normal)
    for text in (normal, without_brackets, *re.split(r"[/|\n]", without_brackets)):
        found = _KNOWN.get(plain(text))
        if found is not None:
            return found
    return None


def find_mapping(rows: Sequence[Sequence[str]]) -> ColumnMapping | None:
    """The row of column names among the first 25, and what each holds; None if no row names a title.

    Where two columns hold the same, the first is taken.
    """
    best: ColumnMapping | None = None
    for number, row in enumerate(rows[:_LOOK_AT]):
        columns: list[Column | None] = []
        for name in row:
            column = column_of(name) if 0 < len(name) <= 60 else None
            columns.append(None if column in columns else column)
        found = ColumnMapping(number, tuple(name.strip() for name in row), tuple(columns))
        if not any(title in columns for title in TITLES):
            continue
        if best is None or len(found.taken) > len(best.taken):
            best = found
    return best
