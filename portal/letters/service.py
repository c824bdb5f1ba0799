"""The register of issued letters: reading it, publishing, withdrawing. Issuing is in `issuing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.kernel.act import Act, Permission, require
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.letters.model import TRANSITIONS, Edition, Issue, IssueState
from portal.members import service as members
from portal.signoffs import counting


@dataclass(frozen=True)
class EditionView:
    """One registered original: digest and size (bytes) of the sealed PDF."""

    edition: str
    file_digest: str
    size: int
    projection_digest: str
    schedule_digest: str


@dataclass(frozen=True)
class IssueView:
    """A letter going out, as staff and members see it. Times are UTC; ``editions`` are empty until sealed."""

    id: str
    letter_id: str
    campaign_id: str
    round_id: str
    reference: str
    state: str
    reserved_at: datetime
    sealed_at: datetime | None
    published_at: datetime | None
    end_reason: str | None
    editions: tuple[EditionView, ...]


@dataclass(frozen=True)
class RegisterEntry:
    """What the register says of a file: the registered original of which letter, and how that stands."""

    issue_id: str
    reference: str
    edition: str
    state: str
    end_reason: str | None
    projection: Mapping[str, Any]
    date: str
    is_published: bool


@dataclass(frozen=True)
class PublicLetter:
    """A published letter in a list; texts by language."""

    reference: str
    date: str
    subject: Mapping[str, str]
    addressee_names: Mapping[str, str]
    association_names: Mapping[str, str]
    total: int
    state: str


@dataclass(frozen=True)
class PublicLetterPage:
    """A published letter, whole: the public edition's projection, and the issue."""

    projection: Mapping[str, Any]
    issue: IssueView


# --- after sealing --------------------------------------------------------------------------------


def publish(session: Session, act: Act, *, issue_id: str) -> IssueView:
    """Put the public edition on the public page."""
    require(act, Permission.letter_publish)
    return _step(session, act, issue_id, IssueState.published, "published", "")


def withdraw(session: Session, act: Act, *, issue_id: str, reason: str) -> IssueView:
    """Say in the register that the letter no longer stands, and why; nothing is erased."""
    require(act, Permission.letter_withdraw)
    if not reason.strip():
        raise Conflict(say("Say why the letter is withdrawn; whoever checks it will read this."))
    return _step(session, act, issue_id, IssueState.withdrawn, "withdrawn", reason.strip())


def _step(session: Session, act: Act, issue_id: str, new: IssueState, verb: str, reason: str) -> IssueView:
    issue = db.lock(session, Issue, issue_id)
    what = say("The letter %(reference)s", reference=issue.reference)
    issue.state = move(TRANSITIONS, issue.state, new, what)
    if new == IssueState.published:
        issue.published_at = act.at
    else:
        issue.ended_at, issue.end_reason = act.at, reason
    log.append(
        session,
        act,
        f"letters:letter:{verb}",
        issue.id,
        {"reference": issue.reference},
    )
    session.flush()
    return view_of(session, issue)


# --- reading --------------------------------------------------------------------------------------


def issue(session: Session, act: Act, issue_id: str) -> IssueView:
    """One issue, for staff and for members on its roll; `NotFound` for everybody else."""
    row = session.get(Issue, issue_id)
    if row is None:
        raise NotFound
    _require_reader(session, act, row)
    return view_of(session, row)


def issue_of_letter(session: Session, letter_id: str) -> IssueView | None:
    """The issue of a letter, or None before it is reserved. Access is the caller's."""
    row = session.scalars(sa.select(Issue).where(Issue.letter_id == letter_id)).one_or_none()
    return view_of(session, row) if row else None


def issues_of_campaign(session: Session, campaign_id: str) -> tuple[IssueView, ...]:
    """The campaign's issues, oldest first. Access is the caller's."""
    rows = session.scalars(
        sa.select(Issue).where(Issue.campaign_id == campaign_id).order_by(Issue.reserved_at)
    )
    return tuple(view_of(session, row) for row in rows)


def full_record_of(session: Session, act: Act, issue_id: str) -> Mapping[str, Any]:
    """The full record, which never leaves the association."""
    require(act, Permission.record_read)
    row = session.get(Issue, issue_id)
    if row is None:
        raise NotFound
    return dict(row.record)


def edition(session: Session, act: Act, *, issue_id: str, name: str) -> tuple[EditionView, Mapping[str, Any]]:
    """A registered edition and its projection, for whoever may have it.

    Staff have both; members on the roll have the public one, and the addressee edition where the
    association allows it.
    """
    row = session.get(Issue, issue_id)
    if row is None:
        raise NotFound
    _require_reader(session, act, row)
    if not may_read(session, act, name):
        raise NotFound
    found = session.get(Edition, (issue_id, name))
    if found is None:
        raise NotFound
    return _edition_view(found), found.projection


def may_read(session: Session, act: Act, name: str) -> bool:
    """Whether the seat may have this edition."""
    if act.is_staff or name == "public":
        return True
    return bool(members.association(session).settings.get("members_get_addressee_edition"))


def register_lookup(session: Session, digest: str) -> RegisterEntry | None:
    """The register's answer for a file's digest; None if no such file was ever registered."""
    found = session.scalars(sa.select(Edition).where(Edition.file_digest == digest)).one_or_none()
    if found is None:
        return None
    row = session.get_one(Issue, found.issue_id)
    return _register_entry(row, found)


def _register_entry(row: Issue, found: Edition) -> RegisterEntry:
    return RegisterEntry(
        row.id, row.reference, found.edition, row.state.value, row.end_reason, found.projection,
        found.projection["date"], row.published_at is not None,
    )  # fmt: skip


def by_reference(session: Session, reference: str) -> RegisterEntry | None:
    """What a reference alone tells, once the letter is sealed: what the public edition shows.

    References are counted up, so anyone can type one. Before the letter is published, only that it
    was issued, its date and its state are told: ``projection`` is empty and there is no reason.
    """
    row = session.scalars(sa.select(Issue).where(Issue.reference == reference)).one_or_none()
    found = session.get(Edition, (row.id, "public")) if row else None
    if row is None or found is None:
        return None
    entry = _register_entry(row, found)
    return entry if entry.is_published else replace(entry, end_reason=None, projection={})


def public_letters(session: Session) -> tuple[PublicLetter, ...]:
    """The letters that were published, the newest first (also those withdrawn since: nothing is erased)."""
    rows = session.execute(
        sa.select(Issue, Edition)
        .join(Edition, sa.and_(Edition.issue_id == Issue.id, Edition.edition == "public"))
        .where(Issue.published_at.is_not(None))
        .order_by(Issue.published_at.desc())
    )
    return tuple(_public(row, found.projection) for row, found in rows)


def public_letter(session: Session, reference: str) -> PublicLetterPage:
    """One published letter; `NotFound` if there is none of this reference."""
    row = session.scalars(
        sa.select(Issue).where(Issue.reference == reference, Issue.published_at.is_not(None))
    ).one_or_none()
    found = session.get(Edition, (row.id, "public")) if row else None
    if row is None or found is None:
        raise NotFound
    return PublicLetterPage(found.projection, view_of(session, row))


def registered_files(session: Session) -> tuple[str, ...]:
    """The digests of all registered PDFs and schedules."""
    rows = session.execute(sa.select(Edition.file_digest, Edition.schedule_digest))
    return tuple(digest for row in rows for digest in row)


def _public(row: Issue, projection: Mapping[str, Any]) -> PublicLetter:
    return PublicLetter(
        reference=row.reference,
        date=projection["date"],
        subject=projection["subject"],
        addressee_names=projection["addressee"]["names"],
        association_names=projection["association"]["names"],
        total=projection["signatories"]["total"],
        state=row.state.value,
    )


def _require_reader(session: Session, act: Act, row: Issue) -> None:
    require(act, Permission.issue_read)
    if not act.is_staff and act.member_id not in {
        one.member_id for one in counting.roll(session, row.round_id)
    }:
        raise NotFound


def _edition_view(row: Edition) -> EditionView:
    return EditionView(row.edition, row.file_digest, row.size, row.projection_digest, row.schedule_digest)


def view_of(session: Session, row: Issue) -> IssueView:
    """The row as others see it."""
    editions = session.scalars(sa.select(Edition).where(Edition.issue_id == row.id).order_by(Edition.edition))
    return IssueView(
        id=row.id,
        letter_id=row.letter_id,
        campaign_id=row.campaign_id,
        round_id=row.round_id,
        reference=row.reference,
        state=row.state.value,
        reserved_at=row.reserved_at,
        sealed_at=row.sealed_at,
        published_at=row.published_at,
        end_reason=row.end_reason,
        editions=tuple(_edition_view(found) for found in editions),
    )
