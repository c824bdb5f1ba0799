"""The inbox of a laptop, and that it is nowhere else."""

from datetime import UTC, datetime

import pytest

from portal import db
from portal.kernel.act import system_act
from portal.notifications import outbox
from portal.notifications.delivery import deliver_due
from portal.notifications.web import linked
from tests.identity.pages import Browser, small_app

NOW = datetime.now(UTC)


@pytest.fixture
def send(sqlite_database):
    def send(app, **more):
        context = {"name": "水城 彩", "member_names": None, "association_names": {"en": "Fictional Content Alliance"}, "contact": "", "invited_by": "", "expires_at": NOW.isoformat()}  # fmt: skip
        db.run(
            lambda session, act: outbox.add(
                session, act, key="k", to="aya@mizuki.example", language="en", template="invitation",
                context={**context, **more}, secret={"path": "/invitation/abc"},
            ),
            system_act(NOW),
        )  # fmt: skip
        deliver_due(NOW)

    return send


def test_the_inbox_shows_what_was_sent(send, tmp_path):
    app = small_app(tmp_path)
    browser = Browser(app)
    browser.get("/inbox")
    send(app, name="<script>alert(1)</script>")
    listing = browser.get("/inbox")
    path = listing.split('href="/inbox/')[1].split('"')[0]
    text = browser.get(f"/inbox/{path}")
    assert '<a href="http://localhost:8000/invitation/abc">' in text
    assert "<script>" not in text
    for bad in ("0" * 32, "..", "%2e%2e%2frensho.db", "x" * 32):
        browser.get(f"/inbox/{bad}", 404)


@pytest.mark.parametrize(
    "changes",
    [
        {"mail": "smtp://127.0.0.1:25"},
        {"base_url": "https://portal.alliance.example"},
        {"trusted_proxies": 1},
    ],
)
def test_there_is_no_inbox_anywhere_else(sqlite_database, tmp_path, changes):
    app = small_app(tmp_path, **changes)
    client, address = app.test_client(), app.extensions["rensho-settings"].base_url
    assert client.get("/sign-in", base_url=address).status_code == 200
    for path in ("/inbox", "/inbox/" + "0" * 32):
        assert client.get(path, base_url=address).status_code == 404


@pytest.mark.parametrize(
    ("caller", "status"),
    [("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.0.2.7", 404),
     ("2001:db8::7", 404), ("::ffff:192.0.2.7", 404), ("", 404), ("unix:", 404)],
)  # fmt: skip
def test_the_inbox_answers_its_own_machine_only(sqlite_database, tmp_path, caller, status):
    client = small_app(tmp_path).test_client()
    assert client.get("/inbox", environ_base={"REMOTE_ADDR": caller}).status_code == status


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see http://a.example/x.", '<a href="http://a.example/x">http://a.example/x</a>.'),
        ("（https://a.example/ｂ）。", "https://a.example/"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ('http://a.example/"onmouseover="x', '<a href="http://a.example/">'),
        ("a < b & c\nd", "a &lt; b &amp; c<br>\nd"),
    ],
)
def test_texts_are_harmless(text, html):
    assert html in linked(text)
