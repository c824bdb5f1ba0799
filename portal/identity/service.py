"""People and their sessions. Use cases; the few that hash a password run their own transactions.

Hashing takes 30 to 50 ms, and on SQLite a write transaction keeps every other writer waiting. So what
checks a password counts the attempt in one transaction, hashes outside, and decides in another.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.identity import passwords, throttle
from portal.identity.addresses import address_key, address_problem
from portal.identity.model import Person, SignInSession
from portal.identity.throttle import Limit
from portal.kernel.act import Act, new_id
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from portal.kernel.sentence import LANGUAGES, Sentence, say

IDLE: Final = timedelta(minutes=30)
"""A session that is not used for this long is over."""
ABSOLUTE: Final = timedelta(hours=12)
"""A session is over after this, however much it is used."""
_TOUCH: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class PersonView:
    """Somebody who can sign in (``has_password``), or could."""

    id: str
    email: str
    name: str
    language: str
    has_password: bool
    disabled: bool


@dataclass(frozen=True)
class SessionView:
    """A live session, with its person. ``id`` is a hash; it lets nobody in."""

    id: str
    person_id: str
    person_name: str
    email: str
    language: str
    seat_id: str | None
    created_at: datetime
    last_seen_at: datetime
    proved_at: datetime
    address: str | None
    user_agent: str | None


@dataclass(frozen=True)
class Entered:
    """A new session: the token for the cookie, and whose it is."""

    token: str
    session_id: str
    person_id: str
    language: str


# --- people ---------------------------------------------------------------------------------------


def _person_view(row: Person) -> PersonView:
    return PersonView(
        row.id, row.email, row.name, row.language, row.password_hash is not None, row.disabled_at is not None
    )


def people(session: Session, person_ids: Iterable[str]) -> Mapping[str, PersonView]:
    """People by id; unknown ids are left out. For other rooms; the caller decides who may see it."""
    rows = session.scalars(sa.select(Person).where(Person.id.in_(list(person_ids))))
    return {row.id: _person_view(row) for row in rows}


def find_person(session: Session, email: str) -> PersonView | None:
    """Whoever signs in with this address, or None."""
    row = session.scalars(sa.select(Person).where(Person.email_key == address_key(email))).first()
    return None if row is None else _person_view(row)


def name_problem(name: str) -> Sentence | None:
    """What is wrong with a person's name as typed, or None."""
    if not name.strip():
        return say("Give a name.")
    return say("At most %(n)s characters.", n=200) if len(name.strip()) > 200 else None


def create_person(
    session: Session, act: Act, *, email: str, name: str, language: str, password: str | None = None
) -> PersonView:
    """Make an account. Not a page's use case: reached by an accepted invitation or the command line.

    Raises `Invalid` for a bad address, name or password, `Conflict` where the address has an account.
    """
    problems = [
        Problem(where, sentence)
        for where, sentence in (
            ("email", address_problem(email)),
            ("name", name_problem(name)),
            ("password", None if password is None else passwords.problem(password, (email, name))),
        )
        if sentence is not None
    ]
    if problems:
        raise Invalid(problems)
    if find_person(session, email) is not None:
        raise Conflict(say("There is an account with this address already. Sign in with it."))
    row = Person(
        id=new_id(), email=email.strip(), email_key=address_key(email), name=name.strip(),
        language=language if language in LANGUAGES else LANGUAGES[0],
        password_hash=None if password is None else passwords.hashed(password), created_at=act.at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    log.append(session, replace(act, person_id=row.id), "identity:account:made", "account", {})
    return _person_view(row)


def _own(act: Act) -> str:
    """The acting person. One's account needs no seat: who has none yet, or no more, uses it too."""
    if act.person_id is None:
        raise Forbidden
    return act.person_id


def edit_account(session: Session, act: Act, *, name: str, language: str) -> PersonView:
    """Change one's own name and language. What was signed keeps the name it was signed with.

    A role that binds rests until the association has verified the new name (`portal.members.seats`).
    """
    _own(act)
    if problem := name_problem(name):
        raise Invalid([Problem("name", problem)])
    row = db.lock(session, Person, act.person_id)
    row.name, row.language = name.strip(), language if language in LANGUAGES else row.language
    session.flush()
    log.append(session, act, "identity:account:edited", "account", {})
    return _person_view(row)


# --- signing in and out ---------------------------------------------------------------------------


def session_id_of(token: str) -> str:
    """The id of the session with this token: its SHA-256, so that the table lets nobody in."""
    return sha256(token.encode()).hexdigest()


def open_session(session: Session, act: Act, *, person_id: str, seat_id: str | None = None) -> Entered:
    """A new session for a person whose identity was proved in this very act. The token is not kept."""
    person = session.get(Person, person_id)
    if person is None or person.disabled_at is not None:
        raise NotFound
    token = secrets.token_urlsafe(32)
    row = SignInSession(
        id=session_id_of(token), person_id=person_id, seat_id=seat_id, created_at=act.at, last_seen_at=act.at,
        proved_at=act.at, address=act.address, user_agent=act.user_agent and act.user_agent[:300],
    )  # fmt: skip
    session.add(row)
    session.flush()
    log.append(session, replace(act, person_id=person_id), "identity:session:begun", row.id[:32], {})
    return Entered(token, row.id, person_id, person.language)


def _limits(act: Act, email: str) -> tuple[Limit, ...]:
    corner = throttle.network(act.address)
    return (
        Limit("sign-in", (address_key(email), corner), free=5),
        Limit("sign-in-from", (corner,), free=50),
    )


def sign_in(act: Act, *, email: str, password: str) -> Entered:
    """A new session, if address and password belong together. Runs its own transactions.

    Raises `Forbidden` with one and the same sentence, after the same work, whether the account is
    unknown, disabled, without a password, or the password wrong; `TooMany` after many attempts.
    """
    passwords.warm_up()  # else the first unknown account of a process would take twice as long
    limits = _limits(act, email)
    db.run(throttle.enter, act, limits=limits)

    def find(session: Session, _act: Act) -> tuple[str | None, str | None]:
        row = session.scalars(sa.select(Person).where(Person.email_key == address_key(email))).first()
        usable = row is not None and row.disabled_at is None
        return (row.id, row.password_hash) if usable and row is not None else (None, None)

    person_id, password_hash = db.read(find, act)
    if not passwords.matches(password_hash, password) or person_id is None:
        raise Forbidden(say("The e-mail address and the password do not belong together."))

    def enter(session: Session, act: Act, *, person_id: str) -> Entered:
        throttle.succeeded(session, act, limits=limits)
        if session.scalar(sa.select(Person.password_hash).where(Person.id == person_id)) != password_hash:
            raise Forbidden(say("The e-mail address and the password do not belong together."))
        return open_session(session, act, person_id=person_id)

    return db.run(enter, act, person_id=person_id)


def sign_out(session: Session, act: Act, *, token: str) -> None:
    """End a session; silently if it has ended."""
    row = session.get(SignInSession, session_id_of(token), with_for_update=True)
    if row is not None and row.revoked_at is None:
        row.revoked_at = act.at
        log.append(session, act, "identity:session:ended", row.id[:32], {})


def load_session(session: Session, token: str, at: datetime) -> SessionView | None:
    """The live session with this token at the time *at*, or None.

    Call it in a reading transaction: at most once a minute it notes in a transaction of its own that
    the session was used (a GET may change that much, DESIGN §3.9).
    """
    row = session.get(SignInSession, session_id_of(token))
    if row is None or row.revoked_at is not None:
        return None
    if at - row.last_seen_at > IDLE or at - row.created_at > ABSOLUTE:
        return None
    person = session.get_one(Person, row.person_id)
    if person.disabled_at is not None:
        return None
    if at - row.last_seen_at >= _TOUCH:
        from portal.kernel.act import system_act

        db.run(_touch, system_act(at), session_id=row.id)
    return _session_view(row, person)


def _session_view(row: SignInSession, person: Person) -> SessionView:
    return SessionView(
        row.id, person.id, person.name, person.email, person.language, row.seat_id, row.created_at,
        row.last_seen_at, row.proved_at, row.address, row.user_agent,
    )  # fmt: skip


def _touch(session: Session, act: Act, *, session_id: str) -> None:
    # In one statement, and never on a revoked session: two requests at once cannot undo a sign-out.
    session.execute(
        sa.update(SignInSession)
        .where(
            SignInSession.id == session_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.last_seen_at < act.at,
        )
        .values(last_seen_at=act.at)
    )


# --- proof and passwords --------------------------------------------------------------------------


def _check_own_password(token: str, password: str, act: Act) -> str:
    """The person of a live session, if *password* is theirs. Raises `Invalid`, `TooMany`, `NotFound`."""
    limits = (Limit("prove", (session_id_of(token),), free=5),)
    db.run(throttle.enter, act, limits=limits)

    def find(session: Session, act: Act) -> tuple[str, str | None]:
        view = load_session(session, token, act.at)
        if view is None:
            raise NotFound
        return view.person_id, session.get_one(Person, view.person_id).password_hash

    person_id, password_hash = db.read(find, act)
    if not passwords.matches(password_hash, password):
        raise Invalid([Problem("password", say("This is not your password."))])
    db.run(throttle.succeeded, act, limits=limits)
    return person_id


def prove(token: str, password: str, act: Act) -> datetime:
    """The person of this session has just given the password: when (UTC). Runs its own transactions.

    Raises `Invalid` if the password is wrong, `TooMany` after many attempts.
    """
    _check_own_password(token, password, act)

    def note(session: Session, act: Act) -> datetime:
        row = db.lock(session, SignInSession, session_id_of(token))
        if row.revoked_at is not None:
            raise NotFound
        row.proved_at = act.at
        return act.at

    return db.run(note, act)


def change_password(act: Act, *, token: str, old: str, new: str) -> None:
    """Set another password and end all other sessions of the person. Runs its own transactions.

    Raises `Invalid` if the old one is wrong or the new one not good enough.
    """
    _own(act)
    person_id = _check_own_password(token, old, act)
    own = db.read(lambda session, _act: people(session, [person_id])[person_id], act)
    problem = passwords.problem(new, (own.email, own.name))
    if problem is None and new == old:
        problem = say("The new password is the old one.")
    if problem is not None:
        raise Invalid([Problem("new", problem)])
    new_hash = passwords.hashed(new)

    def store(session: Session, act: Act) -> None:
        db.lock(session, Person, person_id).password_hash = new_hash
        _revoke(session, act, SignInSession.person_id == person_id, SignInSession.id != session_id_of(token))
        db.lock(session, SignInSession, session_id_of(token)).proved_at = act.at
        log.append(session, act, "identity:password:changed", "account", {})

    db.run(store, act)


# --- one's sessions -------------------------------------------------------------------------------


def _revoke(session: Session, act: Act, *where: sa.ColumnElement[bool]) -> int:
    ended = session.scalars(
        sa.update(SignInSession)
        .where(SignInSession.revoked_at.is_(None), *where)
        .values(revoked_at=act.at)
        .returning(SignInSession.id)
    ).all()
    for session_id in ended:
        log.append(session, act, "identity:session:ended", session_id[:32], {})
    return len(ended)


def list_sessions(session: Session, act: Act) -> tuple[SessionView, ...]:
    """One's own live sessions, newest first."""
    _own(act)
    rows = session.scalars(
        sa.select(SignInSession)
        .where(
            SignInSession.person_id == act.person_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.last_seen_at >= act.at - IDLE,
            SignInSession.created_at >= act.at - ABSOLUTE,
        )
        .order_by(SignInSession.created_at.desc())
    )
    person = session.get_one(Person, act.person_id)
    return tuple(_session_view(row, person) for row in rows)


def revoke_session(session: Session, act: Act, *, session_id: str) -> None:
    """End one of one's own sessions. Raises `NotFound` for anybody else's."""
    _own(act)
    if not _revoke(session, act, SignInSession.id == session_id, SignInSession.person_id == act.person_id):
        raise NotFound


def revoke_sessions_of_seat(session: Session, act: Act, *, seat_id: str) -> int:
    """End the sessions that act from a seat (it has ended); how many."""
    return _revoke(session, act, SignInSession.seat_id == seat_id)


def set_seat(session: Session, act: Act, *, session_id: str, seat_id: str) -> None:
    """Let one's session act from *seat_id*; `portal.members` has checked whose seat it is."""
    row = db.lock(session, SignInSession, session_id)
    if row.person_id != act.person_id or row.revoked_at is not None:
        raise NotFound
    row.seat_id = seat_id
    session.flush()
