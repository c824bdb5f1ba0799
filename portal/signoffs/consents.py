"""What a member consents to, each consent with its own words. Pure.

The words are frozen into the round when it opens, with version and digest; a sign-off carries the
digest of the words that were on the screen. The mandate's words are printed with the letter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from portal.kernel.digest import digest_of
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say


class Naming(StrEnum):
    """Where the company may be named."""

    public = "public"
    addressee = "addressee"
    unnamed = "unnamed"


class Listing(StrEnum):
    """Where the company's works may be listed."""

    public = "public"
    addressee = "addressee"
    withheld = "withheld"


@dataclass(frozen=True)
class Consents:
    """The five consents of an approval. ``corrections``: editorial ones need not be asked again."""

    text: bool
    mandate: bool
    naming: Naming
    listing: Listing
    corrections: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "mandate": self.mandate,
            "naming": self.naming.value,
            "listing": self.listing.value,
            "corrections": self.corrections,
        }


def parse_consents(value: Mapping[str, Any]) -> Consents:
    """The consents of an approval from JSON. Raises `Invalid`: text and mandate must be given."""
    problems: list[Problem] = []
    for key, sentence in (
        ("text", say("An approval needs the consent to the text.")),
        (
            "mandate",
            say("An approval needs the mandate; without it the association may not send the letter."),
        ),
    ):
        if value.get(key) is not True:
            problems.append(Problem(key, sentence))
    if value.get("naming") not in set(Naming):
        problems.append(Problem("naming", say("Choose how your company may be named.")))
    if value.get("listing") not in set(Listing):
        problems.append(Problem("listing", say("Choose where your works may be listed.")))
    if not isinstance(value.get("corrections"), bool):
        problems.append(Problem("corrections", say("Say whether editorial corrections are allowed.")))
    if problems:
        raise Invalid(problems)
    return Consents(
        True, True, Naming(value["naming"]), Listing(value["listing"]), corrections=value["corrections"]
    )


def from_json(value: Mapping[str, Any] | None) -> Consents | None:
    """Stored consents; None for a decision that has none."""
    return None if value is None else parse_consents(value)


CONSENTS: Final = ("text", "mandate", "naming", "listing", "corrections")


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).resolve().parent / "consents.toml").read_text(encoding="utf-8"))


def consent_texts() -> dict[str, Any]:
    """The words to be frozen into a round: ``{"version": …, "texts": {consent: {language: words}}}``."""
    value = _words()
    texts = {
        key: {
            language: "".join(words.split("\n")) if language == "ja" else " ".join(words.split())
            for language, words in value[key].items()
        }
        for key in CONSENTS
    }
    return {"version": value["version"], "texts": texts}


def consent_digest(texts: Mapping[str, Any]) -> str:
    """The digest over all the words of a round, in all languages."""
    return digest_of(texts)


def naming_sentence(naming: Naming) -> Sentence:
    """What the choice means for the printed letter."""
    return {
        Naming.public: say("Named in the addressee's edition and in the public one."),
        Naming.addressee: say("Named in the addressee's edition only; counted in the public one."),
        Naming.unnamed: say("Counted, and named nowhere."),
    }[naming]


def listing_sentence(listing: Listing) -> Sentence:
    """What the choice means for the schedule of works."""
    return {
        Listing.public: say("Listed in the schedule of both editions, where your company is named."),
        Listing.addressee: say("Listed in the addressee's edition only."),
        Listing.withheld: say("Listed nowhere."),
    }[listing]
