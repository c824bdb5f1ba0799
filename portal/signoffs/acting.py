"""Whether a person may still act when its act is carried out: asked again inside the transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.kernel.act import POLICY, Act, Permission, Role
from portal.kernel.errors import Forbidden
from portal.kernel.sentence import say
from portal.members import service as members


def require_live_seat(session: Session, act: Act, permission: Permission) -> None:
    """Stop unless the acting person has a live seat with a role in effect that *permission* asks for.

    The roles in *act* were read when the request began. A seat that ended, or lost its verification,
    while this transaction waited for its lock must not bind anybody. Raises `Forbidden`.
    """
    if act.person_id is None or Role.system in act.roles:
        return
    seats = members.live_seats(session, act.member_id, *POLICY[permission].roles)
    if not any(seat.person_id == act.person_id for seat in seats):
        raise Forbidden(
            say("You may not do this any more: your seat has ended or its role is no longer in effect.")
        )
