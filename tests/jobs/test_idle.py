"""An idle worker looks and writes nothing; what comes in is taken at once; on both databases."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import event, select

from portal import db
from portal.app import make_worker
from portal.audit import log
from portal.jobs import queue
from portal.jobs.worker import Periodic, Worker
from portal.kernel.act import new_id, system_act
from portal.notifications import delivery, mailer, outbox
from portal.notifications.model import Message, MessageState
from tests.letters.world import open_test_house

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@contextmanager
def writes(database: db.Database) -> Iterator[list[int]]:
    """The write transactions begun meanwhile (on PostgreSQL both doors share their events)."""
    begun: list[int] = []

    def note(connection) -> None:
        if not connection.get_execution_options().get("postgresql_readonly"):
            begun.append(1)

    event.listen(database.write, "begin", note)
    try:
        yield begun
    finally:
        event.remove(database.write, "begin", note)


@pytest.fixture
def worker(database: db.Database, tmp_path: Path) -> Iterator[Worker]:
    """The portal's own worker, with everything that came before done."""
    house = open_test_house(tmp_path)
    mailer.configure(delivery.mailer_for(house.settings))
    made = make_worker(house)
    made.drain()
    yield made
    mailer.configure(None)


def enter() -> None:
    db.run(lambda session, act: log.append(session, act, "jobs:test:done", "x", {}), system_act(AT))


def add_mail(session, act) -> None:
    outbox.add(
        session, act, key=new_id(), to="a@b.example", language="en", template="letters/issued",
        context={"reference": "R", "issue_id": "i", "subject": {"en": "S"}, "member": {}},
    )  # fmt: skip


def test_an_idle_worker_writes_nothing(worker: Worker, database: db.Database):
    now = datetime.now(UTC)
    with writes(database) as begun:
        for tick in range(5):
            assert not worker.run_once(now + timedelta(seconds=2 * tick))
        assert begun == []
        enter()
        worker.run_once(now + timedelta(seconds=20))
        assert len(begun) > 1  # the counting counts


def latest() -> int:
    found = db.read(lambda session, _act: log.latest_checkpoint(session), system_act(AT))
    return found.size if found else -1


def mail_is_out() -> bool:
    states = db.read(lambda session, _act: set(session.scalars(select(Message.state))), system_act(AT))
    return states == {MessageState.sent}


def soon(happened) -> bool:
    """Whether it happened within a second."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.02)
    return False


def test_what_comes_in_is_taken_within_a_second(worker: Worker):
    done = threading.Event()
    worker._handlers["test"] = lambda act, payload: done.set()
    stop = threading.Event()
    thread = threading.Thread(target=worker.run_forever, args=(stop,))
    thread.start()
    try:
        time.sleep(1.2)  # idle by now
        now = system_act(datetime.now(UTC))
        db.run(lambda session, act: queue.add(session, "test", "1", {}, act.at), now)
        assert done.wait(1)
        enter()
        assert soon(lambda: latest() == 1)
        db.run(add_mail, system_act(datetime.now(UTC)))
        assert soon(mail_is_out)
    finally:
        stop.set()
        thread.join(20)


def test_what_is_not_due_is_asked_again_and_what_is_done_waits_for_the_next_slot(database):
    due, done = [False], []
    schedule = [Periodic("p", timedelta(seconds=10), lambda act, _: done.append(act.at), lambda _: due[0])]
    worker = Worker({}, schedule)
    at = [AT + timedelta(seconds=second) for second in range(12)]
    worker.run_once(at[0])
    due[0] = True
    worker.run_once(at[1])
    worker.run_once(at[2])
    assert done == [at[1]]
    worker.run_once(at[10])
    assert done == [at[1], at[10]]


def test_each_job_has_its_own_time(sqlite_database):
    seen = []

    def handler(act, payload):
        seen.append(act.at)
        time.sleep(0.2)

    worker = Worker({"k": handler}, [Periodic("p", timedelta(days=1), handler)])
    for key in "12":
        db.run(
            lambda session, act, key: queue.add(session, "k", key, {}, act.at),
            system_act(datetime.now(UTC)),
            key,
        )
    worker.run_once()
    worker.run_once()
    assert len(seen) == 3
    assert all(later - earlier >= timedelta(seconds=0.2) for earlier, later in pairwise(seen))


def test_drain_goes_on_while_periodic_work_says_it_did_something(sqlite_database):
    left = list(range(3))
    worker = Worker({}, [Periodic("p", timedelta(seconds=1), lambda act, _: left and left.pop() is not None)])
    worker.drain(AT)
    assert left == []


def test_more_mail_than_one_tick_takes_is_drained(worker: Worker):
    act = system_act(datetime.now(UTC))
    for _ in range(delivery.BATCH * 2 + 1):
        db.run(add_mail, act)
    worker.drain(act.at)
    assert mail_is_out()
