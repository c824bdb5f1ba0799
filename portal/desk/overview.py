"""How a campaign stands, gathered from the rooms: for a member its steps, for staff the board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from portal.campaigns import service as campaigns
from portal.drafting import service as drafting
from portal.kernel.act import Act, Permission, require
from portal.kernel.errors import NotFound
from portal.letters import service as letters
from portal.members import service as members
from portal.signoffs import service as signoffs
from portal.signoffs.quorum import Verdict, Voice
from portal.works import service as works


class Progress(StrEnum):
    """How far a member has come in a campaign."""

    invited = "invited"
    declined_part = "declined_part"
    left = "left"
    joined = "joined"
    works = "works"
    read = "read"
    approved = "approved"
    reserved = "reserved"
    abstained = "abstained"
    declined = "declined"


@dataclass(frozen=True)
class MemberLine:
    """A member on the board. ``works`` is the number in its latest submission; ``last`` its last act."""

    member_id: str
    names: Mapping[str, str]
    category: str
    progress: Progress
    submitted: bool
    works: int
    read_at: datetime | None
    answered_at: datetime | None
    last: datetime | None
    on_roll: bool


@dataclass(frozen=True)
class Board:
    """One campaign, for staff."""

    campaign: campaigns.CampaignView
    letter: drafting.LetterView | None
    round: signoffs.RoundView | None
    verdict: Verdict | None
    issue: letters.IssueView | None
    lines: tuple[MemberLine, ...]
    approvals: tuple[tuple[datetime, int], ...]
    claims: int

    def count(self, *progress: Progress) -> int:
        """How many members have come exactly so far."""
        return sum(line.progress in progress for line in self.lines)

    @property
    def answered(self) -> int:
        return sum(line.answered_at is not None for line in self.lines)


@dataclass(frozen=True)
class Steps:
    """What a member still has to do in a campaign."""

    campaign: campaigns.CampaignView
    own: campaigns.Participant
    submission: works.SubmissionView | None
    letter: drafting.LetterView | None
    revision: drafting.RevisionView | None
    read_at: datetime | None
    ballot: signoffs.MemberBallot | None
    issue: letters.IssueView | None
    claims: int


_VOICES: Mapping[Voice, Progress] = {
    Voice.approve: Progress.approved,
    Voice.reserve: Progress.reserved,
    Voice.abstain: Progress.abstained,
    Voice.decline: Progress.declined,
}


def current_letter(session: Session, act: Act, campaign_id: str) -> drafting.LetterView | None:
    """The letter the campaign is about now: the newest that was not given up."""
    alive = [
        one for one in drafting.letters_of(session, act, campaign_id=campaign_id) if one.abandoned_at is None
    ]
    return max(alive, key=lambda one: one.number, default=None)


def board(session: Session, act: Act, campaign_id: str) -> Board:
    """Everything about a campaign that staff look at on one page."""
    require(act, Permission.board_read)
    campaign = campaigns.get(session, act, campaign_id)
    letter = current_letter(session, act, campaign_id)
    rounds = signoffs.rounds_of(session, letter.id) if letter else ()
    round_ = max(rounds, key=lambda one: one.number, default=None)
    lines = _lines(session, campaign_id, letter, round_)
    return Board(
        campaign=campaign,
        letter=letter,
        round=round_,
        verdict=signoffs.verdict(session, round_.id) if round_ else None,
        issue=letters.issue_of_letter(session, letter.id) if letter else None,
        lines=lines,
        approvals=_approvals(session, round_) if round_ else (),
        claims=works.open_claims(session, campaign_id),
    )


def _lines(
    session: Session,
    campaign_id: str,
    letter: drafting.LetterView | None,
    round_: signoffs.RoundView | None,
) -> tuple[MemberLine, ...]:
    everyone = campaigns.participants(session, campaign_id)
    registry = {one.member_id: one for one in members.roll_members(session, [p.member_id for p in everyone])}
    submissions = works.submissions(session, campaign_id)
    latest = letter.latest if letter else None
    readers = drafting.readers(session, latest.id) if latest else {}
    stand = signoffs.standing(session, round_.id) if round_ else {}
    on_roll = {line.member_id for line in signoffs.roll(session, round_.id)} if round_ else set()
    lines = []
    for one in everyone:
        submission, read_at, voice = (
            submissions.get(one.member_id),
            readers.get(one.member_id),
            stand.get(one.member_id),
        )
        times = [
            one.answered_at,
            submission.submitted_at if submission else None,
            read_at,
            voice.at if voice else None,
        ]
        lines.append(
            MemberLine(
                member_id=one.member_id,
                names=registry[one.member_id].names,
                category=registry[one.member_id].category,
                progress=_progress(one, submission is not None, read_at, voice),
                submitted=submission is not None,
                works=submission.count if submission else 0,
                read_at=read_at,
                answered_at=voice.at if voice else None,
                last=max((at for at in times if at), default=None),
                on_roll=one.member_id in on_roll,
            )
        )
    return tuple(lines)


def _progress(
    one: campaigns.Participant, submitted: bool, read_at: datetime | None, voice: signoffs.SignoffView | None
) -> Progress:
    if voice is not None and voice.voice is not None:
        return _VOICES[voice.voice]
    if one.state != "joined":
        return {"invited": Progress.invited, "declined": Progress.declined_part}.get(one.state, Progress.left)
    if read_at is not None:
        return Progress.read
    return Progress.works if submitted else Progress.joined


def _approvals(session: Session, round_: signoffs.RoundView) -> tuple[tuple[datetime, int], ...]:
    """Standing approvals after each act, in order of time."""
    standing: dict[str, bool] = {}
    points = []
    for act in sorted(signoffs.history(session, round_.id), key=lambda one: one.at):
        standing[act.member_id] = act.approves
        points.append((act.at, sum(standing.values())))
    return tuple(points)


def steps(session: Session, act: Act, campaign_id: str) -> Steps:
    """What is asked of the acting member in a campaign; `NotFound` where it was not asked to take part."""
    require(act, Permission.steps_read)
    if act.member_id is None:
        raise NotFound
    campaign = campaigns.get(session, act, campaign_id)
    own = campaigns.participation(session, campaign_id, act.member_id)
    letter = current_letter(session, act, campaign_id)
    revision = drafting.latest_revision(session, letter.id) if letter else None
    rounds = signoffs.rounds_of_campaign(session, act, campaign_id=campaign_id)
    current = next((one for one in rounds if letter and one.letter_id == letter.id), None)
    ballot = signoffs.ballot(session, act, round_id=current.id) if current else None
    issue = letters.issue_of_letter(session, letter.id) if letter else None
    return Steps(
        campaign=campaign,
        own=own,
        submission=works.latest_submission(session, campaign_id, act.member_id),
        letter=letter,
        revision=revision,
        read_at=drafting.has_read(session, act, revision_id=revision.id) if revision else None,
        ballot=ballot,
        issue=issue if ballot else None,
        claims=works.open_claims(session, campaign_id, act.member_id),
    )
