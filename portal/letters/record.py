"""The record of a letter (``rensho/letter/1``): what it rests on, and what each edition shows of it.

The *full* record never leaves the association. An edition embeds its *projection*: the same letter
with only those signatories and works that edition may show, renumbered, with the same total. Both
editions carry one salted commitment to the full record, so that it can be proved later that they
are of one letter, while nobody can guess from the commitment who was left out.

Pure: JSON in, JSON out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from portal.kernel.digest import digest_bytes, digest_of
from portal.letters.schedule import ScheduleRow, write_schedule

FORMAT: Final = "rensho/letter/1"
LAYOUT: Final = 1

Text = Mapping[str, str]
"""By language: ``{"en": …, "ja": …}``."""


class Consent(StrEnum):
    """How a company may be named, and (with ``withheld``) whether a work may be listed (DESIGN §2)."""

    public = "public"
    addressee = "addressee"
    unnamed = "unnamed"
    withheld = "withheld"


class Edition(StrEnum):
    """Whom an edition is for."""

    addressee = "addressee"
    public = "public"


SHOWN: Final[Mapping[Edition, frozenset[Consent]]] = {
    Edition.addressee: frozenset({Consent.public, Consent.addressee}),
    Edition.public: frozenset({Consent.public}),
}
"""Which consents let a company be named, and a work be listed, in an edition."""

_UNNAMED: Final[Text] = {"en": "a member not named here", "ja": "ここに名を掲げない会員"}


@dataclass(frozen=True)
class Signatory:
    """One approving member, as printed: names by language, the language that comes first, the consent.

    ``signoff`` is the digest of its sign-off's evidence. Their order is the order of the letter.
    """

    member_id: str
    names: Text
    language: str
    category: str
    consent: Consent
    signoff: str


@dataclass(frozen=True)
class ScheduledWork:
    """One work of the schedule. ``owners`` are the member ids of all who listed it.

    ``title`` is the one in the original script; ``titles`` those by language, where known. ``year`` is
    the year of first publication (Gregorian). ``consent`` is the narrowest of its owners'.
    """

    owners: tuple[str, ...]
    title: str
    titles: Text
    kind: str
    year: int | None = None
    identifiers: tuple[str, ...] = ()
    consent: Consent = Consent.public


@dataclass(frozen=True)
class Exhibit:
    """One exhibit as listed: ``captured_at`` RFC 3339 in UTC, ``sha256`` the digest of the file."""

    title: Text
    captured_at: str
    sha256: str
    url: str | None = None
    note: Text | None = None


@dataclass(frozen=True)
class Countersignature:
    """One officer's countersignature: names and title as printed, time (RFC 3339, UTC), evidence digest."""

    names: Text
    title: Text
    at: str
    digest: str


@dataclass(frozen=True)
class Letter:
    """Everything else a record holds; the mappings are in the record's own form (see `full_record`).

    ``association``: names, address (lines by language), contact. ``addressee``: names, office, person,
    address. ``revision``: number, digest. ``sections``: by language, each a list of id, heading, blocks.
    ``quorum``: rule, sentence, verdict, tally. ``order``: rule, sentence. ``mandate``: text, digest.
    ``log``: origin, vkey. ``seal``: subject, fingerprint, self_made, timestamped. ``date`` is the
    letter's date, ISO 8601, in the association's time zone.
    """

    reference: str
    date: str
    languages: tuple[str, ...]
    prevails: str
    rehearsal: bool
    association: Mapping[str, Any]
    addressee: Mapping[str, Any]
    delivery: Text
    subject: Text
    revision: Mapping[str, Any]
    sections: Mapping[str, Sequence[Mapping[str, Any]]]
    quorum: Mapping[str, Any]
    order: Mapping[str, Any]
    mandate: Mapping[str, Any]
    log: Mapping[str, str]
    seal: Mapping[str, Any]
    verify_url: str
    exhibits: tuple[Exhibit, ...] = ()
    countersignatures: tuple[Countersignature, ...] = field(default=())


# --- the full record ------------------------------------------------------------------------------


def full_record(
    letter: Letter,
    signatories: Sequence[Signatory],
    works: Sequence[ScheduledWork],
    *,
    salt: str,
    others: Mapping[str, Text] | None = None,
) -> dict[str, Any]:
    """The full record. *salt* is 64 hexadecimal digits from a random source, new for each letter.

    *others* are the names, by member id, of those on the roll who are not signatories: a quorum rule
    may have one of them as a must-have, and no edition may name them.

    Raises `ValueError` where the parts contradict each other: a text missing in one of the letter's
    languages, a member twice, a work of somebody who is no signatory, a total that is not the tally's.
    """
    _check(letter, signatories, works, salt)
    named = [
        {
            "position": position,
            "member": one.member_id,
            "names": dict(one.names),
            "language": one.language,
            "category": one.category,
            "consent": one.consent.value,
            "signoff": one.signoff,
        }
        for position, one in enumerate(signatories, start=1)
    ]
    return {
        "format": FORMAT,
        "kind": "full",
        "edition": None,
        "layout": LAYOUT,
        "rehearsal": letter.rehearsal,
        "reference": letter.reference,
        "date": letter.date,
        "languages": list(letter.languages),
        "prevails": letter.prevails,
        "association": dict(letter.association),
        "addressee": dict(letter.addressee),
        "delivery": dict(letter.delivery),
        "subject": dict(letter.subject),
        "revision": dict(letter.revision),
        "sections": {language: list(parts) for language, parts in letter.sections.items()},
        "quorum": dict(letter.quorum),
        "order": dict(letter.order),
        "signatories": {"total": len(named), "named": named},
        "others": {member: dict(names) for member, names in (others or {}).items()},
        "schedule": _totals(works, schedule_csv(works, signatories)),
        "exhibits": [_exhibit(number, one) for number, one in enumerate(letter.exhibits, start=1)],
        "countersignatures": [
            {"names": dict(one.names), "title": dict(one.title), "at": one.at, "digest": one.digest}
            for one in letter.countersignatures
        ],
        "mandate": dict(letter.mandate),
        "log": dict(letter.log),
        "seal": dict(letter.seal),
        "verify_url": letter.verify_url,
        "salt": salt,
    }


def commitment(full: Mapping[str, Any]) -> str:
    """What both editions carry: the digest of ``{"salt": …, "record": the full record without its salt}``."""
    return digest_of(
        {"salt": full["salt"], "record": {key: value for key, value in full.items() if key != "salt"}}
    )


def _exhibit(number: int, one: Exhibit) -> dict[str, Any]:
    return {
        "number": number,
        "title": dict(one.title),
        "url": one.url,
        "captured_at": one.captured_at,
        "sha256": one.sha256,
        "note": None if one.note is None else dict(one.note),
    }


def _check(
    letter: Letter, signatories: Sequence[Signatory], works: Sequence[ScheduledWork], salt: str
) -> None:
    if not letter.languages or letter.prevails not in letter.languages:
        raise ValueError("the language that prevails is not one of the letter's")
    texts = (letter.delivery, letter.subject, letter.sections, letter.quorum["sentence"])
    if any(set(letter.languages) - set(text) for text in texts):
        raise ValueError("a text is missing in one of the letter's languages")
    members = {one.member_id for one in signatories}
    if len(members) != len(signatories):
        raise ValueError("a member is among the signatories twice: one company, one voice")
    if any(one.consent is Consent.withheld or not one.names for one in signatories):
        raise ValueError("a signatory needs a name, and consents to public, addressee or unnamed")
    if any(not one.owners or set(one.owners) - members for one in works):
        raise ValueError("a work is listed by nobody, or by somebody who is no signatory")
    if len(signatories) != letter.quorum["tally"]["approved"]:
        raise ValueError("there are not as many signatories as approvals")
    if not re.fullmatch(r"[0-9a-f]{64}", salt):
        raise ValueError("the salt is not 64 hexadecimal digits")


# --- editions -------------------------------------------------------------------------------------


def works_in(
    edition: Edition, signatories: Sequence[Signatory], works: Iterable[ScheduledWork]
) -> list[ScheduledWork]:
    """The works an edition lists: consented to, and every owner named in it.

    A work of a named and an unnamed member is left out altogether: under the named one's name alone
    it would still be a work of the other's, and would say that he is among the signatories.
    """
    named = {one.member_id for one in signatories if one.consent in SHOWN[edition]}
    return [one for one in works if one.consent in SHOWN[edition] and named.issuperset(one.owners)]


def project(
    full: Mapping[str, Any], edition: Edition, works: Sequence[ScheduledWork]
) -> tuple[dict[str, Any], bytes]:
    """The projection of the full record for *edition*, and its schedule as CSV.

    *works* are those the full record was made with; `ValueError` if they are not.
    """
    signatories = _signatories(full)
    if digest_bytes(schedule_csv(works, signatories)) != full["schedule"]["digest"]:
        raise ValueError("these are not the works of the record")
    shown, hidden = _shown_and_hidden(full, edition)
    listed = works_in(edition, signatories, works)
    schedule = schedule_csv(listed, signatories)
    named = [
        {**{key: value for key, value in one.items() if key != "member"}, "position": position}
        for position, one in enumerate(shown, start=1)
    ]
    projection = {key: value for key, value in full.items() if key not in {"salt", "others"}}
    projection |= {
        "kind": "projection",
        "edition": edition.value,
        "quorum": _without_hidden(full["quorum"], shown, hidden),
        "signatories": {"total": full["signatories"]["total"], "named": named},
        "schedule": _totals(listed, schedule),
        "commitment": commitment(full),
    }
    return projection, schedule


def hidden_mentions(full: Mapping[str, Any], edition: Edition) -> tuple[tuple[str, str], ...]:
    """``(part, name)`` where a typed text has the name of a member that *edition* must not show.

    Names in the letter are computed; but nothing keeps an author from typing one into a paragraph. A
    letter with such a mention must not be issued. Parts are ``sections``, ``subject``, ``exhibits``,
    ``mandate``, ``delivery``.
    """
    shown, hidden = _shown_and_hidden(full, edition)
    pattern, secret = _names_pattern(shown, hidden)
    found: list[tuple[str, str]] = []
    for part in ("sections", "subject", "exhibits", "mandate", "delivery"):
        for text in _strings(full[part]):
            found += [(part, name) for name in pattern.findall(text) if name in secret]
    return tuple(dict.fromkeys(found))


def schedule_csv(works: Iterable[ScheduledWork], signatories: Iterable[Signatory]) -> bytes:
    """The schedule of these works, numbered from 1 in the order given (see `portal.letters.schedule`)."""
    names = {one.member_id: one.names for one in signatories}
    return write_schedule(
        ScheduleRow(
            number=number,
            owners_en=tuple(_name(names[owner], "en") for owner in work.owners),
            owners_ja=tuple(_name(names[owner], "ja") for owner in work.owners),
            title=work.title,
            title_ja=work.titles.get("ja", ""),
            title_en=work.titles.get("en", ""),
            kind=work.kind,
            year=work.year,
            identifiers=work.identifiers,
        )
        for number, work in enumerate(works, start=1)
    )


def _shown_and_hidden(
    full: Mapping[str, Any], edition: Edition
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    named = full["signatories"]["named"]
    shown = [one for one in named if Consent(one["consent"]) in SHOWN[edition]]
    hidden = [one for one in named if Consent(one["consent"]) not in SHOWN[edition]]
    hidden += [{"member": member, "names": names} for member, names in full["others"].items()]
    return shown, hidden


def _signatories(full: Mapping[str, Any]) -> list[Signatory]:
    return [
        Signatory(
            member_id=one["member"],
            names=one["names"],
            language=one["language"],
            category=one["category"],
            consent=Consent(one["consent"]),
            signoff=one["signoff"],
        )
        for one in full["signatories"]["named"]
    ]


def _name(names: Text, language: str) -> str:
    """The name in this language, or the only one the company has."""
    return names.get(language) or next(iter(names.values()))


def _totals(works: Sequence[ScheduledWork], schedule: bytes) -> dict[str, Any]:
    return {
        "digest": digest_bytes(schedule),
        "works": len(works),
        "rows": len(works),
        "by_kind": dict(sorted(Counter(work.kind for work in works).items())),
    }


# --- what the quorum rule and its sentence may say -------------------------------------------------


def _without_hidden(
    value: Any, shown: Sequence[Mapping[str, Any]], hidden: Sequence[Mapping[str, Any]]
) -> Any:
    """*value* (rule, sentence, tally) without member ids, and without a hidden member's names.

    A rule may have must-haves. In a projection a named one appears by its name and an unnamed one as
    just that: that somebody unnamed had to approve is part of the rule, who it was is not.
    """
    ids: dict[str, Any] = {one["member"]: _name(one["names"], "en") for one in shown}
    ids |= dict.fromkeys((one["member"] for one in hidden), _UNNAMED["en"])
    pattern, secret = _names_pattern(shown, hidden)

    def clean(value: Any, language: str) -> Any:
        if isinstance(value, Mapping):
            return {
                clean(key, language): clean(inner, key if key in _UNNAMED else language)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [clean(inner, language) for inner in value]
        if not isinstance(value, str):
            return value
        if value in ids:
            return ids[value]
        return pattern.sub(lambda m: _UNNAMED[language] if m[0] in secret else m[0], value)

    return clean(value, "en")


def _names_pattern(
    shown: Iterable[Mapping[str, Any]], hidden: Iterable[Mapping[str, Any]]
) -> tuple[re.Pattern[str], frozenset[str]]:
    """A pattern of all names, the longest first, so that a name inside a longer shown one is let be."""
    visible = {name for one in shown for name in one["names"].values() if name}
    secret = {name for one in hidden for name in one["names"].values() if name} - visible
    secret |= {one["member"] for one in hidden}
    every = sorted(visible | secret, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, every)) or r"(?!)"), frozenset(secret)


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
