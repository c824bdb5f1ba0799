"""The brief: the facts a letter is composed from, as a file (``brief.toml``) or as JSON. Pure.

Everything a person reads is given once a language of the letter. The file ``brief.toml`` beside the
rehearsal is a complete example with every field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, cast

from portal.drafting.document import LANGUAGE, check_text
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say

FORMAT: Final = "rensho/brief/1"
MAX_BYTES: Final = 200_000

Text = Mapping[str, str]
"""The same text in each language of the letter."""


class Tone(StrEnum):
    """How the letter speaks: 要望書, 申入書, 警告書."""

    request = "request"
    notice = "notice"
    warning = "warning"


class Basis(StrEnum):
    """Whether a fact was observed (and has an exhibit) or is believed."""

    observed = "observed"
    belief = "belief"


@dataclass(frozen=True)
class Addressee:
    """Whom the letter goes to; ``address`` is lines by language."""

    names: Text
    office: Text | None
    person: Text | None
    address: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Product:
    """The product or release that is the trigger; ``kind`` says what it is ("a video generation service")."""

    names: Text
    kind: Text
    launched: date
    url: str | None


@dataclass(frozen=True)
class Fact:
    """One thing stated about the product, with the numbers of its exhibits."""

    text: Text
    basis: Basis
    exhibits: tuple[int, ...]


@dataclass(frozen=True)
class BriefExhibit:
    """One observed output; ``captured_at`` in UTC, ``sha256`` as ``sha256:`` and hex."""

    number: int
    title: Text
    captured_at: datetime
    url: str | None
    prompt: str | None
    version: str | None
    note: Text | None
    sha256: str | None


@dataclass(frozen=True)
class Demand:
    """A demand: a clause of the library by its id, or own words (then ``clause`` is None)."""

    clause: str | None
    text: Text | None
    deadline: date | None


@dataclass(frozen=True)
class Brief:
    """Everything the composer needs besides the association's name and the clause library."""

    languages: tuple[str, ...]
    prevails: str
    jurisdiction: str
    tone: Tone
    title: Text
    fields: Text
    addressee: Addressee
    delivery: Text
    product: Product
    facts: tuple[Fact, ...]
    exhibits: tuple[BriefExhibit, ...]
    frames: tuple[str, ...]
    demands: tuple[Demand, ...]

    def as_json(self) -> dict[str, Any]:
        """The brief as a JSON value; `from_json` gives the same brief back."""
        value = _plain(self)
        assert isinstance(value, dict)
        return {"format": FORMAT, **value}


def _plain(value: object) -> Any:
    if isinstance(value, Brief | Addressee | Product | Fact | BriefExhibit | Demand):
        return {
            key: _plain(one)
            for key, one in vars(value).items()
            if one is not None and not (isinstance(value, Brief) and one == ())
        }
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


def read_toml(data: bytes, name: str = "brief.toml") -> Brief:
    """The brief in the bytes of a TOML file (UTF-8); *name* is used in messages.

    Raises `Invalid`; each problem's ``where`` names file, line where known, and field.
    """
    if len(data) > MAX_BYTES:
        raise Invalid([Problem(name, say("The file has more than %(most)s bytes.", most=MAX_BYTES))])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Invalid([Problem(f"{name}, line {line}", say("The file is not UTF-8 text."))]) from error
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        where = f"{name}, line {found.group(1)}" if found else name
        raise Invalid([Problem(where, say("This is not valid TOML: %(error)s", error=str(error)))]) from error
    try:
        return from_json(value)
    except Invalid as error:
        raise Invalid(
            [Problem(_place(text, name, str(one.where)), one.sentence) for one in error.problems]
        ) from error


def _place(text: str, name: str, path: str) -> str:
    """``brief.toml, line 31, demands[2].deadline``: tomllib keeps no lines, so the field is looked for."""
    parts = re.findall(r"([a-z_]+)(?:\[(\d+)\])?", path)
    lines = text.splitlines()
    start, found = 0, None
    for key, place in parts:
        pattern = rf"\s*\[\[{key}\]\]" if place else rf"\s*(\[{key}\]|{key}\s*=|{key}\.)"
        hits = [n for n, line in enumerate(lines) if n >= start and re.match(pattern, line)]
        wanted = int(place) - 1 if place else 0
        if wanted >= len(hits):
            break
        found = start = hits[wanted]
    return f"{name}, {path}" if found is None else f"{name}, line {found + 1}, {path}"


# --- reading --------------------------------------------------------------------------------------


class _Reader:
    """Reads a mapping field by field and collects what is wrong, so that all of it is told at once."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.languages = languages
        self.problems: list[Problem] = []

    def refuse(self, where: str, sentence: Sentence) -> None:
        self.problems.append(Problem(where, sentence))

    def table(self, value: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        one = value.get(key)
        if isinstance(one, Mapping):
            return one
        self.refuse(where, say("This part is missing."))
        return {}

    def tables(self, value: Mapping[str, Any], key: str, *, least: int) -> list[Mapping[str, Any]]:
        many = value.get(key, [])
        if not isinstance(many, list) or not all(isinstance(one, Mapping) for one in many):
            self.refuse(key, say("This must be a list; write [[%(key)s]] before each entry.", key=key))
            return []
        if len(many) < least:
            self.refuse(key, say("At least one is needed; write [[%(key)s]] before it.", key=key))
        return many

    def known(self, value: Mapping[str, Any], where: str, names: set[str]) -> None:
        for key in value:
            if key not in names:
                self.refuse(f"{where}{key}", say("There is no such field; check the spelling."))

    def text(self, value: Mapping[str, Any], key: str, where: str, *, most: int = 2_000) -> Text:
        one = self.text_if_any(value, key, where, most=most)
        if one is None:
            self.refuse(where, say("This text is missing."))
            return dict.fromkeys(self.languages, "")
        return one

    def text_if_any(
        self, value: Mapping[str, Any], key: str, where: str, *, most: int = 2_000
    ) -> Text | None:
        one = value.get(key)
        if one is None:
            return None
        if not isinstance(one, Mapping):
            self.refuse(where, say('Give it once a language: { en = "…", ja = "…" }.'))
            return None
        result = {}
        for language in self.languages:
            text = one.get(language)
            wrong = (
                say("The text in “%(language)s” is missing.", language=language)
                if not isinstance(text, str)
                else check_text(text, most)
            )
            if wrong is not None:
                self.refuse(f"{where}.{language}", wrong)
            result[language] = text if isinstance(text, str) else ""
        self.known(one, f"{where}.", set(self.languages))
        return result

    def day(self, value: Mapping[str, Any], key: str, where: str) -> date | None:
        one = value.get(key)
        if isinstance(one, date) and not isinstance(one, datetime):
            return one
        if isinstance(one, str):
            try:
                return date.fromisoformat(one)
            except ValueError:
                pass
        if one is not None:
            self.refuse(where, say("This is not a date like 2026-12-18."))
        return None

    def instant(self, value: Mapping[str, Any], key: str, where: str) -> datetime | None:
        one = value.get(key)
        if isinstance(one, str):
            try:
                one = datetime.fromisoformat(one)
            except ValueError:
                one = None
        if isinstance(one, datetime) and one.tzinfo is not None:
            return one.astimezone(UTC)
        self.refuse(where, say("This is not a time with its zone, like 2026-10-01T03:04:05Z."))
        return None

    def line(self, value: Mapping[str, Any], key: str, where: str) -> str | None:
        one = value.get(key)
        if one is None:
            return None
        wrong = check_text(one, 2_000) if isinstance(one, str) else say("This must be a text.")
        if wrong is not None:
            self.refuse(where, wrong)
        return str(one)

    def choice(self, value: Mapping[str, Any], key: str, where: str, names: tuple[str, ...]) -> str:
        one = value.get(key)
        if isinstance(one, str) and one in names:
            return one
        self.refuse(where, say("This must be one of: %(names)s.", names=", ".join(names)))
        return names[0]


def from_json(value: Mapping[str, Any]) -> Brief:
    """The brief of a JSON (or parsed TOML) value.

    Raises `Invalid` with every problem; ``where`` is the field, as in ``demands[2].deadline``.
    """
    languages = value.get("languages")
    if (
        not isinstance(languages, list)
        or not languages
        or any(not isinstance(one, str) or not LANGUAGE.fullmatch(one) for one in languages)
        or len(set(languages)) != len(languages)
    ):
        raise Invalid([Problem("languages", say('List the letter\'s languages, as in ["en", "ja"].'))])
    reader = _Reader(tuple(cast(list[str], languages)))
    if value.get("format") != FORMAT:
        reader.refuse("format", say("The format must be “%(format)s”.", format=FORMAT))
    reader.known(value, "", {"format", *Brief.__dataclass_fields__})
    exhibits = tuple(
        _exhibit(reader, one, n) for n, one in enumerate(reader.tables(value, "exhibits", least=0), 1)
    )
    brief = Brief(
        languages=reader.languages,
        prevails=reader.choice(value, "prevails", "prevails", reader.languages),
        jurisdiction=reader.choice(value, "jurisdiction", "jurisdiction", ("jp", "eu", "uk", "us")),
        tone=Tone(reader.choice(value, "tone", "tone", tuple(Tone))),
        title=reader.text(value, "title", "title", most=200),
        fields=reader.text(value, "fields", "fields", most=200),
        addressee=_addressee(reader, reader.table(value, "addressee", "addressee")),
        delivery=reader.text(value, "delivery", "delivery", most=200),
        product=_product(reader, reader.table(value, "product", "product")),
        facts=tuple(
            _fact(reader, one, n, {exhibit.number for exhibit in exhibits})
            for n, one in enumerate(reader.tables(value, "facts", least=1), 1)
        ),
        exhibits=exhibits,
        frames=_frames(reader, value.get("frames", [])),
        demands=tuple(
            _demand(reader, one, n) for n, one in enumerate(reader.tables(value, "demands", least=1), 1)
        ),
    )
    if reader.problems:
        raise Invalid(reader.problems)
    return brief


def _frames(reader: _Reader, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        reader.refuse("frames", say('List the other side\'s arguments to be answered, as in ["opt-out"].'))
        return ()
    return tuple(value)


def _addressee(reader: _Reader, value: Mapping[str, Any]) -> Addressee:
    reader.known(value, "addressee.", {"names", "office", "person", "address"})
    address: dict[str, tuple[str, ...]] = {}
    given = value.get("address", {})
    for language, lines in given.items() if isinstance(given, Mapping) else ():
        if language not in reader.languages:
            reader.refuse(f"addressee.address.{language}", say("This is not a language of the letter."))
        elif not isinstance(lines, list) or any(
            not isinstance(line, str) or check_text(line, 200) for line in lines
        ):
            reader.refuse(f"addressee.address.{language}", say("Give the address as a list of lines."))
        else:
            address[language] = tuple(lines)
    if not address:
        reader.refuse("addressee.address", say("Give the address in at least one language."))
    return Addressee(
        names=reader.text(value, "names", "addressee.names", most=200),
        office=reader.text_if_any(value, "office", "addressee.office", most=200),
        person=reader.text_if_any(value, "person", "addressee.person", most=200),
        address=address,
    )


def _product(reader: _Reader, value: Mapping[str, Any]) -> Product:
    reader.known(value, "product.", {"names", "kind", "launched", "url"})
    launched = reader.day(value, "launched", "product.launched")
    if launched is None:
        reader.refuse("product.launched", say("The day of the release is missing."))
    return Product(
        names=reader.text(value, "names", "product.names", most=200),
        kind=reader.text(value, "kind", "product.kind", most=200),
        launched=launched or date.min,
        url=reader.line(value, "url", "product.url"),
    )


def _fact(reader: _Reader, value: Mapping[str, Any], n: int, known: set[int]) -> Fact:
    where = f"facts[{n}]"
    reader.known(value, f"{where}.", {"text", "basis", "exhibits"})
    basis = Basis(reader.choice(value, "basis", f"{where}.basis", tuple(Basis)))
    exhibits = value.get("exhibits", [])
    if not isinstance(exhibits, list) or any(not isinstance(one, int) for one in exhibits):
        reader.refuse(f"{where}.exhibits", say("List the numbers of the exhibits, as in [1, 2]."))
        exhibits = []
    for number in exhibits:
        if number not in known:
            reader.refuse(f"{where}.exhibits", say("There is no exhibit %(n)s in this brief.", n=number))
    if basis is Basis.observed and not exhibits:
        reader.refuse(
            f"{where}.exhibits",
            say("What was observed needs an exhibit; without one, give the basis as “belief”."),
        )
    return Fact(reader.text(value, "text", f"{where}.text"), basis, tuple(exhibits))


def _exhibit(reader: _Reader, value: Mapping[str, Any], n: int) -> BriefExhibit:
    where = f"exhibits[{n}]"
    reader.known(value, f"{where}.", set(BriefExhibit.__dataclass_fields__))
    if value.get("number") != n:
        reader.refuse(
            f"{where}.number", say("The exhibits are numbered 1, 2, 3 …; here %(n)s is expected.", n=n)
        )
    sha256 = reader.line(value, "sha256", f"{where}.sha256")
    if sha256 is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", sha256):
        reader.refuse(f"{where}.sha256", say("This is not a digest like sha256:0123…"))
    return BriefExhibit(
        number=n,
        title=reader.text(value, "title", f"{where}.title", most=200),
        captured_at=reader.instant(value, "captured_at", f"{where}.captured_at")
        or datetime.min.replace(tzinfo=UTC),
        url=reader.line(value, "url", f"{where}.url"),
        prompt=reader.line(value, "prompt", f"{where}.prompt"),
        version=reader.line(value, "version", f"{where}.version"),
        note=reader.text_if_any(value, "note", f"{where}.note"),
        sha256=sha256,
    )


def _demand(reader: _Reader, value: Mapping[str, Any], n: int) -> Demand:
    where = f"demands[{n}]"
    reader.known(value, f"{where}.", {"clause", "text", "deadline"})
    clause = reader.line(value, "clause", f"{where}.clause")
    text = reader.text_if_any(value, "text", f"{where}.text")
    if (clause is None) == ("text" not in value):
        reader.refuse(where, say("A demand names a clause or has its own text, one of the two."))
    return Demand(clause, text, reader.day(value, "deadline", f"{where}.deadline"))
