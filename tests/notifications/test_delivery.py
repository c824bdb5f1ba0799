"""Delivery: written rightly, sent at least once, secrets wiped, a dead server waited out."""

import email
import smtplib
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from portal import db
from portal.kernel.act import system_act
from portal.kernel.sentence import LANGUAGES
from portal.notifications import delivery, mailer, outbox
from portal.notifications.delivery import InboxMailer, SmtpMailer, deliver_due, written
from portal.notifications.mailer import Rejected
from portal.notifications.model import Message, MessageState

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CONTEXT = {
    "name": "水城 彩", "member_names": {"en": "Mizuki Music Publishing Inc.", "ja": "水城音楽出版株式会社"},
    "association_names": {"en": "Fictional Content Alliance", "ja": "架空コンテンツ連合会"},
    "contact": "secretariat@alliance.example", "invited_by": "雲野 さくら", "expires_at": "2026-12-04T09:00:00+00:00",
}  # fmt: skip


def add(key="k", to="aya@mizuki.example", context=CONTEXT, template="invitation", language="en"):
    db.run(
        lambda session, act: outbox.add(
            session, act, key=key, to=to, language=language, template=template, context=context,
            secret={"path": "/invitation/abc123"},
        ),
        system_act(AT),
    )  # fmt: skip


def rows() -> list[Message]:
    return list(
        db.read(
            lambda session, act: session.scalars(select(Message).order_by(Message.id)).all(), system_act(AT)
        )
    )


def read(folder: Path) -> list[email.message.EmailMessage]:
    return [
        email.message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.glob("*.eml"))
    ]


class Backend:
    def __init__(self, *outcomes):
        self.outcomes, self.sent = list(outcomes), []

    def send(self, name, message):
        self.sent.append((name, message))
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome


def use(backend):
    mailer.configure(replace(mailer.current(), backend=backend))
    return backend


def test_a_message_is_sent_and_its_secret_wiped(database, inbox):
    add()
    assert deliver_due(AT) == 1
    assert deliver_due(AT) == 0
    (message,) = read(inbox)
    assert message["To"] == "aya@mizuki.example"
    assert message["From"] == "portal@alliance.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@alliance.example>")
    text = message.get_content()
    assert "http://localhost:8000/invitation/abc123" in text
    assert "水城 彩" in text
    (row,) = rows()
    assert (row.state, row.secret, row.sent_at) == (MessageState.sent, None, AT)
    assert not list(inbox.glob("*.tmp"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_a_subject_and_the_link(database, inbox, language):
    add(language=language)
    deliver_due(AT)
    (message,) = read(inbox)
    assert len(message["Subject"]) > 5
    assert "%(" not in message["Subject"] + message.get_content()
    assert "/invitation/abc123" in message.get_content()
    assert message["Content-Language"] == language


def test_japanese_text_comes_back_exactly(database, inbox):
    add(context={**CONTEXT, "name": "髙橋 﨑 𠮷田 é"}, language="ja")
    deliver_due(AT)
    assert "髙橋 﨑 𠮷田 é" in read(inbox)[0].get_content()


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n", "\u2028", "\x0b", "\x85"])
def test_a_line_break_in_a_name_makes_no_header(sqlite_database, inbox, sign):
    names = {"en": f"Evil Inc.{sign}Bcc: everybody@victim.example"}
    add(context={**CONTEXT, "member_names": names})
    deliver_due(AT)
    (message,) = read(inbox)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Fictional Content Alliance invites you")


def test_a_server_that_is_down_is_waited_out(database, inbox):
    backend = use(Backend(OSError("down"), OSError("down")))
    add()
    assert deliver_due(AT) == 0
    assert rows()[0].state is MessageState.queued
    assert rows()[0].secret is not None
    assert deliver_due(AT) == 0
    assert len(backend.sent) == 1
    assert deliver_due(AT + timedelta(minutes=1)) == 0
    assert deliver_due(AT + timedelta(hours=2)) == 1
    ids = {message["Message-ID"] for _, message in backend.sent}
    assert len(backend.sent) == 3
    assert len(ids) == 1


def test_a_final_refusal_fails_and_wipes_the_secret(database, inbox):
    use(Backend(Rejected("550 no such user")))
    add()
    assert deliver_due(AT) == 0
    (row,) = rows()
    assert (row.state, row.secret, row.last_error) == (MessageState.failed, None, "550 no such user")


def test_it_gives_up_in_the_end(database, inbox):
    use(Backend(*[OSError("down")] * 50))
    add()
    at = AT
    for _ in range(delivery.ATTEMPTS + 3):
        deliver_due(at)
        at += timedelta(hours=3)
    (row,) = rows()
    assert (row.state, row.attempts, row.secret) == (MessageState.failed, delivery.ATTEMPTS, None)


def test_one_broken_message_does_not_hold_up_the_others(database, inbox):
    add("1", context={})  # the template's values are missing
    add("2", template="there-is-none")
    add("3")
    assert deliver_due(AT) == 1
    assert [row.state for row in rows()] == [MessageState.failed, MessageState.failed, MessageState.sent]


def test_a_worker_that_died_while_sending_leaves_it_to_another(database, inbox):
    add()
    db.run(delivery._lease, system_act(AT), limit=20)  # took it, and was killed
    assert deliver_due(AT + timedelta(seconds=30)) == 0
    assert deliver_due(AT + delivery.LEASE + timedelta(seconds=1)) == 1


def test_every_template_has_a_subject_line():
    for path in delivery.TEMPLATES.glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("{%")]
        assert lines[0].startswith("Subject: "), path.name


def test_a_text_without_subject_is_refused(tmp_path, monkeypatch, inbox):
    (tmp_path / "odd.txt").write_text("Hello\nthere\n")
    monkeypatch.setattr(delivery, "TEMPLATES", tmp_path)
    delivery._environment.cache_clear()
    try:
        with pytest.raises(Rejected, match="Subject"):
            written("odd", "en", {}, mailer.current())
    finally:
        delivery._environment.cache_clear()


# --- SMTP -----------------------------------------------------------------------------------------


class Handler:
    def __init__(self):
        self.messages = []
        self.refuse = None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def smtp():
    handler = Handler()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    handler.url = f"smtp://127.0.0.1:{port}"
    yield handler
    controller.stop()


def test_smtp_takes_a_message(sqlite_database, inbox, smtp):
    use(SmtpMailer(smtp.url))
    add()
    add("2", to="山@例え.example")
    assert deliver_due(AT) == 2
    recipients, content = smtp.messages[0]
    assert recipients == ["aya@mizuki.example"]
    assert b"Message-ID: <" in content
    assert smtp.messages[1][0] == ["山@例え.example"]


@pytest.mark.parametrize(("answer", "state"), [("550 no such user", "failed"), ("450 try later", "queued")])
def test_smtp_refusals_are_final_or_passing(sqlite_database, inbox, smtp, answer, state):
    smtp.refuse = answer
    use(SmtpMailer(smtp.url))
    add()
    assert deliver_due(AT) == 0
    (row,) = rows()
    assert (row.state.value, row.last_error is not None) == (state, True)
    assert (row.secret is None) == (state == "failed")


def test_no_password_goes_out_in_the_clear(sqlite_database, inbox, smtp):
    use(SmtpMailer(smtp.url.replace("smtp://", "smtp://user:pass@")))
    add()
    assert deliver_due(AT) == 0
    assert "STARTTLS" in rows()[0].last_error
    assert smtp.messages == []


def test_a_port_where_nobody_listens_is_passing_trouble(sqlite_database, inbox):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(OSError):
        SmtpMailer(f"smtp://127.0.0.1:{port}", timeout=2).send("x", email.message.EmailMessage())


def test_authentication_trouble_does_not_lose_mail():
    with pytest.raises(OSError), delivery._smtp_errors():
        raise smtplib.SMTPAuthenticationError(535, b"no")


def test_the_inbox_file_is_whole_or_not_there(tmp_path, monkeypatch):
    message = email.message.EmailMessage()
    message.set_content("x")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError):
        InboxMailer(tmp_path).send("a" * 32, message)
    assert list(tmp_path.glob("*.eml")) == []
