"""From rows to what they mean: the roll, the standing sign-offs, the verdict. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.drafting import service as drafting
from portal.kernel.errors import NotFound
from portal.signoffs import consents
from portal.signoffs.model import (
    Countersignature,
    Countersigning,
    CountersigningState,
    Reservation,
    RollEntry,
    Round,
    RoundState,
    Signoff,
)
from portal.signoffs.quorum import Tally, Verdict, Voter, evaluate, named_members, rule_sentence
from portal.signoffs.values import (
    CountersignatureView,
    CountersigningView,
    ReservationView,
    RollLine,
    RoundView,
    SignoffView,
)


def roll(session: Session, round_id: str) -> tuple[RollLine, ...]:
    """The frozen roll, by member id."""
    rows = session.scalars(
        sa.select(RollEntry).where(RollEntry.round_id == round_id).order_by(RollEntry.member_id)
    )
    return tuple(roll_line(row) for row in rows)


def roll_line(row: RollEntry) -> RollLine:
    """The frozen value of a roll's row (for this room)."""
    return RollLine(
        row.member_id,
        row.kind,
        row.names,
        row.language,
        row.reading,
        row.category,
        row.country,
        row.weight,
        row.submission_id,
        row.submission_digest,
        row.works,
    )


def history(session: Session, round_id: str, member_id: str | None = None) -> tuple[SignoffView, ...]:
    """Every act of the round (of one member), in its order."""
    query = sa.select(Signoff).where(Signoff.round_id == round_id)
    if member_id is not None:
        query = query.where(Signoff.member_id == member_id)
    rows = session.scalars(query.order_by(Signoff.member_id, Signoff.sequence)).all()
    return signoff_views(session, rows)


def signoff_views(session: Session, rows: Iterable[Signoff]) -> tuple[SignoffView, ...]:
    """The frozen values of sign-offs, with their reservations (for this room)."""
    signoffs = list(rows)
    found: dict[str, ReservationView] = {}
    ids = [row.id for row in signoffs]
    for start in range(0, len(ids), 500):
        query = sa.select(Reservation).where(Reservation.signoff_id.in_(ids[start : start + 500]))
        found.update((row.signoff_id, reservation_view(row)) for row in session.scalars(query))
    return tuple(
        SignoffView(
            row.id,
            row.round_id,
            row.member_id,
            row.sequence,
            row.decision,
            consents.from_json(row.consents),
            found.get(row.id),
            row.submission_id,
            row.submission_digest,
            row.works,
            row.digest,
            row.at,
            row.act,
        )
        for row in signoffs
    )


def reservation_view(row: Reservation) -> ReservationView:
    """The frozen value of a reservation's row (for this room)."""
    return ReservationView(
        row.id, row.section_id, row.text, row.state, row.answer, row.answered_at, row.lifted_at
    )


def standing(session: Session, round_id: str) -> dict[str, SignoffView]:
    """The standing sign-off of each member: its latest act, unless that is a withdrawal."""
    latest = (
        sa.select(Signoff.member_id, sa.func.max(Signoff.sequence).label("sequence"))
        .where(Signoff.round_id == round_id)
        .group_by(Signoff.member_id)
        .subquery()
    )
    rows = session.scalars(
        sa.select(Signoff)
        .join(latest, (Signoff.member_id == latest.c.member_id) & (Signoff.sequence == latest.c.sequence))
        .where(Signoff.round_id == round_id)
        .order_by(Signoff.member_id)
    ).all()
    return {one.member_id: one for one in signoff_views(session, rows) if one.voice is not None}


def voters(lines: Iterable[RollLine], stand: Mapping[str, SignoffView]) -> tuple[Voter, ...]:
    """The roll as the quorum rule sees it; a member's works are those it signed with."""
    return tuple(
        Voter(
            line.member_id,
            line.category,
            line.weight,
            stand[line.member_id].works if line.member_id in stand else line.works,
            line.names,
        )
        for line in lines
    )


def verdict(session: Session, round_id: str) -> Verdict:
    """The round counted now. Who decides on it holds the lock on the round's row."""
    row = session.get(Round, round_id)
    if row is None:
        raise NotFound
    stand = standing(session, round_id)
    votes = {member: one.voice for member, one in stand.items() if one.voice is not None}
    return evaluate(row.rule, voters(roll(session, round_id), stand), votes)


def tally(session: Session, round_id: str) -> Tally:
    """How many stand how."""
    return verdict(session, round_id).tally


def round_view(session: Session, row: Round, *, reader: str | None = None) -> RoundView:
    """The frozen value of a round's row (for this room).

    With *reader* (a member's id) the rule names no other member: who must approve is not theirs to know.
    """
    letter = drafting.letter_of(session, row.letter_id)
    revision = next(one for one in letter.revisions if one.id == row.revision_id)
    mentioned = named_members(row.rule)
    names: dict[str, Mapping[str, str] | None] = dict(
        session.execute(
            sa.select(RollEntry.member_id, RollEntry.names).where(
                RollEntry.round_id == row.id, RollEntry.member_id.in_(mentioned)
            )
        )
        .tuples()
        .all()
        if mentioned
        else ()
    )
    if reader is not None:
        names = {member_id: known if member_id == reader else None for member_id, known in names.items()}
    return RoundView(
        id=row.id,
        letter_id=row.letter_id,
        campaign_id=letter.campaign_id,
        number=row.number,
        revision_id=row.revision_id,
        revision_number=revision.number,
        revision_digest=row.revision_digest,
        subject=revision.subject,
        rule=row.rule,
        rule_sentence=rule_sentence(row.rule, names),
        rule_digest=row.rule_digest,
        consent_texts=row.consent_texts,
        consent_digest=row.consent_digest,
        roll_digest=row.roll_digest,
        frame=row.frame,
        frame_digest=row.frame_digest,
        visibility=row.visibility,
        officers_needed=row.officers_needed,
        deadline=row.deadline,
        state=row.state,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        close_code=row.close_code,
        frozen_at=row.frozen_at,
        superseded=letter.revisions[0].id != row.revision_id or letter.abandoned_at is not None,
        countersigning=countersigning(session, row),
    )


def countersigning(session: Session, row: Round) -> CountersigningView | None:
    """The officers' part of a round; None before it is carried."""
    part = session.get(Countersigning, row.id)
    if part is None:
        return None
    signatures = session.scalars(
        sa.select(Countersignature).where(Countersignature.round_id == row.id).order_by(Countersignature.id)
    )
    return CountersigningView(
        part.state,
        part.quorum_lost,
        part.reason,
        row.officers_needed,
        tuple(
            CountersignatureView(one.id, one.person_id, one.names, one.title, one.at, one.digest)
            for one in signatures
        ),
    )


def rounds_of(session: Session, letter_id: str, *, reader: str | None = None) -> tuple[RoundView, ...]:
    """The letter's rounds, newest first; for *reader* see `round_view`."""
    rows = session.scalars(sa.select(Round).where(Round.letter_id == letter_id).order_by(Round.number.desc()))
    return tuple(round_view(session, row, reader=reader) for row in rows)


def carried_row(session: Session, letter_id: str) -> Round | None:
    """The carried round the letter can be issued from: the officers have not refused it."""
    return session.scalars(
        sa.select(Round)
        .join(Countersigning, Countersigning.round_id == Round.id)
        .where(
            Round.letter_id == letter_id,
            Round.state == RoundState.carried,
            Countersigning.state != CountersigningState.refused,
        )
        .order_by(Round.number.desc())
        .limit(1)
    ).first()


def carried_round(session: Session, letter_id: str) -> RoundView | None:
    """The carried round of the letter that stands: not refused, its quorum not lost, its text the latest."""
    row = carried_row(session, letter_id)
    if row is None:
        return None
    view = round_view(session, row)
    return None if view.superseded and view.frozen_at is None else view
