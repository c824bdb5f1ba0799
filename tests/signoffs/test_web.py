"""The pages of drafting and of the vote, walked through as the people would."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal import config, db
from portal.app import create_app
from portal.drafting import service as drafting
from portal.identity import service as identity
from portal.kernel.act import Role, system_act
from portal.signoffs import service as signoffs
from tests.signoffs.stage import EXAMPLE
from tests.whole.proof import ProofingClient


class Site:
    """The portal with a stage in it; a client per person."""

    def __init__(self, app, stage):
        self.app, self.stage, self.clients = app, stage, {}

    def client(self, act):
        """Signed in as the act's person, freshly proven."""
        if act.person_id not in self.clients:
            at = datetime.now(UTC)
            entered = db.run(identity.open_session, system_act(at), person_id=act.person_id)
            client = self.app.test_client()
            with client.session_transaction() as session:
                session["_user_id"], session["_fresh"] = entered.token, True
            self.clients[act.person_id] = client
        return self.clients[act.person_id]

    def get(self, act, path, status=200):
        response = self.client(act).get(path)
        assert response.status_code == status, response.get_data(as_text=True)[:3000]
        return response.get_data(as_text=True)

    def post(self, act, path, status=303, *, page=None, **data):
        """POST with the token of *page* (default: the same path), and its hidden fields."""
        shown = self.client(act).get(page or path).get_data(as_text=True)
        fields = {}
        for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", shown):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name and name.group(1) != "next":
                fields[name.group(1)] = value.group(1) if value else ""
        response = self.client(act).post(path, data={**fields, **data})
        assert response.status_code == status, response.get_data(as_text=True)[:4000]
        return response

    def member(self, n):
        return self.stage.signatories[self.stage.member_ids[n]]


@pytest.fixture
def site(tmp_path, sqlite_template, stage_of):
    data = tmp_path / "data"
    data.mkdir()
    (data / "rensho.db").write_bytes(sqlite_template.read_bytes())
    settings = config.from_environment({"RENSHO_DATA": str(data), "RENSHO_SECRET_KEY": "x" * 40})
    app = create_app(settings)
    app.testing = True
    app.test_client_class = ProofingClient
    at = datetime.now(UTC)
    yield Site(app, stage_of(3, at=at))
    db.current().dispose()
    db.use(None)


SIGN = {"decision": "approve", "text": "y", "mandate": "y", "naming": "public", "listing": "public"}


def open_vote(site, rule="two thirds", **data):
    deadline = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M")
    path = f"/drafts/{site.stage.letter_id}/rounds/new"
    fields = {
        "base": rule, "abstentions": "against", "reservations": "count", "deadline": deadline,
        "visibility": "nothing", "officers_needed": "1", **data,
    }  # fmt: skip
    page = site.post(site.stage.staff, path, 200, **fields, check="1").get_data(as_text=True)
    assert "2/3" in page
    response = site.post(site.stage.staff, path, **fields, open="1")
    return re.search(r"/rounds/(\w+)", response.location).group(1)


def test_from_the_brief_to_the_carried_letter(site):
    stage, staff = site.stage, site.stage.staff
    response = site.post(staff, f"/campaigns/{stage.campaign_id}/letters/new", text=EXAMPLE.read_text())
    draft = re.search(r"/drafts/(\w+)/edit", response.location).group(1)
    assert "一般社団法人架空コンテンツ協会" in site.get(staff, f"/drafts/{draft}/edit")
    site.post(staff, f"/drafts/{draft}/publish", note="First.", kind="material")
    assert "Not published" not in site.get(staff, f"/campaigns/{stage.campaign_id}/letters")
    stage.letter_id = draft
    round_id = open_vote(site)
    assert "not reached" in site.get(staff, f"/rounds/{round_id}")
    page = site.get(site.member(0), f"/rounds/{round_id}/sign")
    assert "株式会社第0社" in page
    assert "第1社" not in page
    for n in range(2):
        receipt = site.post(site.member(n), f"/rounds/{round_id}/sign", **SIGN, corrections="y").location
        page = site.get(site.member(n), receipt)
        assert "Fable Video 2" in page
        assert site.client(site.member(n)).get(receipt + "/receipt.json").json["format"] == "rensho/receipt/1"
        assert (
            site.client(site.member(n)).get(receipt + "/receipt.tlog-proof").status_code == 404
        )  # not signed yet
    assert "Declare it carried now" in site.get(staff, f"/rounds/{round_id}")
    site.post(staff, f"/rounds/{round_id}/close", page=f"/rounds/{round_id}")
    officer = stage.officers[0]
    assert "Countersign" in site.get(officer, f"/rounds/{round_id}/countersign")
    site.post(officer, f"/rounds/{round_id}/countersign")
    assert "complete" in site.get(officer, f"/rounds/{round_id}/countersign")
    assert (
        db.read(lambda session, _act: signoffs.carried_round(session, draft), staff).countersigning.state
        == "complete"
    )
    site.get(site.member(0), f"/rounds/{round_id}/sign")
    site.get(staff, f"/drafts/{draft}/rounds")
    site.get(staff, f"/rounds/{round_id}")


def test_reading_and_comparing(site):
    stage = site.stage
    view = stage.publish(change=lambda code, text: text.replace("2026-12-18", "2027-01-15"))
    first = db.read(drafting.letter, stage.staff, letter_id=stage.letter_id).revisions[-1]
    path = f"/revisions/{view.id}"
    assert "<ins>2027-01-15</ins>" in site.get(site.member(0), f"{path}/changes/{first.id}").replace("\n", "")
    site.get(site.member(0), f"/revisions/{first.id}")
    site.get(site.member(0), f"/drafts/{stage.letter_id}")
    site.get(stage.staff, f"/drafts/{stage.letter_id}")
    site.post(site.member(0), f"{path}/read", page=path)
    assert "You have read it" in site.get(site.member(0), path)
    stranger = replace(stage.staff)
    assert site.get(stranger, "/revisions/" + "0" * 32, 404)
    site.get(site.member(0), f"/drafts/{stage.letter_id}/edit", 403)


def test_two_editors_cannot_overwrite_each_other(site):
    stage, path = site.stage, f"/drafts/{site.stage.letter_id}/edit"
    copy = db.read(drafting.working_copy, stage.staff, letter_id=stage.letter_id)
    texts = {f"text_{code}": one.text for code, one in copy.items()}
    versions = {f"version_{code}": str(one.version) for code, one in copy.items()}
    site.post(stage.staff, path, **{**texts, "text_en": texts["text_en"] + "\nMine.\n"}, **versions)
    clash = site.post(
        stage.staff, path, 409, **{**texts, "text_en": texts["text_en"] + "\nYours.\n"}, **versions
    ).get_data(as_text=True)
    assert "Mine." in clash
    assert "Yours." in clash
    assert "version_en" in clash
    assert re.search(r'name="version_en"[^>]*value="2"', clash)


def test_what_cannot_be_published_says_why(site):
    stage, path = site.stage, f"/drafts/{site.stage.letter_id}"
    copy = db.read(drafting.working_copy, stage.staff, letter_id=stage.letter_id)
    texts = {"text_en": "nonsense", "text_ja": copy["ja"].text}
    site.post(stage.staff, f"{path}/edit", **texts, version_en="1", version_ja="1")
    assert "English, line 1" in site.get(stage.staff, f"{path}/edit")
    assert "English, line 1" in site.get(stage.staff, f"{path}/publish")
    page = site.post(stage.staff, f"/campaigns/{stage.campaign_id}/letters/new", 422, text="languages = 3")
    assert "languages" in page.get_data(as_text=True)


def test_the_form_is_kept_and_says_what_is_missing(site):
    round_id = open_vote(site)
    page = site.post(site.member(0), f"/rounds/{round_id}/sign", 422, decision="decline").get_data(
        as_text=True
    )
    assert "Nothing has been placed yet" in page
    assert re.search(r'<input checked[^>]*value="decline"', page)


def test_a_moved_works_list_is_read_again(site):
    from tests.signoffs.stage import submission

    round_id = open_vote(site)
    path, member = f"/rounds/{round_id}/sign", site.member(0)
    shown = site.get(member, path)
    old = re.search(r'name="submission"[^>]*value="([^"]*)"', shown).group(1)
    site.stage.submissions[member.member_id] = submission(9, 2)
    page = site.post(member, path, 422, **SIGN, submission=old).get_data(as_text=True)
    assert "Read it again" in page
    assert not re.search(r'<input checked[^>]*name="text"', page)


def test_withdraw_reservation_cancel_refuse(site):
    round_id, staff = open_vote(site), site.stage.staff
    path = f"/rounds/{round_id}"
    site.post(
        site.member(0),
        f"{path}/sign",
        **{**SIGN, "decision": "approve_with_reservation"},
        section="law",
        reservation="Softer.",
    )
    stand = db.read(lambda session, _act: signoffs.standing(session, round_id), staff)
    (one,) = stand.values()
    page = site.get(staff, path)
    assert "Softer." in page
    site.post(staff, f"{path}/reservations/{one.reservation.id}/answer", page=path, answer="It is soft.")
    assert "It is soft." in site.get(site.member(0), f"{path}/sign")
    site.post(site.member(0), f"{path}/reservations/{one.reservation.id}/lift")
    site.post(site.member(0), f"{path}/withdraw")
    for n in range(3):
        site.post(site.member(n), f"{path}/sign", **SIGN)
    site.post(staff, f"{path}/close", page=path)
    officer = site.stage.officers[0]
    site.post(officer, f"{path}/refuse", page=f"{path}/countersign", **{"refuse-reason": "A wrong name."})
    assert "A wrong name." in site.get(staff, path)
    second = open_vote(site)
    site.post(staff, f"/rounds/{second}/cancel", page=f"/rounds/{second}", reason="A mistake.")
    assert "A mistake." in site.get(staff, f"/rounds/{second}")
    site.get(site.member(0), f"/rounds/{second}/sign")


def test_an_impossible_rule_is_refused_on_the_page(site):
    path = f"/drafts/{site.stage.letter_id}/rounds/new"
    fields = {
        "base": "share", "share": "99", "abstentions": "against", "reservations": "count", "visibility": "nothing",
        "officers_needed": "1", "deadline": (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    page = site.post(site.stage.staff, path, 422, **fields, open="1").get_data(as_text=True)
    assert "cannot be reached" in page
    page = site.post(site.stage.staff, path, 422, **{**fields, "base": "own", "own": "{"}, open="1").get_data(
        as_text=True
    )
    assert "JSON" in page


def test_a_stale_proof_is_asked_for_in_the_form(site):
    round_id, member = open_vote(site), site.member(0)
    path = f"/rounds/{round_id}/sign"
    assert 'type="password"' not in site.get(member, path)
    with db.transaction() as session:
        table = db.Base.metadata.tables["session"]
        session.execute(sa.update(table).values(proved_at=datetime.now(UTC) - timedelta(hours=1)))
    assert 'type="password"' in site.get(member, path)
    page = site.post(member, path, 422, **SIGN).get_data(as_text=True)
    assert "confirm with your password" in page
    assert not db.read(lambda session, _act: signoffs.standing(session, round_id), site.stage.staff)


def test_other_companies_see_nothing(site):
    round_id = open_vote(site)
    receipt = site.post(site.member(0), f"/rounds/{round_id}/sign", **SIGN).location
    for path in (receipt, receipt + "/receipt.json", receipt + "/receipt.tlog-proof"):
        assert site.client(site.member(1)).get(path).status_code == 404
    assert site.client(site.member(1)).get(f"/rounds/{round_id}/countersign").status_code == 403
    assert Role.signatory in site.member(1).roles
