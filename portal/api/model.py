"""Tokens of the API, and webhook endpoints with what was sent to them. Private to this room."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only


class ApiToken(Base):
    """A key for a program that reads. The token itself is not kept: only who holds it can use it."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Digest, unique=True, comment="SHA-256 of the token")
    name: Mapped[str] = mapped_column(sa.String(200), comment="what it is for, in staff's words")
    created_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class WebhookEndpoint(Base):
    """An address that is told of log entries, with the secret that its calls are signed with."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    url: Mapped[str] = mapped_column(sa.Text, comment="https, to a public address")
    secret: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="encrypted with the installation's key")
    kinds: Mapped[Any] = mapped_column(Json, comment="beginnings of the kinds it is told of; empty: all")
    sent_to: Mapped[int] = mapped_column(
        sa.BigInteger, comment="log position up to which (exclusive) calls have been queued"
    )
    created_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class WebhookAttempt(Base):
    """One call that was tried, and what came of it."""

    __tablename__ = "webhook_attempt"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("webhook_endpoint.id"), index=True)
    position: Mapped[int] = mapped_column(sa.BigInteger, comment="the log entry it told of")
    at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[int | None] = mapped_column(comment="HTTP status; None if no answer came")
    detail: Mapped[str] = mapped_column(sa.String(300), comment="why no answer came")


append_only(WebhookAttempt.__table__)
