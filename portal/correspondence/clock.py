"""The response clock: what was demanded, by when, and how the addressee's answers stand. Pure.

Nothing here is stored: a demand is overdue because a day has passed without an answer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Assessment(StrEnum):
    """What a response does about one demand."""

    met = "met"
    partly = "partly"
    refused = "refused"
    unanswered = "unanswered"


@dataclass(frozen=True)
class Demand:
    """One numbered demand of a letter: its text by language, and the day by which it is asked for."""

    number: int
    text: Mapping[str, str]
    deadline: date | None


@dataclass(frozen=True)
class Answer:
    """One response, as the clock needs it: when it came (UTC), and its assessment by demand number."""

    received_at: datetime
    assessed: Mapping[int, Assessment]


@dataclass(frozen=True)
class Standing:
    """How one demand stands on a day.

    ``days_left`` is negative once the deadline has passed, and None without one; ``overdue`` only
    while nothing has answered the demand.
    """

    demand: Demand
    assessment: Assessment
    answered_at: datetime | None
    days_left: int | None
    overdue: bool


def demands_of(record: Mapping[str, Any]) -> tuple[Demand, ...]:
    """The demands in a record or projection (``rensho/letter/1``), by number."""
    texts: dict[int, dict[str, str]] = {}
    deadlines: dict[int, date | None] = {}
    for language, sections in record["sections"].items():
        for section in sections:
            for block in section["blocks"]:
                if block["kind"] == "demand":
                    number = int(block["number"])
                    texts.setdefault(number, {})[language] = block["text"]
                    deadline = block.get("deadline")
                    deadlines[number] = date.fromisoformat(deadline) if deadline else None
    return tuple(Demand(number, texts[number], deadlines[number]) for number in sorted(texts))


def standing(demands: Iterable[Demand], answers: Sequence[Answer], today: date) -> tuple[Standing, ...]:
    """How each demand stands on *today*, a day where the association is.

    The latest response that says something about a demand counts; one that leaves it unanswered does
    not undo an earlier one. The day of the deadline itself is still in time.
    """
    ordered = sorted(answers, key=lambda answer: answer.received_at)
    return tuple(_standing(demand, ordered, today) for demand in demands)


def _standing(demand: Demand, ordered: Sequence[Answer], today: date) -> Standing:
    assessment, answered_at = Assessment.unanswered, None
    for answer in ordered:
        given = answer.assessed.get(demand.number, Assessment.unanswered)
        if given is not Assessment.unanswered:
            assessment, answered_at = given, answer.received_at
    days_left = None if demand.deadline is None else (demand.deadline - today).days
    overdue = days_left is not None and days_left < 0 and assessment is Assessment.unanswered
    return Standing(demand, assessment, answered_at, days_left, overdue)
