"""The worker: takes jobs one after the other, and starts what is due by the clock.

Any number of workers may run. Killed at any moment, nothing is lost: the lease of what it was doing
ends, and another worker (or itself, restarted) does it again.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from portal import db
from portal.jobs import queue
from portal.jobs.queue import Taken
from portal.kernel.act import Act, new_id, system_act
from portal.kernel.errors import Refused

log = logging.getLogger(__name__)

Handler = Callable[[Act, Mapping[str, Any]], None]
"""Does one job: with the system's act and the payload. Uses `db.run` itself; may be called twice."""

PAUSE: Final = 0.5
"""Seconds between looks when there is nothing to do: the longest a new job waits on an idle worker."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Periodic:
    """Work at every multiple of *every* since 2000-01-01 UTC, done by one of all workers."""

    kind: str
    every: timedelta
    handler: Handler

    def slot(self, at: datetime) -> datetime:
        """The last multiple at or before *at*: the same on every worker whose clock is right."""
        return _EPOCH + (at - _EPOCH) // self.every * self.every


class Worker:
    """Does jobs of the kinds in *handlers*, and *schedule*. One thread uses one worker."""

    def __init__(self, handlers: Mapping[str, Handler], schedule: Sequence[Periodic] = ()) -> None:
        self._schedule = tuple(schedule)
        self._handlers = {**handlers, **{periodic.kind: periodic.handler for periodic in self._schedule}}
        self._slots: dict[str, datetime] = {}
        self.owner = f"{socket.gethostname()[:24]}:{os.getpid()}:{new_id()[-12:]}"

    def run_once(self, at: datetime) -> bool:
        """Start what is due by the clock, then do one job of the queue; whether there was one.

        A job that fails is put back with a delay; only trouble with the database itself is raised.
        """
        for periodic in self._schedule:
            slot = periodic.slot(at)
            if self._slots.get(periodic.kind) == slot:
                continue
            begun = db.run(queue.begin_slot, system_act(at), kind=periodic.kind, slot=slot, owner=self.owner)
            self._slots[periodic.kind] = slot
            if begun is not None:
                self._do(begun, at)
        taken = db.run(queue.claim, system_act(at), owner=self.owner, kinds=tuple(self._handlers))
        if taken is None:
            return False
        self._do(taken, at)
        return True

    def drain(self, at: datetime) -> int:
        """Do everything there is to do at the time *at*, and what comes of it; how many jobs it took.

        For rehearsals, tests and ``worker --once``: what is due by the clock is done in every round.
        """
        count = 0
        while True:
            for periodic in self._schedule:
                periodic.handler(system_act(at), {})
            before = count
            while taken := db.run(queue.claim, system_act(at), owner=self.owner, kinds=tuple(self._handlers)):
                self._do(taken, at)
                count += 1
            if count == before:
                return count

    def run_forever(self, stop: threading.Event) -> None:
        """Work until *stop* is set. Trouble with the database is waited out, with growing pauses."""
        trouble = 0
        while not stop.is_set():
            try:
                busy = self.run_once(datetime.now(UTC))
                trouble = 0
            except (SQLAlchemyError, Refused, OSError):
                trouble += 1
                log.exception("the worker cannot work; trying again")
                stop.wait(min(30.0, 2.0 ** min(trouble, 5)))
                continue
            if not busy:
                stop.wait(PAUSE)

    def _do(self, taken: Taken, at: datetime) -> None:
        begun = time.monotonic()

        def now() -> datetime:
            return at + timedelta(seconds=time.monotonic() - begun)

        error = None
        with self._heartbeats(taken, now):
            try:
                self._handlers[taken.kind](system_act(at), taken.payload)
            except Exception as trouble:
                log.exception("job %s failed, attempt %s", taken.key, taken.attempts)
                error = f"{type(trouble).__name__}: {trouble}"
        if error is None:
            held = db.run(queue.finish, system_act(now()), taken=taken, owner=self.owner)
        else:
            held = db.run(queue.fail, system_act(now()), taken=taken, owner=self.owner, error=error)
        if not held:
            log.warning("job %s was taken over by another worker meanwhile", taken.key)

    @contextmanager
    def _heartbeats(self, taken: Taken, now: Callable[[], datetime]) -> Iterator[None]:
        """Prolong the lease from another thread while a long job runs; a killed process stops doing so."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(queue.LEASE.total_seconds() / 3):
                try:
                    db.run(queue.heartbeat, system_act(now()), taken=taken, owner=self.owner)
                except (SQLAlchemyError, Refused):
                    log.exception("no heartbeat for job %s", taken.key)

        thread = threading.Thread(target=beat, name=f"heartbeat {taken.kind}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
