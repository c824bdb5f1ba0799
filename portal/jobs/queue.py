"""Work to be done later: put in with the change that needs it, done at least once.

A worker takes a job by leasing it. A worker that is killed goes silent, its lease ends, and another
takes the job; nothing has to notice the death. So a job may be done twice, and handlers allow for it.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.jobs.model import JOB_MOVES, Job, JobState
from portal.kernel.act import Act, new_id
from portal.kernel.sentence import say
from portal.kernel.states import move

LEASE: Final = timedelta(seconds=60)
"""How long a worker may be silent before its job is taken from it."""
ATTEMPTS: Final = 10
"""How often a job is begun before it is given up; with the delays below, in about 20 minutes."""
LONGEST_DELAY: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Taken:
    """A job as leased to one worker."""

    id: str
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int


def add(session: Session, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime) -> None:
    """Have the handler of *kind* called with *payload* at or after *run_at*; once for each *key*.

    It becomes visible to workers when the caller's transaction commits. A key that was ever used is
    silently left alone, whatever became of its job.
    """
    session.execute(_insert(session, kind, key, payload, run_at))


def _insert(
    session: Session, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime, **more: Any
) -> Any:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {"state": JobState.ready, "attempts": 0, **more}
    return (
        insert(Job)
        .values(id=new_id(), kind=kind, key=key, payload=dict(payload), run_at=run_at, **values)
        .on_conflict_do_nothing(index_elements=[Job.key])
        .returning(Job.id)
    )


def requeue(session: Session, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime) -> None:
    """As `add`, but a job of this *key* that was given up, or waits for its delay, is begun anew.

    One that runs or is done is left alone.
    """
    add(session, kind, key, payload, run_at)
    job = session.scalars(
        sa.select(Job).where(Job.key == key).with_for_update().execution_options(populate_existing=True)
    ).one()
    if job.state is JobState.dead:
        job.state = move(JOB_MOVES, job.state, JobState.ready, say("The job"))
    if job.state is JobState.ready:
        job.attempts, job.run_at = 0, run_at
        session.flush()


def _due(at: datetime, kinds: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(
        Job.kind.in_(kinds),
        sa.or_(
            sa.and_(Job.state == JobState.ready, Job.run_at <= at),
            sa.and_(Job.state == JobState.running, Job.lease_until < at),
        ),
    )


def is_waiting(session: Session, act: Act, *, kinds: Collection[str]) -> bool:
    """Whether `claim` would find something: a look that an idle worker can afford at any time."""
    return session.scalar(sa.select(Job.id).where(_due(act.at, kinds)).limit(1)) is not None


def claim(
    session: Session, act: Act, *, owner: str, kinds: Collection[str], endless: Collection[str] = ()
) -> Taken | None:
    """Lease the job that has waited longest among *kinds* to *owner*; None if none is due.

    SKIP LOCKED, so that workers do not queue behind each other; SQLite has one writer anyway. A job
    whose worker fell silent `ATTEMPTS` times (it may be what kills them) is not begun again but given
    up; of a kind in *endless*, it comes back after a delay.
    """
    query = sa.select(Job).where(_due(act.at, kinds)).order_by(Job.run_at, Job.id).limit(1)
    while (job := session.scalars(query.with_for_update(skip_locked=True)).first()) is not None:
        if job.state is JobState.running and job.attempts >= ATTEMPTS:
            _put_down(job, act, endless=job.kind in endless)
            session.flush()
            continue
        job.state = move(JOB_MOVES, job.state, JobState.running, say("The job"))
        job.attempts += 1
        job.lease_owner, job.lease_until = owner, act.at + LEASE
        return Taken(job.id, job.kind, job.key, job.payload, job.attempts)
    return None


def _put_down(job: Job, act: Act, *, endless: bool) -> None:
    job.state = move(JOB_MOVES, job.state, JobState.ready if endless else JobState.dead, say("The job"))
    job.run_at = act.at + delay(job.attempts)
    job.lease_owner, job.lease_until = None, None
    job.last_error = "the worker that had it fell silent, again and again"


def begin_slot(session: Session, act: Act, *, kind: str, slot: datetime, owner: str) -> Taken | None:
    """Lease the periodic job *kind* of the time *slot* to *owner*; None if another worker has or had it.

    Also None while an earlier slot of the same kind is still being worked on. Earlier slots that are
    done are swept away here, because a job every second would otherwise leave 86,400 rows a day.
    """
    of_kind = sa.and_(Job.kind == kind, Job.key.startswith(f"{kind}@"))
    running = sa.select(Job.id).where(of_kind, Job.state == JobState.running, Job.lease_until >= act.at)
    if session.scalar(running.limit(1)) is not None:
        return None
    key = f"{kind}@{slot:%Y-%m-%dT%H:%M:%SZ}"
    lease = {"state": JobState.running, "attempts": 1, "lease_owner": owner, "lease_until": act.at + LEASE}
    new = session.scalar(_insert(session, kind, key, {}, slot, **lease))
    if new is None:
        return None
    session.execute(sa.delete(Job).where(of_kind, Job.run_at < slot - timedelta(minutes=2)))
    return Taken(new, kind, key, {}, 1)


def _held(taken: Taken, owner: str) -> sa.ColumnElement[bool]:
    # The number of attempts too: an owner that lost its lease and got the job again is another holder.
    return sa.and_(
        Job.id == taken.id,
        Job.lease_owner == owner,
        Job.attempts == taken.attempts,
        Job.state == JobState.running,
    )


def heartbeat(session: Session, act: Act, *, taken: Taken, owner: str) -> bool:
    """Prolong the lease; False if it is lost."""
    update = sa.update(Job).where(_held(taken, owner)).values(lease_until=act.at + LEASE).returning(Job.id)
    return session.scalar(update) is not None


def finish(session: Session, _act: Act, *, taken: Taken, owner: str) -> bool:
    """The job is done; False if the lease was lost meanwhile, and another does it again."""
    values = {"state": JobState.done, "lease_owner": None, "lease_until": None, "last_error": None}
    return (
        session.scalar(sa.update(Job).where(_held(taken, owner)).values(values).returning(Job.id)) is not None
    )


def fail(session: Session, act: Act, *, taken: Taken, owner: str, error: str, endless: bool = False) -> bool:
    """The attempt failed: try again after a growing, jittered delay, or give up after `ATTEMPTS`.

    What is *endless* is never given up. False if the lease was lost meanwhile.
    """
    state = JobState.ready if endless or taken.attempts < ATTEMPTS else JobState.dead
    values = {
        "state": state, "run_at": act.at + delay(taken.attempts), "lease_owner": None, "lease_until": None,
        "last_error": error[:500],
    }  # fmt: skip
    return (
        session.scalar(sa.update(Job).where(_held(taken, owner)).values(values).returning(Job.id)) is not None
    )


def delay(attempts: int) -> timedelta:
    """How long to wait after the *attempts*-th failure: doubling from 2 s, at most an hour, ± 50 %.

    The jitter keeps jobs that failed together (a mail server that was down) from coming back together.
    """
    seconds = min(LONGEST_DELAY.total_seconds(), 2.0 ** min(attempts, 12))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - no secret hangs on it


def in_trouble(session: Session, _act: Act) -> tuple[str, ...]:
    """The jobs that were given up or go on failing, as ``key: reason`` (for `doctor` and staff)."""
    lasting = sa.and_(Job.state != JobState.done, Job.attempts >= ATTEMPTS, Job.last_error.is_not(None))
    rows = session.execute(
        sa.select(Job.key, Job.last_error).where(sa.or_(Job.state == JobState.dead, lasting)).order_by(Job.id)
    )
    return tuple(f"{key}: {error}" for key, error in rows)
