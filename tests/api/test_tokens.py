"""Tokens: shown once, hashed, good for reading until they are revoked or past their time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal import db
from portal.api import tokens
from portal.api.tokens import TokenNeeded
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.errors import Conflict, Forbidden, Invalid, ProofNeeded
from tests.conftest import make_act
from tests.whole.rows import insert


def admin() -> Act:
    act = make_act(Role.administrator)
    db.run(seat, act)
    return act


def seat(session, act: Act, **kw) -> str:
    """A person with a live seat of the association."""
    insert(session, "person", id=act.person_id)
    values = {"id": new_id(), "person_id": act.person_id, "member_id": None, "ended_at": None}
    return insert(session, "seat", **(values | {"roles": ["administrator"]} | kw))["id"]


def made(act: Act, **kw) -> str:
    return db.run(tokens.create, act, **({"name": "statistics", "valid_for": timedelta(days=9)} | kw))


def used(token: str | None, **later: float) -> Act:
    act = make_act()
    from dataclasses import replace

    return db.read(tokens.act_for, replace(act, at=act.at + timedelta(**later)), token=token)


def test_a_token_reads_and_does_nothing_else(database) -> None:
    act = used(made(admin()))
    assert act.is_staff
    require(act, Permission.member_read)
    for permission in (Permission.member_edit, Permission.token_manage, Permission.signoff_place):
        with pytest.raises(Forbidden):
            require(act, permission)


def test_it_is_not_in_the_database(sqlite_database) -> None:
    token = made(admin())
    row = db.read(lambda s, _a: s.execute(sa.text("SELECT * FROM api_token")).one(), make_act())
    assert not any(token.removeprefix(tokens.PREFIX) in str(value) for value in row)


@pytest.mark.parametrize("token", [None, "", "rensho_", "x", "rensho_" + "A" * 43])
def test_no_token_no_reading(sqlite_database, token) -> None:
    made(admin())
    with pytest.raises(TokenNeeded):
        used(token)


def test_until_its_time(sqlite_database) -> None:
    token = made(admin())
    assert used(token, days=8.9)
    with pytest.raises(TokenNeeded):
        used(token, days=9.1)


def test_revoked(sqlite_database) -> None:
    act = admin()
    token = made(act)
    (view,) = db.read(tokens.tokens, act)
    db.run(tokens.revoke, act, token_id=view.id)
    with pytest.raises(TokenNeeded):
        used(token)
    with pytest.raises(Conflict):
        db.run(tokens.revoke, act, token_id=view.id)


@pytest.mark.parametrize(
    "call",
    [{"name": " "}, {"name": "x" * 201}, {"valid_for": timedelta(0)}, {"valid_for": timedelta(days=367)}],
)
def test_what_is_not_made(sqlite_database, call) -> None:
    with pytest.raises(Invalid):
        made(admin(), **call)


def test_who_makes_them(sqlite_database) -> None:
    with pytest.raises(Forbidden):
        made(make_act(Role.case_manager, Role.officer, Role.auditor, Role.counsel))
    act = make_act(Role.administrator)
    with pytest.raises(ProofNeeded):
        made(make_act(Role.administrator, proved_at=act.at - timedelta(minutes=6)))


def test_it_ends_with_the_seat_of_who_made_it(database) -> None:
    act = make_act(Role.administrator)
    seat_id = db.run(seat, act)
    token = made(act)
    assert used(token).person_id == act.person_id
    end = sa.text("UPDATE seat SET ended_at = created_at WHERE id = :id")
    db.run(lambda s, _a: s.execute(end, {"id": seat_id}), act)
    with pytest.raises(TokenNeeded):
        used(token)
    db.run(lambda s, a: seat(s, a, member_id=insert(s, "member")["id"]), act)
    with pytest.raises(TokenNeeded):  # at a member one is nobody of the association
        used(token)
    db.run(seat, act)
    assert used(token)
