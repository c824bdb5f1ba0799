"""Works that several members list: who has to say what about them; and the schedule of a letter.

Claims are derived from the latest submissions each time, never stored; only what was decided about
them is. A work that two list and that is not settled stays out of the schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import log
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.sentence import say
from portal.works.matching import Listed, Shared, shared_works
from portal.works.model import ClaimDecision, ListState, SubmittedWork, WorkKey
from portal.works.rows import Listing, WorkRow
from portal.works.stored import row_of
from portal.works.submissions import key_hash, submission_rows, submissions
from portal.works.values import Claim, OwnClaim, ScheduleRow


def claims(session: Session, act: Act, *, campaign_id: str) -> tuple[Claim, ...]:
    """Every work of the campaign that several members list, for staff."""
    require(act, Permission.claim_read)
    if not act.is_staff:
        raise NotFound
    return _claims(session, campaign_id, _standing(session, campaign_id))


def own_claims(session: Session, act: Act, *, campaign_id: str, member_id: str) -> tuple[OwnClaim, ...]:
    """The works of *member_id* that another member lists too, without saying who."""
    require(act, Permission.claim_read, member_id=member_id)
    campaigns.participation(session, campaign_id, member_id)
    return tuple(
        OwnClaim(one.key, one.rows[member_id], member_id in one.marked, one.settled)
        for one in _claims(session, campaign_id, _standing(session, campaign_id))
        if member_id in one.rows
    )


def open_claims(session: Session, campaign_id: str, member_id: str | None = None) -> int:
    """How many are unsettled; with *member_id*, how many of them wait for that member's word."""
    found = [one for one in _claims(session, campaign_id, _standing(session, campaign_id)) if not one.settled]
    if member_id is None:
        return len(found)
    return sum(member_id in one.rows and member_id not in one.marked for one in found)


def mark_joint(session: Session, act: Act, *, campaign_id: str, member_id: str, keys: Iterable[str]) -> int:
    """The member says that these of its works are owned jointly with whoever else lists them. How many."""
    require(act, Permission.claim_mark, member_id=member_id)
    campaigns.require_joined(session, campaign_id, member_id)
    by_key = {one.key: one for one in _claims(session, campaign_id, _standing(session, campaign_id))}
    chosen = [by_key.get(key) for key in dict.fromkeys(keys)]
    new = []
    for claim in chosen:
        if claim is None or member_id not in claim.rows:
            raise NotFound(say("This title does not stand in another member's list any more."))
        if member_id not in claim.marked and not claim.settled:
            new.append(claim)
    _decide(session, act, campaign_id, new, member_id=member_id, reason=None)
    return len(new)


def settle(
    session: Session, act: Act, *, campaign_id: str, reason: str, keys: Iterable[str] | None = None
) -> int:
    """Staff decide, with a reason, that works are owned jointly: those of *keys*, or all that are open."""
    require(act, Permission.claim_settle)
    if not reason.strip():
        raise Invalid([Problem("reason", say("Say on what basis; it is kept with the decision."))])
    found = {one.key: one for one in _claims(session, campaign_id, _standing(session, campaign_id))}
    chosen = list(found) if keys is None else list(dict.fromkeys(keys))
    if any(key not in found for key in chosen):
        raise NotFound(say("This title does not stand in two lists any more."))
    new = [found[key] for key in chosen if not found[key].settled]
    _decide(session, act, campaign_id, new, member_id=None, reason=reason.strip())
    return len(new)


def schedule(
    session: Session, campaign_id: str, submission_ids: Mapping[str, str]
) -> tuple[ScheduleRow, ...]:
    """The works of a letter: those of these submissions (by member id), co-owned ones once.

    Rows come in the order of *submission_ids* and of the lists; a co-owned work stands with its first
    owner. A work that some other member of the campaign lists too and that is not settled is left out
    (`unsettled` tells which); settled ones name those owners only that are in *submission_ids*.
    """
    everyone = {**_standing(session, campaign_id), **submission_ids}
    shared, states = _derived(session, campaign_id, everyone)
    group_of = {(one.member_id, one.number): group for group in shared for one in group.rows}
    done: set[str] = set()
    rows: list[ScheduleRow] = []
    for member_id, submission_id in submission_ids.items():
        for number, row in enumerate(submission_rows(session, submission_id), start=1):
            group = group_of.get((member_id, number))
            if group is None:
                rows.append(_scheduled((member_id,), [row]))
            elif states[group.key].settled and group.key not in done:
                done.add(group.key)
                rows.append(_together(group, submission_ids))
    return tuple(rows)


def unsettled(session: Session, campaign_id: str, submission_ids: Mapping[str, str]) -> tuple[Claim, ...]:
    """The works of these submissions that stay out of the schedule, and why."""
    everyone = {**_standing(session, campaign_id), **submission_ids}
    found = _claims(session, campaign_id, everyone)
    return tuple(one for one in found if not one.settled and one.rows.keys() & submission_ids.keys())


# --- inside ---------------------------------------------------------------------------------------


def _standing(session: Session, campaign_id: str) -> dict[str, str]:
    """The latest submission of every member that takes part and whose list was not returned."""
    joined = {one.member_id for one in campaigns.participants(session, campaign_id) if one.state == "joined"}
    return {
        member_id: one.id
        for member_id, one in sorted(submissions(session, campaign_id).items())
        if member_id in joined and one.state is not ListState.returned
    }


def _shared(session: Session, submission_ids: Mapping[str, str]) -> tuple[Shared, ...]:
    """What several of these submissions list: the database finds the keys that meet, the rule decides."""
    owner = {submission_id: member_id for member_id, submission_id in submission_ids.items()}
    if len(owner) < 2:
        return ()
    among = WorkKey.submission_id.in_(list(owner))
    meeting = (
        sa.select(WorkKey.key)
        .where(among)
        .group_by(WorkKey.key)
        .having(sa.func.count(sa.distinct(WorkKey.submission_id)) > 1)
    )
    places = (
        sa.select(WorkKey.submission_id, WorkKey.number).where(among, WorkKey.key.in_(meeting)).distinct()
    )
    at = places.subquery()
    query = (
        sa.select(*SubmittedWork.__table__.columns)
        .join(
            at,
            sa.and_(SubmittedWork.submission_id == at.c.submission_id, SubmittedWork.number == at.c.number),
        )
        .order_by(SubmittedWork.submission_id, SubmittedWork.number)
    )
    return shared_works(
        Listed(owner[row.submission_id], row.number, row_of(row)) for row in session.execute(query)
    )


def _derived(
    session: Session, campaign_id: str, submission_ids: Mapping[str, str]
) -> tuple[tuple[Shared, ...], dict[str, Claim]]:
    shared = _shared(session, submission_ids)
    decisions: dict[str, list[ClaimDecision]] = defaultdict(list)
    if shared:
        rows = session.scalars(sa.select(ClaimDecision).where(ClaimDecision.campaign_id == campaign_id))
        for row in rows:
            decisions[row.key].append(row)
    return shared, {one.key: _claim(one, decisions[key_hash(one.key)]) for one in shared}


def _claims(session: Session, campaign_id: str, submission_ids: Mapping[str, str]) -> tuple[Claim, ...]:
    return tuple(_derived(session, campaign_id, submission_ids)[1].values())


def _claim(shared: Shared, decisions: list[ClaimDecision]) -> Claim:
    owners = set(shared.member_ids)
    marked = frozenset(one.member_id for one in decisions if one.member_id in owners)
    # Staff decided about those who listed it then; somebody who came later was not asked.
    by_staff = [one for one in decisions if one.member_id is None and owners <= set(one.member_ids)]
    rows: dict[str, WorkRow] = {}
    for one in shared.rows:
        rows.setdefault(one.member_id, one.row)
    return Claim(
        key_hash(shared.key),
        rows,
        frozenset(one for one in marked if one is not None),
        marked == owners or bool(by_staff),
        by_staff[-1].reason if by_staff else None,
    )


def _decide(
    session: Session,
    act: Act,
    campaign_id: str,
    found: Iterable[Claim],
    *,
    member_id: str | None,
    reason: str | None,
) -> None:
    keys = []
    for claim in found:
        keys.append(claim.key)
        session.add(
            ClaimDecision(
                id=new_id(),
                campaign_id=campaign_id,
                key=claim.key,
                member_id=member_id,
                member_ids=sorted(claim.rows),
                reason=reason,
                decided_at=act.at,
                decided_by=act.person_id,
            )
        )
    session.flush()
    verb = "settled" if member_id is None else "marked"
    for start in range(0, len(keys), 500):  # an entry of the log has a limited size
        log.append(
            session,
            act,
            f"works:claim:{verb}",
            campaign_id,
            {
                "member": member_id,
                "works": keys[start : start + 500],
                "reason": digest_bytes(reason.encode()) if reason else None,
            },
        )


_NARROWNESS = tuple(Listing)


def _together(group: Shared, submission_ids: Mapping[str, str]) -> ScheduleRow:
    listed = [one for one in group.rows if one.member_id in submission_ids]
    order = {member_id: place for place, member_id in enumerate(submission_ids)}
    listed.sort(key=lambda one: (order[one.member_id], one.number))
    owners = tuple(dict.fromkeys(one.member_id for one in listed))
    return _scheduled(owners, [one.row for one in listed])


def _scheduled(owners: tuple[str, ...], rows: list[WorkRow]) -> ScheduleRow:
    """One row of the schedule; what the first owner does not say is taken from the next."""
    first = rows[0]
    titles = {
        "ja": next((row.title_ja for row in rows if row.title_ja), ""),
        "en": next((row.title_en for row in rows if row.title_en), ""),
    }
    identifiers = {one.key: str(one) for row in rows for one in row.identifiers}
    return ScheduleRow(
        owners=owners,
        title=first.title,
        titles={language: title for language, title in titles.items() if title},
        kind=first.kind.value,
        year=next((row.year for row in rows if row.year), None),
        identifiers=tuple(identifiers.values()),
        consent=max((row.consent or Listing.withheld for row in rows), key=_NARROWNESS.index),
    )
