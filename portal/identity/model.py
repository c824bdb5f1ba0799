"""People, their sessions, and how often somebody tried. Private to this room."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant


class Person(Base):
    """Somebody who signs in; what they may do hangs on their seats."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    email: Mapped[str] = mapped_column(sa.String(320), comment="as typed")
    email_key: Mapped[str] = mapped_column(sa.String(320), unique=True, comment="NFKC, casefolded")
    name: Mapped[str] = mapped_column(sa.String(200), comment="as the person writes it")
    language: Mapped[str] = mapped_column(sa.String(8), comment="BCP 47 tag for pages and mail")
    password_hash: Mapped[str | None] = mapped_column(sa.String(200), comment="argon2id, PHC string")
    created_at: Mapped[datetime] = mapped_column(Instant, comment="when the account was made")
    disabled_at: Mapped[datetime | None] = mapped_column(
        Instant, comment="since when nobody signs in as this person"
    )


class SignInSession(Base):
    """One signed-in browser. The token is in its cookie; here is only its hash."""

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(
        sa.String(64), primary_key=True, comment="SHA-256 of the token, hexadecimal"
    )
    person_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("person.id"), index=True, comment="who")
    seat_id: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("seat.id"), comment="the seat acted from, once chosen"
    )
    created_at: Mapped[datetime] = mapped_column(Instant, comment="signed in at")
    last_seen_at: Mapped[datetime] = mapped_column(Instant, comment="last request, exact to a minute")
    proved_at: Mapped[datetime] = mapped_column(Instant, comment="when the password was last given")
    address: Mapped[str | None] = mapped_column(sa.String(64), comment="network address at sign-in")
    user_agent: Mapped[str | None] = mapped_column(sa.String(300), comment="browser at sign-in")
    revoked_at: Mapped[datetime | None] = mapped_column(Instant, comment="since when it is worth nothing")


class Throttle(Base):
    """Attempts of one kind from one corner. Keys are hashes: the table tells nobody who tried."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(
        sa.String(100), primary_key=True, comment="kind and hash of what is counted"
    )
    window_start: Mapped[datetime] = mapped_column(Instant, comment="first attempt counted")
    count: Mapped[int] = mapped_column(sa.Integer, comment="attempts since")
    until: Mapped[datetime | None] = mapped_column(Instant, comment="no attempt is looked at before this")
