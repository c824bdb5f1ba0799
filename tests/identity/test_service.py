"""Accounts, sign-in, sessions, proofs: what works, and what must not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import db
from portal.identity import service as identity
from portal.identity.model import Person, SignInSession
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from tests.conftest import make_act

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PASSWORD = "four ginkgo leaves on my desk"


def stranger(at=AT, address="192.0.2.7"):
    return make_act(at=at, address=address, person_id=None)


def person(email="aya@mizuki.example", password=PASSWORD):
    return db.run(
        identity.create_person, system_act(AT), email=email, name="水城 彩", language="ja", password=password
    )


def load(token, at=AT):
    return db.read(lambda session, act: identity.load_session(session, token, at), system_act(at))


def act_of(view, at=AT):
    return make_act(Role.viewer, member_id="m", person_id=view.id, at=at)


def sign_in(at=AT, email="aya@mizuki.example", password=PASSWORD, address="192.0.2.7"):
    return identity.sign_in(replace(stranger(at, address), person_id=None), email=email, password=password)


def test_an_account_is_made_once(database):
    person()
    with pytest.raises(Conflict):
        person("AYA@mizuki.example")
    found = db.read(lambda session, act: identity.find_person(session, " Aya@Mizuki.Example"), stranger())
    assert (found.name, found.has_password) == ("水城 彩", True)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"email": "no"}, "email"),
        ({"name": " "}, "name"),
        ({"password": "short"}, "password"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_bad_accounts_are_refused_with_the_field(database, values, where):
    good = {"email": "a@b.example", "name": "A", "language": "en", "password": PASSWORD}
    with pytest.raises(Invalid) as refusal:
        db.run(identity.create_person, system_act(AT), **{**good, **values})
    assert [problem.where for problem in refusal.value.problems] == [where]


def test_sign_in_gives_a_session_that_only_its_token_opens(database):
    view = person()
    entered = sign_in()
    assert load(entered.token).person_id == view.id
    assert load(entered.session_id) is None
    assert load("x") is None
    stored = db.read(lambda session, act: session.scalars(select(SignInSession)).one(), stranger())
    assert entered.token not in (stored.id, str(stored.user_agent))
    assert stored.address == "192.0.2.7"


def test_every_wrong_sign_in_has_the_same_answer(database):
    person()
    view = person("off@mizuki.example")
    person("invited@mizuki.example", password=None)
    db.run(lambda session, act: setattr(session.get(Person, view.id), "disabled_at", act.at), system_act(AT))
    sentences = set()
    for number, (email, password) in enumerate(
        [
            ("aya@mizuki.example", "wrong"),
            ("nobody@mizuki.example", PASSWORD),
            ("off@mizuki.example", PASSWORD),
            ("invited@mizuki.example", ""),
            ("aya@mizuki.example", "x" * 4_000),
        ]
    ):
        with pytest.raises(Forbidden) as refusal:
            sign_in(email=email, password=password, address=f"192.0.2.{number}")
        sentences.add(str(refusal.value.sentence))
    assert len(sentences) == 1


@pytest.mark.parametrize("email", ["aya@mizuki.example", "nobody@mizuki.example"])
def test_guessing_is_slowed_down_for_known_and_unknown_alike(database, email):
    person()
    for _ in range(5):
        with pytest.raises(Forbidden):
            sign_in(email=email, password="wrong")
    with pytest.raises(TooMany):
        sign_in(email=email, password="wrong")
    with pytest.raises(TooMany):
        sign_in(email=email, password=PASSWORD)


def test_an_attacker_elsewhere_shuts_nobody_out(database):
    person()
    for _ in range(5):
        with pytest.raises(Forbidden):
            sign_in(password="wrong", address="203.0.113.9")
    with pytest.raises(TooMany):
        sign_in(address="203.0.113.9")
    assert sign_in(address="192.0.2.7")


def test_many_accounts_from_one_address_are_slowed_down(database, monkeypatch):
    monkeypatch.setattr(identity.passwords, "matches", lambda *_: False)
    for number in range(50):
        with pytest.raises(Forbidden):
            sign_in(email=f"n{number}@mizuki.example", password="wrong")
    with pytest.raises(TooMany):
        sign_in(email="one-more@mizuki.example", password="wrong")


def test_success_starts_the_count_anew(database):
    person()
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Forbidden):
                sign_in(password="wrong")
        sign_in()


def test_a_session_ends_when_idle_and_after_twelve_hours(database):
    person()
    token = sign_in().token
    assert load(token, AT + timedelta(minutes=30)) is not None
    assert load(token, AT + timedelta(minutes=61)) is None
    token = sign_in().token
    at = AT
    while at < AT + timedelta(hours=12):
        assert load(token, at) is not None
        at += timedelta(minutes=25)
    assert load(token, AT + timedelta(hours=12, minutes=1)) is None


def test_last_seen_is_noted_at_most_once_a_minute(database):
    person()
    token = sign_in().token

    def seen():
        return db.read(
            lambda session, act: session.scalars(select(SignInSession)).one().last_seen_at, stranger()
        )

    load(token, AT + timedelta(seconds=59))
    assert seen() == AT
    load(token, AT + timedelta(seconds=60))
    assert seen() == AT + timedelta(seconds=60)


def test_a_copied_token_is_worthless_after_sign_out(database):
    view = person()
    token = sign_in().token
    db.run(identity.sign_out, act_of(view), token=token)
    assert load(token) is None
    db.run(identity.sign_out, act_of(view), token=token)  # again: silently
    db.run(identity._touch, system_act(AT + timedelta(minutes=5)), session_id=identity.session_id_of(token))
    assert load(token, AT + timedelta(minutes=5)) is None


def test_a_disabled_person_is_out_at_once(database):
    view = person()
    token = sign_in().token
    db.run(lambda session, act: setattr(session.get(Person, view.id), "disabled_at", act.at), system_act(AT))
    assert load(token) is None


def test_proof_is_noted_with_its_time(database):
    view = person()
    token = sign_in().token
    later = AT + timedelta(minutes=20)
    assert identity.prove(token, PASSWORD, act_of(view, later)) == later
    assert load(token, later).proved_at == later
    with pytest.raises(Invalid):
        identity.prove(token, "wrong", act_of(view, later))
    with pytest.raises(NotFound):
        identity.prove("another token", PASSWORD, act_of(view, later))


def test_proof_cannot_be_guessed(database):
    view = person()
    token = sign_in().token
    for _ in range(5):
        with pytest.raises(Invalid):
            identity.prove(token, "wrong", act_of(view))
    with pytest.raises(TooMany):
        identity.prove(token, PASSWORD, act_of(view))


def test_a_new_password_ends_all_other_sessions(database):
    view = person()
    mine, other = sign_in().token, sign_in().token
    new = "seven crows above the harbour"
    identity.change_password(act_of(view), token=mine, old=PASSWORD, new=new)
    assert load(mine) is not None
    assert load(other) is None
    with pytest.raises(Forbidden):
        sign_in()
    assert sign_in(password=new)


@pytest.mark.parametrize(("old", "new", "where"), [("wrong", "seven crows above the harbour", "password"), (PASSWORD, "short", "new"), (PASSWORD, PASSWORD, "new")])  # fmt: skip
def test_bad_changes_of_password(database, old, new, where):
    view = person()
    token = sign_in().token
    with pytest.raises(Invalid) as refusal:
        identity.change_password(act_of(view), token=token, old=old, new=new)
    assert refusal.value.problems[0].where == where
    assert sign_in()


def test_one_sees_and_ends_only_ones_own_sessions(database):
    mine, other = person(), person("ken@yamazaki.example")
    first, second = sign_in(), sign_in()
    theirs = sign_in(email="ken@yamazaki.example")
    assert {view.id for view in db.read(identity.list_sessions, act_of(mine))} == {
        first.session_id,
        second.session_id,
    }
    with pytest.raises(NotFound):
        db.run(identity.revoke_session, act_of(mine), session_id=theirs.session_id)
    db.run(identity.revoke_session, act_of(mine), session_id=second.session_id)
    assert load(second.token) is None
    assert load(theirs.token).person_id == other.id
    assert load(first.token) is not None


def test_account_changes(database):
    view = person()
    changed = db.run(identity.edit_account, act_of(view), name=" 水城 彩子 ", language="en")
    assert (changed.name, changed.language) == ("水城 彩子", "en")
    assert db.run(identity.edit_account, act_of(view), name="x", language="zz").language == "en"
    with pytest.raises(Invalid):
        db.run(identity.edit_account, act_of(view), name=" ", language="en")


def test_a_password_changed_during_sign_in_is_not_let_in(database, monkeypatch):
    view = person()
    right = identity.passwords.matches

    def slow(stored, given):
        answer = right(stored, given)
        db.run(
            lambda session, act: setattr(session.get(Person, view.id), "password_hash", "changed"),
            system_act(AT),
        )
        return answer

    monkeypatch.setattr(identity.passwords, "matches", slow)
    with pytest.raises(Forbidden):
        sign_in()


def test_the_log_knows_of_it_without_names(database):
    from portal.audit import log

    person()
    sign_in()
    entries = db.read(log.entries, make_act(Role.auditor))
    assert [entry.kind for entry in entries] == ["identity:session:begun", "identity:account:made"]
    assert all("mizuki" not in str(entry.content) for entry in entries)
    assert all(b"mizuki" not in entry.data for entry in entries)
