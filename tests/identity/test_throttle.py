"""Slowing down: counted before it is looked at, growing delays, nobody shut out by others."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.identity import throttle
from portal.identity.throttle import LONGEST_WAIT, WINDOW, Limit, network, wait_after
from portal.kernel.act import system_act
from portal.kernel.errors import TooMany

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LIMIT = Limit("t", ("a",), free=3)


def enter(at=AT, limit=LIMIT) -> bool:
    try:
        db.run(throttle.enter, system_act(at), limits=(limit,))
    except TooMany:
        return False
    return True


def test_the_first_are_free_then_it_slows_down(database):
    assert [enter() for _ in range(5)] == [True, True, True, False, False]
    assert not enter(AT + timedelta(seconds=0.9))
    assert enter(AT + timedelta(seconds=1))
    assert not enter(AT + timedelta(seconds=2.9))
    assert enter(AT + timedelta(seconds=3))


def test_waiting_attempts_do_not_prolong_the_wait(database):
    for _ in range(3):
        enter()
    for _ in range(50):
        assert not enter(AT + timedelta(seconds=0.5))
    assert enter(AT + timedelta(seconds=1.5))


def test_the_window_starts_anew(database):
    for _ in range(3):
        enter()
    later = AT + WINDOW + timedelta(seconds=1)
    assert [enter(later) for _ in range(4)] == [True, True, True, False]


def test_success_forgets(database):
    for _ in range(3):
        enter()
    db.run(throttle.succeeded, system_act(AT), limits=(LIMIT,))
    assert enter()


def test_success_frees_one_attempt_of_a_wider_limit(database):
    wide = Limit("wide", ("x",), free=2)
    for _ in range(10):
        db.run(throttle.enter, system_act(AT), limits=(LIMIT, wide))
        db.run(throttle.succeeded, system_act(AT), limits=(LIMIT, wide))


def test_guesses_sent_all_at_once_do_not_slip_through(database):
    barrier = threading.Barrier(8)
    through = []

    def work():
        barrier.wait()
        through.append(enter())

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert 1 <= through.count(True) <= 3


@given(st.integers(0, 10_000), st.integers(1, 100))
def test_waits_grow_and_are_bounded(count, free):
    wait = wait_after(count, free)
    assert (wait is None) == (count < free)
    if wait is not None:
        assert timedelta(seconds=1) <= wait <= LONGEST_WAIT
        assert wait <= (wait_after(count + 1, free) or timedelta())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), (None, "no address", True),
    ],
)  # fmt: skip
def test_corners_of_the_network(one, other, same):
    assert (network(one) == network(other)) == same


def test_keys_tell_nobody_who_tried():
    assert "mizuki" not in Limit("sign-in", ("aya@mizuki.example",), free=1).key
    assert Limit("t", ("a", "b"), 1).key != Limit("t", ("ab",), 1).key
