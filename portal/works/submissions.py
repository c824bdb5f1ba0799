"""Submitting a list, and what staff say to it. Use cases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem, Stale
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.members import service as members
from portal.notifications import outbox
from portal.works import matching
from portal.works.lists import (
    draft_rows,
    latest_submission,
    locked_list,
    submission_view,
)
from portal.works.model import LIST_MOVES, ListState, Submission, SubmittedWork, WorkKey, WorksList
from portal.works.rows import Listing, WorkRow
from portal.works.stored import row_of, work_columns
from portal.works.values import NumberedRow, RowsPage, SubmissionView

FORMAT: Final = "rensho/works/1"
PAGE: Final = 50


def rows_digest(rows: Iterable[WorkRow]) -> str:
    """The digest of a submission: over RFC 8785 JSON ``{"format": "rensho/works/1", "rows": […]}``.

    The rows are texts, whole numbers, booleans and nulls under ASCII names, for which Python's own JSON
    writer, told to sort and to leave characters as they are, gives RFC 8785's form, twenty times faster.
    """
    content = {"format": FORMAT, "rows": [row.as_json() for row in rows]}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return digest_bytes(text.encode())


def key_hash(key: str) -> str:
    """A key of `portal.works.matching` as it is stored."""
    return sha256(key.encode()).hexdigest()


def what_would_be_submitted(
    session: Session, act: Act, *, campaign_id: str, member_id: str
) -> tuple[Mapping[Listing, str], int]:
    """The digest that submitting now would give, by the consent chosen for the rest; and the count."""
    require(act, Permission.works_submit, member_id=member_id)
    campaigns.participation(session, campaign_id, member_id)
    row = _list(session, campaign_id, member_id)
    rows = list(draft_rows(session, row.id)) if row is not None else []
    return {one: rows_digest(row.with_consent(one) for row in rows) for one in Listing}, len(rows)


def submit(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    member_id: str,
    consent: Listing | str,
    shown: int | None = None,
) -> SubmissionView:
    """Submit the list as it stands; *consent* says where works may be listed whose row does not.

    *shown* is the list's version on the screen: `Stale` if it moved. Raises `Invalid` for an empty list.
    """
    require(act, Permission.works_submit, member_id=member_id)
    campaigns.require_joined(session, campaign_id, member_id)
    if consent not in set(Listing):
        raise Invalid([Problem("consent", say("Choose where your works may be listed."))])
    row = locked_list(session, campaign_id, member_id)
    if shown is not None and row.version != shown:
        raise Stale(say("The list was changed meanwhile. Look at it again before you submit it."))
    row.state = _from_returned(row.state)
    row.state = move(LIST_MOVES, row.state, ListState.submitted, say("The works list"))
    row.consent, row.reason, row.changed_at = Listing(consent), None, act.at
    rows = _final_rows(session, row, row.consent)
    if not rows:
        raise Invalid([Problem("list", say("The list is empty. Upload a table or add works first."))])
    submission = _write(session, act, row, rows)
    log.append(
        session,
        act,
        "works:list:submitted",
        submission.id,
        {
            "campaign": campaign_id,
            "member": member_id,
            "number": submission.number,
            "digest": submission.digest,
            "works": submission.count,
        },
    )
    return submission_view(submission, row.state)


def _from_returned(state: ListState) -> ListState:
    """A returned list that needed no change is submitted again through the same two steps."""
    return (
        move(LIST_MOVES, state, ListState.draft, say("The works list"))
        if state is ListState.returned
        else state
    )


def _write(session: Session, act: Act, row: WorksList, rows: list[WorkRow]) -> Submission:
    last = session.scalar(
        sa.select(sa.func.max(Submission.number)).where(
            Submission.campaign_id == row.campaign_id, Submission.member_id == row.member_id
        )
    )
    submission = Submission(
        id=new_id(), campaign_id=row.campaign_id, member_id=row.member_id, number=(last or 0) + 1,
        digest=rows_digest(rows), count=len(rows), submitted_at=act.at, submitted_by=act.person_id,
    )  # fmt: skip
    session.add(submission)
    session.flush()
    numbered = list(enumerate(rows, start=1))
    db.bulk_insert(
        session,
        SubmittedWork.__table__,
        ({"submission_id": submission.id, "number": n, **work_columns(one)} for n, one in numbered),
    )
    db.bulk_insert(
        session,
        WorkKey.__table__,
        (
            {"submission_id": submission.id, "number": n, "key": key_hash(key)}
            for n, one in numbered
            for key in matching.keys_of(one)
        ),
    )
    return submission


def accept(
    session: Session, act: Act, *, campaign_id: str, member_id: str, submission_id: str
) -> SubmissionView:
    """Staff accept a submission; *submission_id* is the one on the screen."""
    require(act, Permission.works_accept)
    row, submission = _under_review(session, campaign_id, member_id, submission_id)
    row.state = move(LIST_MOVES, row.state, ListState.accepted, say("The works list"))
    log.append(
        session, act, "works:list:accepted", submission_id, {"campaign": campaign_id, "member": member_id}
    )
    return submission_view(submission, row.state)


def return_(
    session: Session, act: Act, *, campaign_id: str, member_id: str, submission_id: str, reason: str
) -> SubmissionView:
    """Staff return a submission with a reason; the member can change the list again and gets a message."""
    require(act, Permission.works_return)
    if not reason.strip():
        raise Invalid([Problem("reason", say("Say what has to be mended; the member will read this."))])
    row, submission = _under_review(session, campaign_id, member_id, submission_id)
    row.state = move(LIST_MOVES, row.state, ListState.returned, say("The works list"))
    row.reason, row.changed_at = reason.strip(), act.at
    log.append(
        session,
        act,
        "works:list:returned",
        submission_id,
        {"campaign": campaign_id, "member": member_id, "reason": digest_bytes(row.reason.encode())},
    )
    for seat in members.live_seats(session, member_id):
        if not act_may_mend(seat.roles):
            continue
        outbox.add(
            session,
            act,
            key=f"works/returned:{submission_id}:{seat.id}",
            to=seat.email,
            language=seat.language,
            template="works/returned",
            context={"campaign_id": campaign_id, "reason": row.reason},
        )
    return submission_view(submission, row.state)


def act_may_mend(roles: Iterable[Any]) -> bool:
    """Whether somebody with these roles can do something about a returned list."""
    from portal.kernel.act import POLICY

    return bool(POLICY[Permission.works_edit].roles & frozenset(roles))


def _under_review(
    session: Session, campaign_id: str, member_id: str, submission_id: str
) -> tuple[WorksList, Submission]:
    row = locked_list(session, campaign_id, member_id)
    submission = session.get(Submission, submission_id)
    if submission is None or (submission.campaign_id, submission.member_id) != (campaign_id, member_id):
        raise NotFound
    latest = latest_submission(session, campaign_id, member_id)
    if latest is None or latest.id != submission_id:
        raise Stale(say("The member has submitted another list meanwhile. Look at that one."))
    if row.state is ListState.draft:
        raise Conflict(say("The member is changing this list; wait until it is submitted again."))
    return row, submission


# --- reading --------------------------------------------------------------------------------------


def submissions(session: Session, campaign_id: str) -> Mapping[str, SubmissionView]:
    """The latest submission of every member of the campaign, by member id. Access is the caller's."""
    found = sa.select(WorksList.member_id, WorksList.state).where(WorksList.campaign_id == campaign_id)
    states: dict[str, ListState] = {row.member_id: row.state for row in session.execute(found)}
    rows = session.scalars(
        sa.select(Submission).where(Submission.campaign_id == campaign_id).order_by(Submission.number)
    )
    return {row.member_id: submission_view(row, states[row.member_id]) for row in rows}


def history(session: Session, act: Act, *, campaign_id: str, member_id: str) -> tuple[SubmissionView, ...]:
    """All submissions of a member, the latest first; of the earlier ones the state says nothing any more."""
    require(act, Permission.works_read, member_id=member_id)
    campaigns.participation(session, campaign_id, member_id)
    row = _list(session, campaign_id, member_id)
    found = session.scalars(
        sa.select(Submission)
        .where(Submission.campaign_id == campaign_id, Submission.member_id == member_id)
        .order_by(Submission.number.desc())
    )
    return tuple(submission_view(one, row.state if row else ListState.submitted) for one in found)


def submission_rows(session: Session, submission_id: str) -> tuple[WorkRow, ...]:
    """The rows of a submission in order, consents spelled out. Access is the caller's."""
    return tuple(_submitted(session, submission_id))


def submitted_page(
    session: Session, act: Act, *, campaign_id: str, member_id: str, submission_id: str, page: int = 1
) -> RowsPage:
    """A page of 50 rows of a submission, for its member and for staff; `NotFound` for everybody else."""
    _require_submission(session, act, campaign_id, member_id, submission_id)
    where = SubmittedWork.submission_id == submission_id
    found = session.scalar(sa.select(sa.func.count()).select_from(SubmittedWork).where(where)) or 0
    pages = max(1, -(-found // PAGE))
    page = min(max(1, page), pages)
    query = sa.select(SubmittedWork).where(where).order_by(SubmittedWork.number)
    rows = session.scalars(query.limit(PAGE).offset((page - 1) * PAGE))
    return RowsPage(tuple(NumberedRow(one.number, row_of(one)) for one in rows), page, pages, found)


def submitted_rows(
    session: Session, act: Act, *, campaign_id: str, member_id: str, submission_id: str
) -> tuple[WorkRow, ...]:
    """All rows of a submission, for its member and for staff (for exports)."""
    _require_submission(session, act, campaign_id, member_id, submission_id)
    return submission_rows(session, submission_id)


def _require_submission(
    session: Session, act: Act, campaign_id: str, member_id: str, submission_id: str
) -> None:
    require(act, Permission.works_read, member_id=member_id)
    row = session.get(Submission, submission_id)
    if row is None or (row.campaign_id, row.member_id) != (campaign_id, member_id):
        raise NotFound


def _submitted(session: Session, submission_id: str) -> Iterator[WorkRow]:
    columns = SubmittedWork.__table__.columns
    query = sa.select(*columns).where(SubmittedWork.submission_id == submission_id)
    for row in session.execute(query.order_by(SubmittedWork.number)):
        yield row_of(row)


def _list(session: Session, campaign_id: str, member_id: str) -> WorksList | None:
    return session.scalars(
        sa.select(WorksList).where(WorksList.campaign_id == campaign_id, WorksList.member_id == member_id)
    ).one_or_none()


def _final_rows(session: Session, row: WorksList, consent: Listing) -> list[WorkRow]:
    return [one.with_consent(consent) for one in draft_rows(session, row.id)]
