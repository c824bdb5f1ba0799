"""The quorum rule: reading it, counting it, saying it."""

import json
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kernel.errors import Invalid
from portal.signoffs.quorum import (
    PRESETS,
    Voice,
    Voter,
    bind_members,
    evaluate,
    fraction,
    named_members,
    parse_rule,
    parse_rule_file,
    per_category,
    rule_sentence,
)

CATEGORIES = ("animation", "music", "games")


# --- a second evaluator, written another way: integers only, member by member ----------------------


def brute(rule, roll, votes):
    def share(text):
        top, _, bottom = str(text).partition("/")
        return int(top), int(bottom or 1)

    def approves(voter):
        voice = votes.get(voter.member_id)
        return voice == "approve" or (voice == "reserve" and rule["reservations"] == "count")

    def holds(condition):
        kind = condition["kind"]
        if kind == "all":
            return False not in [holds(one) for one in condition["of"]]
        if kind == "any":
            return True in [holds(one) for one in condition["of"]]
        if kind == "count":
            return len([1 for voter in roll if approves(voter)]) >= condition["at_least"]
        if kind == "category_at_least":
            same = [voter for voter in roll if voter.category == condition["category"] and approves(voter)]
            return len(same) >= condition["at_least"]
        if kind == "must_include":
            return set(condition["members"]) <= {voter.member_id for voter in roll if approves(voter)}
        if kind == "works_at_least":
            total = 0
            for voter in roll:
                total += voter.works if approves(voter) else 0
            return total >= condition["at_least"]
        if kind == "declines_at_most":
            against = {"decline"} | ({"abstain"} if rule["abstentions"] == "against" else set())
            return len([1 for voter in roll if votes.get(voter.member_id) in against]) <= condition["at_most"]
        numerator = denominator = 0
        for voter in roll:
            size = voter.weight if condition["by"] == "weight" else 1
            voice = votes.get(voter.member_id)
            if condition["of"] == "answered" and voice is None:
                continue
            if voice == "abstain" and rule["abstentions"] == "ignored":
                continue
            denominator += size
            numerator += size if approves(voter) else 0
        if denominator == 0:
            return False
        if "more_than" in condition:
            top, bottom = share(condition["more_than"])
            return numerator * bottom > top * denominator
        top, bottom = share(condition["at_least"])
        return numerator > 0 and numerator * bottom >= top * denominator

    return holds(rule["condition"])


# --- strategies -----------------------------------------------------------------------------------

VOICES = st.sampled_from([*Voice, None])
ROLLS = st.lists(
    st.tuples(st.sampled_from(CATEGORIES), st.integers(0, 5), st.integers(0, 300), VOICES), max_size=12
).map(
    lambda rows: (
        tuple(Voter(f"m{n}", category, weight, works) for n, (category, weight, works, _) in enumerate(rows)),
        {f"m{n}": voice for n, (_, _, _, voice) in enumerate(rows) if voice is not None},
    )
)
SHARES = st.sampled_from(["1/2", "2/3", "3/4", "1/3", "1/7", "5/6", "1", "66.6%", "50 %"])
LEAVES = st.one_of(
    st.integers(1, 10).map(lambda n: {"kind": "count", "at_least": n}),
    st.tuples(SHARES, st.sampled_from(["roll", "answered"]), st.sampled_from(["members", "weight"])).map(
        lambda one: {"kind": "share", "at_least": one[0], "of": one[1], "by": one[2]}
    ),
    st.tuples(
        SHARES.filter(lambda share: share != "1"),
        st.sampled_from(["roll", "answered"]),
        st.sampled_from(["members", "weight"]),
    ).map(lambda one: {"kind": "share", "more_than": one[0], "of": one[1], "by": one[2]}),
    st.tuples(st.sampled_from(CATEGORIES), st.integers(1, 3)).map(
        lambda one: {"kind": "category_at_least", "category": one[0], "at_least": one[1]}
    ),
    st.lists(st.integers(0, 5).map(lambda n: f"m{n}"), min_size=1, max_size=2).map(
        lambda members: {"kind": "must_include", "members": members}
    ),
    st.integers(0, 4).map(lambda n: {"kind": "declines_at_most", "at_most": n}),
    st.integers(1, 900).map(lambda n: {"kind": "works_at_least", "at_least": n}),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: st.tuples(st.sampled_from(["all", "any"]), st.lists(parts, min_size=1, max_size=3)).map(
        lambda one: {"kind": one[0], "of": one[1]}
    ),
    max_leaves=5,
)


def depth(condition):
    return (
        1 + max((depth(one) for one in condition["of"]), default=0)
        if "of" in condition and isinstance(condition["of"], list)
        else 1
    )


RULES = st.tuples(
    CONDITIONS.filter(lambda condition: depth(condition) <= 4),
    st.sampled_from(["ignored", "against"]),
    st.sampled_from(["count", "hold"]),
).map(lambda one: parse_rule({"condition": one[0], "abstentions": one[1], "reservations": one[2]}))


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=1500)
@given(RULES, ROLLS)
def test_equals_the_brute_force_evaluator(rule, case):
    roll, votes = case
    assert evaluate(rule, roll, votes).reached == brute(rule, roll, votes)


@settings(max_examples=400)
@given(RULES, ROLLS, st.randoms(use_true_random=False))
def test_order_plays_no_part(rule, case, chance):
    roll, votes = case
    shuffled = list(roll)
    chance.shuffle(shuffled)
    turned = dict(reversed(votes.items()))
    mine, theirs = evaluate(rule, roll, votes), evaluate(rule, shuffled, turned)
    assert (mine.reached, mine.tally) == (theirs.reached, theirs.tally)


@settings(max_examples=600)
@given(RULES, ROLLS, st.data())
def test_one_more_approval_never_takes_the_quorum_away(rule, case, data):
    roll, votes = case
    if not roll:
        return
    voter = data.draw(st.sampled_from(roll))
    more = {**votes, voter.member_id: Voice.approve}
    assert evaluate(rule, roll, more).reached or not evaluate(rule, roll, votes).reached


@settings(max_examples=600)
@given(RULES, ROLLS, st.data())
def test_a_withdrawal_of_an_approval_never_brings_it_about(rule, case, data):
    roll, votes = case
    approving = [voter for voter in roll if votes.get(voter.member_id) == Voice.approve]
    if not approving:
        return
    gone = data.draw(st.sampled_from(approving)).member_id
    less = {member: voice for member, voice in votes.items() if member != gone}
    # Taking an answer back shrinks the base "answered"; still it cannot raise the share of approvals.
    assert evaluate(rule, roll, votes).reached or not evaluate(rule, roll, less).reached


@settings(max_examples=400)
@given(RULES, ROLLS)
def test_what_is_missing_is_said_exactly_when_it_is_not_reached(rule, case):
    verdict = evaluate(rule, *case)
    assert bool(verdict.missing) != verdict.reached
    for sentence in (*verdict.missing, rule_sentence(rule), *(one.sentence for one in verdict.conditions)):
        assert "%(" not in sentence.render("en")
        assert sentence.render("ja")


@settings(max_examples=300)
@given(
    st.tuples(SHARES, st.sampled_from(["at_least", "more_than"]), st.sampled_from(["roll", "answered"])),
    st.sampled_from(["count", "hold"]),
    ROLLS,
)
def test_the_number_missing_is_the_least_that_helps(share, reservations, case):
    text, bound, of = share
    if text == "1" and bound == "more_than":
        return
    roll, votes = case
    rule = parse_rule({"condition": {"kind": "share", bound: text, "of": of}, "reservations": reservations})
    verdict = evaluate(rule, roll, votes)
    if verdict.reached:
        return
    held = [member for member, voice in votes.items() if voice is Voice.reserve and reservations == "hold"]
    helpers = held + [voter.member_id for voter in roll if voter.member_id not in votes]
    least = next(
        (
            n
            for n in range(1, len(helpers) + 1)
            if evaluate(rule, roll, {**votes, **dict.fromkeys(helpers[:n], Voice.approve)}).reached
        ),
        None,
    )
    (missing,) = verdict.missing
    assert missing.n == least, (str(missing), least)


@given(RULES)
def test_a_parsed_rule_is_its_own_parse(rule):
    assert parse_rule(rule) == rule
    assert parse_rule(json.dumps(rule)) == rule
    assert parse_rule_file(json.dumps(rule).encode(), "rule.json") == rule


@pytest.mark.slow
def test_a_hundred_thousand_random_rules_agree_with_brute_force():
    chance = random.Random(20261121)

    def leaf():
        kind = chance.choice(
            ["count", "share", "category_at_least", "must_include", "declines_at_most", "works_at_least"]
        )
        if kind == "share":
            bound = chance.choice(["at_least", "more_than"])
            return {
                "kind": kind,
                bound: f"{chance.randint(1, 9)}/10",
                "of": chance.choice(["roll", "answered"]),
                "by": chance.choice(["members", "weight"]),
            }
        return {
            "count": {"kind": kind, "at_least": chance.randint(1, 9)},
            "category_at_least": {
                "kind": kind,
                "category": chance.choice(CATEGORIES),
                "at_least": chance.randint(1, 3),
            },
            "must_include": {"kind": kind, "members": [f"m{chance.randint(0, 8)}"]},
            "declines_at_most": {"kind": kind, "at_most": chance.randint(0, 3)},
            "works_at_least": {"kind": kind, "at_least": chance.randint(1, 900)},
        }[kind]

    reached = 0
    for _ in range(100_000):
        parts = [leaf() for _ in range(chance.randint(1, 3))]
        rule = parse_rule({
            "condition": {"kind": chance.choice(["all", "any"]), "of": parts},
            "abstentions": chance.choice(["ignored", "against"]), "reservations": chance.choice(["count", "hold"]),
        })  # fmt: skip
        size = chance.randint(0, 9)
        roll = [
            Voter(f"m{n}", chance.choice(CATEGORIES), chance.randint(0, 4), chance.randint(0, 300))
            for n in range(size)
        ]
        votes = {
            voter.member_id: voice
            for voter in roll
            if (voice := chance.choice([*Voice, None, Voice.approve]))
        }
        verdict = evaluate(rule, roll, votes).reached
        assert verdict == brute(rule, roll, votes), (rule, roll, votes)
        reached += verdict
    assert 10_000 < reached < 90_000  # both verdicts were tried


# --- boundaries -----------------------------------------------------------------------------------


def roll_of(n, **kw):
    return tuple(Voter(f"m{i}", "animation", **kw) for i in range(n))


def approvals(n):
    return {f"m{i}": Voice.approve for i in range(n)}


@pytest.mark.parametrize(
    ("rule", "size", "least"),
    [
        ("2/3", 36, 24),
        ("2/3", 37, 25),
        ("simple majority", 36, 19),
        ("simple majority", 37, 19),
        ("two thirds", 3, 2),
        ("unanimity", 36, 36),
        ("66.6%", 1000, 666),
        ("66.67%", 1000, 667),
        ("24", 36, 24),
        ("1/3", 1, 1),
        ("1/1000", 2, 1),
    ],
)
def test_exact_at_the_boundary(rule, size, least):
    parsed, roll = parse_rule(rule), roll_of(size)
    assert evaluate(parsed, roll, approvals(least)).reached
    short = evaluate(parsed, roll, approvals(least - 1))
    assert not short.reached
    assert [str(one) for one in short.missing] == ["1 more approval"]
    condition = short.conditions[0]
    assert (condition.have, condition.need) == (least - 1, least)


def test_nobody_on_the_roll_reaches_nothing():
    for preset in PRESETS:
        assert not evaluate(parse_rule(preset), (), {}).reached


def test_votes_of_strangers_do_not_count():
    verdict = evaluate(parse_rule("2"), roll_of(3), {"m0": Voice.approve, "stranger": Voice.approve})
    assert not verdict.reached
    assert verdict.tally.approved == 1


@pytest.mark.parametrize(("abstentions", "reached"), [("ignored", True), ("against", False)])
def test_abstentions(abstentions, reached):
    rule = parse_rule({"condition": PRESETS["two thirds"], "abstentions": abstentions})
    votes = {"m0": Voice.approve, "m1": Voice.approve, "m2": Voice.abstain, "m3": Voice.decline}
    assert evaluate(rule, roll_of(4), votes).reached is reached


@pytest.mark.parametrize(("reservations", "reached"), [("count", True), ("hold", False)])
def test_reservations(reservations, reached):
    rule = parse_rule({"condition": PRESETS["unanimity"], "reservations": reservations})
    verdict = evaluate(rule, roll_of(2), {"m0": Voice.approve, "m1": Voice.reserve})
    assert verdict.reached is reached
    assert verdict.tally.approved + verdict.tally.held == 2
    assert verdict.tally.held == (0 if reached else 1)
    assert sum(verdict.tally.as_json().values()) == 2 * verdict.tally.roll


def test_what_is_missing_in_words():
    rule = parse_rule(
        {
            "kind": "all",
            "of": [
                {"kind": "count", "at_least": 3},
                {"kind": "category_at_least", "category": "music", "at_least": 1},
                {"kind": "must_include", "members": ["m2"]},
                {"kind": "declines_at_most", "at_most": 0},
            ],
        }
    )
    roll = (
        Voter("m0", "animation"),
        Voter("m1", "animation"),
        Voter("m2", "music", names={"en": "Foo Music K.K.", "ja": "フー音楽株式会社"}),
    )
    verdict = evaluate(rule, roll, {"m0": Voice.approve, "m1": Voice.decline})
    assert [str(one) for one in verdict.missing] == [
        "2 more approvals",
        "1 more approval from “music”",
        "the approval of Foo Music K.K.",
        "1 decline too many",
    ]
    assert "フー音楽株式会社" in verdict.missing[2].render("ja")


def test_the_rule_in_words():
    assert str(rule_sentence(parse_rule("2/3"))) == (
        "The letter is carried when at least 2/3 of all members on the roll approve. "
        "Abstentions count as declining. An approval with a reservation counts as an approval."
    )
    rule = bind_members(parse_rule({"kind": "must_include", "members": ["foo"]}), {"foo": "m2"})
    assert named_members(rule) == ("m2",)
    assert "Foo Music" in str(rule_sentence(rule, {"m2": {"en": "Foo Music"}}))


def test_nested_conditions_are_read_one_way():
    rule = parse_rule(
        {
            "kind": "any",
            "of": [
                {"kind": "count", "at_least": 9},
                {
                    "kind": "all",
                    "of": [
                        {"kind": "count", "at_least": 2},
                        {"kind": "must_include", "members": ["m0", "m1"]},
                    ],
                },
            ],
        }
    )
    roll = (Voter("m0", "x", names={"en": "A Inc."}), Voter("m1", "x", names={"en": "B Inc."}))
    verdict = evaluate(rule, roll, {})
    assert "9 members approve or (2 members approve and A Inc. and B Inc. approve)" in str(
        rule_sentence(rule, {voter.member_id: voter.names for voter in roll})
    )
    assert [str(one) for one in verdict.missing] == [
        "9 more approvals or (2 more approvals and the approval of A Inc. and B Inc.)"
    ]


def test_per_category_wants_every_category():
    rule = parse_rule(per_category(["music", "animation", "music"]))
    roll = (Voter("m0", "animation"), Voter("m1", "animation"), Voter("m2", "music"))
    assert not evaluate(rule, roll, {"m0": Voice.approve, "m1": Voice.approve}).reached
    assert evaluate(rule, roll, {"m0": Voice.approve, "m2": Voice.approve}).reached


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("most of us", "rule"),
        ("3/2", "condition.at_least"),
        ("0/3", "condition.at_least"),
        ("1/0", "condition.at_least"),
        ("150%", "condition.at_least"),
        ("0", "condition.at_least"),
        ("{not json", "rule"),
        ({"kind": "share", "at_least": 0.6666}, "condition.at_least"),
        ({"kind": "share", "at_least": True}, "condition.at_least"),
        ({"kind": "share"}, "condition"),
        ({"kind": "share", "at_least": "1/2", "more_than": "1/2"}, "condition"),
        ({"kind": "share", "more_than": "1"}, "condition.more_than"),
        ({"kind": "share", "at_least": "1/2", "of": "works"}, "condition.of"),
        ({"kind": "vote"}, "condition.kind"),
        ({"kind": "count", "at_least": "3"}, "condition.at_least"),
        ({"kind": "count", "at_least": True}, "condition.at_least"),
        ({"kind": "count", "at_least": 3, "of": "roll"}, "condition.of"),
        ({"kind": "all", "of": []}, "condition.of"),
        (
            {"kind": "all", "of": [{"kind": "count"}, {"kind": "any", "of": [7]}]},
            "condition.of[2].of[1].kind",
        ),
        ({"kind": "must_include", "members": []}, "condition.members"),
        ({"kind": "must_include", "members": "foo"}, "condition.members"),
        ({"kind": "declines_at_most", "at_most": -1}, "condition.at_most"),
        ({"condition": {"kind": "count", "at_least": 1}, "abstentions": "maybe"}, "abstentions"),
        ({"condition": {"kind": "count", "at_least": 1}, "surprise": 1}, "surprise"),
        ({"condition": {"kind": "count", "at_least": 1}, "format": "other"}, "format"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(value, where):
    with pytest.raises(Invalid) as caught:
        parse_rule(value)
    assert where in [problem.where for problem in caught.value.problems]


def test_a_rule_cannot_be_endless():
    deep = {"kind": "count", "at_least": 1}
    for _ in range(6):
        deep = {"kind": "all", "of": [deep]}
    with pytest.raises(Invalid):
        parse_rule(deep)
    with pytest.raises(Invalid):
        parse_rule({"kind": "all", "of": [{"kind": "count", "at_least": 1}] * 60})


def test_rule_files():
    toml = b'reservations = "hold"\n[condition]\nkind = "share"\nat_least = "2/3"\n'
    rule = parse_rule_file(toml, "rule.toml")
    assert rule["reservations"] == "hold"
    with pytest.raises(Invalid) as caught:
        parse_rule_file(b'[condition]\nkind = "x"\n', "rule.toml")
    assert caught.value.problems[0].where == "rule.toml, condition.kind"
    with pytest.raises(Invalid):
        parse_rule_file(b"\xff\xfe", "rule.json")
    with pytest.raises(Invalid):
        bind_members(parse_rule({"kind": "must_include", "members": ["foo"]}), {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2/3", Fraction(2, 3)),
        ("66.6%", Fraction(333, 500)),
        (1, Fraction(1)),
        (0.5, None),
        (None, None),
        ("-1/2", None),
    ],
)
def test_fractions_are_exact(text, value):
    assert fraction(text) == value
