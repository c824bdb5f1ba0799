"""The register of issued letters. Rows are written once; only an issue's state and times move on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only, choice


class IssueState(StrEnum):
    """How far an issue is (DESIGN §4)."""

    reserved = "reserved"
    sealed = "sealed"
    published = "published"
    superseded = "superseded"
    withdrawn = "withdrawn"


TRANSITIONS: Final = {
    IssueState.reserved: frozenset({IssueState.sealed}),
    IssueState.sealed: frozenset({IssueState.published, IssueState.superseded, IssueState.withdrawn}),
    IssueState.published: frozenset({IssueState.superseded, IssueState.withdrawn}),
    IssueState.superseded: frozenset[IssueState](),
    IssueState.withdrawn: frozenset[IssueState](),
}


class LetterNumber(Base):
    """The last reference number given in a year; its row is locked by whoever takes the next."""

    __tablename__ = "letter_number"

    year: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="calendar year of the reference"
    )
    last: Mapped[int] = mapped_column(comment="the last number given")


class Issue(Base):
    """One letter going out: its number and its full record, frozen when it was reserved."""

    __tablename__ = "letter_issue"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    letter_id: Mapped[str] = mapped_column(
        Id,
        sa.ForeignKey("letter.id"),
        comment="a letter is issued once: the last guard of invariant 4",
    )
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"), index=True)
    round_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("round.id"), comment="the carried round")
    reference: Mapped[str] = mapped_column(sa.String(40), comment="as printed, e.g. FCA-2026-0001")
    state: Mapped[IssueState] = mapped_column(choice(IssueState, "issue_state"))
    record: Mapped[Any] = mapped_column(
        Json, comment="the full record, with its salt; never leaves the association"
    )
    works: Mapped[Any] = mapped_column(
        Json, comment="the schedule's rows with owners and listing consents, as frozen"
    )
    reserved_at: Mapped[datetime] = mapped_column(Instant)
    reserved_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="None: the portal itself"
    )
    sealed_at: Mapped[datetime | None] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, comment="when superseded or withdrawn")
    end_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="why, in staff's words; shown to whoever verifies"
    )

    # Indexes rather than constraints, so that a test can take each out and see that it is missed.
    __table_args__ = (
        sa.Index("uq_letter_issue_letter", "letter_id", unique=True),
        sa.Index("uq_letter_issue_round", "round_id", unique=True),
        sa.Index("uq_letter_issue_reference", "reference", unique=True),
    )


class Edition(Base):
    """The one registered original of an edition: its bytes are in the file store under their digest."""

    __tablename__ = "letter_edition"

    issue_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter_issue.id"), primary_key=True)
    edition: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="addressee or public")
    file_digest: Mapped[str] = mapped_column(Digest, unique=True, comment="of the sealed PDF's bytes")
    size: Mapped[int] = mapped_column(comment="bytes")
    projection: Mapped[Any] = mapped_column(Json, comment="the edition's projection of the record")
    projection_digest: Mapped[str] = mapped_column(Digest)
    schedule_digest: Mapped[str] = mapped_column(
        Digest, comment="of the schedule CSV's bytes in the file store"
    )
    registered_at: Mapped[datetime] = mapped_column(Instant)


append_only(Edition.__table__)
