"""The quorum rule as data: reading it, checking it, saying it in words. Pure.

What the words mean when votes are counted stands in `portal.signoffs.quorum`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say, say_n

FORMAT: Final = "rensho/quorum/1"
MAX_DEPTH: Final = 4
MAX_CONDITIONS: Final = 50

Json = Mapping[str, Any]

# --- reading --------------------------------------------------------------------------------------

PRESETS: Final[Mapping[str, Json]] = {
    "simple majority": {"kind": "share", "more_than": "1/2", "of": "roll", "by": "members"},
    "two thirds": {"kind": "share", "at_least": "2/3", "of": "roll", "by": "members"},
    "unanimity": {"kind": "share", "at_least": "1", "of": "roll", "by": "members"},
}
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "count": frozenset({"at_least"}),
    "share": frozenset({"at_least", "more_than", "of", "by"}),
    "category_at_least": frozenset({"category", "at_least"}),
    "must_include": frozenset({"members"}),
    "declines_at_most": frozenset({"at_most"}),
    "works_at_least": frozenset({"at_least"}),
    "all": frozenset({"of"}),
    "any": frozenset({"of"}),
}


def parse_rule(value: str | Json) -> dict[str, Any]:
    """The rule as complete, checked JSON, ready to be frozen.

    *value* is a preset ("simple majority", "two thirds", "unanimity"), a share of the roll ("2/3",
    "75%"), a number of approvals ("24"), JSON text, a condition, or a whole rule.

    Raises `Invalid`; ``where`` is the path, as in ``condition.of[2].at_least``.
    """
    if isinstance(value, str):
        value = _from_text(value.strip())
    if "condition" not in value:
        value = {"condition": value}
    problems = _strange(value, "", {"format", "abstentions", "reservations", "condition"})
    if value.get("format", FORMAT) != FORMAT:
        problems.append(Problem("format", say("The format must be “%(format)s”.", format=FORMAT)))
    rule: dict[str, Any] = {
        "format": FORMAT,
        "abstentions": _choice(value, "abstentions", ("against", "ignored"), problems, ""),
        "reservations": _choice(value, "reservations", ("count", "hold"), problems, ""),
        "condition": _condition(value["condition"], "condition", problems, 1),
    }
    if not problems and sum(1 for _ in _each(rule["condition"])) > MAX_CONDITIONS:
        problems.append(
            Problem("condition", say("A rule has at most %(most)s conditions.", most=MAX_CONDITIONS))
        )
    if problems:
        raise Invalid(problems)
    return rule


def parse_rule_file(data: bytes, name: str) -> dict[str, Any]:
    """The rule in a file called *name*: TOML if it ends in ``.toml``, else JSON.

    Raises `Invalid` with the file's name in each ``where``.
    """
    try:
        text = data.decode("utf-8-sig")
        value = tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
    except ValueError as error:
        raise Invalid([Problem(name, say("The file cannot be read: %(error)s", error=str(error)))]) from error
    try:
        return parse_rule(value if isinstance(value, Mapping) else str(value))
    except Invalid as error:
        raise Invalid([Problem(f"{name}, {one.where}", one.sentence) for one in error.problems]) from error


def _from_text(text: str) -> Json:
    if text.lower() in PRESETS:
        return PRESETS[text.lower()]
    if re.fullmatch(r"\d{1,6}", text):
        return {"kind": "count", "at_least": int(text)}
    if re.fullmatch(r"\d{1,4}\s*/\s*\d{1,4}|\d{1,3}(\.\d{1,4})?\s*%", text):
        return {"kind": "share", "at_least": text, "of": "roll", "by": "members"}
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except ValueError as error:
            raise Invalid([Problem("rule", say("This is not JSON: %(error)s", error=str(error)))]) from error
        if isinstance(value, dict):
            return value
    raise Invalid(
        [
            Problem(
                "rule",
                say(
                    "“%(text)s” is no rule; write a share (2/3, 75%%), a number (24) or: %(presets)s.",
                    text=text[:60],
                    presets=", ".join(PRESETS),
                ),
            )
        ]
    )


def per_category(categories: Iterable[str], at_least: int = 1) -> dict[str, Any]:
    """The preset that wants approvals from every one of *categories*, and more than half of the roll."""
    return {
        "kind": "all",
        "of": [
            PRESETS["simple majority"],
            *(
                {"kind": "category_at_least", "category": category, "at_least": at_least}
                for category in sorted(set(categories))
            ),
        ],
    }


def bind_members(rule: Json, ids: Mapping[str, str]) -> dict[str, Any]:
    """The parsed rule with the members that it names by a key (a slug, a number) replaced by their ids.

    Raises `Invalid` for a key that *ids* does not have.
    """
    missing = [key for key in named_members(rule) if key not in ids]
    if missing:
        raise Invalid(
            [
                Problem("condition", say("The rule names “%(key)s”, who is not on the roll.", key=key))
                for key in missing
            ]
        )

    def bound(condition: Json) -> dict[str, Any]:
        if condition["kind"] in {"all", "any"}:
            return {**condition, "of": [bound(one) for one in condition["of"]]}
        if condition["kind"] == "must_include":
            return {**condition, "members": [ids[key] for key in condition["members"]]}
        return dict(condition)

    return {**rule, "condition": bound(rule["condition"])}


def named_members(rule: Json) -> tuple[str, ...]:
    """The members a parsed rule names, in its order."""
    return tuple(
        member
        for condition in _each(rule["condition"])
        if condition["kind"] == "must_include"
        for member in condition["members"]
    )


def _each(condition: Json) -> Iterable[Json]:
    yield condition
    if condition["kind"] in {"all", "any"}:
        for one in condition["of"]:
            yield from _each(one)


def _choice(value: Json, key: str, names: Sequence[str], problems: list[Problem], where: str) -> str:
    one = value.get(key, names[0])
    if one in names:
        return str(one)
    problems.append(Problem(f"{where}{key}", say("This must be one of: %(names)s.", names=", ".join(names))))
    return names[0]


def _whole(value: Json, key: str, problems: list[Problem], where: str, least: int) -> int:
    one = value.get(key)
    if isinstance(one, int) and not isinstance(one, bool) and least <= one <= 10**9:
        return one
    problems.append(
        Problem(f"{where}.{key}", say("This must be a whole number, %(least)s or more.", least=least))
    )
    return least


def fraction(text: object) -> Fraction | None:
    """A share such as "2/3", "1" or "66.6%" as an exact fraction in (0, 1]; None for anything else.

    A float is none: 0.6666 is not two thirds.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        return None
    if found := re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*%\s*", text):
        result = Fraction(found.group(1)) / 100
    elif found := re.fullmatch(r"\s*(\d{1,4})\s*(?:/\s*(\d{1,4})\s*)?", text):
        if found.group(2) is not None and int(found.group(2)) == 0:
            return None
        result = Fraction(int(found.group(1)), int(found.group(2) or 1))
    else:
        return None
    return result if 0 < result <= 1 else None


def _condition(value: object, where: str, problems: list[Problem], depth: int) -> dict[str, Any]:
    if not isinstance(value, Mapping) or value.get("kind") not in _FIELDS:
        problems.append(
            Problem(f"{where}.kind", say("This must be one of: %(names)s.", names=", ".join(_FIELDS)))
        )
        return {"kind": "all", "of": []}
    kind: str = value["kind"]
    problems.extend(_strange(value, f"{where}.", _FIELDS[kind] | {"kind"}))
    if kind in {"all", "any"}:
        return {"kind": kind, "of": _parts(value, where, problems, depth)}
    if kind == "share":
        return _share(value, where, problems)
    if kind == "declines_at_most":
        return {"kind": kind, "at_most": _whole(value, "at_most", problems, where, 0)}
    if kind == "must_include":
        return {"kind": kind, "members": _members(value, where, problems)}
    result: dict[str, Any] = {"kind": kind, "at_least": _whole(value, "at_least", problems, where, 1)}
    if kind == "category_at_least":
        category = value.get("category")
        if not isinstance(category, str) or not category:
            problems.append(Problem(f"{where}.category", say("Name the category.")))
        result["category"] = category
    return result


def _strange(value: Json, where: str, known: AbstractSet[str]) -> list[Problem]:
    return [
        Problem(f"{where}{key}", say("There is no such field; check the spelling."))
        for key in value
        if key not in known
    ]


def _members(value: Json, where: str, problems: list[Problem]) -> list[str]:
    members = value.get("members")
    if isinstance(members, list) and members and all(isinstance(one, str) for one in members):
        return list(dict.fromkeys(members))
    problems.append(Problem(f"{where}.members", say("List the members, at least one.")))
    return []


def _parts(value: Json, where: str, problems: list[Problem], depth: int) -> list[dict[str, Any]]:
    parts = value.get("of")
    if not isinstance(parts, list) or not parts:
        problems.append(Problem(f"{where}.of", say("List the conditions, at least one.")))
        return []
    if depth >= MAX_DEPTH:
        problems.append(
            Problem(f"{where}.of", say("Conditions may be nested %(most)s deep.", most=MAX_DEPTH))
        )
        return []
    return [_condition(one, f"{where}.of[{n}]", problems, depth + 1) for n, one in enumerate(parts, 1)]


def _share(value: Json, where: str, problems: list[Problem]) -> dict[str, Any]:
    bounds = [key for key in ("at_least", "more_than") if key in value]
    result: dict[str, Any] = {"kind": "share"}
    if len(bounds) != 1:
        problems.append(Problem(where, say("A share is “at_least” or “more_than”, one of the two.")))
    else:
        part = fraction(value[bounds[0]])
        if part is None or (part == 1 and bounds[0] == "more_than"):
            problems.append(
                Problem(
                    f"{where}.{bounds[0]}",
                    say("Write the share as a fraction or percentage in quotes, as in “2/3” or “75%”."),
                )
            )
        result[bounds[0]] = "1" if part is None else str(part)
    result["of"] = _choice(value, "of", ("roll", "answered"), problems, f"{where}.")
    result["by"] = _choice(value, "by", ("members", "weight"), problems, f"{where}.")
    return result


@dataclass(frozen=True)
class Names(Sentence):
    """A member's name, in the reader's language where there is one."""

    names: Mapping[str, str] = field(default_factory=dict)

    def render(self, language: str) -> str:
        return self.names.get(language) or self.names.get("en") or next(iter(self.names.values()), self.msgid)


# --- in words -------------------------------------------------------------------------------------


NamesById = Mapping[str, Mapping[str, str] | None]
"""Names by language, by member id; None for a member whose name the reader must not see."""


def rule_sentence(rule: Json, names: NamesById | None = None) -> Sentence:
    """The whole parsed rule in words; *names* gives the names (by language) of members it mentions."""
    return say(
        "The letter is carried when %(condition)s. %(abstentions)s %(reservations)s",
        condition=in_words(rule["condition"], names or {}),
        abstentions=say("Abstentions count as declining.")
        if rule["abstentions"] == "against"
        else say("Whoever abstains is left out of the count."),
        reservations=say("An approval with a reservation counts as an approval.")
        if rule["reservations"] == "count"
        else say("An approval with a reservation counts once the reservation is lifted."),
    )


def in_words(condition: Json, names: NamesById) -> Sentence:
    """One condition in words, as it stands after "when"; *names* by member id."""
    kind = condition["kind"]
    if kind == "count":
        return say_n("%(n)s member approves", "%(n)s members approve", condition["at_least"])
    if kind == "share":
        return _share_in_words(condition)
    if kind == "category_at_least":
        return say_n(
            "%(n)s member of the category “%(category)s” approves",
            "%(n)s members of the category “%(category)s” approve",
            condition["at_least"],
            category=condition["category"],
        )
    if kind == "must_include":
        return say_n(
            "%(members)s approves",
            "%(members)s approve",
            len(condition["members"]),
            members=_members_in_words(condition["members"], names),
        )
    if kind == "declines_at_most":
        return say_n("at most %(n)s member declines", "at most %(n)s members decline", condition["at_most"])
    if kind == "works_at_least":
        return say_n(
            "the members who approve list at least %(n)s work",
            "the members who approve list at least %(n)s works",
            condition["at_least"],
        )
    parts = [bracketed(one, in_words(one, names)) for one in condition["of"]]
    return joined(parts, together=kind == "all")


def bracketed(condition: Json, sentence: Sentence) -> Sentence:
    """Brackets around a part that has parts itself, so that "a and b or c" cannot be read two ways."""
    if condition["kind"] in {"all", "any"} and len(condition["of"]) > 1:
        return say("(%(condition)s)", condition=sentence)
    return sentence


def _share_in_words(condition: Json) -> Sentence:
    part = condition.get("at_least") or condition["more_than"]
    weight = condition["by"] == "weight"
    if condition["of"] == "roll":
        base = say("the weight of all members on the roll") if weight else say("all members on the roll")
    else:
        base = say("the weight of those who answered") if weight else say("those who answered")
    if "more_than" in condition:
        return say("more than %(part)s of %(base)s approve", part=part, base=base)
    if part == "1":
        return say("the whole of %(base)s approve", base=base)
    return say("at least %(part)s of %(base)s approve", part=part, base=base)


def joined(sentences: Sequence[Sentence], *, together: bool) -> Sentence:
    """Sentences as one: "a and b", or "a or b"."""
    result = sentences[0]
    for one in sentences[1:]:
        if together:
            result = say("%(first)s and %(second)s", first=result, second=one)
        else:
            result = say("%(first)s or %(second)s", first=result, second=one)
    return result


def member_name(member: str, names: NamesById) -> Sentence:
    """A member's name as a sentence; its id where *names* does not have it."""
    return Names(member, names=names.get(member) or {})


def _members_in_words(ids: Sequence[str], names: NamesById) -> Sentence:
    """The members by name; those the reader must not see by their number."""
    hidden = [member for member in ids if member in names and names[member] is None]
    shown = [member_name(member, names) for member in ids if member not in hidden]
    if hidden:
        shown.append(
            say_n(
                "a member named by the association",
                "%(n)s members named by the association",
                len(hidden),
            )
        )
    return joined(shown, together=True)
