"""The clause library: passages of letters as data files, each with its source and who checked it. Pure.

A clause is one TOML file under ``clauses/<jurisdiction>/`` (``any`` where no law is pleaded). One that
is not verified stands in the library and is refused by the composer.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from portal.drafting.brief import Tone

FOLDER: Final = Path(__file__).resolve().parent / "clauses"
SLOT: Final = re.compile(r"\{([a-z_]+)\}")
SLOTS: Final = frozenset({"association", "addressee", "product", "kind", "launched", "fields"})
"""The places a clause may have; `portal.drafting.compose` fills them from the brief."""


class Purpose(StrEnum):
    """What a clause does in the letter; the order is the order of the letter."""

    subject = "subject"
    standing = "standing"
    trigger = "trigger"
    capture = "capture"
    belief = "belief"
    finding = "finding"
    law = "law"
    frame = "frame"
    demands = "demands"
    demand = "demand"
    talks = "talks"
    rights = "rights"


@dataclass(frozen=True)
class Clause:
    """A passage of the library.

    ``order`` sorts the clauses of one purpose. ``text`` has named places in braces. ``verified_on`` is
    None for a clause that nobody has checked against its source.
    """

    id: str
    purpose: Purpose
    jurisdiction: str
    tones: frozenset[Tone]
    order: int
    text: Mapping[str, str]
    citation: str
    source: str
    verified_by: str
    verified_on: date | None
    contested_by: str


def parse(data: str, jurisdiction: str) -> Clause:
    """The clause in one file's text; a `ValueError` names what is wrong (the library is code, not input)."""
    value = tomllib.loads(data)
    text = {language: " ".join(words.split()) for language, words in value["text"].items()}
    text = {language: _close_up(words) if language == "ja" else words for language, words in text.items()}
    for language, words in text.items():
        strange = set(SLOT.findall(words)) - SLOTS
        if strange:
            raise ValueError(f"{value['id']} ({language}) has unknown places: {', '.join(sorted(strange))}")
    return Clause(
        id=value["id"],
        purpose=Purpose(value["purpose"]),
        jurisdiction=jurisdiction,
        tones=frozenset(Tone(one) for one in value.get("tones", list(Tone))),
        order=value.get("order", 50),
        text=text,
        citation=value.get("citation", ""),
        source=value.get("source", ""),
        verified_by=value.get("verified_by", ""),
        verified_on=value.get("verified_on"),
        contested_by=value.get("contested_by", ""),
    )


def _close_up(words: str) -> str:
    """Japanese lines joined without the space of the line break; a space inside Latin words stays."""
    return re.sub(r"(?<![!-~]) | (?![!-~])", "", words)


@lru_cache(maxsize=1)
def library() -> tuple[Clause, ...]:
    """All clauses that ship with the portal, sorted by id."""
    clauses = [
        parse(path.read_text(encoding="utf-8"), path.parent.name) for path in sorted(FOLDER.glob("*/*.toml"))
    ]
    ids = [clause.id for clause in clauses]
    if len(set(ids)) != len(ids):
        raise ValueError("two clauses have the same id")
    return tuple(sorted(clauses, key=lambda clause: clause.id))


def chosen(clauses: Iterable[Clause], purpose: Purpose, jurisdiction: str, tone: Tone) -> tuple[Clause, ...]:
    """The clauses of one purpose for a jurisdiction and tone, in their order."""
    fitting = [
        clause
        for clause in clauses
        if clause.purpose is purpose and clause.jurisdiction in {"any", jurisdiction} and tone in clause.tones
    ]
    return tuple(sorted(fitting, key=lambda clause: (clause.order, clause.id)))
