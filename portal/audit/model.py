"""The log's tables. Private to this room; all but the head row refuse UPDATE and DELETE."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant, Json, append_only


class LogEntry(Base):
    """One entry. ``entry`` is what is hashed and public; the other columns are the association's own.

    Salt and content open an entry that is a commitment (`portal.audit.commitment`).
    """

    __tablename__ = "log_entry"

    position: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, comment="place in the log, from 0, without gaps"
    )
    kind: Mapped[str] = mapped_column(sa.String(96), comment="what happened, room:thing:verb")
    subject: Mapped[str] = mapped_column(sa.String(64), comment="identifier of the thing it happened to")
    at: Mapped[datetime] = mapped_column(Instant, comment="when the act was done")
    entry: Mapped[bytes] = mapped_column(
        sa.LargeBinary, comment="the entry, canonical JSON (RFC 8785), at most 65,535 bytes"
    )
    leaf: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="its leaf hash (RFC 6962), 32 bytes")
    person: Mapped[str | None] = mapped_column(Id, comment="who did it; in the content only as a hash")
    salt: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary,
        comment="16 random bytes in the hash of the person and in the commitment; erased: never to be opened",
    )
    content: Mapped[Any] = mapped_column(
        Json, nullable=True, comment="what the entry commits to; null where the entry says it openly"
    )

    __table_args__ = (
        sa.CheckConstraint("position >= 0", name="position"),
        sa.Index("ix_log_entry_kind_subject", "kind", "subject"),
        sa.Index("ix_log_entry_subject", "subject"),
    )


class LogNode(Base):
    """The hash of one complete subtree; written once, when its last leaf is."""

    __tablename__ = "log_node"

    level: Mapped[int] = mapped_column(
        sa.SmallInteger, primary_key=True, autoincrement=False, comment="0 for leaves; spans 2**level leaves"
    )
    place: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, comment="which subtree of its level, from 0"
    )
    hash: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="32 bytes (RFC 6962 section 2.1)")


class LogHead(Base):
    """One row: how many entries there are. Who appends or signs locks it."""

    __tablename__ = "log_head"

    id: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False, comment="1")
    size: Mapped[int] = mapped_column(sa.BigInteger, comment="number of entries")

    __table_args__ = (
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.CheckConstraint("size >= 0", name="size"),
    )


class LogCheckpoint(Base):
    """One signed checkpoint; there is at most one for a size."""

    __tablename__ = "log_checkpoint"

    size: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, comment="number of entries it covers"
    )
    text: Mapped[str] = mapped_column(sa.Text, comment="the signed note (C2SP tlog-checkpoint)")
    at: Mapped[datetime] = mapped_column(Instant, comment="when it was signed")


for _model in (LogEntry, LogNode, LogCheckpoint):
    append_only(_model.__table__)
