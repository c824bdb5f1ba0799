"""The worker: does what is due, puts back what fails, loses nothing when killed."""

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal import db
from portal.jobs import queue
from portal.jobs.worker import Periodic, Worker
from portal.kernel.act import Role, system_act

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def put(key: str, kind: str = "k", payload=None, at: datetime = AT) -> None:
    db.run(lambda session, act: queue.add(session, kind, key, payload or {}, at), system_act(at))


def test_jobs_are_done_with_the_systems_act(database):
    done = []
    worker = Worker({"k": lambda act, payload: done.append((act, dict(payload)))})
    put("1", payload={"issue": "x"})
    assert worker.run_once(AT)
    assert not worker.run_once(AT)
    act, payload = done[0]
    assert act.roles == {Role.system}
    assert (act.at, payload) == (AT, {"issue": "x"})


def test_a_failing_job_does_not_stop_the_others(database):
    done = []

    def handler(act, payload):
        if payload.get("bad"):
            raise RuntimeError("broken")
        done.append(payload["n"])

    worker = Worker({"k": handler})
    put("1", payload={"bad": True})
    put("2", payload={"n": 2})
    assert worker.run_once(AT)
    assert worker.run_once(AT)
    assert not worker.run_once(AT)
    assert done == [2]
    assert worker.run_once(AT + timedelta(minutes=1))  # the broken one again


def test_a_job_may_queue_another(database):
    done = []

    def first(act, payload):
        db.run(lambda session, act: queue.add(session, "second", "s", {}, act.at), act)

    worker = Worker({"k": first, "second": lambda act, payload: done.append(1)})
    put("1")
    assert worker.drain(AT) == 2
    assert done == [1]


def test_periodic_work_is_done_once_a_slot_by_all_workers_together(database):
    done = []
    schedule = [Periodic("p", timedelta(seconds=2), lambda act, payload: done.append(act.at))]
    workers = [Worker({}, schedule) for _ in range(3)]
    for second in range(6):
        for worker in workers:
            worker.run_once(AT + timedelta(seconds=second))
    assert done == [AT, AT + timedelta(seconds=2), AT + timedelta(seconds=4)]


def test_failing_periodic_work_is_tried_again_and_does_not_stop_the_next_slot(database):
    calls = []

    def handler(act, payload):
        calls.append(act.at)
        raise RuntimeError("broken")

    worker = Worker({}, [Periodic("p", timedelta(minutes=1), handler)])
    worker.run_once(AT)
    worker.run_once(AT + timedelta(minutes=1))
    assert len(calls) >= 2
    assert AT + timedelta(minutes=1) in calls


def test_slots_are_the_same_for_everybody():
    periodic = Periodic("p", timedelta(seconds=30), lambda act, payload: None)
    assert periodic.slot(AT) == periodic.slot(AT + timedelta(seconds=29.9)) == AT
    assert periodic.slot(AT + timedelta(seconds=30)) == AT + timedelta(seconds=30)


def test_a_long_job_keeps_its_lease(database, monkeypatch):
    monkeypatch.setattr(queue, "LEASE", timedelta(seconds=0.6))
    second_got = []

    def handler(act, payload):
        for _ in range(4):
            time.sleep(0.3)
            now = act.at + timedelta(seconds=time.monotonic() - begun)
            second_got.append(db.run(queue.claim, system_act(now), owner="other", kinds=("k",)))

    worker = Worker({"k": handler})
    put("1")
    begun = time.monotonic()
    assert worker.run_once(AT)
    assert second_got == [None] * 4


def test_run_forever_stops_and_works(database):
    stop, done = threading.Event(), threading.Event()
    worker = Worker({"k": lambda act, payload: done.set()})
    thread = threading.Thread(target=worker.run_forever, args=(stop,))
    thread.start()
    put("1", at=datetime.now(UTC))
    assert done.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def _doomed(url: str, path: str) -> None:
    db.use(db.Database(url))

    def handler(act, payload):
        with Path(path).open("a") as file:
            file.write("x")
        time.sleep(60)

    Worker({"k": handler}).run_once(AT)


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(database, tmp_path):
    put("1")
    begun = tmp_path / "begun"
    process = multiprocessing.get_context("spawn").Process(target=_doomed, args=(database.url, str(begun)))
    process.start()
    for _ in range(300):
        if begun.exists():
            break
        time.sleep(0.1)
    assert begun.exists()
    os.kill(process.pid, signal.SIGKILL)
    process.join(20)
    done = []
    worker = Worker({"k": lambda act, payload: done.append(1)})
    assert not worker.run_once(AT + timedelta(seconds=30))
    assert worker.run_once(AT + timedelta(seconds=120))
    assert done == [1]
