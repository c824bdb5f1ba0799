"""Delivery: messages that are due are written out and handed to the mail server, by the worker.

Each is leased for the time of one attempt and sent outside any transaction. If the worker dies in
between, the message is sent again under the same Message-ID, which mail programs show once.
"""

from __future__ import annotations

import os
import smtplib
import ssl
import time
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
from portal.notifications.mailer import Backend, Mailer, NotNow, Rejected, configure
from portal.notifications.model import MESSAGE_MOVES, Message, MessageState

__all__ = [
    "InboxMailer", "Mailer", "SmtpMailer", "configure", "deliver_due", "is_waiting", "mailer_for", "written",
]  # fmt: skip

LEASE: Final = timedelta(minutes=2)
"""Longer than one attempt can take (connecting and each answer have 10 s)."""
ATTEMPTS: Final = 12
"""After about 2 hours of trying a message has failed."""
BATCH: Final = 20
"""Messages that one call of `deliver_due` hands over at most: the worker has other work too."""
SECONDS: Final = 5.0
"""How long one call goes on taking messages."""
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
        """Send one message.

        Raises `Rejected` for a final refusal (5xx), `NotNow` for a passing one (4xx), and `OSError` where
        the server cannot be reached or takes nothing from us, whichever message it were.
        """
        with self._connected() as server, _smtp_errors():
            server.send_message(message)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            server = self._connect()
        except smtplib.SMTPException as error:
            # Even a final answer (“554 no service here”) is about us, not about the message.
            raise OSError(f"the mail server cannot be used: {error}") from error
        with server:
            yield server

    def _connect(self) -> smtplib.SMTP:
        url = urlsplit(self.url)
        server: smtplib.SMTP
        if url.scheme == "smtps":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(
                url.hostname or "", url.port or 465, timeout=self.timeout, context=context
            )
        else:
            server = smtplib.SMTP(url.hostname or "", url.port or 587, timeout=self.timeout)
        try:
            self._greet(server)
        except BaseException:
            server.close()
            raise
        return server

    def _greet(self, server: smtplib.SMTP) -> None:
        url = urlsplit(self.url)
        server.ehlo_or_helo_if_needed()
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        elif url.scheme == "smtp" and url.username:
            # Somebody in between could have taken the offer away to get the password.
            raise OSError("the mail server offers no STARTTLS; the password is not sent in the clear")
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))


@contextmanager
def _smtp_errors() -> Iterator[None]:
    """Smtplib's errors as the two kinds that matter: final or passing."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _refusal(code, reason) from error
    except smtplib.SMTPAuthenticationError as error:
        raise OSError(f"{error.smtp_code} the mail server did not accept user and password") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Rejected("the mail server cannot take this address (no SMTPUTF8)") from error


def _refusal(code: int, reason: object) -> Exception:
    if code == 421:  # RFC 5321 §3.8: the server is closing down, whatever it was asked
        return OSError(f"{code} {reason!r}")
    return (Rejected if code >= 500 else NotNow)(f"{code} {reason!r}")


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


def is_waiting(session: Session, act: Act) -> bool:
    """Whether a message is due: a look, so that an idle worker takes no write lock."""
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
        row.state = move(MESSAGE_MOVES, row.state, MessageState.sent, say("The message"))
        row.sent_at, row.secret = act.at, None
    elif final or row.attempts >= ATTEMPTS:
        row.state = move(MESSAGE_MOVES, row.state, MessageState.failed, say("The message"))
        row.secret = None
    else:
        row.next_at = act.at + delay(row.attempts)


def deliver_due(at: datetime, *, clock: Callable[[], datetime] | None = None) -> int:
    """Send some of what is due, at most `BATCH`; how many messages were handed over, 0 where none is due.

    Runs its own transactions. Begins no message after `SECONDS`, and none after one that showed that the
    mail server cannot be reached: the next would wait for the same time-out, and so would the worker's
    other work. Such messages are tried again after growing delays. The time is *at*, or *clock*'s if
    that is later.
    """

    def now() -> datetime:
        return max(clock(), at).astimezone(UTC) if clock else at

    # One at a time where each may take a while: a lease must not run out while it waits its turn.
    step = 1 if _is_slow() else BATCH
    begun, tried, sent = time.monotonic(), 0, 0
    while tried < BATCH and time.monotonic() - begun < SECONDS and db.read(is_waiting, system_act(now())):
        for due in db.run(_lease, system_act(now()), limit=min(step, BATCH - tried)):
            tried += 1
            trouble = _send(due, now)
            sent += trouble is None
            if isinstance(trouble, OSError) and step == 1:
                return sent
    return sent


def _is_slow() -> bool:
    return not isinstance(mailer.current().backend, InboxMailer)


def _send(due: _Due, now: Callable[[], datetime]) -> Exception | None:
    """Hand one message over and write down what became of it; the trouble, if there was any."""
    mail = mailer.current()
    error: str | None = None
    trouble: Exception | None = None
    try:
        mail.backend.send(due.id, _composed(due, now(), mail))
    except Rejected as refusal:
        error, trouble = str(refusal), refusal
    except Exception as found:  # noqa: BLE001 - one message that cannot be sent does not hold up the others
        error, trouble = f"{type(found).__name__}: {found}", found
    db.run(
        _settle,
        system_act(now()),
        due=due,
        error=error,
        final=isinstance(trouble, Rejected),
    )
    return trouble
