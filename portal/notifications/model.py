"""The table of messages. Private to this room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant, Json, choice


class MessageState(StrEnum):
    """What became of a message (DESIGN §4)."""

    queued = "queued"
    sent = "sent"
    bounced = "bounced"
    failed = "failed"


MESSAGE_MOVES: Mapping[MessageState, frozenset[MessageState]] = {
    MessageState.queued: frozenset({MessageState.sent, MessageState.failed}),
    MessageState.sent: frozenset({MessageState.bounced}),
    MessageState.bounced: frozenset(),
    MessageState.failed: frozenset(),
}


class Message(Base):
    """One mail, written in the transaction of what it tells of, sent by the worker afterwards."""

    __tablename__ = "message"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    key: Mapped[str] = mapped_column(sa.String(160), unique=True, comment="the same message has the same key")
    recipient: Mapped[str] = mapped_column(sa.String(320), comment="e-mail address")
    language: Mapped[str] = mapped_column(sa.String(8), comment="BCP 47 tag the message is written in")
    template: Mapped[str] = mapped_column(sa.String(64), comment="templates/mail/<template>.txt")
    context: Mapped[Any] = mapped_column(Json, comment="what the template is given, without secrets")
    secret: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="secrets of the template (links), encrypted; wiped once sent or given up"
    )
    state: Mapped[MessageState] = mapped_column(choice(MessageState, "state"), comment="what became of it")
    created_at: Mapped[datetime] = mapped_column(Instant, comment="when it was queued")
    next_at: Mapped[datetime] = mapped_column(
        Instant, comment="next attempt, or end of the lease of the present one"
    )
    sent_at: Mapped[datetime | None] = mapped_column(Instant, comment="when the mail server took it")
    attempts: Mapped[int] = mapped_column(sa.Integer, comment="how often it was tried")
    last_error: Mapped[str | None] = mapped_column(sa.Text, comment="why the last attempt failed")

    __table_args__ = (
        sa.Index("ix_message_state_next_at", "state", "next_at"),
        sa.CheckConstraint("state = 'queued' OR secret IS NULL", name="secret_wiped"),
    )
