"""Whom this room writes to, and with what. Messages go with the transaction (outbox)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from portal.kernel.act import Act, Role
from portal.members import service as members
from portal.notifications import outbox
from portal.signoffs.receipts import instant
from portal.signoffs.values import RoundView


def to_members(
    session: Session,
    act: Act,
    *,
    template: str,
    round_: RoundView,
    member_ids: Iterable[str],
    context: Mapping[str, Any] | None = None,
    roles: tuple[Role, ...] = (),
) -> None:
    """One message to each person with a seat (of these roles) at these members, once a round and template."""
    for member_id in member_ids:
        for seat in members.live_seats(session, member_id, *roles):
            outbox.add(
                session,
                act,
                key=f"{template}:{round_.id}:{seat.id}",
                to=seat.email,
                language=seat.language,
                template=template,
                context={**_context(round_), "member": dict(seat.member_names or {}), **(context or {})},
            )


def to_staff(
    session: Session,
    act: Act,
    *,
    template: str,
    round_: RoundView,
    roles: tuple[Role, ...],
    about: str = "",
    context: Mapping[str, Any] | None = None,
) -> None:
    """One message to each person of the association with one of *roles*; *about* keeps them apart."""
    for seat in members.live_seats(session, None, *roles):
        outbox.add(
            session,
            act,
            key=f"{template}:{round_.id}:{about}:{seat.id}",
            to=seat.email,
            language=seat.language,
            template=template,
            context={**_context(round_), **(context or {})},
        )


def receipt(
    session: Session, act: Act, *, round_: RoundView, signoff_id: str, context: Mapping[str, Any]
) -> None:
    """The receipt to everybody with a seat at the acting member: the whole company is told."""
    if act.member_id is None:
        return
    for seat in members.live_seats(session, act.member_id):
        outbox.add(
            session,
            act,
            key=f"signoffs/receipt:{signoff_id}:{seat.id}",
            to=seat.email,
            language=seat.language,
            template="signoffs/receipt",
            context={**_context(round_), "member": dict(seat.member_names or {}), **context},
        )


def _context(round_: RoundView) -> dict[str, Any]:
    return {
        "subject": dict(round_.subject),
        "round_id": round_.id,
        "campaign_id": round_.campaign_id,
        "letter_id": round_.letter_id,
        "revision": round_.revision_number,
        "revision_digest": round_.revision_digest,
        "deadline": instant(round_.deadline),
    }
