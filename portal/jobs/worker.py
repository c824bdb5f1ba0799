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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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

Handler = Callable[[Act, Mapping[str, Any]], object]
"""Does one job: with the system's act and the payload. Uses `db.run` itself; may be called twice.

Of periodic work, the answer says whether something was done, so that there may be more.
"""
Due = Callable[[Act], bool]
"""Whether periodic work has anything to do: a look that writes nothing."""
Clock = Callable[[], datetime]

PAUSE: Final = 0.5
"""Seconds between looks when there is nothing to do: the longest a new job waits on an idle worker."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Periodic:
    """Work at every multiple of *every* since 2000-01-01 UTC, done by one of all workers.

    Where *due* says that there is nothing to do, nothing is begun, and it is asked again at the next
    look: an idle worker writes nothing.
    """

    kind: str
    every: timedelta
    handler: Handler
    due: Due | None = None

    def slot(self, at: datetime) -> datetime:
        """The last multiple at or before *at*: the same on every worker whose clock is right."""
        return _EPOCH + (at - _EPOCH) // self.every * self.every


class Worker:
    """Does jobs of the kinds in *handlers*, and *schedule*. One thread uses one worker.

    Jobs of the kinds in *endless* are never given up, however often they fail.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        schedule: Sequence[Periodic] = (),
        endless: Collection[str] = (),
    ) -> None:
        self._schedule = tuple(schedule)
        self._handlers = {**handlers, **{periodic.kind: periodic.handler for periodic in self._schedule}}
        self._endless = frozenset(endless)
        self._slots: dict[str, datetime] = {}
        self.owner = f"{socket.gethostname()[:24]}:{os.getpid()}:{new_id()[-12:]}"

    def run_once(self, at: datetime | None = None) -> bool:
        """Start what is due by the clock, then do one job of the queue; whether there was one.

        Everything happens at the time *at*, or else each part at the time it begins. A job that fails
        is put back with a delay; only trouble with the database itself is raised.
        """
        clock = _clock(at)
        for periodic in self._schedule:
            self._begin(periodic, clock)
        taken = self._claim(clock())
        if taken is None:
            return False
        self._do(taken, clock())
        return True

    def _begin(self, periodic: Periodic, clock: Clock) -> None:
        act = system_act(clock())
        slot = periodic.slot(act.at)
        if self._slots.get(periodic.kind) == slot:
            return
        if periodic.due is not None and not periodic.due(act):
            return
        begun = db.run(queue.begin_slot, act, kind=periodic.kind, slot=slot, owner=self.owner)
        self._slots[periodic.kind] = slot
        if begun is not None:
            self._do(begun, clock())

    def _claim(self, at: datetime) -> Taken | None:
        """The next job. A look comes first: a write transaction is a lock and a wait for the disk."""
        act, kinds = system_act(at), tuple(self._handlers)
        if not db.read(queue.is_waiting, act, kinds=kinds):
            return None
        return db.run(queue.claim, act, owner=self.owner, kinds=kinds, endless=self._endless)

    def drain(self, at: datetime | None = None) -> int:
        """Do everything there is to do, and what comes of it; how many jobs it took.

        For rehearsals, tests and ``worker --once``: what is due by the clock is done in every round.
        *at* as in `run_once`.
        """
        clock, count = _clock(at), 0
        while True:
            before = count
            more = [bool(periodic.handler(system_act(clock()), {})) for periodic in self._schedule]
            while taken := self._claim(clock()):
                self._do(taken, clock())
                count += 1
            if count == before and not any(more):
                return count

    def run_forever(self, stop: threading.Event) -> None:
        """Work until *stop* is set. Trouble with the database is waited out, with growing pauses."""
        trouble = 0
        while not stop.is_set():
            try:
                busy = self.run_once()
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
            held = db.run(
                queue.fail, system_act(now()), taken=taken, owner=self.owner, error=error,
                endless=taken.kind in self._endless,
            )  # fmt: skip
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


def _clock(at: datetime | None) -> Clock:
    """A clock that stands at *at*; without, the real one."""
    return (lambda: datetime.now(UTC)) if at is None else lambda: at
