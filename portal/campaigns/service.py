"""What can happen to a campaign: set up, invite, join, decline, leave, move on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns.model import (
    PARTICIPATION,
    STAGES,
    Campaign,
    Participation,
    ParticipationState,
    Stage,
)
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.digest import digest_bytes, digest_of
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.members import service as members
from portal.members.naming import OrderRule
from portal.notifications import outbox

Text = Mapping[str, str]


@dataclass(frozen=True)
class CampaignView:
    """A campaign: texts by language; ``addressee`` as in the record, with ``language`` and ``email``."""

    id: str
    title: Text
    addressee: Mapping[str, Any]
    summary: Text
    stage: Stage
    order_rule: str
    created_at: datetime


@dataclass(frozen=True)
class Participant:
    """A member in a campaign. Times are UTC."""

    member_id: str
    state: ParticipationState
    invited_at: datetime
    answered_at: datetime | None
    reason: str | None


# --- set up ---------------------------------------------------------------------------------------


def create(
    session: Session,
    act: Act,
    *,
    title: Text,
    addressee: Mapping[str, Any],
    summary: Text,
    order_rule: str = "gojuon",
) -> CampaignView:
    """Open a campaign, at the stage of quiet outreach. Raises `Invalid`."""
    require(act, Permission.campaign_create)
    _check(title, addressee, order_rule)
    row = Campaign(
        id=new_id(),
        title=dict(title),
        addressee=dict(addressee),
        summary=dict(summary),
        stage=Stage.outreach,
        order_rule=order_rule,
        created_at=act.at,
        created_by=act.person_id,
    )
    session.add(row)
    session.flush()
    log.append(session, act, "campaigns:campaign:created", row.id, {"content": _content_digest(row)})
    return _view(row)


def edit(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    title: Text,
    addressee: Mapping[str, Any],
    summary: Text,
    order_rule: str,
) -> CampaignView:
    """Change title, addressee, summary or order rule. Raises `Invalid`, `NotFound`."""
    require(act, Permission.campaign_edit)
    _check(title, addressee, order_rule)
    row = db.lock(session, Campaign, campaign_id)
    row.title, row.addressee, row.summary = dict(title), dict(addressee), dict(summary)
    row.order_rule = order_rule
    log.append(session, act, "campaigns:campaign:edited", row.id, {"content": _content_digest(row)})
    return _view(row)


def move_stage(session: Session, act: Act, *, campaign_id: str, stage: Stage) -> CampaignView:
    """Take the dispute one stage further. Raises `Conflict` for a step the ladder does not have."""
    require(act, Permission.stage_move)
    row = db.lock(session, Campaign, campaign_id)
    before, row.stage = row.stage, move(STAGES, row.stage, stage, say("The campaign"))
    log.append(session, act, "campaigns:stage:moved", row.id, {"from": before.value, "to": row.stage.value})
    return _view(row)


# --- who takes part -------------------------------------------------------------------------------


def invite_members(session: Session, act: Act, *, campaign_id: str, member_ids: Iterable[str]) -> int:
    """Ask members to take part; those already asked are left as they are. How many were newly asked."""
    require(act, Permission.campaign_invite)
    campaign = db.lock(session, Campaign, campaign_id)
    known = set(
        session.scalars(sa.select(Participation.member_id).where(Participation.campaign_id == campaign_id))
    )
    new = [member_id for member_id in dict.fromkeys(member_ids) if member_id not in known]
    found = {one.member_id for one in members.roll_members(session, new)}
    if missing := [one for one in new if one not in found]:
        raise Invalid([Problem("", say("There is no such member in the registry."))] * len(missing))
    for member_id in new:
        session.add(
            Participation(
                campaign_id=campaign_id,
                member_id=member_id,
                state=ParticipationState.invited,
                invited_at=act.at,
            )
        )
        log.append(session, act, "campaigns:participation:invited", campaign_id, {"member": member_id})
    session.flush()
    for seat in (seat for member_id in new for seat in members.live_seats(session, member_id)):
        outbox.add(
            session,
            act,
            key=f"campaigns/invited:{campaign_id}:{seat.id}",
            to=seat.email,
            language=seat.language,
            template="campaigns/invited",
            context={
                "member": dict(seat.member_names or {}),
                "title": dict(campaign.title),
                "campaign_id": campaign_id,
            },
        )
    return len(new)


def answer(
    session: Session, act: Act, *, campaign_id: str, member_id: str, join: bool, reason: str = ""
) -> Participant:
    """The member takes part, or does not. Raises `NotFound` where it was not asked."""
    require(act, Permission.campaign_answer, member_id=member_id)
    row = db.lock(session, Participation, (campaign_id, member_id))
    new = ParticipationState.joined if join else ParticipationState.declined
    if row.state == new:
        return _participant(row)
    row.state = move(PARTICIPATION, row.state, new, say("Your company's participation"))
    row.answered_at, row.reason = act.at, (reason.strip() or None)
    log.append(
        session,
        act,
        f"campaigns:participation:{new.value}",
        campaign_id,
        {"member": member_id, "reason": digest_bytes(row.reason.encode()) if row.reason else None},
    )
    return _participant(row)


def leave(session: Session, act: Act, *, campaign_id: str, member_id: str, reason: str = "") -> Participant:
    """The member leaves the campaign.

    Whether it is on an open roll is asked above this room (a sign-off act then says so, DESIGN §4);
    there the use case `portal.signoffs.service.leave_campaign` is the way in.
    """
    require(act, Permission.campaign_leave, member_id=member_id)
    row = db.lock(session, Participation, (campaign_id, member_id))
    row.state = move(PARTICIPATION, row.state, ParticipationState.left, say("Your company's participation"))
    row.answered_at, row.reason = act.at, (reason.strip() or None)
    log.append(session, act, "campaigns:participation:left", campaign_id, {"member": member_id})
    return _participant(row)


# --- reading --------------------------------------------------------------------------------------


def get(session: Session, act: Act, campaign_id: str) -> CampaignView:
    """A campaign, for staff and for members asked to take part; `NotFound` for everybody else."""
    require(act, Permission.campaign_read)
    row = session.get(Campaign, campaign_id)
    if row is None:
        raise NotFound
    if not act.is_staff and (
        act.member_id is None or session.get(Participation, (campaign_id, act.member_id)) is None
    ):
        raise NotFound
    return _view(row)


def list_for(session: Session, act: Act) -> tuple[CampaignView, ...]:
    """The campaigns the act's seat may see, the newest first."""
    require(act, Permission.campaign_read)
    query = sa.select(Campaign).order_by(Campaign.created_at.desc())
    if not act.is_staff:
        query = query.join(
            Participation,
            sa.and_(Participation.campaign_id == Campaign.id, Participation.member_id == act.member_id),
        )
    return tuple(_view(row) for row in session.scalars(query))


def participants(session: Session, campaign_id: str) -> tuple[Participant, ...]:
    """Everybody asked, in the order asked. Access is the caller's: members may not see each other."""
    rows = session.scalars(
        sa.select(Participation)
        .where(Participation.campaign_id == campaign_id)
        .order_by(Participation.invited_at, Participation.member_id)
    )
    return tuple(_participant(row) for row in rows)


def participation(session: Session, campaign_id: str, member_id: str) -> Participant:
    """One member's participation; `NotFound` if it was not asked."""
    row = session.get(Participation, (campaign_id, member_id))
    if row is None:
        raise NotFound
    return _participant(row)


def require_joined(session: Session, campaign_id: str, member_id: str) -> None:
    """Stop unless the member takes part. Raises `NotFound` (not asked) or `Conflict` (asked only)."""
    if participation(session, campaign_id, member_id).state is not ParticipationState.joined:
        raise Conflict(
            say("Your company has not joined this campaign. Join it first, on the campaign's page.")
        )


def has_joined(session: Session, campaign_id: str, member_id: str | None) -> bool:
    """Whether the member takes part now; False for one not asked, and where there is no member."""
    row = session.get(Participation, (campaign_id, member_id)) if member_id else None
    return row is not None and row.state is ParticipationState.joined


def counts(session: Session, campaign_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """By campaign, how many members are in which state."""
    result: dict[str, Counter[str]] = {campaign_id: Counter() for campaign_id in campaign_ids}
    rows = session.execute(
        sa.select(Participation.campaign_id, Participation.state, sa.func.count())
        .where(Participation.campaign_id.in_(result))
        .group_by(Participation.campaign_id, Participation.state)
    )
    for campaign_id, state, number in rows:
        result[campaign_id][state.value] = number
    return result


# --- inside ---------------------------------------------------------------------------------------


def _check(title: Text, addressee: Mapping[str, Any], order_rule: str) -> None:
    problems = []
    if not any(text.strip() for text in title.values()):
        problems.append(Problem("title_en", say("Give the campaign a title.")))
    if not any(text.strip() for text in addressee.get("names", {}).values()):
        problems.append(Problem("addressee_en", say("Give the addressee's name.")))
    if order_rule not in set(OrderRule):
        problems.append(Problem("order_rule", say("There is no such order rule.")))
    if problems:
        raise Invalid(problems)


def _content_digest(row: Campaign) -> str:
    return digest_of({"title": row.title, "addressee": row.addressee, "order": row.order_rule})


def _view(row: Campaign) -> CampaignView:
    return CampaignView(
        row.id, row.title, row.addressee, row.summary, row.stage, row.order_rule, row.created_at
    )


def _participant(row: Participation) -> Participant:
    return Participant(row.member_id, row.state, row.invited_at, row.answered_at, row.reason)


def may_answer(act: Act) -> bool:
    """Whether the seat may say yes or no for its member."""
    return bool(act.roles & {Role.manager, Role.signatory})


def hold(session: Session, campaign_id: str) -> None:
    """Lock the campaign until the transaction ends, so that what is numbered within it is numbered once."""
    db.lock(session, Campaign, campaign_id)
