"""Delivery: messages that are due are written out and handed to the mail server, by the worker.

Each is leased for the time of one attempt and sent outside any transaction. If the worker dies in
between, the message is sent again under the same Message-ID, which mail programs show once.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import jinja2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.config import ROOT, Settings
from portal.jobs.queue import delay
from portal.kernel.act import Act, system_act
from portal.kernel.sentence import say, say_n
from portal.kernel.states import move
from portal.notifications import mailer
from portal.notifications.mailer import Backend, Mailer, Rejected, configure
from portal.notifications.model import MESSAGE_MOVES, Message, MessageState

__all__ = ["InboxMailer", "Mailer", "SmtpMailer", "configure", "deliver_due", "mailer_for", "written"]

LEASE: Final = timedelta(minutes=2)
"""Longer than one attempt can take (connecting and each answer have 10 s)."""
ATTEMPTS: Final = 12
"""After about 2 hours of trying a message has failed."""
BATCH: Final = 20
TEMPLATES: Final = ROOT / "templates" / "mail"


# --- writing --------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _environment(language: str, zone: str) -> jinja2.Environment:
    """Templates of mail in one language. Plain text, so nothing is escaped; a missing value is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - plain text
    )

    def translate(msgid: str, /, **params: object) -> str:
        return say(msgid, **params).render(language)

    def translate_n(singular: str, plural: str, n: int, /, **params: object) -> str:
        return say_n(singular, plural, n, **params).render(language)

    environment.globals.update(_=translate, gettext=translate, ngettext=translate_n, language=language)
    environment.filters.update(
        in_language=lambda texts: (texts or {}).get(language) or next(iter((texts or {}).values()), ""),
        when=lambda iso: _when(iso, zone),
        day=lambda iso: _when(iso, zone)[:10],
    )
    return environment


def _when(iso: str, zone: str) -> str:
    """A time (ISO 8601 with zone) as ``2026-11-21 09:30 JST``: the same for readers of any language."""
    return datetime.fromisoformat(iso).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def written(template: str, language: str, values: Mapping[str, Any], mail: Mailer) -> tuple[str, str]:
    """Subject and text of a message. The template gets *values* and ``base_url``.

    Raises `Rejected` where the template is missing, breaks on the values, or has no subject.
    """
    try:
        text = (
            _environment(language, mail.timezone)
            .get_template(f"{template}.txt")
            .render(**values, base_url=mail.base_url)
        )
    except (jinja2.TemplateError, KeyError, TypeError, ValueError) as error:
        raise Rejected(f"{template}.txt: {type(error).__name__}: {error}") from error
    first, _, body = text.partition("\n")
    if not first.startswith("Subject: ") or not body.strip():
        raise Rejected(f"{template}.txt must begin with a line “Subject: …” and have a text")
    # A line break in a name must not become a header of its own.
    return " ".join(first.removeprefix("Subject: ").split()), body.strip() + "\n"


def _composed(due: _Due, at: datetime, mail: Mailer) -> EmailMessage:
    values = {**due.context, **(mail.decrypt(due.secret) if due.secret else {})}
    subject, text = written(due.template, due.language, values, mail)
    ascii_only = due.recipient.isascii() and mail.sender.isascii()
    message = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
    local, _, domain = due.recipient.rpartition("@")
    message["From"] = mail.sender
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    # From the key, so that a second sending of the same message can be seen to be the same.
    message["Message-ID"] = f"<{sha256(due.key.encode()).hexdigest()[:40]}@{mail.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(text, cte="base64" if not text.isascii() else None)
    message["Content-Language"] = due.language
    return message


# --- ways out -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InboxMailer:
    """Puts each message into *folder* as ``<id>.eml``; the inbox page shows them (laptop, rehearsal)."""

    folder: Path

    def send(self, name: str, message: EmailMessage) -> None:
        """Write the file so that it is there whole or not at all, whatever happens meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.eml"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            file.write(message.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the name too
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class SmtpMailer:
    """Hands messages to a mail server: ``smtp://user:password@host:587`` or ``smtps://host:465``."""

    url: str
    timeout: float = 10.0

    def send(self, name: str, message: EmailMessage) -> None:  # noqa: ARG002 - the server has no names
        """Send one message. Raises `Rejected` for a final refusal (5xx), `OSError` for anything passing."""
        with _smtp_errors(), self._connected() as server:
            server.send_message(message)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        url = urlsplit(self.url)
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if url.scheme == "smtps":
            server = smtplib.SMTP_SSL(
                url.hostname or "", url.port or 465, timeout=self.timeout, context=context
            )
        else:
            server = smtplib.SMTP(url.hostname or "", url.port or 587, timeout=self.timeout)
        with server:
            server.ehlo_or_helo_if_needed()
            if url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=context)
            elif url.scheme == "smtp" and url.username:
                # Somebody in between could have taken the offer away to get the password.
                raise OSError("the mail server offers no STARTTLS; the password is not sent in the clear")
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            yield server


@contextmanager
def _smtp_errors() -> Iterator[None]:
    """Smtplib's errors as the two kinds that matter: final or passing."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise (Rejected if code >= 500 else OSError)(f"{code} {reason!r}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise OSError(f"{error.smtp_code} the mail server did not accept user and password") from error
    except smtplib.SMTPResponseException as error:
        final = error.smtp_code >= 500
        raise (Rejected if final else OSError)(f"{error.smtp_code} {error.smtp_error!r}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Rejected("the mail server cannot take this address (no SMTPUTF8)") from error


def mailer_for(settings: Settings) -> Mailer:
    """The mailer that the settings ask for; give it to `configure`."""
    inbox = settings.mail == "inbox"
    backend: Backend = InboxMailer(settings.outbox_dir) if inbox else SmtpMailer(settings.mail)
    return Mailer(backend, settings.mail_from, settings.base_url, settings.secret_key, settings.timezone)


# --- sending --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Due:
    id: str
    key: str
    recipient: str
    language: str
    template: str
    context: Mapping[str, Any]
    secret: bytes | None
    attempts: int


def _lease(session: Session, act: Act, *, limit: int) -> tuple[_Due, ...]:
    query = (
        sa.select(Message)
        .where(Message.state == MessageState.queued, Message.next_at <= act.at)
        .order_by(Message.next_at, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = []
    for row in session.scalars(query):
        row.attempts += 1
        row.next_at = act.at + LEASE
        due.append(
            _Due(
                row.id,
                row.key,
                row.recipient,
                row.language,
                row.template,
                row.context,
                row.secret,
                row.attempts,
            )
        )
    return tuple(due)


def _waiting(session: Session, act: Act) -> bool:
    query = (
        sa.select(Message.id).where(Message.state == MessageState.queued, Message.next_at <= act.at).limit(1)
    )
    return session.scalar(query) is not None


def _settle(session: Session, act: Act, *, due: _Due, error: str | None, final: bool) -> None:
    row = db.lock(session, Message, due.id)
    if row.state is not MessageState.queued or (error is not None and row.attempts != due.attempts):
        return  # another worker had it after our lease ended, and knows better
    row.last_error = None if error is None else error[:500]
    if error is None:
        row.state = move(MESSAGE_MOVES, row.state, MessageState.sent, "message")
        row.sent_at, row.secret = act.at, None
    elif final or row.attempts >= ATTEMPTS:
        row.state = move(MESSAGE_MOVES, row.state, MessageState.failed, "message")
        row.secret = None
    else:
        row.next_at = act.at + delay(row.attempts)


def deliver_due(at: datetime, *, clock: Callable[[], datetime] | None = None) -> int:
    """Send what is due at the time *at*; how many messages were handed over. Runs its own transactions.

    Waiting messages of a mail server that is down are tried again after growing delays.
    """
    act = system_act(at)
    sent = 0
    while db.read(_waiting, act):  # a look first: an idle worker takes no write lock
        # One at a time where each may take a while: a lease must not run out while it waits its turn.
        for due in db.run(_lease, act, limit=1 if _is_slow() else BATCH):
            sent += _send(due, at, clock)
    return sent


def _is_slow() -> bool:
    return not isinstance(mailer.current().backend, InboxMailer)


def _send(due: _Due, at: datetime, clock: Callable[[], datetime] | None) -> bool:
    mail = mailer.current()
    error, final = None, False
    try:
        mail.backend.send(due.id, _composed(due, at, mail))
    except Rejected as refusal:
        error, final = str(refusal), True
    except Exception as trouble:  # noqa: BLE001 - one message that cannot be sent does not hold up the others
        error = f"{type(trouble).__name__}: {trouble}"
    now = clock() if clock else at
    db.run(_settle, system_act(max(now, at).astimezone(UTC)), due=due, error=error, final=final)
    return error is None
