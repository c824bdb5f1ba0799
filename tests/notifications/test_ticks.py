"""A tick of delivery is bounded: mail never holds up the worker's other work for long."""

from datetime import timedelta

import pytest

from portal import db
from portal.kernel.act import system_act
from portal.notifications import delivery
from portal.notifications.delivery import SmtpMailer, deliver_due, is_waiting
from portal.notifications.mailer import NotNow
from portal.notifications.model import MessageState
from tests.notifications.test_delivery import AT, Backend, add, rows, smtp, use  # noqa: F401 - a fixture


def some(count: int) -> None:
    for number in range(count):
        add(str(number))


def test_a_server_that_cannot_be_reached_is_asked_once_a_tick(database, inbox):
    backend = use(Backend(*[TimeoutError("timed out")] * 3))
    some(5)
    for tick in range(1, 4):
        assert deliver_due(AT) == 0
        assert len(backend.sent) == tick
    assert deliver_due(AT) == 2  # it is back; the three wait for their delays
    assert deliver_due(AT + timedelta(minutes=1)) == 3


def test_one_message_that_is_not_taken_now_does_not_end_the_tick(database, inbox):
    use(Backend(NotNow("450 try later")))
    some(3)
    assert deliver_due(AT) == 2
    assert [row.state for row in rows()] == [MessageState.queued, MessageState.sent, MessageState.sent]


@pytest.mark.parametrize("slow", [True, False])
def test_a_tick_takes_so_many_and_no_more(sqlite_database, inbox, slow):
    if slow:
        use(Backend())
    some(delivery.BATCH + 3)
    assert deliver_due(AT) == delivery.BATCH
    assert db.read(is_waiting, system_act(AT))
    assert deliver_due(AT) == 3
    assert deliver_due(AT) == 0


def test_a_slow_server_ends_the_tick(sqlite_database, inbox, monkeypatch):
    monkeypatch.setattr(delivery, "SECONDS", 0.0)
    backend = use(Backend())
    some(2)
    deliver_due(AT)
    assert backend.sent == []
    monkeypatch.setattr(delivery, "SECONDS", 5.0)
    passed = iter(range(0, 100, 3))
    monkeypatch.setattr(delivery.time, "monotonic", lambda: next(passed))
    some(9)
    deliver_due(AT)
    assert len(backend.sent) == 1  # begun at 0, looked at 3; at 6 it is over


def test_times_are_those_of_the_clock(database, inbox):
    hours = iter(range(1, 100))
    add()
    deliver_due(AT, clock=lambda: AT + timedelta(hours=next(hours)))
    assert rows()[0].sent_at > AT + timedelta(hours=3)


@pytest.mark.parametrize(("answer", "stops"), [("450 try later", False), ("421 closing", True)])
def test_which_answers_of_a_server_end_the_tick(sqlite_database, inbox, smtp, answer, stops):  # noqa: F811
    smtp.refuse = answer
    use(SmtpMailer(smtp.url))
    some(2)
    assert deliver_due(AT) == 0
    assert [row.attempts for row in rows()] == ([1, 0] if stops else [1, 1])


def test_a_greeting_that_refuses_us_does_not_lose_the_message(sqlite_database, inbox):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"554 no service here\r\n")
                connection.recv(100)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        use(SmtpMailer(f"smtp://127.0.0.1:{server.getsockname()[1]}", timeout=5))
        add()
        assert deliver_due(AT) == 0
        thread.join(5)
    (row,) = rows()
    assert row.state is MessageState.queued
    assert row.secret is not None
