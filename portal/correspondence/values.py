"""What this room gives to pages and other rooms: frozen values, made from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.correspondence.clock import Assessment, Standing
from portal.correspondence.model import Channel, Delivery, DeliveryState, Inquiry, InquiryState, Response
from portal.kernel.act import Act
from portal.letters.service import IssueView


@dataclass(frozen=True)
class Attachment:
    """A file in the file store: the name it was given with, and the digest of its bytes."""

    name: str
    digest: str


@dataclass(frozen=True)
class DeliveryView:
    """One delivery. Times are UTC; ``note`` is for staff and None to members."""

    id: str
    issue_id: str
    channel: Channel
    state: DeliveryState
    to_text: str
    tracking: str | None
    note: str | None
    proof: Attachment | None
    prepared_at: datetime
    dispatched_at: datetime | None
    confirmed_at: datetime | None
    failed_at: datetime | None


@dataclass(frozen=True)
class ResponseView:
    """One response; ``assessed`` by demand number."""

    id: str
    issue_id: str
    received_at: datetime
    from_text: str
    summary: str
    file: Attachment | None
    assessed: Mapping[int, Assessment]


@dataclass(frozen=True)
class InquiryView:
    """One member's inquiry."""

    id: str
    campaign_id: str
    member_id: str
    state: InquiryState
    text: str
    url: str | None
    answer: str | None
    raised_at: datetime
    forwarded_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True)
class IssueCorrespondence:
    """What has happened since one letter was issued."""

    issue: IssueView
    deliveries: tuple[DeliveryView, ...]
    responses: tuple[ResponseView, ...]
    demands: tuple[Standing, ...]


@dataclass(frozen=True)
class CorrespondenceView:
    """The correspondence of one campaign, as far as the act may see it."""

    campaign_id: str
    issues: tuple[IssueCorrespondence, ...]
    inquiries: tuple[InquiryView, ...]


def _attachment(name: str | None, digest: str | None) -> Attachment | None:
    return Attachment(name or digest, digest) if digest else None


def delivery_view(act: Act, row: Delivery) -> DeliveryView:
    """A row as the act may see it."""
    return DeliveryView(
        row.id, row.issue_id, row.channel, row.state, row.to_text, row.tracking,
        row.note if act.is_staff else None, _attachment(row.proof_name, row.proof_digest),
        row.prepared_at, row.dispatched_at, row.confirmed_at, row.failed_at,
    )  # fmt: skip


def response_view(row: Response) -> ResponseView:
    """A row, frozen."""
    assessed = {int(number): Assessment(value) for number, value in row.assessed.items()}
    return ResponseView(
        row.id, row.issue_id, row.received_at, row.from_text, row.summary,
        _attachment(row.file_name, row.file_digest), assessed,
    )  # fmt: skip


def inquiry_view(row: Inquiry) -> InquiryView:
    """A row, frozen."""
    return InquiryView(
        row.id, row.campaign_id, row.member_id, row.state, row.text, row.url, row.answer,
        row.raised_at, row.forwarded_at, row.answered_at,
    )  # fmt: skip
