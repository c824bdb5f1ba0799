"""The quorum rule: data that says when a letter is carried, and what is missing in words. Pure.

A rule is JSON::

    {"format": "rensho/quorum/1", "abstentions": "against", "reservations": "count",
     "condition": {"kind": "all", "of": [
        {"kind": "share", "at_least": "2/3", "of": "roll", "by": "members"},
        {"kind": "category_at_least", "category": "music", "at_least": 1}]}}

Meaning of the words. An *approval* is an approval; one with a reservation too, unless ``reservations``
is ``hold``: then it is none until the reservation is lifted. ``abstentions``: ``ignored`` takes those
who abstain out of the base of every share; ``against`` leaves them in it and counts them as declines.
The base ``roll`` is everybody on the roll, ``answered`` those who decided. A share of nobody is not
reached. Works are summed over the members who approve, so a work that two of them list counts twice.
All arithmetic is exact.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from portal.kernel.sentence import Sentence, say, say_n
from portal.signoffs.rules import (
    FORMAT,
    PRESETS,
    Json,
    Names,
    bind_members,
    bracketed,
    fraction,
    in_words,
    joined,
    member_name,
    named_members,
    parse_rule,
    parse_rule_file,
    per_category,
    rule_sentence,
)

__all__ = [
    "FORMAT", "PRESETS", "Condition", "Json", "Names", "Tally", "Verdict", "Voice", "Voter", "bind_members",
    "evaluate", "fraction", "joined", "named_members", "parse_rule", "parse_rule_file", "per_category",
    "rule_sentence",
]  # fmt: skip


class Voice(StrEnum):
    """How a member stands in a round; a member that has not answered has none."""

    approve = "approve"
    reserve = "reserve"
    """Approved, with a reservation that has not been lifted."""
    abstain = "abstain"
    decline = "decline"


@dataclass(frozen=True)
class Voter:
    """A line of the roll: what a rule may look at."""

    member_id: str
    category: str
    weight: int = 1
    works: int = 0
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tally:
    """How the roll stands. The parts after ``roll`` add up to it.

    ``held`` are approvals that do not count yet, because the rule holds those with a reservation.
    """

    roll: int
    approved: int
    held: int
    declined: int
    abstained: int
    unanswered: int

    def as_json(self) -> dict[str, int]:
        """The record's tally; ``held`` appears where there are any."""
        value = {
            "roll": self.roll,
            "approved": self.approved,
            "declined": self.declined,
            "abstained": self.abstained,
            "unanswered": self.unanswered,
        }
        return {**value, "held": self.held} if self.held else value


@dataclass(frozen=True)
class Condition:
    """One condition as it stands: ``have`` and ``need`` in the unit of ``sentence``; ``missing`` if not met.

    For ``declines_at_most`` *need* is the most that is allowed. ``parts`` are those of an all or any.
    """

    kind: str
    met: bool
    have: int
    need: int
    sentence: Sentence
    missing: Sentence | None
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether the quorum is reached, and why: the conditions, flat where the rule is a plain "all"."""

    reached: bool
    conditions: tuple[Condition, ...]
    tally: Tally

    @property
    def word(self) -> str:
        """The record's word."""
        return "reached" if self.reached else "not reached"

    @property
    def missing(self) -> tuple[Sentence, ...]:
        """One sentence for each condition that is not met."""
        return tuple(condition.missing for condition in self.conditions if condition.missing is not None)


# --- counting -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Count:
    """The roll and the votes, sorted once."""

    rule: Json
    roll: tuple[Voter, ...]
    votes: Mapping[str, Voice]

    def voters(self, *voices: Voice) -> tuple[Voter, ...]:
        return tuple(voter for voter in self.roll if self.votes.get(voter.member_id) in voices)

    @property
    def approving(self) -> tuple[Voter, ...]:
        if self.rule["reservations"] == "hold":
            return self.voters(Voice.approve)
        return self.voters(Voice.approve, Voice.reserve)

    @property
    def unanswered(self) -> tuple[Voter, ...]:
        return tuple(voter for voter in self.roll if voter.member_id not in self.votes)

    @property
    def held(self) -> tuple[Voter, ...]:
        return self.voters(Voice.reserve) if self.rule["reservations"] == "hold" else ()

    def base(self, of: str) -> tuple[Voter, ...]:
        voters = self.roll if of == "roll" else self.voters(*Voice)
        if self.rule["abstentions"] == "ignored":
            return tuple(voter for voter in voters if self.votes.get(voter.member_id) is not Voice.abstain)
        return voters

    @property
    def tally(self) -> Tally:
        return Tally(
            roll=len(self.roll),
            approved=len(self.approving),
            held=len(self.held),
            declined=len(self.voters(Voice.decline)),
            abstained=len(self.voters(Voice.abstain)),
            unanswered=len(self.unanswered),
        )

    @property
    def declines(self) -> int:
        voices = (Voice.decline, Voice.abstain) if self.rule["abstentions"] == "against" else (Voice.decline,)
        return len(self.voters(*voices))


def evaluate(rule: Json, roll: Iterable[Voter], votes: Mapping[str, Voice]) -> Verdict:
    """Whether the parsed *rule* is reached by *votes* (member id to voice), and what is missing.

    The order of the roll and of the votes plays no part; votes of others than the roll's are not counted.
    """
    voters = tuple(roll)
    count = _Count(
        rule,
        voters,
        {voter.member_id: votes[voter.member_id] for voter in voters if voter.member_id in votes},
    )
    whole = _judge(count, rule["condition"])
    flat = whole.parts if whole.kind == "all" else (whole,)
    return Verdict(whole.met, flat, count.tally)


def _judge(count: _Count, condition: Json) -> Condition:
    kind = condition["kind"]
    if kind in {"all", "any"}:
        return _judge_parts(count, condition)
    if kind == "share":
        return _judge_share(count, condition)
    if kind == "must_include":
        return _judge_must_include(count, condition)
    if kind == "declines_at_most":
        have, most = count.declines, condition["at_most"]
        missing = (
            None if have <= most else say_n("%(n)s decline too many", "%(n)s declines too many", have - most)
        )
        return Condition(kind, have <= most, have, most, in_words(condition, {}), missing)
    if kind == "works_at_least":
        have, need = sum(voter.works for voter in count.approving), condition["at_least"]
        missing = (
            None
            if have >= need
            else say_n(
                "approvals that bring %(n)s more work", "approvals that bring %(n)s more works", need - have
            )
        )
        return Condition(kind, have >= need, have, need, in_words(condition, {}), missing)
    approving = count.approving
    if kind == "category_at_least":
        approving = tuple(voter for voter in approving if voter.category == condition["category"])
    have, need = len(approving), condition["at_least"]
    missing = None
    if have < need:
        missing = (
            _more(need - have)
            if kind == "count"
            else say_n(
                "%(n)s more approval from “%(category)s”",
                "%(n)s more approvals from “%(category)s”",
                need - have,
                category=condition["category"],
            )
        )
    return Condition(kind, have >= need, have, need, in_words(condition, {}), missing)


def _more(n: int) -> Sentence:
    return say_n("%(n)s more approval", "%(n)s more approvals", n)


def _judge_parts(count: _Count, condition: Json) -> Condition:
    parts = tuple(_judge(count, one) for one in condition["of"])
    together = condition["kind"] == "all"
    met = all(part.met for part in parts) if together else any(part.met for part in parts)
    lacking = [
        bracketed(one, part.missing)
        for one, part in zip(condition["of"], parts, strict=True)
        if part.missing is not None
    ]
    return Condition(
        kind=condition["kind"],
        met=met,
        have=sum(part.met for part in parts),
        need=len(parts) if together else 1,
        sentence=in_words(condition, {voter.member_id: voter.names for voter in count.roll}),
        missing=None if met or not lacking else joined(lacking, together=together),
        parts=parts,
    )


def _judge_must_include(count: _Count, condition: Json) -> Condition:
    names = {voter.member_id: voter.names for voter in count.roll}
    approving = {voter.member_id for voter in count.approving}
    absent = [member for member in condition["members"] if member not in approving]
    missing = None
    if absent:
        missing = say(
            "the approval of %(members)s",
            members=joined([member_name(one, names) for one in absent], together=True),
        )
    return Condition(
        "must_include",
        not absent,
        len(condition["members"]) - len(absent),
        len(condition["members"]),
        in_words(condition, names),
        missing,
    )


def _judge_share(count: _Count, condition: Json) -> Condition:
    """Exact: ``have/base`` against the fraction, by cross-multiplication of integers inside `Fraction`."""
    weighted = condition["by"] == "weight"
    have = _sum(count.approving, weighted=weighted)
    base = _sum(count.base(condition["of"]), weighted=weighted)
    need = _needed(condition, base)
    met = base > 0 and have >= need
    return Condition(
        "share",
        met,
        have,
        need,
        in_words(condition, {}),
        None if met else _share_missing(count, condition, have, base),
    )


def _sum(voters: Iterable[Voter], *, weighted: bool) -> int:
    return sum(voter.weight if weighted else 1 for voter in voters)


def _needed(condition: Json, base: int) -> int:
    """The least whole number that satisfies the share of *base*; at least 1."""
    if "more_than" in condition:
        return math.floor(Fraction(condition["more_than"]) * base) + 1
    return max(1, math.ceil(Fraction(condition["at_least"]) * base))


def _share_missing(count: _Count, condition: Json, have: int, base: int) -> Sentence:
    """How much more is needed of those who have not answered; an answer enlarges the base ``answered``."""
    weighted = condition["by"] == "weight"
    held = _sum(count.held, weighted=weighted)
    most = held + _sum(count.unanswered, weighted=weighted)

    def enough(extra: int) -> bool:
        # A lifted reservation has been in the base all along; a new answer comes on top of it.
        grown = max(0, extra - held) if condition["of"] == "answered" else 0
        return have + extra >= _needed(condition, base + grown)

    if most == 0 or not enough(most):
        return say("approvals that can come only from members who change their answer")
    more = bisect_left(range(1, most + 1), True, key=enough) + 1
    if weighted:
        return say_n("approvals with a weight of %(n)s more", "approvals with a weight of %(n)s more", more)
    return _more(more)
