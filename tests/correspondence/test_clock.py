"""The response clock: which demand is answered, which is overdue."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.correspondence.clock import Answer, Assessment, Demand, demands_of, standing

A = Assessment
DAY = date(2026, 12, 18)
DEMAND = Demand(1, {"en": "Stop.", "ja": "停止すること。"}, DAY)


def answer(day: int, **assessed: str) -> Answer:
    return Answer(
        datetime(2026, 12, day, tzinfo=UTC), {int(key[1:]): A(value) for key, value in assessed.items()}
    )


@pytest.mark.parametrize(
    ("answers", "today", "expected"),
    [
        ([], DAY - timedelta(1), (A.unanswered, 1, False)),
        ([], DAY, (A.unanswered, 0, False)),  # the day itself is in time
        ([], DAY + timedelta(1), (A.unanswered, -1, True)),
        ([answer(1, d1="refused")], DAY + timedelta(1), (A.refused, -1, False)),
        ([answer(1, d1="unanswered")], DAY + timedelta(1), (A.unanswered, -1, True)),
        ([answer(1, d2="met")], DAY + timedelta(1), (A.unanswered, -1, True)),
        ([answer(1, d1="refused"), answer(2, d1="partly")], DAY, (A.partly, 0, False)),
        (
            [answer(2, d1="partly"), answer(1, d1="refused")],
            DAY,
            (A.partly, 0, False),
        ),  # by time, not by place
        ([answer(1, d1="partly"), answer(2, d1="unanswered")], DAY, (A.partly, 0, False)),
    ],
)
def test_how_a_demand_stands(answers, today, expected) -> None:
    (one,) = standing([DEMAND], answers, today)
    assert (one.assessment, one.days_left, one.overdue) == expected


def test_without_a_deadline_nothing_is_overdue() -> None:
    (one,) = standing([Demand(1, {"en": "Talk."}, None)], [], date(2999, 1, 1))
    assert (one.days_left, one.overdue) == (None, False)


def test_when_it_was_answered() -> None:
    (one,) = standing([DEMAND], [answer(3, d1="met"), answer(5, d1="unanswered")], DAY)
    assert one.answered_at == datetime(2026, 12, 3, tzinfo=UTC)


def blocks(*texts: str) -> list[dict]:
    return [
        {
            "id": f"d{n}",
            "kind": "demand",
            "number": n,
            "text": text,
            "deadline": "2026-12-18" if n == 1 else None,
        }
        for n, text in enumerate(texts, 1)
    ] + [{"id": "p", "kind": "paragraph", "text": "…"}]


def test_demands_of_a_record() -> None:
    record = {
        "sections": {
            "en": [
                {"id": "a", "heading": "", "blocks": []},
                {"id": "b", "heading": "", "blocks": blocks("One", "Two")},
            ],
            "ja": [
                {"id": "a", "heading": "", "blocks": []},
                {"id": "b", "heading": "", "blocks": blocks("一", "二")},
            ],
        }
    }
    assert demands_of(record) == (
        Demand(1, {"en": "One", "ja": "一"}, date(2026, 12, 18)),
        Demand(2, {"en": "Two", "ja": "二"}, None),
    )


assessments = st.dictionaries(st.integers(1, 4), st.sampled_from(A), max_size=4)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(
    st.lists(st.tuples(moments, assessments), max_size=6, unique_by=lambda pair: pair[0]),
    st.dates(DAY - timedelta(9), DAY + timedelta(9)),
)
def test_rules(pairs, today) -> None:
    answers = [Answer(*pair) for pair in pairs]
    demands = [Demand(n, {"en": str(n)}, DAY) for n in (1, 2, 3)]
    standings = standing(demands, answers, today)
    assert standings == standing(demands, answers[::-1], today)  # the order they are read in does not matter
    for one in standings:
        said = [a for a in answers if a.assessed.get(one.demand.number, A.unanswered) is not A.unanswered]
        assert (one.answered_at is None) == (not said) == (one.assessment is A.unanswered)
        assert one.overdue == (today > DAY and not said)
