"""One browser with two seats, and forms that come too late: nobody acts for another, nothing typed is lost."""

import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from portal import db
from portal.identity import service as identity
from portal.identity.model import SignInSession
from portal.kernel.act import Role, system_act
from portal.members import service as members
from tests.conftest import ROOT
from tests.identity.pages import Browser, Page, small_app
from tests.members.conftest import ASSOCIATION, PASSWORD, make_member

EMAIL = "aya@mizuki.example"
HIDDEN = re.compile(r'name="acting_seat" value="([^"]+)"')


def system(use_case, **values):
    return db.run(use_case, system_act(datetime.now(UTC)), **values)


def seat_at(person, member, *roles):
    return system(members.add_seat, person_id=person.id, member_id=member and member.id, roles=roles)


@pytest.fixture
def app(sqlite_database, tmp_path):
    app = small_app(tmp_path)
    system(members.set_association, **ASSOCIATION)
    return app


@pytest.fixture
def person(app):
    return system(identity.create_person, email=EMAIL, name="水城 彩", language="en", password=PASSWORD)


@pytest.fixture
def browser(app, person):
    return Browser(app)


def fields_of(text, action):
    """What the form with this action sends, hidden fields only, as the browser would."""
    form = re.search(rf'<form method="post"[^>]*action="{re.escape(action)}".*?</form>', text, re.DOTALL)
    assert form, text
    found = re.findall(r'<input[^>]*type="hidden"[^>]*>', form.group())
    return {
        re.search(r'name="([^"]+)"', one).group(1): html.unescape(re.search(r'value="([^"]*)"', one).group(1))
        for one in found
    }


def two_companies(browser, person):
    """Two tabs: the invitation form opened for A, and afterwards B chosen."""
    a, b = make_member("a", "A Inc.", "", ""), make_member("b", "B Inc.", "", "")
    seats = [seat_at(person, one, Role.manager) for one in (a, b)]
    browser.sign_in(EMAIL, PASSWORD)
    browser.post("/seats", seat=seats[0].id)
    text = browser.get("/campaigns")
    assert "A Inc." in text
    address = f"/members/{a.id}/invite"
    fields = fields_of(browser.get(address), address)
    assert fields["acting_seat"] == seats[0].id
    browser.post("/seats", seat=seats[1].id)
    return address, fields, seats


def test_a_form_acts_for_whom_its_page_was_opened(browser, person):
    address, fields, _seats = two_companies(browser, person)
    answer = browser.client.post(address, data={**fields, "email": "new-address@a.example"})
    assert answer.status_code == 409
    Page(answer.text)
    assert "You now act for B Inc. in this browser; this page was opened for A Inc." in answer.text
    assert "new-address@a.example" in answer.text  # not lost
    assert "/seats" in answer.text


def test_choosing_and_signing_out_work_from_any_tab(browser, person):
    _address, fields, seats = two_companies(browser, person)
    assert browser.client.post("/seats", data={**fields, "seat": seats[0].id}).status_code == 303
    assert browser.client.post("/sign-out", data=fields).status_code == 303


def test_a_seat_of_somebody_else_is_not_named(browser, person):
    address, fields, _seats = two_companies(browser, person)
    other = system(identity.create_person, email="x@c.example", name="X", language="en", password=PASSWORD)
    theirs = seat_at(other, make_member("c", "C Inc.", "", ""), Role.manager)
    for shown in (theirs.id, "0" * 32, ""):
        answer = browser.client.post(address, data={**fields, "acting_seat": shown})
        assert answer.status_code == 409
        assert "C Inc." not in answer.text


def test_a_session_never_moves_to_another_seat_by_itself(database):
    member, other = make_member("a", "A Inc.", "", ""), make_member("b", "B Inc.", "", "")
    person = system(identity.create_person, email=EMAIL, name="A", language="en", password=PASSWORD)
    mine, second = seat_at(person, member, Role.viewer), seat_at(person, other, Role.viewer)
    system(members.end_seat, seat_id=mine.id)
    act = system_act(datetime.now(UTC))
    assert db.read(lambda s, _a: members.seat_for_session(s, person.id, mine.id), act) == (None, 1)
    assert db.read(lambda s, _a: members.seat_for_session(s, person.id, None), act) == (second, 1)


def test_every_raw_form_carries_its_seat():
    """`Form` and `ui.act` do it by themselves; a form written by hand has to say it."""
    bare = [
        path.relative_to(ROOT).as_posix()
        for path in Path(ROOT / "templates").rglob("*.html")
        if re.search(r'\{\{ csrf_token\(\) \}\}">(?!\{\{ seat_field\(\) \}\})', path.read_text())
    ]
    # the frame's forms (sign out, language) act for nobody, and what is sent again has the old page's seat
    assert sorted(bare) == ["templates/base.html", "templates/identity/send_again.html"]


# --- too late -------------------------------------------------------------------------------------


def expire():
    past = datetime.now(UTC) - timedelta(minutes=31)
    system(lambda s, a: s.execute(update(SignInSession).values(last_seen_at=past)))


def late(browser, person):
    seat_at(person, None, Role.case_manager, Role.administrator)
    seat_at(person, make_member("a", "A Inc.", "", ""), Role.viewer)
    browser.sign_in(EMAIL, PASSWORD)
    staff = next(
        s
        for s in db.read(lambda s, _a: members.seats_of(s, person.id), system_act(datetime.now(UTC)))
        if not s.member_id
    )
    browser.post("/seats", seat=staff.id)
    fields = fields_of(browser.get("/members/new"), "/members/new")
    expire()
    typed = {"kind": "company", "name_en": "Kumo <Toys> Inc.", "name_ja": "くも玩具株式会社", "name_kana": "クモガング", "category": "toys", "country": "JP", "weight": "1"}  # fmt: skip
    answer = browser.client.post("/members/new", data={**fields, **typed, "password": "my own secret phrase"})
    assert answer.status_code == 401
    Page(answer.text)
    assert "Kumo &lt;Toys&gt; Inc." in answer.text
    assert "my own secret phrase" not in answer.text
    return answer.text


def test_a_form_sent_after_the_session_ended_is_sent_after_signing_in(browser, person):
    text = late(browser, person)
    fields = fields_of(text, "/sign-in")
    wrong = browser.client.post("/sign-in", data={**fields, "email": EMAIL, "password": "wrong"})
    assert wrong.status_code == 422
    fields = fields_of(wrong.text, "/sign-in")
    answer = browser.client.post("/sign-in", data={**fields, "email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200
    Page(answer.text)
    assert "You act for the association" in answer.text
    again = fields_of(answer.text, "/members/new")
    assert "my own secret phrase" not in answer.text
    done = browser.client.post("/members/new", data=again)
    assert done.status_code == 303, done.text
    assert "くも玩具株式会社" in browser.get(done.headers["Location"])


def test_what_was_kept_cannot_be_made_up(browser, person):
    text = late(browser, person)
    fields = {**fields_of(text, "/sign-in"), "kept": "eyJ4IjoxfQ.aaaa.bbbb", "next": ""}
    answer = browser.client.post("/sign-in", data={**fields, "email": EMAIL, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_program_gets_no_page(app):
    client = app.test_client()
    token = Browser.token(type("B", (), {"client": client})(), "/sign-in")
    answer = client.post(
        "/members/new", data={"csrf_token": token}, headers={"Accept": "application/problem+json"}
    )
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_a_form_that_was_open_too_long_shows_what_was_typed(browser, person):
    seat_at(person, None, Role.case_manager)
    browser.sign_in(EMAIL, PASSWORD)
    answer = browser.client.post("/members/new", data={"csrf_token": "old", "name_en": "Kumo Toys"})
    assert answer.status_code == 400
    assert "Kumo Toys" in answer.text


# --- the language of a refusal --------------------------------------------------------------------


def test_the_language_of_an_error_page_can_be_changed(browser, person):
    seat_at(person, None, Role.case_manager)
    browser.sign_in(EMAIL, PASSWORD)
    token = browser.token("/account")

    def leads_to(answer):
        return fields_of(answer.text, "/language")["next"]

    gone = browser.client.post("/account/sessions/0/end", data={"csrf_token": token})
    assert (gone.status_code, leads_to(gone)) == (404, "/")
    came = {"Referer": "http://localhost/account?x=1"}
    gone = browser.client.post("/account/sessions/0/end", data={"csrf_token": token}, headers=came)
    assert leads_to(gone) == "/account?x=1"
    foreign = {"Referer": "http://evil.example/account"}
    gone = browser.client.post("/account/sessions/0/end", data={"csrf_token": token}, headers=foreign)
    assert leads_to(gone) == "/"
    assert leads_to(browser.client.get("/account/password")) == "/"  # 405
    assert leads_to(browser.client.get("/nothing?y=2")) == "/nothing?y=2"
