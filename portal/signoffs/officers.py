"""Use cases of the officers: countersign the carried letter, or send it back."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.drafting import service as drafting
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, Forbidden, Invalid, Problem, Stale
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.members import service as members
from portal.signoffs import counting, mail, receipts
from portal.signoffs.acting import require_live_seat
from portal.signoffs.acts import MOVED
from portal.signoffs.model import (
    COUNTERSIGNING_MOVES,
    Countersignature,
    Countersigning,
    CountersigningState,
    Round,
)
from portal.signoffs.rounds import refuse_countersigning
from portal.signoffs.values import CountersigningView

MAX_REASON: Final = 2_000


def countersign(
    session: Session, act: Act, *, round_id: str, revision_digest: str, frame_digest: str
) -> CountersigningView:
    """Put the officer's name under the carried letter.

    *revision_digest* and *frame_digest* are those of the text and of the frame that were on the screen.

    The tally is counted again in the same transaction and stands in the act. An officer who presses
    twice has signed once. Raises `Stale` for another text, `Conflict` where the round is not carried,
    was sent back, or its quorum no longer holds.
    """
    require(act, Permission.countersignature_place)
    row = db.lock(session, Round, round_id)
    letter = drafting.hold(session, row.letter_id)
    part = _part(session, row)
    if act.person_id is None:
        raise Forbidden(say("A countersignature is a person's act."))
    mine = session.scalars(
        sa.select(Countersignature).where(
            Countersignature.round_id == round_id, Countersignature.person_id == act.person_id
        )
    ).one_or_none()
    if mine is not None and part.state is not CountersigningState.refused:
        return _view(session, row)
    require_live_seat(session, act, Permission.countersignature_place)
    if revision_digest != row.revision_digest:
        raise Stale(MOVED["revision"])
    if frame_digest != row.frame_digest:
        raise Stale(MOVED["frame"])
    _require_part(session, row, part)
    verdict = counting.verdict(session, round_id)
    names, title = _printed(session, act, letter.languages)
    countersignature_id = new_id()
    document = receipts.countersignature_act(
        act,
        countersignature_id=countersignature_id,
        salt=secrets.token_hex(16),
        round_={"id": row.id, "number": row.number, "letter": row.letter_id, "rule": row.rule_digest},
        revision=row.revision_digest,
        frame=row.frame_digest,
        tally=verdict.tally.as_json(),
    )
    session.add(
        Countersignature(
            id=countersignature_id,
            round_id=round_id,
            person_id=act.person_id,
            names=names,
            title=title,
            act=document,
            digest=digest_of(document),
            at=act.at,
        )
    )
    session.flush()
    payload = {"round": round_id, "act": digest_of(document)}
    log.append(session, act, "signoffs:countersignature:placed", countersignature_id, payload)
    _complete_if_all(session, act, row, part)
    return _view(session, row)


def refuse(session: Session, act: Act, *, round_id: str, reason: str) -> CountersigningView:
    """Send the carried letter back to drafting, with the reason."""
    require(act, Permission.countersignature_refuse)
    row = db.lock(session, Round, round_id)
    require_live_seat(session, act, Permission.countersignature_refuse)
    part = _part(session, row)
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise Invalid([Problem("reason", say("Say why, in at most %(most)s characters.", most=MAX_REASON))])
    if row.frozen_at is not None or part.state is not CountersigningState.open:
        raise Conflict(say("The officers have finished with this letter; it cannot be sent back any more."))
    refuse_countersigning(session, act, row, reason=reason)
    return _view(session, row)


def _part(session: Session, row: Round) -> Countersigning:
    part = session.get(Countersigning, row.id)
    if part is None:
        raise Conflict(say("The letter is not carried; there is nothing to countersign."))
    return part


def _require_part(session: Session, row: Round, part: Countersigning) -> None:
    if part.state is CountersigningState.refused:
        raise Conflict(say("The letter was sent back to drafting; there is nothing to countersign."))
    if part.state is CountersigningState.complete:
        raise Conflict(say("All countersignatures that are needed are there."))
    view = counting.round_view(session, row)
    if view.superseded:
        raise Conflict(say("A newer revision was published after the vote; put that one to the vote."))
    if not counting.verdict(session, row.id).reached:
        raise Conflict(say("The quorum no longer holds; the letter goes back to drafting."))


def _printed(session: Session, act: Act, languages: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The officer's name and title as printed, in every language of the letter."""
    seat = next(
        (one for one in members.live_seats(session, None, Role.officer) if one.person_id == act.person_id),
        None,
    )
    titles = dict(seat.title) if seat else {}
    known = next(iter(titles.values()), act.authority)
    name = seat.person_name if seat else act.person_name
    return dict.fromkeys(languages, name), {one: titles.get(one) or known for one in languages}


def _complete_if_all(session: Session, act: Act, row: Round, part: Countersigning) -> None:
    query = sa.select(sa.func.count()).select_from(Countersignature)
    signed = session.scalar(query.where(Countersignature.round_id == row.id)) or 0
    if signed < row.officers_needed:
        return
    part.state = move(
        COUNTERSIGNING_MOVES, part.state, CountersigningState.complete, say("The officers' part")
    )
    part.closed_at, part.closed_by = act.at, act.person_id
    session.flush()
    view = counting.round_view(session, row)
    log.append(session, act, "signoffs:countersigning:completed", row.id, {"signatures": signed})
    mail.to_staff(session, act, template="signoffs/complete", round_=view, roles=(Role.case_manager,))


def _view(session: Session, row: Round) -> CountersigningView:
    view = counting.countersigning(session, row)
    assert view is not None
    return view
