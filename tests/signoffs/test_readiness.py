"""What may keep a round from opening, each item broken in turn."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from portal.signoffs.readiness import ELEMENTS, Facts, RollFacts, Standing, check, may_open

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
GOOD = Facts(
    at=AT,
    deadline=AT + timedelta(days=14),
    abandoned=False,
    revision=3,
    sections=frozenset(ELEMENTS),
    demands=5,
    earliest_demand=date(2026, 12, 18),
    open_round=False,
    carried_round=False,
    roll=(
        RollFacts({"en": "Company A"}, True, "accepted"),
        RollFacts({"en": "Company B"}, True, "submitted"),
    ),
    reachable=True,
)


def test_a_ready_letter_may_be_voted_on():
    items = check(GOOD)
    assert may_open(items)
    assert {item.standing for item in items} == {Standing.good}


@pytest.mark.parametrize(
    ("change", "code", "standing", "word"),
    [
        ({"abandoned": True}, "letter", Standing.stop, "given up"),
        ({"revision": None}, "revision", Standing.stop, "no published revision"),
        ({"demands": 0}, "demands", Standing.stop, "demands nothing"),
        ({"earliest_demand": date(2026, 12, 1)}, "demand-deadline", Standing.mind, "2026-12-01"),
        ({"open_round": True}, "open-round", Standing.stop, "open already"),
        ({"carried_round": True}, "carried-round", Standing.stop, "carried"),
        ({"roll": ()}, "roll", Standing.stop, "nobody"),
        ({"deadline": AT + timedelta(minutes=59)}, "deadline", Standing.stop, "an hour"),
        ({"reachable": False}, "rule", Standing.stop, "cannot be reached"),
        (
            {"roll": (RollFacts({"en": "Company C"}, False, "submitted"),)},
            "signatories",
            Standing.mind,
            "Company C",
        ),
        ({"roll": (RollFacts({"en": "Company D"}, True, None),)}, "works", Standing.mind, "Company D"),
        ({"roll": (RollFacts({"en": "Company E"}, True, "returned"),)}, "works", Standing.mind, "Company E"),
    ],
)
def test_each_item_is_named_with_its_place(change, code, standing, word):
    items = check(replace(GOOD, **change))
    found = [item for item in items if item.code == code]
    assert found, [item.code for item in items]
    assert found[0].standing is standing
    assert word in str(found[0].sentence)
    assert found[0].fix
    assert may_open(items) is (standing is not Standing.stop)


@pytest.mark.parametrize("element", list(ELEMENTS))
def test_each_element_of_a_strong_letter_is_missed(element):
    items = check(replace(GOOD, sections=frozenset(ELEMENTS) - {element}))
    (item,) = [item for item in items if item.code == "elements"]
    assert item.standing is Standing.mind
    assert str(ELEMENTS[element]) in str(item.sentence)


def test_many_names_are_cut():
    roll = tuple(RollFacts({"en": f"Company {n}", "ja": f"第{n}社"}, False, "submitted") for n in range(9))
    (item,) = [item for item in check(replace(GOOD, roll=roll)) if item.code == "signatories"]
    assert "Company 4 and 4 more" in str(item.sentence)
    assert "第4社" in item.sentence.render("ja")
