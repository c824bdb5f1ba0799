"""Pages of messages: the staff's list of what became of each, and the laptop's inbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from portal import db
from portal.config import Settings
from portal.kernel.act import Permission
from portal.kernel.errors import NotFound
from portal.notifications import outbox
from portal.notifications.model import MessageState
from portal.web.requests import current_act, public, route, whole_number

bp = Blueprint("notifications", __name__)

_NEWEST = 200
_ID = re.compile(r"[0-9a-f]{32}")
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}」』。、]")


@route(bp, "/messages", Permission.messages_read)
def index() -> ResponseReturnValue:
    """What became of each message; never its text, which may hold a link that lets somebody in."""
    state = request.args.get("state")
    page = whole_number("page", 1)
    messages, pages = db.read(outbox.messages, current_act(), state=state, page=page)
    return render_template(
        "notifications/index.html", messages=messages, pages=pages, page=page, state=state,
        states=[one.value for one in MessageState],
    )  # fmt: skip


# --- the inbox of a laptop ------------------------------------------------------------------------


@dataclass(frozen=True)
class Mail:
    """One message as its reader sees it."""

    id: str
    to: str
    subject: str
    at: datetime | None
    text: str


def _folder() -> Path:
    """Where the messages are; there is no inbox where real mail is sent or strangers can come.

    The pages show links that let people in. So mail as files is not enough: the portal must also be
    one that only its own machine reaches, and this request must come from that machine.
    """
    settings: Settings = current_app.extensions["rensho-settings"]
    if not settings.shows_inbox or not _from_this_machine():
        raise NotFound
    return settings.outbox_dir


def _from_this_machine() -> bool:
    try:
        caller = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return (getattr(caller, "ipv4_mapped", None) or caller).is_loopback


def _mail(path: Path) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return Mail(path.stem, str(message["To"]), str(message["Subject"]), _sent(message), text)


def _sent(message: EmailMessage) -> datetime | None:
    """The time in the message's head; None where there is none, or none that can be read."""
    at: datetime | None = getattr(message["Date"], "datetime", None)
    return at


def linked(text: str) -> Markup:
    """*text* harmless, with web addresses made clickable and line breaks kept."""
    html, end = Markup(""), 0
    for match in _LINK.finditer(text):
        html += escape(text[end : match.start()])
        html += Markup('<a href="{0}">{0}</a>').format(match.group())
        end = match.end()
    return Markup("<br>\n").join((html + escape(text[end:])).splitlines())


@public(bp, "/inbox")
def inbox() -> ResponseReturnValue:
    """All messages of this installation, newest first."""
    folder = _folder()
    paths = sorted(folder.glob("*.eml"), reverse=True)[:_NEWEST] if folder.is_dir() else []
    return render_template("notifications/inbox.html", mails=[_mail(path) for path in paths])


@public(bp, "/inbox/<message_id>")
def mail(message_id: str) -> ResponseReturnValue:
    """One message."""
    path = _folder() / f"{message_id}.eml"
    if not _ID.fullmatch(message_id) or not path.is_file():
        raise NotFound
    shown = _mail(path)
    return render_template("notifications/mail.html", mail=shown, text=linked(shown.text))
