"""Pages of the registry, seats and invitations, as people use them."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from portal import db
from portal.identity import service as identity
from portal.identity.model import SignInSession
from portal.kernel.act import Role, system_act
from portal.members import service as members
from tests.identity.pages import Browser, Page, small_app
from tests.members.conftest import ASSOCIATION, PASSWORD, make_member, tokens

NOW = datetime.now(UTC)
CSV = "slug,name_en,name_ja,name_kana,category,country,contact_email,works\nkumo,Kumo Toys Inc.,くも玩具株式会社,クモガング,toys,JP,legal@kumo.example,3\n"


@pytest.fixture
def app(sqlite_database, tmp_path):
    act = system_act(NOW)
    app = small_app(tmp_path)
    db.run(members.set_association, act, **ASSOCIATION)
    for email, roles in (
        ("sakura@alliance.example", [Role.administrator, Role.case_manager]),
        ("iris@alliance.example", [Role.auditor, Role.officer]),
    ):
        person = db.run(
            identity.create_person, act, email=email, name="雲野 さくら", language="en", password=PASSWORD
        )
        db.run(
            members.add_seat,
            act,
            person_id=person.id,
            member_id=None,
            roles=roles,
            title={"en": "Secretary General"},
        )
    return app


@pytest.fixture
def staff(app):
    browser = Browser(app)
    browser.sign_in("sakura@alliance.example", PASSWORD)
    return browser


@pytest.fixture
def stranger(app):
    return Browser(app)


def person_at(app, member, *roles, email="aya@mizuki.example"):
    act = system_act(NOW)
    person = db.run(
        identity.create_person, act, email=email, name="水城 彩", language="ja", password=PASSWORD
    )
    db.run(members.add_seat, act, person_id=person.id, member_id=member.id, roles=roles, authority="Director")
    browser = Browser(app)
    browser.sign_in(email, PASSWORD)
    return browser


def member_fields(**changes):
    return {"kind": "company", "name_en": "Kumo Toys Inc.", "name_ja": "くも玩具株式会社", "name_kana": "クモガング", "category": "toys", "country": "JP", "weight": "1", **changes}  # fmt: skip


def test_enter_edit_search(staff):
    assert "No member was found" in staff.get("/members")
    place = staff.post("/members/new", **member_fields())
    assert "くも玩具株式会社" in staff.get(place)
    text = staff.post("/members/new", 422, **member_fields(country="XX", name_kana=""))
    assert "Kumo Toys Inc." in text
    assert text.count("field-bad") == 1
    shown = staff.get(place + "/edit").split('name="shown"')[1].split('value="')[1].split('"')[0]
    staff.post(place + "/edit", **member_fields(weight="5"), shown=shown)
    assert "changed this member meanwhile" in staff.post(
        place + "/edit", 422, **member_fields(weight="6"), shown=shown
    )
    assert "くも玩具" in staff.get("/members?search=ｸﾓ&category=toys")
    assert "No member was found" in staff.get("/members?search=zzz")
    assert "already belongs" not in staff.get("/members")


def test_import_shows_before_it_enters(staff):
    def upload(text, status):
        token = staff.token("/members/import")
        answer = staff.client.post(
            "/members/import", data={"csrf_token": token, "file": (io.BytesIO(text.encode()), "members.csv")}
        )
        assert answer.status_code == status
        Page(answer.get_data(as_text=True))
        return answer.get_data(as_text=True)

    assert "line 2, column country" in upload(CSV.replace(",JP,", ",XX,"), 422)
    text = upload(CSV, 200)
    assert "Columns left out: works" in text
    assert "No member was found" in staff.get("/members")
    table = text.split('name="table"')[1].split('value="')[1].split('"')[0]
    assert staff.post("/members/import/confirm", page="/members/import", table=table) == "/members"
    assert "くも玩具株式会社" in staff.get("/members")
    assert "entered already" in upload(CSV, 200)
    assert (
        staff.client.post(
            "/members/import/confirm", data={"csrf_token": staff.token("/members/import"), "table": "***"}
        ).status_code
        == 404
    )


def test_from_invitation_to_seat(app, staff, stranger, tmp_path):
    member = make_member()
    fields = {
        "email": "aya@mizuki.example",
        "name": "水城 彩",
        "roles": ["viewer", "signatory", "manager"],
        "language": "en",
    }
    assert "basis" in staff.post(f"/members/{member.id}/invite", 422, **fields)
    assert (
        staff.post(f"/members/{member.id}/invite", **fields, authority="General Counsel")
        == f"/members/{member.id}"
    )
    (token,) = tokens(tmp_path / "outbox")
    page = staff.get(f"/members/{member.id}")
    assert "mail sent" in page
    assert token not in page
    path = f"/invitation/{token}"
    assert "水城音楽出版株式会社" in stranger.get(path)
    assert "error" in stranger.post(path, 422, answer="accept", name="水城 彩", password="short")
    assert stranger.post(path, answer="accept", name="水城 彩", password=PASSWORD) == "/"
    assert "水城 彩" in stranger.get("/seats")
    assert "accepted already" in Browser(app).get(path)
    manager = stranger
    assert "General Counsel" in manager.get(f"/members/{member.id}")


def test_decline(app, staff, stranger, tmp_path):
    member = make_member()
    staff.post(f"/members/{member.id}/invite", email="x@mizuki.example", roles=["viewer"], language="ja")
    path = f"/invitation/{tokens(tmp_path / 'outbox')[0]}"
    assert stranger.post(path, answer="decline", reason="<b>Ask</b> 山田") == path
    stranger.get(path)
    assert "&lt;b&gt;Ask&lt;/b&gt; 山田" in staff.get(f"/members/{member.id}")


def test_resend_and_withdraw(staff, stranger, tmp_path):
    member = make_member()
    staff.post(f"/members/{member.id}/invite", email="x@mizuki.example", roles=["viewer"], language="en")
    act = system_act(NOW)
    offered = db.read(members.list_invitations, act, member_id=member.id)[0]
    (first,) = tokens(tmp_path / "outbox")
    staff.post(f"/invitations/{offered.id}/resend", page=f"/members/{member.id}")
    (second,) = set(tokens(tmp_path / "outbox")) - {first}
    stranger.get(f"/invitation/{first}", 404)
    stranger.get(f"/invitation/{second}")
    staff.post(f"/invitations/{offered.id}/revoke", page=f"/members/{member.id}")
    assert "withdrawn" in stranger.get(f"/invitation/{second}")


def test_a_second_company_for_somebody_with_an_account(app, staff, tmp_path):
    first, second = make_member(), make_member("b", "B Inc.", "", "")
    browser = person_at(app, first, Role.viewer)
    staff.post(f"/members/{second.id}/invite", email="aya@mizuki.example", roles=["viewer"], language="en")
    path = f"/invitation/{tokens(tmp_path / 'outbox')[0]}"
    assert "/sign-in?next=/invitation" in Browser(app).get(path)
    other = Browser(app)
    other.sign_in("iris@alliance.example", PASSWORD)
    assert "You are signed in as iris@alliance.example" in other.get(path)
    other.post(path, 422, answer="accept")
    assert browser.post(path, answer="accept") == "/"
    page = browser.get("/seats")
    assert page.count('name="seat"') == 2
    fresh = Browser(app)
    fresh.sign_in("aya@mizuki.example", PASSWORD)
    assert fresh.where("/campaigns") == "/seats?next=/campaigns"  # has to choose first
    seat = page.split('name="seat" value="')[1].split('"')[0]
    assert fresh.post("/seats", seat=seat, next="/account") == "/account"
    assert "You act for" in fresh.get("/account") or "として" in fresh.get("/account")
    assert (
        fresh.client.post("/seats", data={"csrf_token": fresh.token("/seats"), "seat": "0" * 32}).status_code
        == 404
    )


def test_many(staff, tmp_path):
    make_member()
    lines = "mizuki, aya@mizuki.example, 水城 彩, General Counsel"
    roles = ["viewer", "signatory"]
    assert "What was understood" in staff.post(
        "/members/invitations", 200, lines=lines, roles=roles, language="ja"
    )
    assert tokens(tmp_path / "outbox") == []
    assert "line 1" in staff.post(
        "/members/invitations",
        422,
        lines="unknown, a@b.example",
        roles=["viewer"],
        language="ja",
        confirm="yes",
    )
    staff.post("/members/invitations", lines=lines, roles=roles, language="ja", confirm="yes")
    assert len(tokens(tmp_path / "outbox")) == 1


def test_seats_are_managed_with_a_fresh_proof(app, staff):
    member = make_member()
    manager = person_at(app, member, Role.manager)
    clerk = person_at(app, member, Role.viewer, email="clerk@mizuki.example")
    seat = next(
        one
        for one in db.read(members.list_seats, system_act(NOW), member_id=member.id)
        if one.email.startswith("clerk")
    )
    path = f"/seats/{seat.id}"
    manager.post(path, roles=["viewer", "signatory"], authority="Director", do="save")
    assert "to be verified" in manager.get(f"/members/{member.id}") or "確認" in manager.get(
        f"/members/{member.id}"
    )
    assert 'value="verify"' not in manager.get(path)
    manager.post(path, 422, roles=["viewer", "signatory"], authority="Director", do="verify")
    staff.post(path, roles=["viewer", "signatory"], authority="Director", do="verify")
    old = NOW - timedelta(minutes=10)
    db.run(lambda s, a: s.execute(update(SignInSession).values(proved_at=old)), system_act(NOW))
    assert 'name="password"' in manager.get(path)
    answer = manager.client.post(
        path, data={"csrf_token": manager.token(path), "roles": "viewer", "do": "end"}
    )
    assert answer.status_code == 422
    assert 'name="password"' in answer.get_data(as_text=True)
    assert "password" in manager.post(path, 422, roles=["viewer"], do="end", password="wrong")
    manager.post(path, roles=["viewer"], do="end", password=PASSWORD)
    clerk.get("/account")
    assert "/seats" in clerk.where("/")


def test_whose_pages_are_whose(app, staff):
    mine, other = make_member(), make_member("b", "B Inc.", "", "")
    manager = person_at(app, mine, Role.manager)
    manager.get(f"/members/{mine.id}")
    manager.get(f"/members/{mine.id}/invite")
    for path in (
        f"/members/{other.id}",
        f"/members/{other.id}/invite",
        f"/members/{'0' * 32}",
        f"/seats/{'0' * 32}",
    ):
        manager.get(path, 404)
    for path in (
        "/members",
        "/members/new",
        "/members/import",
        "/members/invitations",
        f"/members/{mine.id}/edit",
        "/association",
        "/association/edit",
        "/association/invite",
        "/messages",
    ):
        manager.get(path, 403)
    auditor = Browser(app)
    auditor.sign_in("iris@alliance.example", PASSWORD)
    for path in ("/members", f"/members/{mine.id}", "/association", "/messages"):
        auditor.get(path)
    for path in ("/members/new", "/members/import", f"/members/{mine.id}/edit", "/association/edit"):
        auditor.get(path, 403)
    for path in ("/members", f"/members/{mine.id}", "/seats", "/association", "/account", "/messages"):
        assert "/sign-in" in Browser(app).where(path)


def test_the_association(staff):
    assert "架空コンテンツ連合会" in staff.get("/association")
    text = staff.get("/association/edit")
    shown = text.split('name="shown"')[1].split('value="')[1].split('"')[0]
    fields = {
        "name_en": "Fictional Content Alliance",
        "code": "FCB",
        "address_en": "1\r\n2",
        "contact": "a@alliance.example",
        "language": "en",
        "order_rule": "category",
    }
    staff.post("/association/edit", **fields, shown=shown)
    assert "FCB" in staff.get("/association")
    assert "meanwhile" in staff.post("/association/edit", 422, **fields, shown=shown)
    staff.post("/association/edit", 422, **{**fields, "code": "x"})

    def settings():
        return db.read(lambda s, _a: members.association(s).settings, system_act(NOW))

    assert settings()["members_get_addressee_edition"] is False
    assert "checked" not in staff.get("/association/edit")
    shown = staff.get("/association/edit").split('name="shown"')[1].split('value="')[1].split('"')[0]
    staff.post("/association/edit", **fields, shown=shown, addressee_edition="y")
    assert settings()["members_get_addressee_edition"] is True
    assert "checked" in staff.get("/association/edit")
    staff.post(
        "/association/invite", email="new@alliance.example", name="N", roles=["officer"], language="en"
    )
    assert "new@alliance.example" in staff.get("/association")


@pytest.mark.parametrize(
    "path",
    [
        "/members",
        "/members/new",
        "/members/import",
        "/members/invitations",
        "/association",
        "/association/edit",
        "/association/invite",
        "/seats",
        "/account",
        "/messages",
        "/inbox",
    ],
)
def test_pages_are_pages_in_japanese_too(staff, path):
    staff.post("/language", page="/account", language="ja", next="/account")
    assert '<html lang="ja">' in staff.get(path)
