"""What is written with the change, and what staff may see of it."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from portal import db
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Forbidden
from portal.notifications import mailer, outbox
from portal.notifications.mailer import Rejected
from portal.notifications.model import MESSAGE_MOVES, Message, MessageState
from tests.conftest import make_act

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ACT = system_act(AT)


def add(key="k", to="aya@mizuki.example", secret=None, context=None, template="invitation"):
    return db.run(
        lambda session, act: outbox.add(
            session,
            act,
            key=key,
            to=to,
            language="ja",
            template=template,
            context=context or {"name": "水城 彩"},
            secret=secret,
        ),
        ACT,
    )


def row(key="k") -> Message:
    return db.read(lambda session, act: session.scalars(select(Message).where(Message.key == key)).one(), ACT)


def test_a_key_is_queued_once(database, inbox):
    assert add() == add()
    assert row().state is MessageState.queued


def test_secrets_are_not_readable_in_the_database(database, inbox):
    add(secret={"path": "/invitation/topsecret"})
    stored = row()
    assert b"topsecret" not in stored.secret
    assert "topsecret" not in str(stored.context)
    assert mailer.current().decrypt(stored.secret) == {"path": "/invitation/topsecret"}


def test_another_key_cannot_read_the_secret(database, inbox):
    add(secret={"path": "x"})
    other = mailer.Mailer(
        mailer.current().backend, "a@b.example", "http://x", "another secret key of enough length.."
    )
    with pytest.raises(Rejected):
        other.decrypt(row().secret)


def test_a_change_that_is_rolled_back_sends_nothing(database, inbox):
    def use_case(session, act):
        outbox.add(session, act, key="k", to="a@b.example", language="en", template="t", context={})
        raise Forbidden

    with pytest.raises(Forbidden):
        db.run(use_case, ACT)
    assert db.read(lambda session, act: session.scalars(select(Message)).all(), ACT) == []


def test_the_same_key_from_many_threads_is_one_message(database, inbox):
    barrier = threading.Barrier(6)
    ids, errors = [], []

    def work():
        barrier.wait()
        try:
            ids.append(add())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert not errors
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_staff_see_states_and_never_texts(database, inbox):
    add(secret={"path": "/invitation/topsecret"})
    views, pages = db.read(outbox.messages, make_act(Role.case_manager))
    assert (views[0].to, views[0].state, pages) == ("aya@mizuki.example", "queued", 1)
    assert "topsecret" not in repr(views)
    assert db.read(outbox.messages, make_act(Role.auditor), state="sent")[0] == ()
    for role in (Role.manager, Role.signatory, Role.officer):
        with pytest.raises(Forbidden):
            db.read(outbox.messages, make_act(role, member_id="m"))


def test_prefixes_are_taken_literally(database, inbox):
    add("invitation:a_b:1")
    add("invitation:axb:1")
    states = db.read(lambda session, act: outbox.states_of(session, prefix="invitation:a_b"), ACT)
    assert states == {"invitation:a_b:1": "queued"}


def test_every_state_has_its_row():
    assert set(MESSAGE_MOVES) == set(MessageState)
    assert MESSAGE_MOVES[MessageState.failed] == frozenset()
