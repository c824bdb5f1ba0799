"""Pages of sign-in and account."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from portal import db
from portal.identity import service as identity
from portal.identity.model import SignInSession
from portal.kernel.act import Role, system_act
from portal.members import service as members
from tests.identity.pages import Browser, small_app

PASSWORD = "four ginkgo leaves on my desk"
NEW = "seven crows above the harbour"


@pytest.fixture
def app(sqlite_database, tmp_path):
    act = system_act(datetime.now(UTC))
    person = db.run(
        identity.create_person,
        act,
        email="aya@mizuki.example",
        name="水城 彩",
        language="ja",
        password=PASSWORD,
    )
    db.run(
        members.add_seat,
        act,
        person_id=person.id,
        member_id=None,
        roles=[Role.administrator, Role.case_manager],
    )
    return small_app(tmp_path)


@pytest.fixture
def browser(app):
    return Browser(app)


def test_sign_in_and_out(browser):
    assert "/sign-in?next=/account" in browser.where("/account")
    assert (
        browser.post("/sign-in", email="AYA@mizuki.example", password=PASSWORD, next="/account") == "/account"
    )
    assert "水城 彩" in browser.get("/account")
    copied = browser.client.get_cookie("rensho").value
    assert browser.post("/sign-out", page="/account") == "/sign-in"
    browser.client.set_cookie("rensho", copied)
    assert "/sign-in" in browser.where("/account")


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"],
)
def test_sign_in_leads_nowhere_else(browser, target):
    assert browser.post("/sign-in", email="aya@mizuki.example", password=PASSWORD, next=target) == "/"


def test_wrong_sign_ins_look_the_same(browser):
    def page(email):
        text = browser.post("/sign-in", 422, email=email, password="wrong password")
        return [line for line in text.replace(email, "").splitlines() if "csrf" not in line]

    assert page("aya@mizuki.example") == page("bob@mizuki.example")


def test_too_many(browser):
    for _ in range(5):
        browser.post("/sign-in", 422, email="aya@mizuki.example", password="wrong")
    assert 'role="alert"' in browser.post("/sign-in", 429, email="aya@mizuki.example", password=PASSWORD)


def test_the_cookie_changes_at_sign_in(browser):
    before = browser.token("/sign-in")
    browser.sign_in("aya@mizuki.example", PASSWORD)
    assert (
        browser.client.post(
            "/account", data={"csrf_token": before, "name": "x", "language": "en"}
        ).status_code
        == 400
    )


def test_account(browser):
    browser.sign_in("aya@mizuki.example", PASSWORD)
    assert browser.post("/account", name="水城 彩子", language="en") == "/account"
    assert "水城 彩子" in browser.get("/account")
    browser.post("/account", 422, name=" ", language="en")


def test_password(app, browser):
    other = Browser(app)
    for one in (browser, other):
        one.sign_in("aya@mizuki.example", PASSWORD)
    assert "error" in browser.post("/account/password", 422, page="/account", old="wrong", new=NEW)
    assert "error" in browser.post("/account/password", 422, page="/account", old=PASSWORD, new="short")
    browser.post("/account/password", page="/account", old=PASSWORD, new=NEW)
    browser.get("/account")
    assert "/sign-in" in other.where("/account")
    other.post("/sign-in", 422, email="aya@mizuki.example", password=PASSWORD)
    other.sign_in("aya@mizuki.example", NEW)


def test_ending_sessions(app, browser):
    other = Browser(app)
    for one in (browser, other):
        one.sign_in("aya@mizuki.example", PASSWORD)
    rows = db.read(
        lambda s, a: [row.id for row in s.scalars(select(SignInSession).order_by(SignInSession.created_at))],
        system_act(datetime.now(UTC)),
    )
    browser.post(f"/account/sessions/{rows[1]}/end", page="/account")
    assert "/sign-in" in other.where("/account")
    assert (
        browser.client.post(
            f"/account/sessions/{'0' * 64}/end", data={"csrf_token": browser.token("/account")}
        ).status_code
        == 404
    )
    assert browser.post(f"/account/sessions/{rows[0]}/end", page="/account") == "/sign-in"


def test_idle_sessions_are_over(browser):
    browser.sign_in("aya@mizuki.example", PASSWORD)
    past = datetime.now(UTC) - timedelta(minutes=31)
    db.run(
        lambda s, a: s.execute(update(SignInSession).values(last_seen_at=past)), system_act(datetime.now(UTC))
    )
    assert "/sign-in" in browser.where("/account")


def test_nothing_without_the_forms_token(browser):
    assert (
        browser.client.post(
            "/sign-in", data={"email": "aya@mizuki.example", "password": PASSWORD}
        ).status_code
        == 400
    )
    browser.sign_in("aya@mizuki.example", PASSWORD)
    assert browser.client.post("/sign-out").status_code == 400
