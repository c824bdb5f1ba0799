"""Seats: who may act for which member, and as what. Use cases."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.identity import service as identity
from portal.kernel.act import MEMBER_ROLES, STAFF_ROLES, Act, Permission, Role, new_id, require
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from portal.kernel.sentence import Sentence, say
from portal.members.model import Member, Seat
from portal.members.registry import member_names
from portal.members.values import SeatView

BINDING: Final = frozenset({Role.signatory, Role.officer})
"""Roles whose holder's name stands under what it decides."""


def effective(
    granted: Collection[Role], *, verified: bool, name: str, verified_name: str | None
) -> frozenset[Role]:
    """The roles in effect: who binds does so only as the association has verified it, and by that name.

    People may rename themselves; were that name printed, anybody could sign under somebody else's.
    """
    binds = verified and verified_name is not None and _name_key(name) == _name_key(verified_name)
    return frozenset(role for role in granted if binds or role not in BINDING)


def _name_key(name: str) -> str:
    """What makes two spellings one name: width, case and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _views(session: Session, rows: Iterable[Seat]) -> tuple[SeatView, ...]:
    seats = list(rows)
    people = identity.people(session, {seat.person_id for seat in seats})
    names = member_names(session, {seat.member_id for seat in seats if seat.member_id})
    views = []
    for seat in seats:
        person = people[seat.person_id]
        granted = frozenset(Role(role) for role in seat.roles)
        views.append(
            SeatView(
                seat.id, seat.person_id, person.name, person.email, person.language, seat.member_id,
                names[seat.member_id] if seat.member_id else None,
                effective(
                    granted, verified=seat.verified_at is not None, name=person.name,
                    verified_name=seat.verified_name,
                ),
                granted, seat.title, seat.authority, seat.verified_at, seat.ended_at, seat.verified_name,
            )
        )  # fmt: skip
    return tuple(views)


def seats_of(session: Session, person_id: str) -> tuple[SeatView, ...]:
    """The live seats of a person, oldest first."""
    query = sa.select(Seat).where(Seat.person_id == person_id, Seat.ended_at.is_(None)).order_by(Seat.id)
    return _views(session, session.scalars(query))


def seat_for_session(session: Session, person_id: str, seat_id: str | None) -> tuple[SeatView | None, int]:
    """The seat a session acts from, and how many live seats its person has.

    The chosen one while it is live; the only one if none was chosen yet; else None, and the person
    chooses. A session whose seat has ended never moves to another by itself: the person would go on
    for another company without having said so.
    """
    seats = seats_of(session, person_id)
    chosen = next((seat for seat in seats if seat.id == seat_id), None)
    if seat_id is None and len(seats) == 1:
        chosen = seats[0]
    return chosen, len(seats)


def seat(session: Session, seat_id: str) -> SeatView:
    """A seat by id, live or ended. Raises `NotFound`."""
    row = session.get(Seat, seat_id)
    if row is None:
        raise NotFound
    return _views(session, [row])[0]


def get_seat(session: Session, act: Act, *, seat_id: str) -> SeatView:
    """A seat that the act may read; `NotFound` else."""
    view = seat(session, seat_id)
    _require_seats(act, Permission.seat_read, view.member_id)
    return view


def list_seats(session: Session, act: Act, *, member_id: str | None) -> tuple[SeatView, ...]:
    """The live seats of a member (None: of the association)."""
    _require_seats(act, Permission.seat_read, member_id)
    return live_seats(session, member_id)


def live_seats(session: Session, member_id: str | None, *roles: Role) -> tuple[SeatView, ...]:
    """The live seats of a member (None: of the association); with *roles*, those that have one of them.

    For other rooms (whom to write to, who has to countersign); the caller decides who may see it.
    """
    query = sa.select(Seat).where(Seat.member_id == member_id, Seat.ended_at.is_(None)).order_by(Seat.id)
    seats = _views(session, session.scalars(query))
    return tuple(seat for seat in seats if not roles or seat.roles & set(roles))


def _require_seats(act: Act, permission: Permission, member_id: str | None) -> None:
    require(act, permission, member_id=member_id)
    if member_id is None and not act.is_staff:
        raise NotFound


def require_administrator(act: Act, member_id: str | None) -> None:
    """The association's own seats and invitations are its administrators', not every case manager's."""
    if member_id is None and not act.roles & {Role.administrator, Role.system}:
        raise Forbidden(say("Only an administrator of the association manages its seats and invitations."))


def authority_problem(roles: Collection[Role], authority: str) -> Sentence | None:
    """What is wrong with the basis on which somebody is to have *roles*, or None."""
    if Role.signatory in roles and not authority.strip():
        return say("Say on what basis this person may sign for the company, for example the office held.")
    return say("At most %(n)s characters.", n=500) if len(authority) > 500 else None


def check_roles(act: Act, member_id: str | None, roles: Collection[Role], *, for_self: bool) -> None:
    """Refuse roles that this kind of seat cannot have, and a signatory's role given to oneself."""
    allowed = STAFF_ROLES if member_id is None else MEMBER_ROLES
    if not roles or not set(roles) <= allowed:
        raise Conflict(say("Choose at least one role, of those that this seat can have."))
    if member_id is None and Role.system not in act.roles and Role.administrator not in act.roles:
        raise Forbidden(say("Only an administrator of the association gives its roles."))
    if for_self and Role.system not in act.roles:
        raise Forbidden(say("Nobody gives a role to themselves. Ask somebody else who manages these seats."))


def add_seat(
    session: Session,
    act: Act,
    *,
    person_id: str,
    member_id: str | None,
    roles: Collection[Role],
    title: Mapping[str, str] | None = None,
    authority: str = "",
) -> SeatView:
    """Give a person a seat at once, without an invitation (command line, demonstration, staff).

    The authority counts as verified if the association itself acts.
    """
    _require_seats(act, Permission.seat_manage, member_id)
    check_roles(act, member_id, roles, for_self=person_id == act.person_id)
    if problem := authority_problem(roles, authority):
        raise Invalid([Problem("authority", problem)])
    if member_id is not None:
        db.lock(session, Member, member_id)
    return make_seat(
        session, act, person_id=person_id, member_id=member_id, roles=roles, title=title or {},
        authority=authority, verified=act.is_staff, verified_by=act.person_id,
    )  # fmt: skip


def make_seat(
    session: Session,
    act: Act,
    *,
    person_id: str,
    member_id: str | None,
    roles: Collection[Role],
    title: Mapping[str, str],
    authority: str,
    verified: bool,
    verified_by: str | None,
    verified_name: str | None = None,
) -> SeatView:
    """The row itself (for this room, after its checks). An existing live seat gains the roles.

    *verified_name* is the name that whoever vouches for the authority knows (None: the person's own).
    """
    where = (Seat.person_id == person_id, Seat.member_id == member_id, Seat.ended_at.is_(None))
    row = session.scalars(sa.select(Seat).where(*where).with_for_update()).first()
    if row is None:
        row = Seat(
            id=new_id(), person_id=person_id, member_id=member_id, roles=[], title={}, authority="",
            created_at=act.at,
        )  # fmt: skip
        session.add(row)
    trusted = Role.signatory.value in row.roles and row.verified_at is not None
    if authority and (
        verified or not trusted
    ):  # what was verified is not reworded behind the verifier's back
        row.authority = authority
    if verified or (Role.signatory in roles and not trusted):
        _set_verified(session, row, act, by=verified_by, verified=verified, name=verified_name)
    row.roles = sorted({*row.roles, *(role.value for role in roles)})
    row.title = {**row.title, **title}
    session.flush()
    log.append(
        session,
        act,
        "members:seat:given",
        row.id,
        {"member": member_id, "roles": row.roles, "verified": verified},
    )
    return seat(session, row.id)


def _set_verified(
    session: Session, row: Seat, act: Act, *, by: str | None, verified: bool, name: str | None = None
) -> None:
    """Note by whom, when and for which name the authority was verified; or that it no longer is."""
    row.verified_by, row.verified_at, row.verified_name = None, None, None
    if verified:
        own = identity.people(session, [row.person_id])[row.person_id].name
        row.verified_by, row.verified_at, row.verified_name = by, act.at, name or own


def grant_roles(
    session: Session,
    act: Act,
    *,
    seat_id: str,
    roles: Collection[Role],
    title: Mapping[str, str] | None = None,
    authority: str | None = None,
) -> SeatView:
    """Set a seat's roles. A signatory role given by the member's own manager waits to be verified."""
    row = _managed(session, act, seat_id)
    new = set(roles) - {Role(role) for role in row.roles}
    mine = row.person_id == act.person_id
    check_roles(act, row.member_id, roles, for_self=bool(new) and mine)
    authority = row.authority if authority is None else authority.strip()
    if problem := authority_problem(roles, authority):
        raise Invalid([Problem("authority", problem)])
    reworded = authority != row.authority
    if reworded and mine and act.is_staff and Role.system not in act.roles:
        raise Forbidden(say("Nobody verifies their own authority."))
    if reworded or new & BINDING:
        _set_verified(session, row, act, by=act.person_id, verified=act.is_staff)
    was_administrator = Role.administrator.value in row.roles
    row.roles = sorted(role.value for role in roles)
    row.title = dict(title) if title is not None else row.title
    row.authority = authority
    session.flush()
    _keep_an_administrator(session, row, was_administrator)
    log.append(session, act, "members:seat:changed", row.id, {"member": row.member_id, "roles": row.roles})
    return seat(session, row.id)


def verify_authority(session: Session, act: Act, *, seat_id: str) -> SeatView:
    """The association has checked on what basis this person commits the member."""
    row = _managed(session, act, seat_id)
    if not act.is_staff:
        raise Forbidden(say("The association verifies who may sign, not the member itself."))
    if row.person_id == act.person_id:
        raise Forbidden(say("Nobody verifies their own authority."))
    if problem := authority_problem([Role(role) for role in row.roles], row.authority):
        raise Conflict(problem)
    _set_verified(session, row, act, by=act.person_id, verified=True)
    session.flush()
    log.append(session, act, "members:seat:verified", row.id, {"member": row.member_id})
    return seat(session, row.id)


def end_seat(session: Session, act: Act, *, seat_id: str) -> None:
    """End a seat, and the sessions that act from it. What was signed from it stays."""
    row = _managed(session, act, seat_id)
    row.ended_at = act.at
    session.flush()
    _keep_an_administrator(session, row, Role.administrator.value in row.roles)
    identity.revoke_sessions_of_seat(session, act, seat_id=row.id)
    log.append(session, act, "members:seat:ended", row.id, {"member": row.member_id})


def _managed(session: Session, act: Act, seat_id: str) -> Seat:
    """The live seat, locked, if the act may manage it; checked before its existence is told."""
    member_id = session.execute(sa.select(Seat.member_id).where(Seat.id == seat_id)).first()
    if member_id is None:
        raise NotFound
    _require_seats(act, Permission.seat_manage, member_id[0])
    require_administrator(act, member_id[0])
    row = db.lock(session, Seat, seat_id)
    if row.ended_at is not None:
        raise Conflict(say("This seat has ended."))
    return row


def _keep_an_administrator(session: Session, changed: Seat, was_administrator: bool) -> None:
    """An installation without an administrator could only be rescued from the command line."""
    if changed.member_id is not None or not was_administrator:
        return
    query = sa.select(Seat).where(Seat.member_id.is_(None), Seat.ended_at.is_(None)).with_for_update()
    if not any(Role.administrator.value in seat.roles for seat in session.scalars(query)):
        raise Conflict(say("The association needs an administrator: make somebody else one first."))


def choose_seat(session: Session, act: Act, *, session_id: str, seat_id: str) -> SeatView:
    """From now on this session acts from that seat, which must be the person's own and live."""
    mine = next((one for one in seats_of(session, act.person_id or "") if one.id == seat_id), None)
    if mine is None:
        raise NotFound
    identity.set_seat(session, act, session_id=session_id, seat_id=seat_id)
    return mine
