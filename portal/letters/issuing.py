"""Issuing a letter, exactly once (DESIGN §3.4).

*Reserve* is one transaction: lock the round, count again, freeze the record, take the number.
*Seal* renders, signs and stores both editions and registers them in a second transaction; it may be
repeated by any number of workers, and only the first result is registered.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.drafting import service as drafting
from portal.jobs import queue
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.sentence import Sentence, say
from portal.kernel.states import move
from portal.letters import record as records
from portal.letters.house import House
from portal.letters.layout import letter_pdf
from portal.letters.model import TRANSITIONS, Edition, Issue, IssueState, LetterNumber
from portal.letters.seal import seal_pdf
from portal.letters.service import EditionView, IssueView, view_of
from portal.members import naming
from portal.members import service as members
from portal.notifications import outbox
from portal.signoffs import counting, rounds
from portal.signoffs.values import Frozen, SignoffView
from portal.works import service as works

ISSUED: Final = "letters:letter:issued"
SEAL: Final = "letters.seal"
"""The kind of job that seals a reserved issue."""


# --- reserve --------------------------------------------------------------------------------------


def reserve(session: Session, act: Act, *, letter_id: str, house: House) -> IssueView:
    """Freeze the carried, countersigned letter under a new reference number; sealing follows by a job.

    The same call again gives the same issue. Raises `Conflict` where the round does not hold (any
    more): not carried, quorum broken by a withdrawal, a countersignature missing.
    """
    require(act, Permission.letter_issue)
    frozen = rounds.freeze_for_issue(session, act, letter_id=letter_id)
    existing = session.scalars(sa.select(Issue).where(Issue.letter_id == letter_id)).one_or_none()
    if existing is not None:
        if existing.state == IssueState.reserved:  # asked for again: seal at once, not after a long delay
            queue.requeue(session, SEAL, f"{SEAL}:{existing.id}", {"issue_id": existing.id}, act.at)
        return view_of(session, existing)
    issue_id = new_id()
    reference = _next_reference(session, act, house)
    full, listed = record_of(session, act, frozen, reference, house)
    issue = Issue(
        id=issue_id,
        letter_id=letter_id,
        campaign_id=frozen.campaign_id,
        round_id=frozen.round_id,
        reference=reference,
        state=IssueState.reserved,
        record=full,
        works=[work_json(one) for one in listed],
        reserved_at=act.at,
        reserved_by=act.person_id,
    )
    session.add(issue)
    session.flush()
    queue.add(session, SEAL, f"{SEAL}:{issue_id}", {"issue_id": issue_id}, act.at)
    log.append(
        session,
        act,
        "letters:letter:reserved",
        issue_id,
        {"reference": reference, "commitment": records.commitment(full), "revision": frozen.revision_digest},
    )
    return view_of(session, issue)


@dataclass(frozen=True)
class Preview:
    """What issuing now would give: how many approve, and how many each edition names."""

    subject: Mapping[str, str]
    approved: int
    addressee: int
    public: int
    countersignatures: int


def preview(session: Session, act: Act, *, letter_id: str) -> Preview:
    """The figures shown before a letter is issued. Raises `Conflict` where no round carries it."""
    require(act, Permission.letter_issue, to_look=True)
    drafting.letter_of(session, letter_id)
    round_ = counting.carried_round(session, letter_id)
    if round_ is None:
        raise Conflict(say("The letter is not carried by a vote, or the officers sent it back."))
    counted = [one for one in counting.standing(session, round_.id).values() if one.approves]
    naming_ = [_naming(one) for one in counted]
    part = round_.countersigning
    return Preview(
        subject=round_.subject,
        approved=len(counted),
        addressee=sum(one in records.SHOWN[records.Edition.addressee] for one in naming_),
        public=sum(one in records.SHOWN[records.Edition.public] for one in naming_),
        countersignatures=len(part.signatures) if part else 0,
    )


def _next_reference(session: Session, act: Act, house: House) -> str:
    """The next number of the year, gap-free: the counter's row is locked until the commit."""
    year = act.at.astimezone(ZoneInfo(house.settings.timezone)).year
    session.execute(_upsert(session)(LetterNumber).values(year=year, last=0).on_conflict_do_nothing())
    counter = db.lock(session, LetterNumber, year)
    counter.last += 1
    code = members.association(session).code
    return f"{code}-{'R-' if house.settings.rehearsal else ''}{year}-{counter.last:04d}"


def _upsert(session: Session) -> Any:
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # the same interface
    return insert


# --- seal -----------------------------------------------------------------------------------------


def seal(act: Act, *, issue_id: str, house: House) -> None:
    """Render, sign, store and register both editions of a reserved issue; nothing if that is done.

    Runs outside any transaction until the last step; a crash anywhere before it leaves the issue
    *reserved*, and the job is tried again.
    """
    full, listed, state = db.read(_reserved, act, issue_id=issue_id)
    if state != IssueState.reserved:
        return
    sealed: list[tuple[EditionView, Mapping[str, Any]]] = []
    for edition in records.Edition:
        projection, schedule = records.project(full, edition, listed)
        pdf = seal_pdf(
            letter_pdf(projection, schedule),
            house.sealer,
            reason=_reason(full, edition),
            at=act.at,
            tsa_urls=house.settings.tsa_urls,
        )
        view = EditionView(
            edition=edition.value,
            file_digest=house.files.put(pdf),
            size=len(pdf),
            projection_digest=digest_of(projection),
            schedule_digest=house.files.put(schedule),
        )
        sealed.append((view, projection))
    db.run(_register, act, issue_id=issue_id, sealed=sealed)


def _reserved(
    session: Session, _act: Act, *, issue_id: str
) -> tuple[Mapping[str, Any], list[records.ScheduledWork], IssueState]:
    issue = session.get(Issue, issue_id)
    if issue is None:
        raise NotFound
    return issue.record, [work_of(row) for row in issue.works], issue.state


def _reason(full: Mapping[str, Any], edition: records.Edition) -> str:
    """The signature's reason, for viewers that show it: what was sealed and who countersigned."""
    officers = ", ".join(next(iter(one["names"].values()), "") for one in full["countersignatures"])
    text = f"{full['reference']}, {edition.value} edition; countersigned by {officers}"
    return f"REHEARSAL 予行 – not a letter. {text}" if full["rehearsal"] else text


def _register(
    session: Session,
    act: Act,
    *,
    issue_id: str,
    sealed: list[tuple[EditionView, Mapping[str, Any]]],
) -> None:
    issue = db.lock(session, Issue, issue_id)
    if issue.state != IssueState.reserved:
        return  # another worker was first; the files stored here are orphans and say nothing
    what = say("The letter %(reference)s", reference=issue.reference)
    issue.state = move(TRANSITIONS, issue.state, IssueState.sealed, what)
    issue.sealed_at = act.at
    for view, projection in sealed:
        session.add(
            Edition(
                issue_id=issue_id,
                edition=view.edition,
                file_digest=view.file_digest,
                size=view.size,
                projection=projection,
                projection_digest=view.projection_digest,
                schedule_digest=view.schedule_digest,
                registered_at=act.at,
            )
        )
    full = issue.record
    payload = {
        "reference": issue.reference,
        "rehearsal": full["rehearsal"],
        "revision": full["revision"]["digest"],
        "commitment": records.commitment(full),
        "editions": {
            view.edition: {
                "file": view.file_digest,
                "projection": view.projection_digest,
                "schedule": view.schedule_digest,
            }
            for view, _ in sealed
        },
    }
    log.append(session, act, ISSUED, issue_id, payload)
    _announce(session, act, issue)


def _announce(session: Session, act: Act, issue: Issue) -> None:
    """Tell every person of the members on the roll, and of the association, that the letter is there."""
    everyone = [None, *(line.member_id for line in counting.roll(session, issue.round_id))]
    for seat in (seat for member_id in everyone for seat in members.live_seats(session, member_id)):
        outbox.add(
            session,
            act,
            key=f"letters/issued:{issue.id}:{seat.id}",
            to=seat.email,
            language=seat.language,
            template="letters/issued",
            context={
                "reference": issue.reference,
                "issue_id": issue.id,
                "subject": issue.record["subject"],
                "member": dict(seat.member_names or {}),
            },
        )


# --- from the frozen round to the record ----------------------------------------------------------


def record_of(
    session: Session, act: Act, frozen: Frozen, reference: str, house: House
) -> tuple[dict[str, Any], list[records.ScheduledWork]]:
    """The full record of a frozen round, and the works it lists.

    Raises `Conflict` where a typed text names a company that an edition must not show.
    """
    by_member = {one.member_id: one for one in frozen.signoffs}
    lines = naming.ordered(
        [line for line in frozen.roll if line.member_id in by_member], frozen.frame["order"]
    )
    signatories = [
        records.Signatory(
            member_id=line.member_id,
            names=line.names,
            language=line.language,
            category=line.category,
            consent=_naming(by_member[line.member_id]),
            signoff=by_member[line.member_id].digest,
        )
        for line in lines
    ]
    listed = _works(session, frozen, [line.member_id for line in lines])
    letter = _letter(act, frozen, reference, house)
    others = {line.member_id: line.names for line in frozen.roll if line.member_id not in by_member}
    full = records.full_record(letter, signatories, listed, salt=secrets.token_hex(32), others=others)
    _refuse_hidden_names(full)
    return full, listed


def _naming(act: SignoffView) -> records.Consent:
    """How the member agreed to be named; unnamed where nothing was said."""
    return records.Consent(act.consents.naming.value) if act.consents else records.Consent.unnamed


def _works(session: Session, frozen: Frozen, order: list[str]) -> list[records.ScheduledWork]:
    """The works of the approving members' frozen submissions, co-owned ones once, owners in letter order."""
    listing = {
        one.member_id: records.Consent(one.consents.listing.value) for one in frozen.signoffs if one.consents
    }
    place = {member_id: position for position, member_id in enumerate(order)}
    # What each member signed for, which may be newer than what stood on the roll when the round opened.
    signed = {one.member_id: one.submission_id for one in frozen.signoffs}
    submissions = {member_id: found for member_id in order if (found := signed.get(member_id))}
    listed: list[records.ScheduledWork] = []
    for row in works.schedule(session, frozen.campaign_id, submissions):
        owners = tuple(sorted(row.owners, key=place.__getitem__))
        consents = [records.Consent(row.consent), *(listing[owner] for owner in owners)]
        listed.append(
            records.ScheduledWork(
                owners=owners,
                title=row.title,
                titles=dict(row.titles),
                kind=row.kind,
                year=row.year,
                identifiers=tuple(row.identifiers),
                consent=max(consents, key=_NARROWNESS.index),
            )
        )
    # Within an owner in the order of his list; owners in the order of the letter.
    return sorted(listed, key=lambda work: place[work.owners[0]])


_NARROWNESS: Final = (records.Consent.public, records.Consent.addressee, records.Consent.withheld)


def _letter(act: Act, frozen: Frozen, reference: str, house: House) -> records.Letter:
    """The letter from what everybody signed: the text, and the frame as it stood when the round opened."""
    document, frame = frozen.document, frozen.frame
    languages = tuple(document.languages)
    order = naming.rule_sentence(frame["order"])
    return records.Letter(
        reference=reference,
        date=act.at.astimezone(ZoneInfo(house.settings.timezone)).date().isoformat(),
        languages=languages,
        prevails=document.prevails,
        rehearsal=house.settings.rehearsal,
        association=frame["association"],
        addressee=frame["addressee"],
        delivery=frame["delivery"],
        subject=dict(document.subject),
        revision={"number": frozen.revision_number, "digest": frozen.revision_digest},
        sections=document.as_json()["sections"],
        quorum={
            "rule": dict(frozen.rule),
            "sentence": _texts(frozen.rule_sentence, languages),
            "verdict": "reached",
            "tally": frozen.tally.as_json(),
        },
        order={"rule": frame["order"], "sentence": _texts(order, languages)},
        mandate=dict(frozen.mandate),
        log={"origin": house.log_key.origin, "vkey": house.log_key.vkey},
        seal=house.seal_facts(),
        verify_url=f"{house.settings.base_url}/verify/{reference}",
        exhibits=tuple(
            records.Exhibit(
                title=one["title"],
                captured_at=one["captured_at"],
                sha256=one["sha256"],
                url=one["url"],
                note=one["note"],
            )
            for one in frame["exhibits"]
        ),
        countersignatures=tuple(
            records.Countersignature(
                names=one.names, title=one.title, at=one.at.strftime("%Y-%m-%dT%H:%M:%SZ"), digest=one.digest
            )
            for one in frozen.countersignatures
        ),
    )


def _texts(sentence: Sentence, languages: tuple[str, ...]) -> dict[str, str]:
    return {language: sentence.render(language) for language in languages}


def _refuse_hidden_names(full: Mapping[str, Any]) -> None:
    for edition in records.Edition:
        mentions = records.hidden_mentions(full, edition)
        if mentions:
            raise Conflict(
                say(
                    "The text names %(name)s, which did not agree to be named in the %(edition)s edition. "
                    "Take the name out of the text; this needs a new revision and a new round.",
                    name=mentions[0][1],
                    edition=edition.value,
                )
            )


def work_json(work: records.ScheduledWork) -> dict[str, Any]:
    """A work as frozen with the issue; `work_of` reads it back."""
    return {
        "owners": list(work.owners),
        "title": work.title,
        "titles": dict(work.titles),
        "kind": work.kind,
        "year": work.year,
        "identifiers": list(work.identifiers),
        "consent": work.consent.value,
    }


def work_of(value: Mapping[str, Any]) -> records.ScheduledWork:
    """The work that `work_json` wrote."""
    return records.ScheduledWork(
        owners=tuple(value["owners"]),
        title=value["title"],
        titles=value["titles"],
        kind=value["kind"],
        year=value["year"],
        identifiers=tuple(value["identifiers"]),
        consent=records.Consent(value["consent"]),
    )
