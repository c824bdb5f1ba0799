"""The outbox: messages are written with the change they tell of, and sent after it is committed.

So nothing is sent that was not committed, and nothing committed is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.sentence import say
from portal.kernel.states import move
from portal.notifications import mailer
from portal.notifications.model import MESSAGE_MOVES, Message, MessageState

PAGE = 100
"""Messages on one page of the staff's list."""


def add(
    session: Session,
    act: Act,
    *,
    key: str,
    to: str,
    language: str,
    template: str,
    context: Mapping[str, Any],
    secret: Mapping[str, str] | None = None,
) -> str:
    """Queue one message; its id. A *key* that is there already is not queued again.

    *template* names ``templates/mail/<template>.txt``; *context* (JSON) and *secret* are given to it.
    *secret* (links that let somebody in) is stored encrypted and wiped once sent. Two transactions
    that queue the same key at once meet at the unique constraint, and `db.run` repeats the later one.
    """
    known = session.scalar(sa.select(Message.id).where(Message.key == key))
    if known is not None:
        return known
    message = Message(
        id=new_id(),
        key=key,
        recipient=to,
        language=language,
        template=template,
        context=dict(context),
        secret=mailer.current().encrypt(secret) if secret else None,
        state=MessageState.queued,
        created_at=act.at,
        next_at=act.at,
        attempts=0,
    )
    session.add(message)
    session.flush()
    return message.id


def withdraw(session: Session, _act: Act, *, key: str) -> bool:
    """Do not send a message whose link is worth nothing any more; False if it is out already.

    The worker may be handing it over at this very moment; then it goes out and its link leads nowhere.
    """
    query = sa.select(Message).where(Message.key == key).with_for_update()
    message = session.scalars(query.execution_options(populate_existing=True)).first()
    if message is None or message.state is not MessageState.queued:
        return False
    message.state = move(MESSAGE_MOVES, message.state, MessageState.failed, say("The message"))
    message.secret, message.last_error = None, "withdrawn before it was sent"
    session.flush()
    return True


@dataclass(frozen=True)
class MessageView:
    """A message as staff may see it: never its text, which may hold a link that lets somebody in."""

    id: str
    to: str
    language: str
    template: str
    state: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str | None


def messages(
    session: Session, act: Act, *, state: str | None = None, page: int = 1
) -> tuple[tuple[MessageView, ...], int]:
    """A page of messages (from 1), newest first, and how many pages there are."""
    require(act, Permission.messages_read)
    where = [Message.state == MessageState(state)] if state in set(MessageState) else []
    count = session.scalar(sa.select(sa.func.count()).select_from(Message).where(*where)) or 0
    rows = session.scalars(
        sa.select(Message)
        .where(*where)
        .order_by(Message.id.desc())
        .limit(PAGE)
        .offset((max(page, 1) - 1) * PAGE)
    )
    views = tuple(
        MessageView(
            row.id, row.recipient, row.language, row.template, row.state.value, row.created_at, row.sent_at,
            row.attempts, row.last_error,
        )
        for row in rows
    )  # fmt: skip
    return views, -(-count // PAGE)


def states_of(session: Session, *, prefix: str) -> Mapping[str, str]:
    """State by key of the messages whose key begins with *prefix* (a room's own messages)."""
    rows = session.execute(
        sa.select(Message.key, Message.state).where(Message.key.startswith(prefix, autoescape=True))
    )
    return {key: state.value for key, state in rows}
