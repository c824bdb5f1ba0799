"""Acts, states, digests, sentences."""

from datetime import timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.act import FRESH, POLICY, Permission, Role, new_id, require, system_act
from portal.kernel.digest import canonical, digest_of
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem, ProofNeeded
from portal.kernel.sentence import say, say_n
from portal.kernel.states import move
from tests.conftest import make_act


def test_every_permission_has_a_rule_and_a_grammar():
    assert set(POLICY) == set(Permission)
    assert all(permission.value.count(":") == 2 for permission in Permission)
    assert all(rule.roles and Role.system not in rule.roles for rule in POLICY.values())


def test_another_members_thing_is_not_found():
    act = make_act(Role.signatory, member_id="a" * 32)
    require(act, Permission.signoff_place, member_id="a" * 32)
    with pytest.raises(NotFound):
        require(act, Permission.signoff_place, member_id="b" * 32)


def test_a_missing_role_is_forbidden():
    with pytest.raises(Forbidden):
        require(make_act(Role.viewer, member_id="a" * 32), Permission.signoff_place)


def test_a_binding_act_needs_a_fresh_proof():
    act = make_act(Role.signatory, member_id="a" * 32)
    late = make_act(
        Role.signatory, member_id="a" * 32, at=act.at + FRESH + timedelta(seconds=1), proved_at=act.at
    )
    require(act, Permission.signoff_place)
    with pytest.raises(ProofNeeded):
        require(late, Permission.signoff_place)
    never = make_act(Role.signatory, member_id="a" * 32, proved_at=None)
    with pytest.raises(ProofNeeded):
        require(never, Permission.signoff_place)


def test_the_portal_itself_may(staff):
    for permission in Permission:
        require(system_act(staff.at), permission, member_id="a" * 32)


def test_ids_sort_by_time_and_are_uuid7():
    ids = [new_id() for _ in range(2_000)]
    assert len(set(ids)) == len(ids)
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert all(one[12] == "7" and one[16] in "89ab" and len(one) == 32 for one in ids)


class Light(StrEnum):
    red = "red"
    green = "green"


def test_states_move_along_the_table_only():
    table = {Light.red: frozenset({Light.green})}
    light = say("The light")
    assert move(table, Light.red, Light.green, light) is Light.green
    with pytest.raises(Conflict, match="The light") as caught:
        move(table, Light.green, Light.red, light)
    # The words of our tables are for who debugs, not for who reads.
    for language in ("en", "ja"):
        assert not {"red", "green"} & set(caught.value.sentence.render(language).split())
    assert caught.value.__notes__ == ["green -> red"]


def test_sentences_are_rendered_at_the_edge():
    inner = say_n("%(n)s entry needs correcting.", "%(n)s entries need correcting.", 2)
    assert str(inner) == "2 entries need correcting."
    assert inner.render("ja") == "2件の入力内容を訂正してください。"
    assert str(say("%(a)s | %(b)s", a=inner, b="100 %")) == "2 entries need correcting. | 100 %"
    assert str(say("100 %")) == "100 %"


def test_invalid_tells_how_many():
    assert (
        str(Invalid([Problem("a", say("x")), Problem("b", say("y"))]).sentence)
        == "2 entries need correcting."
    )


# RFC 8785, section 3.2.2 and 3.2.3: number and key forms
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [1.0, 1e21, 1e-7]}, b'{"a":[1,1e+21,1e-7],"b":1}'),
        ({"\u20ac": 1, "\r": 2, "\ufb33": 3}, '{"\\r":2,"\u20ac":1,"\ufb33":3}'.encode()),
        ('\u0000\u001f"\\/é𠮷', '"\\u0000\\u001f\\"\\\\/é𠮷"'.encode()),
        ([None, True, False], b"[null,true,false]"),
    ],
)
def test_canonical_json(value, expected):
    assert canonical(value) == expected


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**53) + 1, 2**53 - 1)))
def test_a_digest_does_not_depend_on_the_order(value):
    assert digest_of(value) == digest_of(dict(reversed(value.items())))
