"""The association, its members, their seats and invitations. Private to this room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant, Json, choice


class MemberKind(StrEnum):
    """What a member is."""

    company = "company"
    association = "association"


class InvitationState(StrEnum):
    """What became of an invitation (DESIGN §4); *expired* is derived from ``expires_at``."""

    pending = "pending"
    accepted = "accepted"
    declined = "declined"
    revoked = "revoked"


INVITATION_MOVES: Mapping[InvitationState, frozenset[InvitationState]] = {
    InvitationState.pending: frozenset(
        {InvitationState.accepted, InvitationState.declined, InvitationState.revoked}
    ),
    InvitationState.accepted: frozenset(),
    InvitationState.declined: frozenset(),
    InvitationState.revoked: frozenset(),
}


class Association(Base):
    """The one that runs this installation: a single row."""

    __tablename__ = "association"

    id: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False, comment="1")
    names: Mapped[Any] = mapped_column(Json, comment="legal names by language")
    code: Mapped[str] = mapped_column(sa.String(12), comment="begins every reference number, like FCA")
    address: Mapped[Any] = mapped_column(Json, comment="lines of the address by language")
    contact: Mapped[str] = mapped_column(sa.String(320), comment="e-mail address for answers")
    language: Mapped[str] = mapped_column(sa.String(8), comment="BCP 47 tag used where nobody chose one")
    order_rule: Mapped[str] = mapped_column(
        sa.String(32), comment="order of signatories unless a letter says otherwise"
    )
    settings: Mapped[Any] = mapped_column(Json, comment="further choices, by name")

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)


class Member(Base):
    """A company, or another association, in the registry."""

    __tablename__ = "member"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    kind: Mapped[MemberKind] = mapped_column(choice(MemberKind, "kind"), comment="company or association")
    slug: Mapped[str | None] = mapped_column(
        sa.String(64), unique=True, comment="the association's own code for it"
    )
    names: Mapped[Any] = mapped_column(Json, comment="legal names by language")
    reading: Mapped[str] = mapped_column(sa.String(200), comment="in katakana, for the order")
    category: Mapped[str] = mapped_column(sa.String(64), comment="what it makes, in one word")
    country: Mapped[str] = mapped_column(sa.String(2), comment="ISO 3166-1 alpha-2")
    weight: Mapped[int] = mapped_column(sa.Integer, comment="votes where a quorum counts weights")
    corporate_number: Mapped[str | None] = mapped_column(sa.String(13), unique=True, comment="法人番号")
    lei: Mapped[str | None] = mapped_column(
        sa.String(20), unique=True, comment="legal entity identifier, ISO 17442"
    )
    contact_email: Mapped[str] = mapped_column(
        sa.String(320), comment="of its legal department; may be empty"
    )
    search_key: Mapped[str] = mapped_column(sa.Text, comment="names, reading, code: NFKC, casefolded")
    created_at: Mapped[datetime] = mapped_column(Instant, comment="entered the registry")
    left_at: Mapped[datetime | None] = mapped_column(Instant, comment="since when it is no member")

    __table_args__ = (sa.CheckConstraint("weight >= 1", name="weight"),)


class Seat(Base):
    """A person's place at a member, or at the association where ``member_id`` is null."""

    __tablename__ = "seat"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    person_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("person.id"), comment="who")
    member_id: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("member.id"), index=True, comment="for whom; null: for the association"
    )
    roles: Mapped[Any] = mapped_column(Json, comment="list of roles")
    title: Mapped[Any] = mapped_column(Json, comment="title by language, as printed")
    authority: Mapped[str] = mapped_column(sa.Text, comment="on what basis the person may commit, in words")
    verified_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="who of the association checked that"
    )
    verified_at: Mapped[datetime | None] = mapped_column(
        Instant, comment="when; before it the signatory role has no effect"
    )
    verified_name: Mapped[str | None] = mapped_column(
        sa.String(200), comment="the person's name as it was checked then; under another one nothing binds"
    )
    created_at: Mapped[datetime] = mapped_column(Instant, comment="given at")
    ended_at: Mapped[datetime | None] = mapped_column(Instant, comment="since when it is over")

    __table_args__ = (
        # Two indexes, because NULL never equals NULL: one for members' seats, one for the association's.
        sa.Index(
            "uq_seat_live_member", "person_id", "member_id", unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND member_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND member_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_seat_live_association", "person_id", unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND member_id IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND member_id IS NULL"),
        ),
    )  # fmt: skip


class Invitation(Base):
    """An offered seat. The token is in the mail only; here is its hash."""

    __tablename__ = "invitation"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    member_id: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("member.id"), index=True, comment="for whom; null: for the association"
    )
    email: Mapped[str] = mapped_column(sa.String(320), comment="as typed")
    email_key: Mapped[str] = mapped_column(sa.String(320), index=True, comment="NFKC, casefolded")
    name: Mapped[str] = mapped_column(sa.String(200), comment="the invited person's, as far as known")
    language: Mapped[str] = mapped_column(sa.String(8), comment="of the mail")
    roles: Mapped[Any] = mapped_column(Json, comment="list of roles offered")
    title: Mapped[Any] = mapped_column(Json, comment="title by language")
    authority: Mapped[str] = mapped_column(
        sa.Text, comment="basis of a signatory's authority, as stated by the inviter"
    )
    token_hash: Mapped[str] = mapped_column(
        sa.String(64), unique=True, comment="SHA-256 of the token, hexadecimal"
    )
    state: Mapped[InvitationState] = mapped_column(
        choice(InvitationState, "state"), comment="what became of it"
    )
    created_at: Mapped[datetime] = mapped_column(Instant, comment="first sent")
    sent_at: Mapped[datetime] = mapped_column(Instant, comment="last sent")
    sendings: Mapped[int] = mapped_column(sa.Integer, comment="how often it was sent")
    expires_at: Mapped[datetime] = mapped_column(Instant, comment="14 days after it was last sent")
    answered_at: Mapped[datetime | None] = mapped_column(Instant, comment="accepted or declined at")
    reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="why it was declined, in the invited person's words"
    )
    invited_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"), comment="who invited")
    by_staff: Mapped[bool] = mapped_column(comment="whether the association itself invited")

    __table_args__ = (sa.Index("ix_invitation_state", "state"),)
