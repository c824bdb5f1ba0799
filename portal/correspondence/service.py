"""After the letter is out: deliveries, responses, the response clock, members' inquiries.

A delivery and a response are facts with evidence, so they are recorded by staff and never erased; a
member reads them if its campaign is its own, and of the inquiries only its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.correspondence import clock
from portal.correspondence.clock import Answer, Assessment, Demand
from portal.correspondence.model import (
    DELIVERY_STEPS,
    INQUIRY_STEPS,
    Channel,
    Delivery,
    DeliveryState,
    Inquiry,
    InquiryState,
    Response,
)
from portal.correspondence.values import (
    Attachment,
    CorrespondenceView,
    DeliveryView,
    InquiryView,
    IssueCorrespondence,
    ResponseView,
    delivery_view,
    inquiry_view,
    response_view,
)
from portal.kernel.act import Act, Permission, new_id, require, system_act
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from portal.kernel.sentence import Sentence, say
from portal.kernel.states import move
from portal.letters import service as letters
from portal.letters.service import IssueView

__all__ = [
    "Assessment", "Attachment", "Channel", "CorrespondenceView", "DeliveryState", "DeliveryView",
    "InquiryState", "InquiryView", "IssueCorrespondence", "ResponseView", "answer_inquiry",
    "confirm_delivery", "correspondence", "delivery", "demands", "dispatch_delivery", "fail_delivery",
    "forward_inquiry", "inquiry", "issue", "prepare_delivery", "raise_inquiry", "record_response",
    "response",
]  # fmt: skip

_OUT: Final = frozenset({"sealed", "published", "superseded", "withdrawn"})
"""The states of an issue in which there is a sealed letter to deliver or to answer."""
_LONGEST: Final = 8_000
"""Characters of a free text."""


# --- reading --------------------------------------------------------------------------------------


def correspondence(session: Session, act: Act, *, campaign_id: str, today: date) -> CorrespondenceView:
    """Letters, deliveries, responses, demands and inquiries of a campaign, oldest letter first.

    *today* is the day where the association is; deadlines are days there. Raises `NotFound` where the
    campaign is not the act's.
    """
    require(act, Permission.correspondence_read)
    _require_part(session, act, campaign_id)
    issues = letters.issues_of_campaign(session, campaign_id)
    return CorrespondenceView(
        campaign_id,
        tuple(_of_issue(session, act, issue, today) for issue in issues if issue.state in _OUT),
        _inquiries(session, act, campaign_id),
    )


def _of_issue(session: Session, act: Act, issue: IssueView, today: date) -> IssueCorrespondence:
    deliveries = session.scalars(
        sa.select(Delivery).where(Delivery.issue_id == issue.id).order_by(Delivery.prepared_at, Delivery.id)
    )
    rows = session.scalars(
        sa.select(Response).where(Response.issue_id == issue.id).order_by(Response.received_at, Response.id)
    )
    responses = tuple(response_view(row) for row in rows)
    answers = [Answer(response.received_at, response.assessed) for response in responses]
    return IssueCorrespondence(
        issue,
        tuple(delivery_view(act, row) for row in deliveries),
        responses,
        clock.standing(_demands(session, issue), answers, today),
    )


def _inquiries(session: Session, act: Act, campaign_id: str) -> tuple[InquiryView, ...]:
    query = sa.select(Inquiry).where(Inquiry.campaign_id == campaign_id)
    if not act.is_staff:
        query = query.where(Inquiry.member_id == act.member_id)
    return tuple(inquiry_view(row) for row in session.scalars(query.order_by(Inquiry.raised_at, Inquiry.id)))


def issue(session: Session, act: Act, *, issue_id: str) -> IssueView:
    """The letter that the correspondence is about. Raises `NotFound` where it is not the act's."""
    return _issue(session, act, issue_id)


def demands(session: Session, act: Act, *, issue_id: str) -> tuple[Demand, ...]:
    """The demands of an issued letter. Raises `NotFound` where it is not the act's."""
    return _demands(session, _issue(session, act, issue_id))


def _demands(session: Session, issue: IssueView) -> tuple[Demand, ...]:
    # The text and the demands are the same in both editions; the register has them as issued.
    for edition in issue.editions:
        entry = letters.register_lookup(session, edition.file_digest)
        if entry is not None:
            return clock.demands_of(entry.projection)
    return ()


def delivery(session: Session, act: Act, *, delivery_id: str) -> DeliveryView:
    """One delivery. Raises `NotFound` where its campaign is not the act's."""
    require(act, Permission.correspondence_read)
    row = session.get(Delivery, delivery_id)
    if row is None:
        raise NotFound
    _require_part_of_issue(session, act, row.issue_id)
    return delivery_view(act, row)


def response(session: Session, act: Act, *, response_id: str) -> ResponseView:
    """One response. Raises `NotFound` where its campaign is not the act's."""
    require(act, Permission.correspondence_read)
    row = session.get(Response, response_id)
    if row is None:
        raise NotFound
    _require_part_of_issue(session, act, row.issue_id)
    return response_view(row)


def inquiry(session: Session, act: Act, *, inquiry_id: str) -> InquiryView:
    """One inquiry. Raises `NotFound` where it is another member's."""
    row = session.get(Inquiry, inquiry_id)
    if row is None:
        raise NotFound
    require(act, Permission.correspondence_read, member_id=row.member_id)
    return inquiry_view(row)


# --- deliveries -----------------------------------------------------------------------------------


def prepare_delivery(
    session: Session,
    act: Act,
    *,
    issue_id: str,
    channel: Channel,
    to_text: str,
    tracking: str | None = None,
    note: str | None = None,
) -> DeliveryView:
    """Note that a sealed letter is to go out by this channel. Raises `Conflict` before it is sealed."""
    require(act, Permission.delivery_record)
    issue = _sealed(_issue(session, act, issue_id))
    row = Delivery(
        id=new_id(),
        issue_id=issue.id,
        channel=channel,
        state=DeliveryState.prepared,
        to_text=_text("to_text", to_text),
        tracking=_optional("tracking", tracking, 200),
        note=_optional("note", note),
        prepared_at=act.at,
        prepared_by=act.person_id,
    )
    session.add(row)
    session.flush()
    _log_delivery(session, act, row, "prepared")
    return delivery_view(act, row)


def dispatch_delivery(
    session: Session, act: Act, *, delivery_id: str, at: datetime, tracking: str | None = None
) -> DeliveryView:
    """Record that it left the house at *at* (aware, not in the future), with the carrier's number."""
    require(act, Permission.delivery_record)
    row = _delivery_row(session, act, delivery_id)
    row.state = move(DELIVERY_STEPS, row.state, DeliveryState.dispatched, _a_delivery())
    row.dispatched_at = _past("at", at, act.at)
    row.dispatched_by = act.person_id
    row.tracking = _optional("tracking", tracking, 200) or row.tracking
    _log_delivery(session, act, row, "dispatched")
    return delivery_view(act, row)


def confirm_delivery(
    session: Session, act: Act, *, delivery_id: str, at: datetime, proof: Attachment | None
) -> DeliveryView:
    """Record that its arrival was confirmed at *at*; *proof* is a receipt or return mail, if there is one."""
    require(act, Permission.delivery_record)
    row = _delivery_row(session, act, delivery_id)
    row.state = move(DELIVERY_STEPS, row.state, DeliveryState.confirmed, _a_delivery())
    row.confirmed_at = _past("at", at, act.at)
    if row.dispatched_at is not None and row.confirmed_at < row.dispatched_at:
        raise Invalid([Problem("at", say("It cannot have arrived before it left."))])
    if proof is not None:
        row.proof_digest, row.proof_name = proof.digest, proof.name
    _log_delivery(session, act, row, "confirmed")
    return delivery_view(act, row)


def fail_delivery(session: Session, act: Act, *, delivery_id: str, at: datetime, note: str) -> DeliveryView:
    """Record that it did not arrive, and why. A further attempt is a delivery of its own."""
    require(act, Permission.delivery_record)
    row = _delivery_row(session, act, delivery_id)
    row.state = move(DELIVERY_STEPS, row.state, DeliveryState.failed, _a_delivery())
    row.failed_at = _past("at", at, act.at)
    row.note = _text("note", note)
    _log_delivery(session, act, row, "failed")
    return delivery_view(act, row)


def _log_delivery(session: Session, act: Act, row: Delivery, verb: str) -> None:
    # To whom and the tracking number may name a person: they stay in the row.
    payload = {"issue": row.issue_id, "channel": row.channel.value, "proof": row.proof_digest}
    log.append(session, act, f"correspondence:delivery:{verb}", row.id, payload)


def _a_delivery() -> Sentence:
    return say("This delivery")


# --- responses ------------------------------------------------------------------------------------


def record_response(
    session: Session,
    act: Act,
    *,
    issue_id: str,
    received_at: datetime,
    from_text: str,
    summary: str,
    assessed: Mapping[int, Assessment],
    file: Attachment | None = None,
) -> ResponseView:
    """Record an answer of the addressee with its assessment, one for each demand of the letter.

    Raises `Invalid` where a demand is not assessed, or one is assessed that the letter does not have.
    """
    require(act, Permission.response_record)
    issue = _sealed(_issue(session, act, issue_id))
    _check_assessed(_demands(session, issue), assessed)
    row = Response(
        id=new_id(),
        issue_id=issue.id,
        received_at=_past("received_at", received_at, act.at),
        from_text=_text("from_text", from_text),
        summary=_text("summary", summary),
        file_digest=file.digest if file else None,
        file_name=file.name if file else None,
        assessed={str(number): value.value for number, value in assessed.items()},
        recorded_at=act.at,
        recorded_by=act.person_id,
    )
    session.add(row)
    session.flush()
    payload = {"issue": issue.id, "assessed": row.assessed, "file": row.file_digest}
    log.append(session, act, "correspondence:response:recorded", row.id, payload)
    return response_view(row)


def _check_assessed(demanded: Iterable[Demand], assessed: Mapping[int, Assessment]) -> None:
    numbers = {demand.number for demand in demanded}
    missing = [
        Problem(f"demand {number}", say("Say how the response answers this demand."))
        for number in sorted(numbers - assessed.keys())
    ]
    unknown = [
        Problem(f"demand {number}", say("The letter has no demand of this number."))
        for number in sorted(assessed.keys() - numbers)
    ]
    if missing or unknown:
        raise Invalid(missing + unknown)


# --- inquiries ------------------------------------------------------------------------------------


def raise_inquiry(
    session: Session, act: Act, *, campaign_id: str, text: str, url: str | None = None
) -> InquiryView:
    """A member's own claim about an output. Raises `NotFound` where it has no part in the campaign."""
    require(act, Permission.inquiry_raise)
    if act.member_id is None:
        raise Forbidden(say("Only a member raises an inquiry, in its own name."))
    _require_part(session, act, campaign_id)
    row = Inquiry(
        id=new_id(),
        campaign_id=campaign_id,
        member_id=act.member_id,
        state=InquiryState.open,
        text=_text("text", text),
        url=_web_address(url),
        raised_at=act.at,
        raised_by=act.person_id,
    )
    session.add(row)
    session.flush()
    log.append(session, act, "correspondence:inquiry:raised", row.id, {"campaign": campaign_id})
    return inquiry_view(row)


def forward_inquiry(session: Session, act: Act, *, inquiry_id: str) -> InquiryView:
    """Record that the secretariat has passed it on to the addressee."""
    require(act, Permission.inquiry_handle)
    row = db.lock(session, Inquiry, inquiry_id)
    row.state = move(INQUIRY_STEPS, row.state, InquiryState.forwarded, say("This inquiry"))
    row.forwarded_at = act.at
    log.append(session, act, "correspondence:inquiry:forwarded", row.id, {"campaign": row.campaign_id})
    return inquiry_view(row)


def answer_inquiry(session: Session, act: Act, *, inquiry_id: str, answer: str) -> InquiryView:
    """Record the answer for the member that raised it."""
    require(act, Permission.inquiry_handle)
    row = db.lock(session, Inquiry, inquiry_id)
    row.state = move(INQUIRY_STEPS, row.state, InquiryState.answered, say("This inquiry"))
    row.answer = _text("answer", answer)
    row.answered_at = act.at
    log.append(session, act, "correspondence:inquiry:answered", row.id, {"campaign": row.campaign_id})
    return inquiry_view(row)


# --- small parts ----------------------------------------------------------------------------------


def _require_part(session: Session, act: Act, campaign_id: str) -> None:
    """Staff, and members that take part; who did not join, or left, is not told what follows."""
    campaigns.get(session, act, campaign_id)
    if act.member_id is not None:
        part = campaigns.participation(session, campaign_id, act.member_id)
        if part.state != "joined":
            raise NotFound


def _require_part_of_issue(session: Session, act: Act, issue_id: str) -> None:
    # Looked up as the portal itself: a member that joined after the roll was frozen takes part too.
    issue = letters.issue(session, system_act(act.at), issue_id)
    _require_part(session, act, issue.campaign_id)


def _issue(session: Session, act: Act, issue_id: str) -> IssueView:
    require(act, Permission.correspondence_read)
    return letters.issue(session, act, issue_id)


def _sealed(issue: IssueView) -> IssueView:
    if issue.state not in _OUT:
        raise Conflict(say("The letter is not sealed yet; there is nothing to deliver or to answer."))
    return issue


def _delivery_row(session: Session, act: Act, delivery_id: str) -> Delivery:
    row = db.lock(session, Delivery, delivery_id)
    _require_part_of_issue(session, act, row.issue_id)
    return row


def _invalid(where: str, sentence: Sentence) -> Invalid:
    return Invalid([Problem(where, sentence)])


def _text(where: str, text: str, longest: int = _LONGEST) -> str:
    text = text.strip()
    if not text:
        raise _invalid(where, say("Please fill this in."))
    if len(text) > longest:
        raise _invalid(where, say("At most %(n)s characters.", n=longest))
    return text


def _optional(where: str, text: str | None, longest: int = _LONGEST) -> str | None:
    return _text(where, text, longest) if text and text.strip() else None


def _past(where: str, at: datetime, now: datetime) -> datetime:
    if at > now:
        raise _invalid(where, say("This time is still to come."))
    return at


def _web_address(url: str | None) -> str | None:
    """*url* if it is one of the web. A page shows it as a link, so ``javascript:`` stops here."""
    url = _optional("url", url, 2_000)
    if url is not None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise _invalid("url", say("Give an address that begins with https:// or http://."))
    return url
