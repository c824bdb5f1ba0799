"""The queue: once for each key, leases that end, growing delays; on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.jobs import queue
from portal.kernel.act import system_act

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def put(key: str = "letter:1", kind: str = "letters.seal", at: datetime = AT) -> None:
    db.run(lambda session, act: queue.add(session, kind, key, {"n": 1}, at), system_act(at))


def claim(owner: str = "a", at: datetime = AT, kinds=("letters.seal",)):
    return db.run(queue.claim, system_act(at), owner=owner, kinds=kinds)


def test_the_same_key_is_one_job(database):
    put()
    put()
    assert claim() is not None
    assert claim("b") is None
    put()  # running
    taken = claim("c", AT + timedelta(hours=1))
    assert taken.attempts == 2
    assert db.run(queue.finish, system_act(AT), taken=taken, owner="c")
    put()  # done
    assert claim("d", AT + timedelta(days=1)) is None


def test_a_job_waits_for_its_time_and_its_kind(database):
    put(at=AT + timedelta(minutes=5))
    assert claim() is None
    assert claim(at=AT + timedelta(minutes=5), kinds=("something.else",)) is None
    assert claim(at=AT + timedelta(minutes=5)).payload == {"n": 1}


def test_a_rolled_back_transaction_leaves_no_job(database):
    class StopError(Exception):
        pass

    def use_case(session, act):
        queue.add(session, "letters.seal", "k", {}, act.at)
        raise StopError

    with pytest.raises(StopError):
        db.run(use_case, system_act(AT))
    assert claim() is None


def test_a_lease_that_ended_goes_to_another_and_the_first_can_no_longer_finish(database):
    put()
    first = claim("first")
    assert claim("second", AT + queue.LEASE) is None
    second = claim("second", AT + queue.LEASE + timedelta(seconds=1))
    assert second.id == first.id
    assert not db.run(queue.finish, system_act(AT), taken=first, owner="first")
    assert not db.run(queue.fail, system_act(AT), taken=first, owner="first", error="late")
    assert not db.run(queue.heartbeat, system_act(AT), taken=first, owner="first")
    assert db.run(queue.finish, system_act(AT), taken=second, owner="second")


def test_the_same_owner_after_a_lost_lease_is_another_holder(database):
    put()
    first = claim("a")
    claim("a", AT + timedelta(hours=1))
    assert not db.run(queue.finish, system_act(AT), taken=first, owner="a")


def test_a_heartbeat_keeps_the_lease(database):
    put()
    taken = claim()
    assert db.run(queue.heartbeat, system_act(AT + timedelta(seconds=50)), taken=taken, owner="a")
    assert claim("b", AT + timedelta(seconds=100)) is None
    assert claim("b", AT + timedelta(seconds=111)) is not None


def test_failures_come_back_later_and_end(database):
    put()
    at = AT
    for attempt in range(1, queue.ATTEMPTS + 1):
        taken = claim("a", at)
        assert taken.attempts == attempt
        db.run(queue.fail, system_act(at), taken=taken, owner="a", error="no\x00pe".replace("\x00", ""))
        assert claim("b", at) is None
        at += timedelta(hours=2)
    assert claim("a", at + timedelta(days=9)) is None
    assert db.read(queue.in_trouble, system_act(at)) == ("letter:1: nope",)


@given(st.integers(1, 10_000))
def test_delays_are_bounded(attempts):
    assert timedelta(seconds=1) <= queue.delay(attempts) <= 1.5 * queue.LONGEST_DELAY


def test_two_workers_never_get_the_same_job(database):
    for number in range(12):
        put(f"job:{number}")
    got: list[str] = []
    barrier = threading.Barrier(4)

    def work(owner: str) -> None:
        barrier.wait()
        while taken := claim(owner):
            got.append(taken.key)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert sorted(got) == sorted(f"job:{n}" for n in range(12))


def test_one_of_all_workers_does_a_time_slot(database):
    def begin(owner, slot=AT, at=AT):
        return db.run(queue.begin_slot, system_act(at), kind="mail.send", slot=slot, owner=owner)

    first = begin("a")
    assert first is not None
    assert begin("b") is None
    later = AT + timedelta(seconds=1)
    assert begin("b", later, later) is None  # the earlier slot is still being worked on
    db.run(queue.finish, system_act(later), taken=first, owner="a")
    second = begin("b", later, later)
    assert second is not None
    assert begin("a", AT) is None


def test_old_slots_are_swept_away(database):
    from sqlalchemy import func, select

    from portal.jobs.model import Job

    for minute in range(10):
        at = AT + timedelta(minutes=minute)
        taken = db.run(queue.begin_slot, system_act(at), kind="mail.send", slot=at, owner="a")
        db.run(queue.finish, system_act(at), taken=taken, owner="a")
    put()
    count = db.read(
        lambda session, act: session.scalar(select(func.count()).select_from(Job)), system_act(AT)
    )
    assert count == 4  # two minutes of slots, and the job of another kind


def test_a_job_that_kills_its_worker_each_time_is_given_up(database):
    put()
    put("other", at=AT + timedelta(days=1))
    at = AT
    for attempt in range(1, queue.ATTEMPTS + 1):
        assert claim("a", at).attempts == attempt  # and the worker falls silent
        at += queue.LEASE + timedelta(seconds=1)
    assert claim("a", at) is None
    (line,) = db.read(queue.in_trouble, system_act(at))
    assert line.startswith("letter:1: ")
    assert claim("a", AT + timedelta(days=1)).key == "other"


def test_what_must_be_done_is_tried_without_end_and_named_meanwhile(database):
    put()
    at = AT
    for attempt in range(1, queue.ATTEMPTS + 5):
        taken = claim("a", at)
        assert taken.attempts == attempt
        db.run(queue.fail, system_act(at), taken=taken, owner="a", error="no disk", endless=True)
        at += timedelta(hours=2)
        named = db.read(queue.in_trouble, system_act(at))
        assert named == (("letter:1: no disk",) if attempt >= queue.ATTEMPTS else ())
    assert db.run(queue.finish, system_act(at), taken=claim("a", at), owner="a")
    assert db.read(queue.in_trouble, system_act(at)) == ()


def test_endless_work_whose_worker_falls_silent_comes_back_at_growing_distances(database):
    put()
    at, began = AT, []
    while len(began) < queue.ATTEMPTS + 3:
        taken = db.run(
            queue.claim, system_act(at), owner="a", kinds=("letters.seal",), endless=("letters.seal",)
        )
        if taken is not None:
            began.append(at)
        at += timedelta(minutes=2)
    assert began[-1] - began[-2] >= timedelta(minutes=8)


def requeue(at: datetime) -> None:
    db.run(
        lambda session, act: queue.requeue(session, "letters.seal", "letter:1", {"n": 1}, act.at),
        system_act(at),
    )


def test_a_job_that_was_given_up_can_be_put_back(database):
    put()
    at = AT
    for _ in range(queue.ATTEMPTS):
        db.run(queue.fail, system_act(at), taken=claim("a", at), owner="a", error="x")
        at += timedelta(hours=2)
    assert claim("a", at) is None
    requeue(at)
    taken = claim("a", at)
    assert taken.attempts == 1
    requeue(at)  # running: left alone
    assert claim("b", at) is None
    db.run(queue.fail, system_act(at), taken=taken, owner="a", error="x")
    requeue(at)  # waiting for its delay: at once
    taken = claim("a", at)
    assert db.run(queue.finish, system_act(at), taken=taken, owner="a")
    requeue(at)  # done: left alone
    assert claim("a", at + timedelta(days=1)) is None


def test_what_was_never_there_is_queued(database):
    requeue(AT)
    assert claim().key == "letter:1"


def test_a_look_says_whether_there_is_something_to_claim(database):
    def waiting(at: datetime, *kinds: str) -> bool:
        return db.read(queue.is_waiting, system_act(at), kinds=kinds)

    put(at=AT + timedelta(seconds=1))
    assert not waiting(AT, "letters.seal")
    assert waiting(AT + timedelta(seconds=1), "letters.seal")
    assert not waiting(AT + timedelta(seconds=1), "else")
    claim(at=AT + timedelta(seconds=1))
    assert not waiting(AT + timedelta(seconds=30), "letters.seal")
    assert waiting(AT + timedelta(seconds=90), "letters.seal")
