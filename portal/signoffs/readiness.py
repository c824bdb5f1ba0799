"""May a round open? A list of what was looked at, each with one sentence and the place to fix it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.kernel.sentence import Sentence, say, say_n
from portal.signoffs.quorum import Names, joined

SHORTEST: Final = timedelta(hours=1)
"""A round that is open for less is a mistake in the form, most of the time in the time zone."""

ELEMENTS: Final[Mapping[str, Sentence]] = {
    "standing": say("who writes, and for whom"),
    "facts": say("the product that is the trigger, with examples"),
    "law": say("the legal ground, of a named jurisdiction"),
    "frame": say("an answer to the other side's argument"),
    "demands": say("numbered demands"),
    "talks": say("an open door to talk"),
}
"""What makes a coalition letter strong (DESIGN §1), by the id of the section that has it."""


class Standing(StrEnum):
    """How an item stands: ``stop`` keeps the round from opening, ``mind`` is to be thought about."""

    good = "good"
    mind = "mind"
    stop = "stop"


@dataclass(frozen=True)
class Item:
    """One thing looked at. ``fix`` says where: letter, works, members, campaign, round, or nowhere."""

    code: str
    standing: Standing
    sentence: Sentence
    fix: str = ""


@dataclass(frozen=True)
class RollFacts:
    """What is known of one member that would be on the roll."""

    names: Mapping[str, str]
    has_signatory: bool
    submission: str | None
    """``submitted``, ``accepted``, ``returned``, or None."""


@dataclass(frozen=True)
class Facts:
    """Everything the check looks at; times in UTC."""

    at: datetime
    deadline: datetime
    abandoned: bool
    revision: int | None
    sections: frozenset[str]
    demands: int
    earliest_demand: date | None
    open_round: bool
    carried_round: bool
    roll: tuple[RollFacts, ...]
    reachable: bool
    """Whether the rule is reached when everybody on the roll approves."""


def check(facts: Facts) -> tuple[Item, ...]:
    """All items, in the order in which they are best dealt with."""
    return (*_letter(facts), *_roll(facts), *_round(facts))


def may_open(items: tuple[Item, ...]) -> bool:
    """Whether nothing stops the round."""
    return all(item.standing is not Standing.stop for item in items)


def _letter(facts: Facts) -> tuple[Item, ...]:
    if facts.abandoned:
        return (Item("letter", Standing.stop, say("The letter was given up."), "letter"),)
    if facts.revision is None:
        sentence = say("There is no published revision to vote on.")
        return (Item("revision", Standing.stop, sentence, "letter"),)
    items = [Item("revision", Standing.good, say("Revision %(n)s is put to the vote.", n=facts.revision))]
    lacking = [sentence for section, sentence in ELEMENTS.items() if section not in facts.sections]
    if lacking:
        words = say("The letter lacks %(elements)s.", elements=joined(lacking, together=True))
        items.append(Item("elements", Standing.mind, words, "letter"))
    else:
        items.append(Item("elements", Standing.good, say("The letter has all parts that make it strong.")))
    if facts.demands == 0:
        items.append(Item("demands", Standing.stop, say("The letter demands nothing."), "letter"))
    if facts.earliest_demand is not None and facts.earliest_demand <= facts.deadline.date():
        sentence = say(
            "A demand is due on %(day)s, before the vote ends.", day=facts.earliest_demand.isoformat()
        )
        items.append(Item("demand-deadline", Standing.mind, sentence, "letter"))
    return tuple(items)


def _roll(facts: Facts) -> tuple[Item, ...]:
    if not facts.roll:
        sentence = say("No member has joined the campaign; there is nobody to vote.")
        return (Item("roll", Standing.stop, sentence, "campaign"),)
    items = [
        Item("roll", Standing.good, say_n("%(n)s member votes.", "%(n)s members vote.", len(facts.roll)))
    ]
    mute = [one for one in facts.roll if not one.has_signatory]
    if mute:
        items.append(
            Item(
                "signatories",
                Standing.mind,
                say("Nobody may sign yet for: %(names)s.", names=_names(mute)),
                "members",
            )
        )
    workless = [one for one in facts.roll if one.submission in {None, "returned"}]
    if workless:
        items.append(
            Item(
                "works",
                Standing.mind,
                say("No works list is submitted by: %(names)s.", names=_names(workless)),
                "works",
            )
        )
    return tuple(items)


def _round(facts: Facts) -> tuple[Item, ...]:
    items: list[Item] = []
    if facts.open_round:
        items.append(
            Item("open-round", Standing.stop, say("A vote on this letter is open already."), "round")
        )
    if facts.carried_round:
        sentence = say("The letter has been carried; it is with the officers or issued.")
        items.append(Item("carried-round", Standing.stop, sentence, "round"))
    if facts.deadline < facts.at + SHORTEST:
        sentence = say("The deadline must be at least an hour away.")
        items.append(Item("deadline", Standing.stop, sentence, "round"))
    if facts.roll and not facts.reachable:
        sentence = say("The rule cannot be reached even if every member approves.")
        items.append(Item("rule", Standing.stop, sentence, "round"))
    return tuple(items)


def _names(roll: list[RollFacts]) -> Sentence:
    """At most five names, then how many more."""
    shown: list[Sentence] = [Names("—", names=one.names) for one in roll[:5]]
    sentence = shown[0]
    for one in shown[1:]:
        sentence = say("%(first)s, %(second)s", first=sentence, second=one)
    if len(roll) > 5:
        return say_n("%(names)s and %(n)s more", "%(names)s and %(n)s more", len(roll) - 5, names=sentence)
    return sentence
