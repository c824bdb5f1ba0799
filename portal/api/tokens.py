"""Tokens with which a program reads what an auditor of the association may read.

A token is 256 random bits, shown once; only its hash is kept, so a copy of the database lets nobody
in. When it was last used is not kept: reading changes nothing (DESIGN §3.9).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.api.model import ApiToken
from portal.audit import log
from portal.kernel.act import Act, Permission, Role, new_id, require
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Conflict, Invalid, Problem, Refused
from portal.kernel.sentence import say
from portal.members import service as members

PREFIX: Final = "rensho_"
"""So that a leaked token is recognised by scanners of source code."""
LONGEST: Final = timedelta(days=366)


class TokenNeeded(Refused):
    """The request carries no token, or one that is unknown, revoked or past its time."""

    status: ClassVar[int] = 401
    code: ClassVar[str] = "token-needed"


@dataclass(frozen=True)
class TokenView:
    """A token as staff see it: never the token itself."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def create(session: Session, act: Act, *, name: str, valid_for: timedelta) -> str:
    """A new token, as text; it cannot be read again. *valid_for* is at most 366 days."""
    require(act, Permission.token_manage)
    if not name.strip() or len(name) > 200:
        raise Invalid([Problem("name", say("Say in at most 200 characters what the token is for."))])
    if not timedelta(0) < valid_for <= LONGEST:
        raise Invalid([Problem("days", say("A token is valid for at most a year."))])
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        id=new_id(),
        token_hash=digest_bytes(token.encode()),
        name=name.strip(),
        created_by=act.person_id,
        created_at=act.at,
        expires_at=act.at + valid_for,
    )
    session.add(row)
    session.flush()
    log.append(session, act, "api:token:created", row.id, {"days": valid_for.days})
    return token


def revoke(session: Session, act: Act, *, token_id: str) -> None:
    """Make a token useless from now on. Raises `Conflict` if it is already."""
    require(act, Permission.token_manage)
    row = db.lock(session, ApiToken, token_id)
    if row.revoked_at is not None:
        raise Conflict(say("This token was revoked before."))
    row.revoked_at = act.at
    log.append(session, act, "api:token:revoked", row.id, {})


def tokens(session: Session, act: Act) -> tuple[TokenView, ...]:
    """All tokens, the newest first."""
    require(act, Permission.token_manage, to_look=True)
    rows = session.scalars(sa.select(ApiToken).order_by(ApiToken.id.desc()))
    return tuple(TokenView(row.id, row.name, row.created_at, row.expires_at, row.revoked_at) for row in rows)


def act_for(session: Session, act: Act, *, token: str | None) -> Act:
    """The act of a program: *act* with what the token allows. Raises `TokenNeeded`.

    It may read what an auditor may, and do nothing: no policy gives an auditor more. It reads in the
    name of whoever made it, and so no longer than that person has a seat of the association.
    """
    digest = digest_bytes((token or "").encode())
    row = session.scalars(sa.select(ApiToken).where(ApiToken.token_hash == digest)).one_or_none()
    if (
        row is None
        or row.revoked_at is not None
        or row.expires_at <= act.at
        or not _has_seat(session, row.created_by)
    ):
        raise TokenNeeded(
            say("Send a valid token in the header Authorization: Bearer …; an administrator can make one.")
        )
    return Act(
        at=act.at,
        person_id=row.created_by,
        person_name=row.name,
        member_id=None,
        roles=frozenset({Role.auditor}),
        proved_at=None,
        language=act.language,
        address=act.address,
        user_agent=act.user_agent,
        request_id=act.request_id,
    )


def _has_seat(session: Session, person_id: str | None) -> bool:
    """Whether the person has a live seat of the association."""
    return person_id is not None and any(
        seat.member_id is None for seat in members.seats_of(session, person_id)
    )
