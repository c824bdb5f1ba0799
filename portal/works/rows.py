"""One row of a works list: what it holds, and how it is made from the cells of a file. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from portal.kernel.sentence import Sentence, say
from portal.paper.fonts import unprintable
from portal.works.columns import Column, plain, words
from portal.works.identifiers import BadIdentifier, Identifier, Scheme, check, recognise


class Kind(StrEnum):
    """What a work is."""

    tv = "tv"
    film = "film"
    ova = "ova"
    ona = "ona"
    special = "special"
    series = "series"
    game = "game"
    manga = "manga"
    novel = "novel"
    book = "book"
    music = "music"
    recording = "recording"
    character = "character"
    illustration = "illustration"
    photograph = "photograph"
    other = "other"


class Listing(StrEnum):
    """Where a work may be listed. The order is from the widest to the narrowest."""

    public = "public"
    addressee = "addressee"
    withheld = "withheld"


KIND_WORDS: Final[Mapping[Kind, Sentence]] = {
    Kind.tv: say("Television"),
    Kind.film: say("Film"),
    Kind.ova: say("Video release"),
    Kind.ona: say("Web series"),
    Kind.special: say("Special"),
    Kind.series: say("Series"),
    Kind.game: say("Game"),
    Kind.manga: say("Manga"),
    Kind.novel: say("Novel"),
    Kind.book: say("Book"),
    Kind.music: say("Music"),
    Kind.recording: say("Recording"),
    Kind.character: say("Character"),
    Kind.illustration: say("Illustration"),
    Kind.photograph: say("Photograph"),
    Kind.other: say("Other"),
}
LISTING_WORDS: Final[Mapping[Listing, Sentence]] = {
    Listing.public: say("Publicly"),
    Listing.addressee: say("To the addressee only"),
    Listing.withheld: say("Not at all"),
}

_KIND_OF: Final = {word: Kind(value) for word, value in words("kinds").items()}
_LISTING_OF: Final = {word: Listing(value) for word, value in words("listing").items()}
_ERAS: Final = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018,
                "m": 1867, "t": 1911, "s": 1925, "h": 1988, "r": 2018}  # fmt: skip
FIRST_YEAR: Final = 1400
LAST_YEAR: Final = 2100
MAX_TEXT: Final = 500
MAX_URL: Final = 1_000
MAX_CO_OWNERS: Final = 50


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One work as its member lists it.

    ``title`` is the one the member calls it by; the other titles are empty where unknown. ``published``
    is the date of first publication as far as known (``2012``, ``2012-04`` or ``2012-04-13``), ``year``
    its year. ``consent`` None means: as the list's default says. ``co_owners`` are names as typed: they
    need not be members. ``line`` is the line of the file it was read from (not part of the row's JSON).
    """

    title: str
    title_ja: str = ""
    title_en: str = ""
    romanised: str = ""
    reading: str = ""
    kind: Kind = Kind.other
    year: int | None = None
    published: str = ""
    identifiers: tuple[Identifier, ...] = ()
    co_owners: tuple[str, ...] = ()
    url: str = ""
    code: str = ""
    consent: Listing | None = None
    line: int = 0

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON value; `from_json` gives it back (but for ``line``)."""
        return {
            "code": self.code,
            "co_owners": list(self.co_owners),
            "consent": None if self.consent is None else self.consent.value,
            "identifiers": [[one.scheme.value, one.value, one.checked] for one in self.identifiers],
            "kind": self.kind.value,
            "published": self.published,
            "reading": self.reading,
            "romanised": self.romanised,
            "title": self.title,
            "title_en": self.title_en,
            "title_ja": self.title_ja,
            "url": self.url,
            "year": self.year,
        }

    def with_consent(self, default: Listing) -> WorkRow:
        """The row with its consent spelled out."""
        return self if self.consent is not None else replace(self, consent=default)


def from_json(value: Mapping[str, Any]) -> WorkRow:
    """The row of `WorkRow.as_json`."""
    return WorkRow(
        title=value["title"],
        title_ja=value["title_ja"],
        title_en=value["title_en"],
        romanised=value["romanised"],
        reading=value["reading"],
        kind=Kind(value["kind"]),
        year=value["year"],
        published=value["published"],
        identifiers=tuple(Identifier(Scheme(s), v, c) for s, v, c in value["identifiers"]),
        co_owners=tuple(value["co_owners"]),
        url=value["url"],
        code=value["code"],
        consent=None if value["consent"] is None else Listing(value["consent"]),
    )


# --- from cells -----------------------------------------------------------------------------------

Report = Callable[[Column, Sentence], None]
"""Called with each thing that is wrong in a row."""


def row_from_cells(cells: Mapping[Column, str], report: Report, *, line: int = 0) -> WorkRow | None:
    """A row from the texts of its cells; None where something is wrong, which *report* is then told."""
    wrong = False

    def tell(column: Column, sentence: Sentence) -> None:
        nonlocal wrong
        wrong = True
        report(column, sentence)

    texts = {column: _text(column, cell, tell) for column, cell in cells.items()}
    title_ja, title_en = texts.get(Column.title_ja, ""), texts.get(Column.title_en, "")
    title = texts.get(Column.title_main) or title_ja or title_en
    if not title and not wrong:
        tell(Column.title_main, say("The title is missing."))
    published = _published(texts.get(Column.published, ""), tell)
    row = WorkRow(
        title=title,
        title_ja=title_ja,
        title_en=title_en,
        romanised=texts.get(Column.romanised, ""),
        reading=texts.get(Column.reading, ""),
        kind=_kind(texts.get(Column.kind, ""), tell),
        year=int(published[:4]) if published else None,
        published=published,
        identifiers=_identifiers(texts, tell),
        co_owners=_co_owners(texts.get(Column.co_owners, ""), tell),
        url=_url(texts.get(Column.url, ""), tell),
        code=texts.get(Column.code, ""),
        consent=_listing(texts.get(Column.consent, ""), tell),
        line=line,
    )
    return None if wrong else row


_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r＝＋－＠]")
_SPACES = re.compile(r"\s+")
_PRINTED = frozenset({Column.title_main, Column.title_ja, Column.title_en})
# Cc: control characters, which break tables and cannot be stored everywhere; the others turn the
# direction of text around and can make a title read as another on the page.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def _text(column: Column, cell: str, tell: Report) -> str:
    if _ESCAPED_FORMULA.match(cell):
        cell = cell[1:]  # what our own exports put in front, see `portal.works.tables.harmless`
    if _INVISIBLE.search(cell):
        tell(column, say("There are invisible control characters in this cell. Type the text again."))
        return ""
    keep_lines = column is Column.co_owners or column is Column.identifiers
    text = cell.strip() if keep_lines else _SPACES.sub(" ", cell).strip()
    most = 5_000 if keep_lines else MAX_URL if column is Column.url else MAX_TEXT
    if len(text) > most:
        tell(column, say("This is longer than %(most)s characters.", most=most))
        return ""
    if column in _PRINTED and not text.isascii() and (code := unprintable(text, "sans")):
        tell(
            column,
            say("No typeface of the letter has the character %(code)s; write it another way.", code=code),
        )
        return ""
    return text


def _kind(text: str, tell: Report) -> Kind:
    if not text:
        return Kind.other
    found = _KIND_OF.get(plain(text))
    if found is None:
        tell(
            Column.kind,
            say(
                "“%(text)s” is no kind of work we know. Write film, tv, manga, novel, game, music, or other.",
                text=text,
            ),
        )
        return Kind.other
    return found


def _listing(text: str, tell: Report) -> Listing | None:
    if not text:
        return None
    found = _LISTING_OF.get(plain(text))
    if found is None:
        tell(
            Column.consent,
            say("“%(text)s” is not understood. Write public, addressee, or withheld.", text=text),
        )
    return found


_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?:年|[-/.])?(?:\s*(?P<m>[0-9]{1,2})(?:月|[-/.])?(?:\s*(?P<d>[0-9]{1,2})日?)?)?"
    r"(?:[ t][0-9:.z+]+)?"
)
_ERA_DATE = re.compile(
    r"(?P<era>明治|大正|昭和|平成|令和|[mtshr])\.?\s*(?P<y>[0-9]{1,2}|元)(?:年|[-/.])?"
    r"(?:\s*(?P<m>[0-9]{1,2})(?:月|[-/.])?(?:\s*(?P<d>[0-9]{1,2})日?)?)?"
)


def _published(text: str, tell: Report) -> str:
    """A date as ISO 8601 as far as it is known; years of Japanese eras are turned into Gregorian ones."""
    if not text:
        return ""
    normal = unicodedata.normalize("NFKC", text).casefold().strip()
    if found := _ERA_DATE.fullmatch(normal):
        year = _ERAS[found["era"]] + (1 if found["y"] == "元" else int(found["y"]))
    elif found := _DATE.fullmatch(normal):
        year = int(found["y"])
    else:
        tell(Column.published, say("“%(text)s” is no date. Write 2012, 2012-04-13 or 平成24年.", text=text))
        return ""
    month, day = int(found["m"] or 0), int(found["d"] or 0)
    if not FIRST_YEAR <= year <= LAST_YEAR or month > 12 or day > 31 or (found["m"] and not month):
        tell(Column.published, say("“%(text)s” is no possible date of first publication.", text=text))
        return ""
    return f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")


def _identifiers(texts: Mapping[Column, str], tell: Report) -> tuple[Identifier, ...]:
    found: dict[str, Identifier] = {}
    for column, text in texts.items():
        if not text or (column.value not in _SCHEMES and column is not Column.identifiers):
            continue
        for part in re.split(r"[|;\n；、]|,(?=\s)", text):
            if not part.strip():
                continue
            try:
                one = recognise(part) if column is Column.identifiers else check(column.value, part)
            except BadIdentifier as error:
                tell(column, error.sentence)
            else:
                found.setdefault(one.key, one)
    return tuple(found.values())


_SCHEMES: Final = frozenset(scheme.value for scheme in Scheme)


def _co_owners(text: str, tell: Report) -> tuple[str, ...]:
    # Commas part nothing: "Example Co., Ltd." is one name.
    names = dict.fromkeys(_SPACES.sub(" ", part).strip() for part in re.split(r"[|;\n；]", text))
    names.pop("", None)
    if len(names) > MAX_CO_OWNERS:
        tell(Column.co_owners, say("There are more than %(most)s names.", most=MAX_CO_OWNERS))
    return tuple(names)


def _url(text: str, tell: Report) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#\"'<>]+[^\s\"'<>]*", text):
        tell(Column.url, say("“%(text)s” is no web address. It begins with https://.", text=text[:80]))
        return ""
    return text
