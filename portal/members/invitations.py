"""Invitations: how a person comes to a seat. Use cases.

The link holds a token of 256 bits; here is only its hash, in the outbox it is encrypted and wiped
once sent, and no page shows it, so staff cannot come by a member's link. Opening the link changes
nothing (mail scanners open links); answering does.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.identity import service as identity
from portal.identity.addresses import address_key, address_problem
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem, Refused
from portal.kernel.sentence import LANGUAGES, Sentence, say
from portal.kernel.states import move
from portal.members.model import INVITATION_MOVES, Association, Invitation, InvitationState, Member, Seat
from portal.members.registry import find_by_slug, member_names
from portal.members.seats import authority_problem, check_roles, make_seat, require_administrator
from portal.members.tables import InvitationLine
from portal.members.values import Accepted, InvitationView
from portal.notifications import outbox

VALID_FOR: Final = timedelta(days=14)


def token_hash(token: str) -> str:
    """How a token is kept. It has 256 random bits, so a fast hash is enough."""
    return sha256(token.encode()).hexdigest()


# --- sending --------------------------------------------------------------------------------------


def invite(
    session: Session,
    act: Act,
    *,
    email: str,
    name: str,
    roles: Collection[Role],
    member_id: str | None,
    language: str | None = None,
    title: Mapping[str, str] | None = None,
    authority: str = "",
) -> InvitationView:
    """Offer a person a seat at a member (None: at the association), by mail.

    Raises `Invalid` for a bad address, `Conflict` where the address is invited or seated there already.
    """
    _require(act, Permission.invitation_send, member_id)
    person = identity.find_person(session, email)
    check_roles(act, member_id, roles, for_self=person is not None and person.id == act.person_id)
    problems = [
        Problem(where, sentence)
        for where, sentence in (
            ("email", address_problem(email)),
            ("name", identity.name_problem(name) if name.strip() else None),
            ("authority", authority_problem(roles, authority)),
        )
        if sentence is not None
    ]
    if problems:
        raise Invalid(problems)
    if member_id is not None:
        db.lock(session, Member, member_id)  # two invitations of one address at once take turns here
    _refuse_second(session, act, email, member_id)
    row, token = _add(
        session, act, email=email, name=name, roles=roles, member_id=member_id, language=language,
        title=title or {}, authority=authority,
    )  # fmt: skip
    _mail(session, act, row, token)
    return _view(session, row)


def invite_many(
    session: Session,
    act: Act,
    *,
    lines: Sequence[InvitationLine],
    roles: Collection[Role],
    language: str | None = None,
) -> tuple[InvitationView, ...]:
    """Invite one person for each line, or nobody: `Invalid` names every line that cannot be.

    Staff only; a line's member is found by its code.
    """
    require(act, Permission.member_import)
    ids = find_by_slug(session, {line.slug for line in lines})
    problems, sent = [], []
    for line in lines:
        try:
            if line.slug not in ids:
                raise NotFound(say("No member has the code “%(code)s”.", code=line.slug))
            sent.append(
                invite(
                    session, act, email=line.email, name=line.name, roles=roles, member_id=ids[line.slug],
                    language=language, authority=line.authority,
                )
            )  # fmt: skip
        except Invalid as error:
            problems += [Problem(f"line {line.line}, {one.where}", one.sentence) for one in error.problems]
        except Refused as error:
            problems.append(Problem(f"line {line.line}", error.sentence))
    if problems:
        raise Invalid(problems)
    return tuple(sent)


def _refuse_second(session: Session, act: Act, email: str, member_id: str | None) -> None:
    waiting = session.scalars(
        sa.select(Invitation).where(
            Invitation.email_key == address_key(email),
            Invitation.member_id == member_id,
            Invitation.state == InvitationState.pending,
            Invitation.expires_at > act.at,
        )
    ).first()
    if waiting is not None:
        raise Conflict(say("%(email)s is invited already. Send that invitation again instead.", email=email))
    person = identity.find_person(session, email)
    if person is not None:
        seat = sa.select(Seat.id).where(
            Seat.person_id == person.id, Seat.member_id == member_id, Seat.ended_at.is_(None)
        )
        if session.scalar(seat) is not None:
            raise Conflict(say("%(email)s has a seat there already. Change its roles instead.", email=email))


def _add(
    session: Session,
    act: Act,
    *,
    email: str,
    name: str,
    roles: Collection[Role],
    member_id: str | None,
    language: str | None,
    title: Mapping[str, str],
    authority: str,
) -> tuple[Invitation, str]:
    association = session.get(Association, 1)
    chosen = language or (association.language if association else LANGUAGES[0])
    token = secrets.token_urlsafe(32)
    row = Invitation(
        id=new_id(), member_id=member_id, email=email.strip(), email_key=address_key(email),
        name=name.strip(), language=chosen if chosen in LANGUAGES else LANGUAGES[0],
        roles=sorted(role.value for role in roles), title={key: text for key, text in title.items() if text},
        authority=authority.strip(), token_hash=token_hash(token), state=InvitationState.pending,
        created_at=act.at, sent_at=act.at, sendings=1, expires_at=act.at + VALID_FOR,
        invited_by=act.person_id, by_staff=act.is_staff,
    )  # fmt: skip
    session.add(row)
    session.flush()
    log.append(session, act, "members:invitation:sent", row.id, {"member": member_id, "roles": row.roles})
    return row, token


def message_key(invitation_id: str, sending: int) -> str:
    """The outbox key of one sending of an invitation."""
    return f"invitation:{invitation_id}:{sending}"


def _mail(session: Session, act: Act, row: Invitation, token: str) -> None:
    names = member_names(session, [row.member_id])[row.member_id] if row.member_id else None
    association = session.get(Association, 1)
    outbox.add(
        session, act, key=message_key(row.id, row.sendings), to=row.email, language=row.language,
        template="invitation",
        context={
            "name": row.name, "member_names": names and dict(names),
            "association_names": association.names if association else {},
            "contact": association.contact if association else "",
            "invited_by": act.person_name, "expires_at": row.expires_at.isoformat(),
        },
        secret={"path": f"/invitation/{token}"},
    )  # fmt: skip


def resend_invitation(session: Session, act: Act, *, invitation_id: str) -> InvitationView:
    """Send it again: with a new link, valid for 14 days from now. The old link is worth nothing."""
    row = _managed(session, act, Permission.invitation_send, invitation_id)
    if row.state is not InvitationState.pending:
        raise Conflict(say("This invitation has been answered or withdrawn."))
    outbox.withdraw(session, act, key=message_key(row.id, row.sendings))
    token = secrets.token_urlsafe(32)
    row.token_hash, row.sent_at, row.expires_at = token_hash(token), act.at, act.at + VALID_FOR
    row.sendings += 1
    session.flush()
    log.append(session, act, "members:invitation:resent", row.id, {"sendings": row.sendings})
    _mail(session, act, row, token)
    return _view(session, row)


def revoke_invitation(session: Session, act: Act, *, invitation_id: str) -> str | None:
    """Withdraw it: the link is worth nothing from now on. Returns the member's id (None: the association)."""
    row = _managed(session, act, Permission.invitation_revoke, invitation_id)
    row.state = move(INVITATION_MOVES, row.state, InvitationState.revoked, _called(row))
    session.flush()
    outbox.withdraw(session, act, key=message_key(row.id, row.sendings))
    log.append(session, act, "members:invitation:revoked", row.id, {})
    return row.member_id


def _require(act: Act, permission: Permission, member_id: str | None) -> None:
    require(act, permission, member_id=member_id)
    if member_id is None and not act.is_staff:
        raise NotFound


def _managed(session: Session, act: Act, permission: Permission, invitation_id: str) -> Invitation:
    found = session.execute(sa.select(Invitation.member_id).where(Invitation.id == invitation_id)).first()
    if found is None:
        raise NotFound
    _require(act, permission, found[0])
    require_administrator(act, found[0])
    return db.lock(session, Invitation, invitation_id)


def list_invitations(session: Session, act: Act, *, member_id: str | None) -> tuple[InvitationView, ...]:
    """The invitations of a member (None: of the association), newest first, each with its message's state."""
    _require(act, Permission.seat_read, member_id)
    query = sa.select(Invitation).where(Invitation.member_id == member_id).order_by(Invitation.id.desc())
    return tuple(_view(session, row, with_message=True) for row in session.scalars(query))


def _called(row: Invitation) -> Sentence:
    """How a refusal names the invitation."""
    return say("The invitation of %(email)s", email=row.email)


def _view(session: Session, row: Invitation, *, with_message: bool = False) -> InvitationView:
    names = member_names(session, [row.member_id]) if row.member_id else {}
    message = None
    if with_message:
        key = message_key(row.id, row.sendings)
        message = outbox.states_of(session, prefix=key).get(key)
    return InvitationView(
        row.id, row.member_id, names.get(row.member_id or ""), row.email, row.name, row.language,
        frozenset(Role(role) for role in row.roles), row.title, row.authority, row.state.value, row.sent_at,
        row.sendings, row.expires_at, row.reason,
        has_account=identity.find_person(session, row.email) is not None, message_state=message,
    )  # fmt: skip


# --- answering ------------------------------------------------------------------------------------


def _by_token(session: Session, token: str) -> Invitation:
    query = sa.select(Invitation).where(Invitation.token_hash == token_hash(token)).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound(
            say("This link is not (or no longer) valid. Ask the association for a new invitation.")
        )
    return row


def read_invitation(session: Session, _act: Act, *, token: str) -> InvitationView:
    """What the holder of the link is offered, answered or not. Changes nothing.

    Raises `NotFound` for a link that never was, or was replaced by a newer one.
    """
    row = session.scalars(sa.select(Invitation).where(Invitation.token_hash == token_hash(token))).first()
    if row is None:
        raise NotFound(
            say("This link is not (or no longer) valid. Ask the association for a new invitation.")
        )
    return _view(session, row)


def _answerable(session: Session, act: Act, token: str) -> Invitation:
    row = _by_token(session, token)
    if row.state is InvitationState.accepted:
        raise Conflict(say("This invitation was accepted already. Sign in with your password."))
    if row.state is not InvitationState.pending:
        raise Conflict(say("This invitation was declined or withdrawn. Ask the association for a new one."))
    if act.at >= row.expires_at:
        raise Conflict(say("This invitation has expired. Ask the association to send it again."))
    return row


def accept_invitation(
    session: Session, act: Act, *, token: str, name: str = "", password: str | None = None
) -> Accepted:
    """Take the offered seat; once. A stranger gives name and password and is signed in by this.

    Whoever has an account with the invited address must be signed in to it: the link alone never
    opens an existing account. Raises `Conflict` with a sentence for every other state of things.
    """
    row = _answerable(session, act, token)
    person = identity.find_person(session, row.email)
    if act.person_id is not None and (person is None or person.id != act.person_id):
        raise Conflict(
            say(
                "You are signed in as somebody else than the invited person. "
                "Sign out, then open the link again."
            )
        )
    if person is not None and act.person_id is None:
        raise Conflict(say("You have an account with this address. Sign in, then open the link again."))
    session_token = None
    if person is None:
        if password is None:
            raise Invalid([Problem("password", say("Choose a password."))])
        person = identity.create_person(
            session,
            act,
            email=row.email,
            name=name or row.name,
            language=act.language,
            password=password,
        )
    row.state = move(INVITATION_MOVES, row.state, InvitationState.accepted, _called(row))
    row.answered_at = act.at
    act_of = replace(act, person_id=person.id)
    seat = make_seat(
        session, act_of, person_id=person.id, member_id=row.member_id,
        roles=[Role(role) for role in row.roles], title=row.title, authority=row.authority,
        verified=row.by_staff, verified_by=row.invited_by, verified_name=row.name or None,
    )  # fmt: skip
    log.append(session, act_of, "members:invitation:accepted", row.id, {"seat": seat.id})
    if act.person_id is None:
        session_token = identity.open_session(session, act, person_id=person.id, seat_id=seat.id).token
    return Accepted(person.id, seat.id, row.member_id, session_token)


def decline_invitation(session: Session, act: Act, *, token: str, reason: str) -> None:
    """Turn the offer down, with the reason or the right colleague in one's own words."""
    row = _answerable(session, act, token)
    if len(reason) > 2_000:
        raise Invalid([Problem("reason", say("At most %(n)s characters.", n=2_000))])
    row.state = move(INVITATION_MOVES, row.state, InvitationState.declined, _called(row))
    row.answered_at, row.reason = act.at, reason.strip() or None
    session.flush()
    log.append(session, act, "members:invitation:declined", row.id, {})


def create_first_administrator(session: Session, act: Act, *, email: str, name: str) -> str:
    """Invite the first administrator; the token of the link, which the command line prints.

    Only while the association has no administrator, and only from the command line: there is nobody
    yet who could send the mail's sender an answer, so the link is shown and not mailed.
    """
    require(act, Permission.association_edit)
    if Role.system not in act.roles:
        raise NotFound
    seats = session.scalars(sa.select(Seat).where(Seat.member_id.is_(None), Seat.ended_at.is_(None)))
    if any(Role.administrator.value in seat.roles for seat in seats):
        raise Conflict(say("There is an administrator already; administrators invite further staff."))
    if problem := address_problem(email):
        raise Invalid([Problem("email", problem)])
    pending = sa.select(Invitation).where(
        Invitation.member_id.is_(None),
        Invitation.email_key == address_key(email),
        Invitation.state == InvitationState.pending,
    )
    for old in session.scalars(pending):
        old.state = move(INVITATION_MOVES, old.state, InvitationState.revoked, _called(old))
    _, token = _add(
        session, act, email=email, name=name, roles=[Role.administrator, Role.case_manager], member_id=None,
        language=act.language, title={}, authority="",
    )  # fmt: skip
    return token
