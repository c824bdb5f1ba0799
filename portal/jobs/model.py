"""The table of work to be done later. Private to this room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant, Json, choice


class JobState(StrEnum):
    """How far a job is. A running one whose lease has ended counts as ready."""

    ready = "ready"
    running = "running"
    done = "done"
    dead = "dead"


JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.ready: frozenset({JobState.running}),
    JobState.running: frozenset({JobState.done, JobState.ready, JobState.dead, JobState.running}),
    JobState.done: frozenset(),
    JobState.dead: frozenset({JobState.ready}),
}


class Job(Base):
    """One piece of work, done at least once."""

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    kind: Mapped[str] = mapped_column(sa.String(64), comment="which handler does it, room.verb")
    key: Mapped[str] = mapped_column(sa.String(160), unique=True, comment="the same work has the same key")
    payload: Mapped[Any] = mapped_column(Json, comment="what the handler is given, a JSON object")
    state: Mapped[JobState] = mapped_column(choice(JobState, "state"), comment="how far it is")
    run_at: Mapped[datetime] = mapped_column(Instant, comment="not before this")
    attempts: Mapped[int] = mapped_column(sa.Integer, comment="how often it was begun")
    lease_owner: Mapped[str | None] = mapped_column(sa.String(64), comment="the worker that has it")
    lease_until: Mapped[datetime | None] = mapped_column(
        Instant, comment="until when that worker may be silent"
    )
    last_error: Mapped[str | None] = mapped_column(sa.Text, comment="why the last attempt failed")

    __table_args__ = (
        sa.Index("ix_job_state_run_at", "state", "run_at"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
    )
