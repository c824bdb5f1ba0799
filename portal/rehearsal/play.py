"""The steps of a campaign, each through the use case that the pages call, for people who are not there.

Rehearsal and demonstration both play: they hold everybody's seats and act for each in turn.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from portal import db
from portal.campaigns import service as campaigns
from portal.drafting import brief as briefs
from portal.drafting import service as drafting
from portal.evidence import service as evidence
from portal.jobs.worker import Worker
from portal.kernel.act import Act, Role, new_id, system_act
from portal.kernel.digest import canonical
from portal.letters import issuing
from portal.letters import service as letters
from portal.letters.house import House
from portal.letters.service import IssueView
from portal.members import service as members
from portal.signoffs import service as signoffs
from portal.works import service as works

PASSWORD = "lanterns over a quiet harbour"  # noqa: S105 - of invented people in throw-away installations
AGENT = "Rensho rehearsal"


@dataclass(frozen=True)
class Person:
    """Somebody who is to have a seat; ``title`` by language."""

    name: str
    email: str
    roles: frozenset[Role]
    title: Mapping[str, str]
    language: str = "ja"


def acting(seat: members.SeatView, at: datetime) -> Act:
    """An act of the person in this seat, freshly proven."""
    return Act(
        at=at,
        person_id=seat.person_id,
        person_name=seat.person_name,
        member_id=seat.member_id,
        roles=seat.roles,
        proved_at=at,
        language=seat.language,
        address=None,
        user_agent=AGENT,
        request_id=new_id(),
        authority=seat.authority,
    )


# --- people ---------------------------------------------------------------------------------------


def seats_for(
    outbox: Path,
    worker: Worker,
    inviter: Act,
    people: Sequence[tuple[str | None, Person]],
    step: Callable[[], None] = lambda: None,
) -> list[members.SeatView]:
    """Invite people by mail, open the mails, accept: the way everybody comes in. Their seats, in order.

    *people* are pairs of a member's id (None: the association) and who is to sit there. An address that
    stands twice is one person with two seats, as at sister companies. *step* is called for each.
    """
    names: dict[str, str] = {}
    for member_id, person in people:
        db.run(
            members.invite,
            inviter,
            email=person.email,
            # Who has an account keeps its name, and who binds is verified by that name and no other.
            name=names.setdefault(person.email.casefold(), person.name),
            roles=person.roles,
            member_id=member_id,
            language=person.language,
            title=dict(person.title),
            authority=next(iter(person.title.values()), ""),
        )
    worker.drain(inviter.at)
    tokens, known, seats = _tokens_mailed(outbox), dict[str, str](), list[members.SeatView]()
    for _, person in people:
        address = person.email.casefold()
        act = replace(
            system_act(inviter.at, person.language),
            roles=frozenset(),
            person_id=known.get(address),
            person_name=person.name,
            user_agent=AGENT,
        )
        accepted = db.run(
            members.accept_invitation,
            act,
            token=tokens[address].pop(0),
            name=person.name,
            password=PASSWORD,
        )
        known[address] = accepted.person_id
        seats.append(db.read(_seat, inviter, accepted.seat_id))
        step()
    return seats


def _seat(session: Session, _act: Act, seat_id: str) -> members.SeatView:
    return members.seat(session, seat_id)


def _tokens_mailed(outbox: Path) -> dict[str, list[str]]:
    """The tokens of the invitations in the outbox by address (without case), the oldest first."""
    tokens: dict[str, list[str]] = {}
    for path in sorted(outbox.glob("*.eml")):  # the names are ordered by time
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body()
        found = re.search(r"/invitation/([\w-]+)", body.get_content() if body else "")
        if found:
            tokens.setdefault(str(message["To"]).casefold(), []).append(found[1])
    return tokens


# --- the campaign ---------------------------------------------------------------------------------


def set_up_campaign(
    staff: Act, brief: briefs.Brief, member_ids: Iterable[str], order: str
) -> campaigns.CampaignView:
    """A campaign with the brief's title and addressee, its members asked."""
    addressee = brief.as_json()["addressee"]
    campaign = db.run(
        campaigns.create,
        staff,
        title=dict(brief.title),
        summary={},
        addressee={
            "names": addressee["names"],
            "office": addressee.get("office"),
            "person": addressee.get("person"),
            "address": addressee.get("address", {}),
        },
        order_rule=order,
    )
    db.run(campaigns.invite_members, staff, campaign_id=campaign.id, member_ids=member_ids)
    return campaign


def add_exhibits(staff: Act, house: House, campaign_id: str, brief: briefs.Brief) -> int:
    """The brief's exhibits; a brief holds no files, so what it says of an observation is the file."""
    for one in brief.exhibits:
        described = dict(brief.as_json()["exhibits"][one.number - 1])
        db.run(
            evidence.add,
            staff,
            campaign_id=campaign_id,
            title=dict(one.title),
            captured_at=one.captured_at,
            data=canonical(described),
            file_name=f"exhibit-{one.number}.json",
            files=house.files,
            note=dict(one.note or {}),
            url=one.url,
            prompt=one.prompt,
            product=one.version,
        )
    return len(brief.exhibits)


def publish_draft(staff: Act, campaign_id: str, brief: briefs.Brief, note: str) -> drafting.RevisionView:
    """The letter composed from the brief, published as its first revision."""
    letter = db.run(drafting.create_letter, staff, campaign_id=campaign_id, brief=brief)
    versions = {
        key: text.version for key, text in db.read(drafting.working_copy, staff, letter_id=letter.id).items()
    }
    return db.run(drafting.publish, staff, letter_id=letter.id, versions=versions, note=note)


def give_works(act: Act, campaign_id: str, data: bytes, file_name: str) -> works.SubmissionView:
    """Upload a list, confirm what the preview says, submit it. Raises `portal.works.tables.ReadError`."""
    assert act.member_id is not None
    member_id, result = act.member_id, works.read(data)
    upload = db.run(
        works.keep_upload,
        act,
        campaign_id=campaign_id,
        member_id=member_id,
        file_name=file_name,
        data=data,
        result=result,
    )
    db.run(works.confirm_upload, act, campaign_id=campaign_id, member_id=member_id, shown=upload.file_digest)
    return db.run(works.submit, act, campaign_id=campaign_id, member_id=member_id, consent="public")


def settle_claims(acts: Iterable[Act], campaign_id: str) -> int:
    """Both members of every title listed twice say that they own it jointly; how many titles."""
    titles: set[str] = set()
    for act in acts:
        assert act.member_id is not None
        here = {"campaign_id": campaign_id, "member_id": act.member_id}
        keys = [claim.key for claim in db.read(works.own_claims, act, **here) if not claim.settled]
        if keys:
            db.run(works.mark_joint, act, **here, keys=keys)
            titles.update(keys)
    return len(titles)


def approve(
    act: Act, round_id: str, *, naming: str = "public", listing: str = "public"
) -> signoffs.ReceiptView:
    """Read the revision and sign it off, with the digests that stand on the page."""
    ballot = db.read(signoffs.ballot, act, round_id=round_id)
    db.run(drafting.confirm_read, act, revision_id=ballot.round.revision_id)
    consents = {"text": True, "mandate": True, "naming": naming, "listing": listing, "corrections": True}
    return db.run(
        signoffs.sign,
        act,
        round_id=round_id,
        decision="approve",
        shown=shown(ballot, act),
        key=new_id(),
        consents=consents,
    )


def shown(ballot: signoffs.MemberBallot, act: Act) -> signoffs.Shown:
    """The digests that the sign-off page would have shown."""
    submission = db.read(
        lambda session, _act: works.latest_submission(
            session, ballot.round.campaign_id, ballot.line.member_id
        ),
        act,
    )
    return signoffs.Shown(
        revision=ballot.round.revision_digest,
        submission=submission.digest if submission else None,
        consents=ballot.round.consent_digest,
        frame=ballot.round.frame_digest,
    )


def issue(staff: Act, letter_id: str, house: House, worker: Worker) -> IssueView:
    """Reserve, seal, and let the worker sign a checkpoint over it and deliver the messages.

    Raises `ValueError` where the letter cannot be printed, which names the text.
    """
    view = db.run(issuing.reserve, staff, letter_id=letter_id, house=house)
    at = staff.at + timedelta(seconds=1)
    # The worker's job would do it, but keep what goes wrong to itself and try again later.
    issuing.seal(system_act(at), issue_id=view.id, house=house)
    worker.drain(at)
    return db.read(letters.issue, staff, view.id)
