"""Identifiers of works: what can be said about a number without asking anybody. Pure.

Three truths are kept apart: the *form* is valid; the *check character* is valid; the number is
*registered*. The first two can be told offline, the third cannot. A scheme without a check character,
or a number written without it, is accepted as "not checkable" (``checked`` is False).

Where python-stdnum knows a scheme it decides; ISWC (ISO 15707), EIDR, DOI and the JASRAC code, which
it lacks, are a few lines each.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Final

from stdnum import ean, grid, isan, isbn, ismn, isni, isrc, issn
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError
from stdnum.iso7064 import mod_37_36

from portal.kernel.sentence import Sentence, say


class Scheme(StrEnum):
    """The identifiers a works list may carry."""

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


NAMES: Final[dict[Scheme, str]] = {
    **{scheme: scheme.value.upper() for scheme in Scheme},
    Scheme.grid: "GRid",
    Scheme.jasrac: "JASRAC",
}


@dataclass(frozen=True)
class Identifier:
    """One accepted identifier. ``value`` is its usual written form; ``checked``: a check character agreed."""

    scheme: Scheme
    value: str
    checked: bool

    @property
    def key(self) -> str:
        """What two spellings of the same number have in common: ``isbn:9784088725093``."""
        compact = (
            isan.compact(self.value, strip_check_digits=True) if self.scheme is Scheme.isan else self.value
        )
        return f"{self.scheme.value}:{_bare(compact) if self.scheme is not Scheme.doi else compact}"

    def __str__(self) -> str:
        return f"{NAMES[self.scheme]} {self.value}"


class BadIdentifier(ValueError):  # noqa: N818 - it reads as what happened
    """The text is no number of the scheme; ``sentence`` says what is wrong with it."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


def check(scheme: Scheme | str, text: str) -> Identifier:
    """*text* as a number of *scheme*, in its usual written form.

    Full-width characters, spaces, hyphens and the scheme's printed name in front are put up with.
    Raises `BadIdentifier`.
    """
    scheme = Scheme(scheme)
    plain = _without_name(scheme, unicodedata.normalize("NFKC", text).strip())
    if len(plain) > 300:
        raise _bad_form(scheme, plain[:40] + "…")
    try:
        return _CHECKS[scheme](scheme, plain)
    except InvalidChecksum as error:
        raise _bad_check(scheme, plain) from error
    except InvalidLength as error:
        raise BadIdentifier(
            say("“%(text)s” has the wrong length for %(scheme)s.", text=plain, scheme=NAMES[scheme])
        ) from error
    except (ValidationError, ValueError) as error:
        if isinstance(error, BadIdentifier):
            raise
        raise _bad_form(scheme, plain) from error


def recognise(text: str) -> Identifier:
    """A number that says itself what it is (``ISBN 978-…``, ``10.5240/…``). Raises `BadIdentifier`."""
    plain = unicodedata.normalize("NFKC", text).strip()
    lower = plain.casefold()
    for scheme in Scheme:
        if re.match(rf"{scheme.value}(?![a-z])", lower):
            return check(scheme, plain)
    bare = _DOI_URL.sub("", plain)
    if bare.startswith("10.5240/"):
        return check(Scheme.eidr, plain)
    if bare.startswith("10."):
        return check(Scheme.doi, plain)
    raise BadIdentifier(
        say(
            "“%(text)s” does not say what it is. Write its kind in front, as in “ISBN 978-…”.",
            text=plain[:80],
        )
    )


# --- the schemes ----------------------------------------------------------------------------------

_DOI_URL = re.compile(r"^(?:https?://(?:dx\.)?doi\.org/|doi:\s*)", re.IGNORECASE)


def _bare(text: str) -> str:
    return re.sub(r"[\s.\-‐‑‒–—−/]", "", text).upper()  # dashes of every kind are typed


def _without_name(scheme: Scheme, text: str) -> str:
    """*text* without the scheme's printed name in front: ``ISRC JP-…`` is how it is printed."""
    return re.sub(
        rf"^(?:urn:)?{scheme.value}(?:-1[03])?(?:コード|\s*code|\s*no\.?)?\s*[:\s]*",
        "",
        text,
        flags=re.IGNORECASE,
    )


def _bad_form(scheme: Scheme, text: str) -> BadIdentifier:
    return BadIdentifier(
        say("“%(text)s” does not have the form of %(scheme)s.", text=text, scheme=NAMES[scheme])
    )


def _bad_check(scheme: Scheme, text: str) -> BadIdentifier:
    return BadIdentifier(
        say(
            "The check character of %(scheme)s “%(text)s” does not fit: "
            "a digit was mistyped or two changed places.",
            text=text,
            scheme=NAMES[scheme],
        )
    )


def _by_stdnum(module: ModuleType, *, checked: bool) -> Callable[[Scheme, str], Identifier]:
    def check_one(scheme: Scheme, text: str) -> Identifier:
        compact: str = module.validate(_bare(text))
        written = module.format(compact) if hasattr(module, "format") else compact
        return Identifier(scheme, written, checked)

    return check_one


def _isbn(scheme: Scheme, text: str) -> Identifier:
    return Identifier(scheme, isbn.format(isbn.to_isbn13(isbn.validate(_bare(text)))), checked=True)


def _ismn(scheme: Scheme, text: str) -> Identifier:
    return Identifier(scheme, ismn.format(ismn.to_ismn13(ismn.validate(_bare(text)))), checked=True)


def _isan(scheme: Scheme, text: str) -> Identifier:
    compact: str = isan.validate(_bare(text))
    # 16 or 24 hexadecimal digits are the number without its check characters.
    checked = len(compact) not in {16, 24}
    return Identifier(scheme, isan.format(compact, add_check_digits=False), checked)


def _eidr(scheme: Scheme, text: str) -> Identifier:
    """A DOI of prefix 10.5240: 20 hexadecimal digits and a check character, ISO 7064 Mod 37,36."""
    suffix = _DOI_URL.sub("", text)
    suffix = _bare(suffix.removeprefix("10.5240/"))
    if not re.fullmatch(r"[0-9A-F]{20}[0-9A-Z]", suffix):
        raise _bad_form(scheme, text)
    mod_37_36.validate(suffix)
    groups = [suffix[i : i + 4] for i in range(0, 20, 4)]
    return Identifier(scheme, "10.5240/" + "-".join([*groups, suffix[20]]), checked=True)


def _doi(scheme: Scheme, text: str) -> Identifier:
    """The form of ISO 26324; case does not matter in a DOI, so it is kept in small letters."""
    name = _DOI_URL.sub("", text).casefold()
    if not re.fullmatch(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/[^\s\x00-\x1f]+", name):
        raise _bad_form(scheme, text)
    return Identifier(scheme, name, checked=False)


def _iswc(scheme: Scheme, text: str) -> Identifier:
    """ISO 15707: C = (10 − (1 + Σ i·dᵢ) mod 10) mod 10 over the nine digits, i from 1. It is not Luhn."""
    compact = _bare(text)
    if not re.fullmatch(r"T[0-9]{10}", compact):
        raise _bad_form(scheme, text)
    digits = [int(c) for c in compact[1:]]
    total = 1 + sum(place * digit for place, digit in enumerate(digits[:9], start=1))
    if (10 - total % 10) % 10 != digits[9]:
        raise _bad_check(scheme, text)
    n = compact[1:]
    return Identifier(scheme, f"T-{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9]}", checked=True)


def _jasrac(scheme: Scheme, text: str) -> Identifier:
    """Eight characters: a digit, a digit or letter, six digits. No check character is published."""
    compact = _bare(text)
    if not re.fullmatch(r"[0-9][0-9A-Z][0-9]{6}", compact):
        raise _bad_form(scheme, text)
    return Identifier(scheme, f"{compact[:3]}-{compact[3:7]}-{compact[7]}", checked=False)


_CHECKS: Final[dict[Scheme, Callable[[Scheme, str], Identifier]]] = {
    Scheme.isan: _isan,
    Scheme.eidr: _eidr,
    Scheme.doi: _doi,
    Scheme.isbn: _isbn,
    Scheme.issn: _by_stdnum(issn, checked=True),
    Scheme.ismn: _ismn,
    Scheme.iswc: _iswc,
    Scheme.isrc: _by_stdnum(isrc, checked=False),
    Scheme.grid: _by_stdnum(grid, checked=True),
    Scheme.isni: _by_stdnum(isni, checked=True),
    Scheme.gtin: _by_stdnum(ean, checked=True),
    Scheme.jasrac: _jasrac,
}
