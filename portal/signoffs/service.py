"""The signoffs room as other rooms and its pages see it: use cases, queries, frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import log
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission, require
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.sentence import say
from portal.signoffs import counting, receipts
from portal.signoffs.acts import answer_reservation, lift_reservation, receipt_of, sign, withdraw
from portal.signoffs.counting import carried_round, history, roll, rounds_of, standing, tally, verdict
from portal.signoffs.model import Decision, RollEntry, Round, RoundState, Signoff, Visibility
from portal.signoffs.officers import countersign, refuse
from portal.signoffs.quorum import Tally, Verdict
from portal.signoffs.receipts import Shown
from portal.signoffs.rounds import (
    abandon_letter,
    cancel_round,
    close_due,
    close_due_rounds,
    close_round,
    freeze_for_issue,
    open_round,
    preview,
    round_row,
)
from portal.signoffs.values import Frozen, ReceiptView, RollLine, RoundView, SignoffView

__all__ = [
    "Decision", "Frozen", "MemberBallot", "ReceiptView", "RollLine", "RoundView", "Shown", "SignoffView",
    "Tally", "Verdict", "Visibility", "abandon_letter", "answer_reservation", "ballot", "cancel_round",
    "carried_round", "close_due", "close_due_rounds", "close_round", "countersign", "freeze_for_issue",
    "get_round", "history", "leave_campaign", "lift_reservation", "open_round", "open_rounds", "preview",
    "proof_document", "proof_text",
    "receipt", "refuse", "roll", "round_by_id", "rounds_of", "rounds_of_campaign", "sign", "standing",
    "tally", "verdict", "withdraw",
]  # fmt: skip


@dataclass(frozen=True)
class MemberBallot:
    """What one member sees of a round: its own line and acts, and of the others what the round allows.

    ``tally`` is None where nothing is shown; ``names`` are those who approve, where names are shown.
    """

    round: RoundView
    line: RollLine
    acts: tuple[SignoffView, ...]
    stands: SignoffView | None
    tally: Tally | None
    names: tuple[Mapping[str, str], ...]
    signed_before: str | None
    """The revision the member approved last in an earlier round of the letter."""


def get_round(session: Session, act: Act, *, round_id: str) -> RoundView:
    """A round: any for staff, for a member those it is on the roll of; `NotFound` else."""
    require(act, Permission.round_read)
    row = round_row(session, round_id)
    if not act.is_staff and session.get(RollEntry, (round_id, act.member_id or "")) is None:
        raise NotFound
    return counting.round_view(session, row, reader=None if act.is_staff else act.member_id)


def round_by_id(session: Session, round_id: str) -> RoundView:
    """A round, for other rooms (no access check)."""
    return counting.round_view(session, round_row(session, round_id))


def rounds_of_campaign(session: Session, act: Act, *, campaign_id: str) -> tuple[RoundView, ...]:
    """The campaign's rounds that the act may see, newest first."""
    require(act, Permission.round_read)
    from portal.drafting import service as drafting

    found: list[RoundView] = []
    reader = None if act.is_staff else act.member_id
    for letter in drafting.letters_of(session, act, campaign_id=campaign_id):
        found += counting.rounds_of(session, letter.id, reader=reader)
    if not act.is_staff:
        found = [one for one in found if session.get(RollEntry, (one.id, act.member_id or "")) is not None]
    return tuple(sorted(found, key=lambda one: one.opened_at, reverse=True))


def ballot(session: Session, act: Act, *, round_id: str) -> MemberBallot:
    """The round as the acting member sees it. Raises `NotFound` where it is not on the roll."""
    view = get_round(session, act, round_id=round_id)
    entry = session.get(RollEntry, (round_id, act.member_id or ""))
    if entry is None:
        raise NotFound
    acts = counting.history(session, round_id, entry.member_id)
    stands = acts[-1] if acts and acts[-1].voice is not None else None
    names: list[Mapping[str, str]] = []
    if view.visibility is Visibility.names:
        approving = {one.member_id for one in counting.standing(session, round_id).values() if one.approves}
        names = [line.names for line in counting.roll(session, round_id) if line.member_id in approving]
    return MemberBallot(
        view,
        counting.roll_line(entry),
        acts,
        stands,
        None if view.visibility is Visibility.nothing else counting.tally(session, round_id),
        tuple(names),
        _signed_before(session, view, entry.member_id),
    )


def _signed_before(session: Session, view: RoundView, member_id: str) -> str | None:
    approvals = (Decision.approve, Decision.approve_with_reservation)
    return session.scalar(
        sa.select(Round.revision_id)
        .join(Signoff, Signoff.round_id == Round.id)
        .where(
            Round.letter_id == view.letter_id,
            Round.number < view.number,
            Signoff.member_id == member_id,
            Signoff.decision.in_(approvals),
        )
        .order_by(Round.number.desc())
        .limit(1)
    )


def receipt(session: Session, act: Act, *, signoff_id: str) -> ReceiptView:
    """The receipt of an act: the member's own, any for staff; `NotFound` else."""
    require(act, Permission.signoff_read)
    row = session.get(Signoff, signoff_id)
    if row is None or (not act.is_staff and act.member_id != row.member_id):
        raise NotFound
    return receipt_of(session, row)


def proof_text(session: Session, act: Act, *, signoff_id: str) -> str | None:
    """The log proof (C2SP tlog-proof) of an act; None until a checkpoint covers it (some seconds)."""
    receipt(session, act, signoff_id=signoff_id)
    proof = log.proof_for(session, receipts.LOGGED, signoff_id)
    return None if proof is None else proof.text()


def proof_document(session: Session, act: Act, *, signoff_id: str, vkey: str) -> Mapping[str, Any] | None:
    """Receipt, log proof and what opens the entry, for checking offline (`receipts.verify_logged`).

    None until a checkpoint covers the entry (some seconds), or once its salt was erased.
    """
    view = receipt(session, act, signoff_id=signoff_id)
    proof = log.proof_for(session, receipts.LOGGED, signoff_id)
    opening = log.opening(session, receipts.LOGGED, signoff_id)
    if proof is None or opening is None:
        return None
    return receipts.proof_document(view.document, proof=proof.text(), opening=opening, vkey=vkey)


def leave_campaign(
    session: Session, act: Act, *, campaign_id: str, reason: str = ""
) -> campaigns.Participant:
    """The member leaves the campaign. Raises `Conflict` while it is on an open roll.

    There its answer says what it wants to say (DESIGN §4). An approval of a carried letter is
    withdrawn in the vote, not by leaving.
    """
    require(act, Permission.campaign_leave, member_id=act.member_id)
    member_id = act.member_id or ""
    # Whoever opens a vote holds the campaign too: the roll is made before this member leaves, or after.
    campaigns.hold(session, campaign_id)
    for view in open_rounds(session, member_id):
        if view.campaign_id == campaign_id:
            raise Conflict(
                say(
                    "Your company is on the roll of an open vote. Decline there, and leave when it has ended."
                )
            )
    return campaigns.leave(session, act, campaign_id=campaign_id, member_id=member_id, reason=reason)


def open_rounds(session: Session, member_id: str) -> tuple[RoundView, ...]:
    """The open rounds with this member on the roll, the nearest deadline first (for other rooms)."""
    rows = session.scalars(
        sa.select(Round)
        .join(RollEntry, RollEntry.round_id == Round.id)
        .where(RollEntry.member_id == member_id, Round.state == RoundState.open)
        .order_by(Round.deadline)
    )
    return tuple(counting.round_view(session, row, reader=member_id) for row in rows)
