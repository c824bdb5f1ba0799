"""Use cases of a member in a round: sign off, withdraw, lift a reservation; and staff's answer to one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.drafting import service as drafting
from portal.drafting.document import check_text
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Stale
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.signoffs import counting, mail, receipts
from portal.signoffs.acting import require_live_seat
from portal.signoffs.consents import Consents, parse_consents
from portal.signoffs.model import (
    RESERVATION_MOVES,
    Decision,
    Reservation,
    ReservationState,
    RollEntry,
    Round,
    RoundState,
    Signoff,
)
from portal.signoffs.receipts import Shown
from portal.signoffs.rounds import refuse_countersigning
from portal.signoffs.values import ReceiptView, ReservationView, RoundView
from portal.works import service as works

MAX_REASON: Final = 2_000
"""Characters of a reason, a reservation or its answer."""


MOVED: Final = {
    "revision": say("The text is not the one that was on your screen. Read it again before you decide."),
    "submission": say("Your works list changed after you opened this page. Read it again before you decide."),
    "consents": say("The words of the consents are not those on your screen. Read them again."),
    "frame": say(
        "Addressee, order of names or exhibits are not those that were on your screen. "
        "Read them again before you decide."
    ),
}
"""What is said where something shown (a field of `Shown`) is not what is there now."""
ANSWER_MOVED: Final = say("The association's answer changed after you opened this page. Read it again.")


@dataclass(frozen=True)
class _Submission:
    id: str | None
    digest: str | None
    works: int

    def as_json(self) -> dict[str, Any] | None:
        """As the act names it; None where no list was submitted."""
        return None if self.id is None else {"id": self.id, "digest": self.digest, "works": self.works}


def sign(
    session: Session,
    act: Act,
    *,
    round_id: str,
    decision: Decision | str,
    shown: Shown,
    key: str,
    consents: Mapping[str, Any] | None = None,
    reason: str = "",
    reservation: Mapping[str, str] | None = None,
) -> ReceiptView:
    """Place the member's sign-off, in place of whatever stood before; the receipt.

    *shown* are the digests of revision, frame, works submission and consent words that were on the screen;
    *key* is the form's own (the same form sent twice gives the same receipt). *consents* are for an
    approval, *reservation* (``section_id``, ``text``) for one with a reservation, *reason* for a decline.

    Raises `NotFound` for a member that is not on the roll, `Stale` where what was shown has moved,
    `Conflict` where the round takes no acts any more, `Invalid` for what is missing in the form.
    """
    require(act, Permission.signoff_place, member_id=act.member_id)
    row = db.lock(session, Round, round_id)
    line = _roll_line(session, act, row)
    repeated = _by_key(session, line, key)
    if repeated is not None:
        return repeated
    require_live_seat(session, act, Permission.signoff_place)
    decision = _decision(decision)
    view = counting.round_view(session, row)
    _require_open(view, act)
    submission = _submission_now(session, view.campaign_id, line.member_id)
    _require_current(view, submission, shown)
    given, objection = _contents(session, view, decision, consents, reason, reservation)
    return _insert(
        session, act, view=view, line=line, decision=decision, given=given, reason=reason,
        objection=objection, submission=submission, key=key,
    )  # fmt: skip


def withdraw(session: Session, act: Act, *, round_id: str, key: str, reason: str = "") -> ReceiptView:
    """Take back what stands, until the letter is reserved.

    A carried letter may lose its quorum by it: then it goes back to drafting, and the officers'
    signatures on it are void. Raises `Conflict` where nothing stands or the letter is reserved.
    """
    require(act, Permission.signoff_withdraw, member_id=act.member_id)
    row = db.lock(session, Round, round_id)
    line = _roll_line(session, act, row)
    repeated = _by_key(session, line, key)
    if repeated is not None:
        return repeated
    require_live_seat(session, act, Permission.signoff_withdraw)
    view = counting.round_view(session, row)
    if row.frozen_at is not None:
        raise Conflict(
            say("The letter has its number already. Write to the association: it answers with a supplement.")
        )
    if view.state not in {RoundState.open, RoundState.carried}:
        raise Conflict(say("This vote is over without a result; there is nothing to withdraw from."))
    stand = counting.standing(session, round_id).get(line.member_id)
    if stand is None:
        raise Conflict(say("Your company has no answer in this vote that could be withdrawn."))
    submission = _Submission(stand.submission_id, stand.submission_digest, stand.works)
    new = _insert(
        session, act, view=view, line=line, decision=Decision.withdraw, given=None, reason=reason,
        objection=None, submission=submission, key=key,
    )  # fmt: skip
    part = view.countersigning
    if part is not None and part.state != "refused" and not counting.verdict(session, round_id).reached:
        refuse_countersigning(session, act, row, reason=None, quorum_lost=True)
    return new


# --- reservations ---------------------------------------------------------------------------------


def answer_reservation(session: Session, act: Act, *, reservation_id: str, answer: str) -> ReservationView:
    """Staff's answer to an objection; a later one replaces it until the member lifts the reservation."""
    require(act, Permission.reservation_answer)
    reservation, signoff = _locked_reservation(session, reservation_id)
    wrong = check_text(" ".join(answer.split()), MAX_REASON)
    if wrong is not None:
        raise Invalid([Problem("answer", wrong)])
    reservation.state = move(
        RESERVATION_MOVES, reservation.state, ReservationState.answered, say("The reservation")
    )
    reservation.answer, reservation.answered_at, reservation.answered_by = (
        answer.strip(),
        act.at,
        act.person_id,
    )
    session.flush()
    log.append(session, act, "signoffs:reservation:answered", reservation.id, {"round": signoff.round_id})
    view = counting.round_view(session, session.get_one(Round, signoff.round_id))
    mail.to_members(
        session,
        act,
        template="signoffs/answered",
        round_=view,
        member_ids=[signoff.member_id],
        roles=(Role.signatory, Role.manager),
    )
    return counting.reservation_view(reservation)


def lift_reservation(session: Session, act: Act, *, reservation_id: str, shown: str) -> ReservationView:
    """The member is content: its approval counts without the reservation from now on.

    *shown* is the digest (`ReservationView.digest`) of the objection and the answer that were on the
    screen. Raises `Stale` where staff has answered (anew) since, `Conflict` where it no longer stands.
    """
    require(act, Permission.reservation_lift)
    reservation, signoff = _locked_reservation(session, reservation_id)
    require(act, Permission.reservation_lift, member_id=signoff.member_id)
    require_live_seat(session, act, Permission.reservation_lift)
    row = session.get_one(Round, signoff.round_id)
    if row.frozen_at is not None or row.state not in {RoundState.open, RoundState.carried}:
        raise Conflict(say("This vote is over; the reservation stands as it is."))
    stand = counting.standing(session, signoff.round_id).get(signoff.member_id)
    if stand is None or stand.id != signoff.id:
        raise Conflict(say("Your company has answered anew since; this reservation no longer stands."))
    lifted = move(RESERVATION_MOVES, reservation.state, ReservationState.lifted, say("The reservation"))
    if shown != counting.reservation_view(reservation).digest:
        raise Stale(ANSWER_MOVED)
    reservation.state = lifted
    reservation.lifted_at, reservation.lifted_by = act.at, act.person_id
    session.flush()
    log.append(session, act, "signoffs:reservation:lifted", reservation.id, {"round": signoff.round_id})
    return counting.reservation_view(reservation)


def _locked_reservation(session: Session, reservation_id: str) -> tuple[Reservation, Signoff]:
    """The reservation and its sign-off, under the lock of their round (the row that decides)."""
    found = session.get(Reservation, reservation_id)
    if found is None:
        raise NotFound
    signoff = session.get_one(Signoff, found.signoff_id)
    db.lock(session, Round, signoff.round_id)
    session.refresh(found)
    return found, signoff


# --- inside ---------------------------------------------------------------------------------------


def _roll_line(session: Session, act: Act, row: Round) -> RollEntry:
    if act.member_id is None:
        raise Forbidden(say("Sign-offs are the members'; the association cannot place one."))
    line = session.get(RollEntry, (row.id, act.member_id))
    if line is None:
        raise NotFound(say("Your company is not on the roll of this vote."))
    return line


def _by_key(session: Session, line: RollEntry, key: str) -> ReceiptView | None:
    """The receipt of the act that this very form placed before, if it did."""
    if not 8 <= len(key) <= 64:
        raise Invalid([Problem("key", say("Load the page again and send the form once more."))])
    row = session.scalars(
        sa.select(Signoff).where(
            Signoff.round_id == line.round_id, Signoff.member_id == line.member_id, Signoff.key == key
        )
    ).one_or_none()
    return None if row is None else receipt_of(session, row)


def _decision(value: Decision | str) -> Decision:
    if value in set(Decision) - {Decision.withdraw}:
        return Decision(value)
    raise Invalid([Problem("decision", say("Choose what your company decides."))])


def _require_open(view: RoundView, act: Act) -> None:
    if view.superseded and view.state is RoundState.open:
        raise Stale(say("A newer revision was published; this vote is over. Read the new text."))
    if not view.takes_acts(act.at):
        raise Conflict(say("This vote takes no answers any more."))


def _submission_now(session: Session, campaign_id: str, member_id: str) -> _Submission:
    found = works.latest_submission(session, campaign_id, member_id)
    if found is None or found.state == "returned":
        return _Submission(None, None, 0)
    return _Submission(found.id, found.digest, found.count)


def _require_current(view: RoundView, submission: _Submission, shown: Shown) -> None:
    """What you saw is what you sign (DESIGN §3.2)."""
    now = shown_now(view, submission.digest).as_json()
    for name, digest in shown.as_json().items():
        if digest != now[name]:
            raise Stale(MOVED[name])


def shown_now(view: RoundView, submission: str | None) -> Shown:
    """What a sign-off page that is opened now shows; *submission* is the works submission's digest."""
    return Shown(view.revision_digest, submission, view.consent_digest, view.frame_digest)


def _contents(
    session: Session,
    view: RoundView,
    decision: Decision,
    consents: Mapping[str, Any] | None,
    reason: str,
    reservation: Mapping[str, str] | None,
) -> tuple[Consents | None, dict[str, str] | None]:
    """The consents and the reservation that belong to the decision; nothing of the form is kept beside it."""
    if decision is Decision.decline:
        wrong = check_text(" ".join(reason.split()), MAX_REASON)
        if wrong is not None:
            raise Invalid([Problem("reason", wrong)], say("Say in a few words why your company declines."))
    if decision in {Decision.abstain, Decision.decline}:
        return None, None
    given = parse_consents(consents or {})
    if decision is Decision.approve:
        return given, None
    section = (reservation or {}).get("section_id", "")
    text = " ".join((reservation or {}).get("text", "").split())
    document = drafting.revision_of(session, view.revision_id).document
    known = {one.id for one in document.sections[document.languages[0]]}
    problems = []
    if section not in known:
        problems.append(Problem("section_id", say("Choose the part of the letter the reservation is about.")))
    if (wrong := check_text(text, MAX_REASON)) is not None:
        problems.append(Problem("reservation", wrong))
    if problems:
        raise Invalid(problems)
    return given, {"section_id": section, "text": text}


def _insert(
    session: Session,
    act: Act,
    *,
    view: RoundView,
    line: RollEntry,
    decision: Decision,
    given: Consents | None,
    reason: str,
    objection: Mapping[str, str] | None,
    submission: _Submission,
    key: str,
) -> ReceiptView:
    """The act itself: row, log entry, receipt by mail. The sequence follows from what is there."""
    last = session.scalar(
        sa.select(sa.func.max(Signoff.sequence)).where(
            Signoff.round_id == view.id, Signoff.member_id == line.member_id
        )
    )
    signoff_id, sequence = new_id(), (last or 0) + 1
    consents = None if given is None else given.as_json()
    document = receipts.signoff_act(
        act,
        signoff_id=signoff_id,
        salt=secrets.token_hex(16),
        round_={
            "id": view.id, "number": view.number, "letter": view.letter_id, "rule": view.rule_digest,
            "roll": view.roll_digest,
        },
        member={"id": line.member_id, "names": dict(line.names)},
        sequence=sequence,
        decision=decision.value,
        reason=reason.strip(),
        consents=consents,
        reservation=objection,
        shown=shown_now(view, submission.digest),
        submission=submission.as_json(),
        read_at=drafting.has_read(session, act, revision_id=view.revision_id),
    )  # fmt: skip
    row = Signoff(
        id=signoff_id, round_id=view.id, member_id=line.member_id, sequence=sequence, key=key,
        decision=decision, consents=consents, submission_id=submission.id,
        submission_digest=submission.digest, works=submission.works, act=document,
        digest=digest_of(document), person_id=act.person_id, at=act.at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if objection is not None:
        _reserve(session, act, view, row, objection)
    # Neither member nor decision, although strangers see only a commitment: staff read this too.
    log.append(session, act, receipts.LOGGED, row.id, {"round": view.id, "act": row.digest})
    told = {
        "decision": decision.value, "digest": row.digest, "signoff_id": row.id, "person": act.person_name,
    }  # fmt: skip
    mail.receipt(session, act, round_=view, signoff_id=row.id, context=told)
    return receipt_of(session, row)


def _reserve(session: Session, act: Act, view: RoundView, row: Signoff, objection: Mapping[str, str]) -> None:
    """The objection of an approval with a reservation; the case managers are told."""
    session.add(
        Reservation(
            id=new_id(),
            signoff_id=row.id,
            section_id=objection["section_id"],
            text=objection["text"],
            state=ReservationState.open,
        )
    )
    session.flush()
    mail.to_staff(
        session, act, template="signoffs/reserved", round_=view, roles=(Role.case_manager,), about=row.id
    )


def receipt_of(session: Session, row: Signoff) -> ReceiptView:
    """The receipt of an act (for this room)."""
    view = counting.round_view(session, session.get_one(Round, row.round_id))
    document = receipts.receipt(
        row.act,
        subject=view.subject,
        revision_number=view.revision_number,
        consent_texts=view.consent_texts,
        frame=view.frame,
    )
    return ReceiptView(counting.signoff_views(session, [row])[0], document)
