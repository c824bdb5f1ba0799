"""A campaign and its participants. Private to this room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Id, Instant, Json, choice


class Stage(StrEnum):
    """How far a dispute has gone (DESIGN §2)."""

    outreach = "outreach"
    letter = "letter"
    regulator = "regulator"
    litigation = "litigation"
    settlement = "settlement"


STAGES: Final = {
    Stage.outreach: frozenset({Stage.letter, Stage.settlement}),
    Stage.letter: frozenset({Stage.regulator, Stage.litigation, Stage.settlement}),
    Stage.regulator: frozenset({Stage.litigation, Stage.settlement}),
    Stage.litigation: frozenset({Stage.settlement}),
    Stage.settlement: frozenset[Stage](),
}


class ParticipationState(StrEnum):
    """Whether a member takes part."""

    invited = "invited"
    joined = "joined"
    declined = "declined"
    left = "left"


PARTICIPATION: Final = {
    ParticipationState.invited: frozenset({ParticipationState.joined, ParticipationState.declined}),
    ParticipationState.joined: frozenset({ParticipationState.left}),
    # A company that said no may think again while it is still invited.
    ParticipationState.declined: frozenset({ParticipationState.joined}),
    ParticipationState.left: frozenset[ParticipationState](),
}


class Campaign(Base):
    """One dispute with one addressee."""

    __tablename__ = "campaign"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    title: Mapped[Any] = mapped_column(Json, comment="by language")
    addressee: Mapped[Any] = mapped_column(
        Json, comment="names, office, person, address (lines) by language; language; email"
    )
    summary: Mapped[Any] = mapped_column(Json, comment="what it is about, for members, by language")
    stage: Mapped[Stage] = mapped_column(choice(Stage, "stage"))
    order_rule: Mapped[str] = mapped_column(sa.String(32), comment="order of the signatories in its letters")
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="None: the portal itself"
    )


class Participation(Base):
    """A member in a campaign."""

    __tablename__ = "participation"

    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"), primary_key=True)
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"), primary_key=True)
    state: Mapped[ParticipationState] = mapped_column(choice(ParticipationState, "participation_state"))
    invited_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant, comment="joined, declined or left at")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="why declined or left, in the member's words")

    __table_args__ = (sa.Index("ix_participation_member_id", "member_id"),)
