"""Use cases: opening and closing a round, and handing the carried one to the issue.

Every use case that decides locks the round's row first and counts again in the same transaction. The
order of locks is campaign, round, letter; nobody takes them the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.drafting import service as drafting
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem
from portal.kernel.sentence import Sentence, say
from portal.kernel.states import move
from portal.members import service as members
from portal.signoffs import consents, counting, frame, mail, readiness
from portal.signoffs.model import (
    COUNTERSIGNING_MOVES,
    ROUND_MOVES,
    CloseCode,
    Countersigning,
    CountersigningState,
    RollEntry,
    Round,
    RoundState,
    Visibility,
)
from portal.signoffs.quorum import Voice, Voter, bind_members, evaluate, parse_rule, rule_sentence
from portal.signoffs.readiness import Facts, Item, RollFacts
from portal.signoffs.values import Frozen, RollLine, RoundView
from portal.works import service as works

MAX_OFFICERS: Final = 20
MAX_REASON: Final = 2_000
"""Characters of a reason."""

Rule = str | Mapping[str, Any]


# --- opening --------------------------------------------------------------------------------------


def preview(
    session: Session, act: Act, *, letter_id: str, rule: Rule, deadline: datetime
) -> tuple[tuple[Item, ...], Sentence, tuple[RollLine, ...]]:
    """What opening would mean: the readiness items, the rule in words, the roll. Changes nothing."""
    require(act, Permission.round_open)
    letter = drafting.letter(session, act, letter_id=letter_id)
    lines = _roll_now(session, letter.campaign_id)
    bound = _bound(rule, lines)
    items = readiness.check(_facts(session, act, letter, lines, bound, deadline))
    return items, rule_sentence(bound, {line.member_id: line.names for line in lines}), lines


def open_round(
    session: Session,
    act: Act,
    *,
    letter_id: str,
    rule: Rule,
    deadline: datetime,
    visibility: Visibility = Visibility.nothing,
    officers_needed: int = 1,
) -> RoundView:
    """Put the letter's latest revision to the vote of the members that have joined the campaign.

    *rule* is anything `portal.signoffs.quorum.parse_rule` reads, members named by id; *deadline* is
    aware. Roll, rule, revision, frame, works submissions and consent texts are frozen with digests.
    Raises `Invalid` for a bad rule, `Conflict` with what stops the round.
    """
    require(act, Permission.round_open)
    # Held, so that nobody leaves, and addressee and exhibits stay, between our reading and our writing.
    campaigns.hold(session, drafting.letter_of(session, letter_id).campaign_id)
    letter = drafting.hold(session, letter_id)
    lines = _roll_now(session, letter.campaign_id)
    bound = _bound(rule, lines)
    if not 1 <= officers_needed <= MAX_OFFICERS:
        raise Invalid([Problem("officers_needed", say("At least one officer countersigns, 20 at most."))])
    deadline = deadline.astimezone(UTC)
    items = readiness.check(_facts(session, act, letter, lines, bound, deadline))
    if not readiness.may_open(items) or letter.latest is None:
        raise Conflict(next(item.sentence for item in items if item.standing is readiness.Standing.stop))
    texts = consents.consent_texts()
    around = frame.frame_now(session, act, letter)
    number = session.scalar(sa.select(sa.func.max(Round.number)).where(Round.letter_id == letter_id)) or 0
    row = Round(
        id=new_id(),
        letter_id=letter_id,
        number=number + 1,
        revision_id=letter.latest.id,
        revision_digest=letter.latest.digest,
        rule=bound,
        rule_digest=digest_of(bound),
        consent_texts=texts,
        consent_digest=consents.consent_digest(texts),
        roll_digest=roll_digest(lines),
        frame=around,
        frame_digest=frame.frame_digest(around),
        visibility=visibility,
        officers_needed=officers_needed,
        deadline=deadline,
        state=RoundState.open,
        opened_at=act.at,
        opened_by=act.person_id,
    )
    session.add(row)
    session.flush()
    db.bulk_insert(session, RollEntry.__table__, [{"round_id": row.id, **_roll_row(line)} for line in lines])
    view = counting.round_view(session, row)
    log.append(session, act, "signoffs:round:opened", row.id, _logged(view, len(lines)))
    mail.to_members(
        session, act, template="signoffs/opened", round_=view, member_ids=[line.member_id for line in lines]
    )
    return view


def _bound(rule: Rule, lines: tuple[RollLine, ...]) -> dict[str, Any]:
    ids = {line.member_id: line.member_id for line in lines}
    return bind_members(parse_rule(rule), ids)


def _roll_now(session: Session, campaign_id: str) -> tuple[RollLine, ...]:
    """The members that have joined, each with its latest works submission, as the roll would be."""
    joined = sorted(
        one.member_id for one in campaigns.participants(session, campaign_id) if one.state == "joined"
    )
    lines = []
    for member in members.roll_members(session, joined):
        submission = works.latest_submission(session, campaign_id, member.member_id)
        if submission is not None and submission.state == "returned":
            submission = None
        lines.append(
            RollLine(
                member.member_id,
                member.kind,
                dict(member.names),
                member.language,
                member.reading,
                member.category,
                member.country,
                member.weight,
                submission.id if submission else None,
                submission.digest if submission else None,
                submission.count if submission else 0,
            )
        )
    return tuple(lines)


def _roll_row(line: RollLine) -> dict[str, Any]:
    return dict(vars(line))


def roll_digest(lines: tuple[RollLine, ...]) -> str:
    """The digest of a roll: of its lines as JSON, by member id."""
    return digest_of([_roll_row(line) for line in sorted(lines, key=lambda line: line.member_id)])


def _facts(
    session: Session,
    act: Act,
    letter: drafting.LetterView,
    lines: tuple[RollLine, ...],
    rule: Mapping[str, Any],
    deadline: datetime,
) -> Facts:
    revision = drafting.latest_revision(session, letter.id)
    first = revision.document.languages[0] if revision else ""
    demands = revision.document.demands(first) if revision else ()
    voters = [Voter(line.member_id, line.category, line.weight, line.works) for line in lines]
    best = evaluate(rule, voters, {line.member_id: Voice.approve for line in lines})
    return Facts(
        at=act.at,
        deadline=deadline,
        abandoned=letter.abandoned_at is not None,
        revision=revision.number if revision else None,
        sections=frozenset(section.id for section in revision.document.sections[first])
        if revision
        else frozenset(),
        demands=len(demands),
        earliest_demand=min((one.deadline for one in demands if one.deadline), default=None),
        open_round=_open_row(session, letter.id) is not None,
        carried_round=counting.carried_round(session, letter.id) is not None,
        roll=tuple(_roll_facts(session, letter.campaign_id, line) for line in lines),
        reachable=best.reached,
    )


def _roll_facts(session: Session, campaign_id: str, line: RollLine) -> RollFacts:
    submission = works.latest_submission(session, campaign_id, line.member_id)
    return RollFacts(
        names=line.names,
        has_signatory=bool(members.live_seats(session, line.member_id, Role.signatory)),
        submission=None if submission is None else str(submission.state),
    )


def _open_row(session: Session, letter_id: str) -> Round | None:
    return session.scalars(
        sa.select(Round).where(Round.letter_id == letter_id, Round.state == RoundState.open)
    ).one_or_none()


def _logged(view: RoundView, roll: int) -> dict[str, Any]:
    return {
        "letter": view.letter_id,
        "revision": view.revision_digest,
        "rule": view.rule_digest,
        "roll": view.roll_digest,
        "members": roll,
        "consents": view.consent_digest,
        "frame": view.frame_digest,
    }


# --- closing --------------------------------------------------------------------------------------


def close_round(session: Session, act: Act, *, round_id: str) -> RoundView:
    """Declare the round carried before its deadline. Raises `Conflict` with what is missing otherwise.

    A round that is past its deadline is closed as the deadline would have closed it.
    """
    require(act, Permission.round_close)
    row = db.lock(session, Round, round_id)
    drafting.hold(session, row.letter_id)
    view = counting.round_view(session, row)
    if row.state is RoundState.carried:
        return view  # the button was pressed twice, or the deadline was first
    if act.at >= row.deadline or view.superseded:
        return _close_due(session, act, row)
    verdict = counting.verdict(session, round_id)
    if row.state is RoundState.open and not verdict.reached:
        raise Conflict(
            say("The quorum is not reached; still missing: %(missing)s.", missing=_listed(verdict.missing))
        )
    return _carry(session, act, row)


def cancel_round(session: Session, act: Act, *, round_id: str, reason: str) -> RoundView:
    """End an open round without a result; everybody on the roll is told the reason."""
    require(act, Permission.round_cancel)
    row = db.lock(session, Round, round_id)
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise Invalid([Problem("reason", say("Say why, in at most %(most)s characters.", most=MAX_REASON))])
    return _cancel(session, act, row, reason)


def close_due(session: Session, act: Act, round_id: str) -> RoundView:
    """What the deadline does: carried where the quorum is reached, lapsed where not.

    A round whose text is no longer the letter's latest revision is cancelled, at any time. A round that
    is not due is left alone.
    """
    require(act, Permission.round_close)
    row = db.lock(session, Round, round_id)
    drafting.hold(session, row.letter_id)
    return _close_due(session, act, row)


def _close_due(session: Session, act: Act, row: Round) -> RoundView:
    view = counting.round_view(session, row)
    if row.state is not RoundState.open:
        return view
    if view.superseded:
        given_up = drafting.letter_of(session, row.letter_id).abandoned_at is not None
        return _cancel(session, act, row, CloseCode.abandoned if given_up else CloseCode.superseded)
    if act.at < row.deadline:
        return view
    if counting.verdict(session, row.id).reached:
        return _carry(session, act, row)
    _end(row, act, RoundState.lapsed)
    session.flush()
    verdict = counting.verdict(session, row.id)
    view = counting.round_view(session, row)
    log.append(session, act, "signoffs:round:lapsed", row.id, {"tally": verdict.tally.as_json()})
    mail.to_members(session, act, template="signoffs/lapsed", round_=view, member_ids=_roll_ids(session, row))
    mail.to_staff(session, act, template="signoffs/lapsed_staff", round_=view, roles=(Role.case_manager,))
    return view


def _carry(session: Session, act: Act, row: Round) -> RoundView:
    _end(row, act, RoundState.carried)
    session.add(
        Countersigning(round_id=row.id, state=CountersigningState.open, quorum_lost=False, opened_at=act.at)
    )
    session.flush()
    view = counting.round_view(session, row)
    counted = counting.tally(session, row.id).as_json()
    log.append(session, act, "signoffs:round:carried", row.id, {"tally": counted})
    mail.to_members(
        session, act, template="signoffs/carried", round_=view, member_ids=_roll_ids(session, row)
    )
    mail.to_staff(
        session,
        act,
        template="signoffs/countersign",
        round_=view,
        roles=(Role.officer,),
        context={"tally": counted},
    )
    return view


def _cancel(session: Session, act: Act, row: Round, why: str | CloseCode) -> RoundView:
    """*why*: staff's words, or a code that every reader gets in its own language."""
    _end(row, act, RoundState.cancelled)
    code, reason = (why, None) if isinstance(why, CloseCode) else (None, why)
    row.close_code, row.close_reason = code, reason
    session.flush()
    view = counting.round_view(session, row)
    log.append(session, act, "signoffs:round:cancelled", row.id, {})
    mail.to_members(
        session,
        act,
        template="signoffs/cancelled",
        round_=view,
        member_ids=_roll_ids(session, row),
        context={"reason": reason, "code": code and code.value},
    )
    return view


def abandon_letter(session: Session, act: Act, *, letter_id: str) -> None:
    """Give the letter up; a vote that is open on it ends, and the members are told.

    Raises `Conflict` once the letter has its number: what is issued stays issued.
    """
    require(act, Permission.letter_abandon)
    drafting.letter_of(session, letter_id)
    query = sa.select(Round.id).where(Round.letter_id == letter_id).order_by(Round.number)
    # Locked before the letter, as everywhere: whoever reserves the letter holds its carried round.
    rows = [db.lock(session, Round, round_id) for round_id in session.scalars(query).all()]
    if any(row.frozen_at is not None for row in rows):
        raise Conflict(say("The letter has its number already; it cannot be given up any more."))
    drafting.abandon(session, act, letter_id=letter_id)
    for row in rows:
        if row.state is RoundState.open:
            _cancel(session, act, row, CloseCode.abandoned)


def _end(row: Round, act: Act, state: RoundState) -> None:
    row.state = move(ROUND_MOVES, row.state, state, say("This vote"))
    row.closed_at, row.closed_by = act.at, act.person_id


def _roll_ids(session: Session, row: Round) -> list[str]:
    return list(session.scalars(sa.select(RollEntry.member_id).where(RollEntry.round_id == row.id)))


def _listed(sentences: tuple[Sentence, ...]) -> Sentence:
    result = sentences[0]
    for one in sentences[1:]:
        result = say("%(first)s; %(second)s", first=result, second=one)
    return result


def due_rounds(session: Session, act: Act) -> tuple[str, ...]:
    """The open rounds that `close_due` would close now."""
    require(act, Permission.round_close)
    rows = session.scalars(sa.select(Round).where(Round.state == RoundState.open).order_by(Round.deadline))
    return tuple(
        row.id for row in rows if row.deadline <= act.at or counting.round_view(session, row).superseded
    )


def close_due_rounds(act: Act) -> int:
    """The worker's: close every round that is due, each in its own transaction; how many."""
    due = db.read(due_rounds, act)
    for round_id in due:
        db.run(close_due, act, round_id)
    return len(due)


# --- the officers' part ends, the issue begins ----------------------------------------------------


def refuse_countersigning(
    session: Session, act: Act, row: Round, *, reason: str | None, quorum_lost: bool = False
) -> None:
    """Send the carried letter back to drafting (for this room; the round's row is locked)."""
    part = session.get_one(Countersigning, row.id)
    part.state = move(
        COUNTERSIGNING_MOVES, part.state, CountersigningState.refused, say("The officers' part")
    )
    part.quorum_lost, part.reason = quorum_lost, reason
    part.closed_at, part.closed_by = act.at, act.person_id
    session.flush()
    view = counting.round_view(session, row)
    kind = "signoffs:round:quorum_lost" if quorum_lost else "signoffs:countersigning:refused"
    log.append(session, act, kind, row.id, {})
    template = "signoffs/quorum_lost" if quorum_lost else "signoffs/refused"
    mail.to_staff(
        session,
        act,
        template=template,
        round_=view,
        roles=(Role.case_manager, Role.officer),
        context={"reason": reason},
    )


def freeze_for_issue(session: Session, act: Act, *, letter_id: str) -> Frozen:
    """Lock the carried round, count again, and freeze it; called by the issue in its own transaction.

    Called again it gives the same. Raises `NotFound` where no letter is, `Conflict` where the letter may
    not be issued (any more): not carried, text superseded, quorum broken, a countersignature missing.
    """
    letter = drafting.letter_of(session, letter_id)
    campaigns.hold(session, letter.campaign_id)  # first, as in `open_round`: an issue's row refers to it
    found = counting.carried_row(session, letter_id)
    if found is None:
        raise Conflict(say("The letter is not carried by a vote, or the officers sent it back."))
    row = db.lock(session, Round, found.id)
    letter = drafting.hold(session, letter_id)
    view = counting.round_view(session, row)
    if row.frozen_at is None:
        _require_issuable(view)
    lines, stand = counting.roll(session, row.id), counting.standing(session, row.id)
    verdict = counting.verdict(session, row.id)
    if not verdict.reached:
        raise Conflict(
            say("The quorum no longer holds; still missing: %(missing)s.", missing=_listed(verdict.missing))
        )
    if row.frozen_at is None:
        row.frozen_at = act.at
        session.flush()
    held = row.rule["reservations"] == "hold"
    revision = drafting.revision_of(session, row.revision_id)
    mandate = row.consent_texts["texts"]["mandate"]
    part = counting.countersigning(session, row)
    return Frozen(
        round_id=row.id,
        letter_id=letter_id,
        campaign_id=letter.campaign_id,
        revision_id=revision.id,
        revision_number=revision.number,
        revision_digest=revision.digest,
        document=revision.document,
        rule=row.rule,
        rule_sentence=view.rule_sentence,
        verdict=verdict,
        roll=lines,
        signoffs=tuple(
            one
            for _, one in sorted(stand.items())
            if one.voice is Voice.approve or (one.voice is Voice.reserve and not held)
        ),
        countersignatures=part.signatures if part else (),
        mandate={"text": dict(mandate), "digest": digest_of(mandate)},
        frame=row.frame,
        frame_digest=row.frame_digest,
    )


def _require_issuable(view: RoundView) -> None:
    if view.state is not RoundState.carried or view.countersigning is None:
        raise Conflict(say("The letter is not carried by a vote."))
    if view.countersigning.state is not CountersigningState.complete:
        raise Conflict(say("The officers have not all countersigned yet."))
    if view.superseded:
        raise Conflict(say("A newer revision was published after the vote; put that one to the vote."))


def round_row(session: Session, round_id: str) -> Round:
    """The round's row without a lock (for this room). Raises `NotFound`."""
    row = session.get(Round, round_id)
    if row is None:
        raise NotFound
    return row
