"""Deliveries of a letter, responses to it, and members' inquiries. Private to this room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only, choice


class Channel(StrEnum):
    """How a letter is brought to its addressee."""

    email = "email"
    courier = "courier"
    registered_post = "registered_post"
    web_form = "web_form"
    agent = "agent"


class DeliveryState(StrEnum):
    """How far a delivery is (DESIGN §4)."""

    prepared = "prepared"
    dispatched = "dispatched"
    confirmed = "confirmed"
    failed = "failed"


DELIVERY_STEPS: Final = {
    DeliveryState.prepared: frozenset({DeliveryState.dispatched}),
    DeliveryState.dispatched: frozenset({DeliveryState.confirmed, DeliveryState.failed}),
    DeliveryState.confirmed: frozenset[DeliveryState](),
    DeliveryState.failed: frozenset[DeliveryState](),
}


class InquiryState(StrEnum):
    """How far a member's own claim is."""

    open = "open"
    forwarded = "forwarded"
    answered = "answered"


INQUIRY_STEPS: Final = {
    InquiryState.open: frozenset({InquiryState.forwarded, InquiryState.answered}),
    InquiryState.forwarded: frozenset({InquiryState.answered}),
    InquiryState.answered: frozenset[InquiryState](),
}


class Delivery(Base):
    """One dispatch of an issued letter by one channel; a fact with its evidence."""

    __tablename__ = "delivery"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    issue_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter_issue.id"), index=True)
    channel: Mapped[Channel] = mapped_column(choice(Channel, "delivery_channel"))
    state: Mapped[DeliveryState] = mapped_column(choice(DeliveryState, "delivery_state"))
    to_text: Mapped[str] = mapped_column(sa.Text, comment="to whom and where, as written on the envelope")
    tracking: Mapped[str | None] = mapped_column(sa.String(200), comment="number given by the carrier")
    note: Mapped[str | None] = mapped_column(sa.Text, comment="staff's words; for a failed one, why")
    proof_digest: Mapped[str | None] = mapped_column(Digest, comment="of the proof file's bytes")
    proof_name: Mapped[str | None] = mapped_column(sa.String(255), comment="name of the proof file as given")
    prepared_at: Mapped[datetime] = mapped_column(Instant)
    prepared_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    dispatched_at: Mapped[datetime | None] = mapped_column(Instant, comment="when it left the house")
    dispatched_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="who recorded the dispatch"
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant, comment="when its arrival was confirmed")
    failed_at: Mapped[datetime | None] = mapped_column(Instant)


class Response(Base):
    """One answer of the addressee, as received; a later one does not change an earlier one."""

    __tablename__ = "response"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    issue_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter_issue.id"), index=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    from_text: Mapped[str] = mapped_column(sa.Text, comment="who answers, as they call themselves")
    summary: Mapped[str] = mapped_column(sa.Text, comment="staff's summary")
    file_digest: Mapped[str | None] = mapped_column(Digest, comment="of the received file's bytes")
    file_name: Mapped[str | None] = mapped_column(sa.String(255), comment="name of the received file")
    assessed: Mapped[Any] = mapped_column(
        Json, comment="by demand number as text: met, partly, refused or unanswered"
    )
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    recorded_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))


class Inquiry(Base):
    """A member's own claim about an output, which the secretariat forwards and tracks to an answer."""

    __tablename__ = "inquiry"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"), index=True)
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"), index=True)
    state: Mapped[InquiryState] = mapped_column(choice(InquiryState, "inquiry_state"))
    text: Mapped[str] = mapped_column(sa.Text, comment="the claim, in the member's words")
    url: Mapped[str | None] = mapped_column(sa.Text, comment="where the output can be seen")
    answer: Mapped[str | None] = mapped_column(sa.Text, comment="what was answered, in staff's words")
    raised_at: Mapped[datetime] = mapped_column(Instant)
    raised_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    forwarded_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


append_only(Response.__table__)
