"""Rounds, rolls, sign-offs, reservations, countersignatures. Private to this room.

What a member or an officer did is only ever inserted; the database refuses to change or delete it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only, choice


class RoundState(StrEnum):
    """How far a round is (DESIGN §4)."""

    open = "open"
    carried = "carried"
    lapsed = "lapsed"
    cancelled = "cancelled"


ROUND_MOVES: Final = {
    RoundState.open: frozenset({RoundState.carried, RoundState.lapsed, RoundState.cancelled}),
    RoundState.carried: frozenset[RoundState](),
    RoundState.lapsed: frozenset[RoundState](),
    RoundState.cancelled: frozenset[RoundState](),
}


class CloseCode(StrEnum):
    """Why the portal itself cancelled a round; staff gives its reason in words instead."""

    superseded = "superseded"
    abandoned = "abandoned"


class Visibility(StrEnum):
    """What the members see of each other before the letter is issued."""

    nothing = "nothing"
    counts = "counts"
    names = "names"


class Decision(StrEnum):
    """What a member decides; ``withdraw`` takes back whatever stood."""

    approve = "approve"
    approve_with_reservation = "approve_with_reservation"
    abstain = "abstain"
    decline = "decline"
    withdraw = "withdraw"


class ReservationState(StrEnum):
    """How far a reservation is."""

    open = "open"
    answered = "answered"
    lifted = "lifted"


RESERVATION_MOVES: Final = {
    ReservationState.open: frozenset({ReservationState.answered, ReservationState.lifted}),
    ReservationState.answered: frozenset({ReservationState.answered, ReservationState.lifted}),
    ReservationState.lifted: frozenset[ReservationState](),
}


class CountersigningState(StrEnum):
    """How far the officers are."""

    open = "open"
    complete = "complete"
    refused = "refused"


COUNTERSIGNING_MOVES: Final = {
    CountersigningState.open: frozenset({CountersigningState.complete, CountersigningState.refused}),
    # Only a withdrawal that breaks the quorum before the letter is reserved undoes a complete one.
    CountersigningState.complete: frozenset({CountersigningState.refused}),
    CountersigningState.refused: frozenset[CountersigningState](),
}


class Round(Base):
    """One vote on one revision. Its row is the one that decides: whoever counts locks it."""

    __tablename__ = "round"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    letter_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter.id"))
    number: Mapped[int] = mapped_column(comment="1, 2, 3 … within the letter")
    revision_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("revision.id"))
    revision_digest: Mapped[str] = mapped_column(Digest, comment="of the text that is voted on")
    rule: Mapped[Any] = mapped_column(Json, comment="rensho/quorum/1, frozen when the round opened")
    rule_digest: Mapped[str] = mapped_column(Digest)
    consent_texts: Mapped[Any] = mapped_column(Json, comment="version and words of the consents, by language")
    consent_digest: Mapped[str] = mapped_column(Digest)
    roll_digest: Mapped[str] = mapped_column(Digest, comment="of the frozen roll, for the minutes")
    frame: Mapped[Any] = mapped_column(
        Json,
        comment="rensho/frame/1: addressee, association, order, delivery, exhibits, frozen when it opened",
    )
    frame_digest: Mapped[str] = mapped_column(Digest)
    visibility: Mapped[Visibility] = mapped_column(choice(Visibility, "visibility"))
    officers_needed: Mapped[int] = mapped_column(
        comment="countersignatures needed before the letter is issued"
    )
    deadline: Mapped[datetime] = mapped_column(Instant, comment="no act counts at or after this")
    state: Mapped[RoundState] = mapped_column(choice(RoundState, "round_state"))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    opened_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="None: the portal itself"
    )
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="None: the deadline did"
    )
    close_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="why it was cancelled, in staff's words"
    )
    close_code: Mapped[CloseCode | None] = mapped_column(
        choice(CloseCode, "close_code"), comment="why the portal cancelled it by itself"
    )
    frozen_at: Mapped[datetime | None] = mapped_column(
        Instant, comment="when the letter was reserved; nothing in the round changes after it"
    )

    __table_args__ = (
        sa.UniqueConstraint("letter_id", "number"),
        sa.CheckConstraint("officers_needed >= 1", name="officers_needed"),
        # At most one vote on a letter at a time, whoever opens it and however often the button is pressed.
        sa.Index(
            "uq_round_open", "letter_id", unique=True,
            sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index("ix_round_state_deadline", "state", "deadline"),
    )  # fmt: skip


class RollEntry(Base):
    """One line of the frozen roll: the member as it was when the round opened."""

    __tablename__ = "roll_entry"

    round_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("round.id"), primary_key=True)
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), comment="company or association")
    names: Mapped[Any] = mapped_column(Json, comment="as printed, by language")
    language: Mapped[str] = mapped_column(sa.String(35), comment="the language whose name comes first")
    reading: Mapped[str] = mapped_column(sa.Text, comment="ヨミ, for the order")
    category: Mapped[str] = mapped_column(sa.String(40))
    country: Mapped[str] = mapped_column(sa.String(2), comment="ISO 3166-1 alpha-2, may be empty")
    weight: Mapped[int] = mapped_column(comment="its weight in shares by weight")
    submission_id: Mapped[str | None] = mapped_column(
        Id, comment="its works submission when the round opened"
    )
    submission_digest: Mapped[str | None] = mapped_column(Digest)
    works: Mapped[int] = mapped_column(comment="works in that submission")


class Signoff(Base):
    """One act of one member. The standing one is that with the highest sequence."""

    __tablename__ = "signoff"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    round_id: Mapped[str] = mapped_column(Id)
    member_id: Mapped[str] = mapped_column(Id)
    sequence: Mapped[int] = mapped_column(comment="1, 2, 3 … within round and member")
    key: Mapped[str] = mapped_column(
        sa.String(64), comment="of the form that was sent: sent twice, it counts once"
    )
    decision: Mapped[Decision] = mapped_column(choice(Decision, "decision"))
    consents: Mapped[Any] = mapped_column(Json, nullable=True, comment="of an approval; null for the rest")
    submission_id: Mapped[str | None] = mapped_column(
        Id, comment="the works submission that was on the screen"
    )
    submission_digest: Mapped[str | None] = mapped_column(Digest)
    works: Mapped[int] = mapped_column(comment="works in that submission")
    act: Mapped[Any] = mapped_column(Json, comment="rensho/signoff/1: the evidence, whole")
    digest: Mapped[str] = mapped_column(Digest, unique=True, comment="of the act; it stands in the log")
    person_id: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["round_id", "member_id"],
            ["roll_entry.round_id", "roll_entry.member_id"],
            name="fk_signoff_roll_entry",
        ),
        # One company, one voice: two people who act at once cannot both be the next in the sequence.
        sa.UniqueConstraint("round_id", "member_id", "sequence"),
        sa.UniqueConstraint("round_id", "member_id", "key", name="uq_signoff_key"),
    )


class Reservation(Base):
    """An approval's objection to one passage."""

    __tablename__ = "reservation"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    signoff_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("signoff.id"), unique=True)
    section_id: Mapped[str] = mapped_column(sa.String(40), comment="the passage it is about")
    text: Mapped[str] = mapped_column(sa.Text, comment="in the member's words")
    state: Mapped[ReservationState] = mapped_column(choice(ReservationState, "reservation_state"))
    answer: Mapped[str | None] = mapped_column(sa.Text, comment="in staff's words")
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)
    lifted_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))


class Countersigning(Base):
    """The officers' part, begun when the round is carried; of one round there is one."""

    __tablename__ = "countersigning"

    round_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("round.id"), primary_key=True)
    state: Mapped[CountersigningState] = mapped_column(choice(CountersigningState, "countersigning_state"))
    quorum_lost: Mapped[bool] = mapped_column(comment="refused because a withdrawal broke the quorum")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="why it was refused, in the officer's words")
    opened_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))


class Countersignature(Base):
    """One officer's act."""

    __tablename__ = "countersignature"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    round_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("countersigning.round_id"))
    person_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("person.id"))
    names: Mapped[Any] = mapped_column(Json, comment="the officer's name as printed, by language")
    title: Mapped[Any] = mapped_column(Json, comment="the officer's title as printed, by language")
    act: Mapped[Any] = mapped_column(Json, comment="rensho/countersignature/1: the evidence, whole")
    digest: Mapped[str] = mapped_column(Digest, unique=True, comment="of the act")
    at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.UniqueConstraint("round_id", "person_id"),)


append_only(RollEntry.__table__)
append_only(Signoff.__table__)
append_only(Countersignature.__table__)
