"""What was on the screen is what is signed: the frame of the letter, the answer, the seat, the names."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal import db
from portal.campaigns import service as campaigns
from portal.drafting import service as drafting
from portal.evidence import service as evidence
from portal.evidence.store import FileStore
from portal.kernel.act import Role, system_act
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, Forbidden, Stale
from portal.letters import issuing
from portal.members import service as members
from portal.notifications import delivery
from portal.signoffs import service as signoffs
from portal.signoffs.receipts import verify_receipt
from portal.signoffs.rounds import close_due
from tests.letters.world import open_test_house
from tests.signoffs.stage import AT
from tests.signoffs.test_mail import MAIL
from tests.signoffs.test_web import SIGN, open_vote, site  # noqa: F401 - the fixture

ELSEWHERE = "Somebody Else Entirely, Inc."


def move_the_campaign(stage):
    """Another addressee, another order, another exhibit, another name of the association."""
    campaign = db.read(campaigns.get, stage.staff, stage.campaign_id)
    db.run(
        campaigns.edit,
        stage.staff,
        campaign_id=stage.campaign_id,
        title=campaign.title,
        summary=campaign.summary,
        addressee={"names": {"en": ELSEWHERE, "ja": ELSEWHERE}},
        order_rule="alphabetical",
    )


def add_exhibit(stage, folder, title):
    db.run(
        evidence.add,
        stage.staff,
        campaign_id=stage.campaign_id,
        title={"en": title, "ja": title},
        captured_at=stage.staff.at,
        data=title.encode(),
        file_name="capture.txt",
        files=FileStore(folder),
    )


# --- the frame ------------------------------------------------------------------------------------


def test_the_letter_is_issued_as_it_was_signed(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(issuing, "_works", lambda *_: [])  # the works room is the test's here
    add_exhibit(stage, tmp_path, "First")
    opened = stage.open()
    move_the_campaign(stage)
    add_exhibit(stage, tmp_path, "Second")
    assert stage.now().frame == opened.frame
    stage.carry()
    stage.countersign()
    house = open_test_house(tmp_path / "house")
    frozen = stage.freeze()
    assert frozen.frame_digest == digest_of(frozen.frame) == opened.frame_digest
    full, _ = db.read(
        lambda session, act: issuing.record_of(session, act, frozen, "FCA-2026-0001", house), stage.staff
    )
    assert full["addressee"]["names"]["en"] == "Example Motion Labs, Inc."
    assert full["order"]["rule"] == "gojuon"
    assert [one["title"]["en"] for one in full["exhibits"]] == ["First"]
    assert ELSEWHERE not in str(full)


def test_the_act_says_which_frame_was_shown(lite):
    lite.open()
    document = lite.sign(0).document
    assert document["act"]["shown"]["frame"] == lite.round.frame_digest
    assert verify_receipt(document)
    frame = {**document["frame"], "order": "alphabetical"}
    assert not verify_receipt({**document, "frame": frame})
    lite.carry()
    lite.countersign()
    with db.current().readers() as session:
        (act,) = session.scalars(sa.select(db.Base.metadata.tables["countersignature"].c.act)).all()
    assert act["shown"] == {"revision": lite.round.revision_digest, "frame": lite.round.frame_digest}


def test_another_frame_than_the_rounds_is_refused(lite):
    lite.open()
    with pytest.raises(Stale, match="Addressee"):
        lite.sign(0, shown=replace(lite.shown(lite.member_ids[0]), frame="sha256:" + "0" * 64))
    lite.carry()
    with pytest.raises(Stale, match="Addressee"):
        db.run(
            signoffs.countersign,
            lite.officers[0],
            round_id=lite.round.id,
            revision_digest=lite.round.revision_digest,
            frame_digest="sha256:" + "0" * 64,
        )


# --- who may not any more -------------------------------------------------------------------------


def test_a_seat_that_ended_meanwhile_binds_nobody(stage):
    stage.open()
    member_id = stage.member_ids[0]
    stage.sign(0)
    (seat,) = db.read(lambda s, _a: members.live_seats(s, member_id, Role.signatory), stage.staff)
    db.run(members.end_seat, system_act(AT), seat_id=seat.id)
    with pytest.raises(Forbidden, match="any more"):
        stage.sign(0, "abstain")
    with pytest.raises(Forbidden, match="any more"):
        stage.withdraw(0)
    stage.carry(1, 2)
    (seat, _) = db.read(lambda s, _a: members.live_seats(s, None, Role.officer), stage.staff)
    db.run(members.end_seat, system_act(AT), seat_id=seat.id)
    chief = next(n for n, one in enumerate(stage.officers) if one.person_id == seat.person_id)
    with pytest.raises(Forbidden, match="any more"):
        stage.countersign(chief)
    assert stage.countersign(1 - chief).state == "complete"


def test_leaving_and_opening_hold_the_same_row(stage, monkeypatch):
    held = []
    real = campaigns.hold
    monkeypatch.setattr(campaigns, "hold", lambda s, one: (held.append(one), real(s, one)))
    stage.open()
    db.run(signoffs.cancel_round, stage.staff, round_id=stage.round.id, reason="Done.")
    me = replace(stage.signatories[stage.member_ids[0]], roles=frozenset({Role.signatory, Role.manager}))
    db.run(signoffs.leave_campaign, me, campaign_id=stage.campaign_id)
    assert held == [stage.campaign_id] * 2


# --- reservations ---------------------------------------------------------------------------------


def test_a_reservation_is_lifted_for_the_answer_that_was_read(stage):
    stage.open()
    one = stage.sign(
        0, "approve_with_reservation", reservation={"section_id": "law", "text": "Softer."}
    ).signoff.reservation
    mine = stage.signatories[stage.member_ids[0]]

    def answer(text):
        return db.run(signoffs.answer_reservation, stage.staff, reservation_id=one.id, answer=text)

    first = answer("We make it softer.")
    second = answer("We leave it as it is.")
    for shown in (one.digest, first.digest, ""):
        with pytest.raises(Stale, match="answer changed"):
            db.run(signoffs.lift_reservation, mine, reservation_id=one.id, shown=shown)
    lifted = db.run(signoffs.lift_reservation, mine, reservation_id=one.id, shown=second.digest)
    assert lifted.state == "lifted"


# --- giving up, and why a vote ended --------------------------------------------------------------


def test_what_has_its_number_is_not_given_up(stage):
    stage.open()
    stage.carry()
    stage.countersign()
    stage.freeze()
    with pytest.raises(Conflict, match="number already"):
        db.run(signoffs.abandon_letter, stage.staff, letter_id=stage.letter_id)
    letter = db.read(drafting.letter, stage.staff, letter_id=stage.letter_id)
    assert letter.abandoned_at is None
    with pytest.raises(Forbidden):
        db.run(signoffs.abandon_letter, stage.officers[0], letter_id=stage.letter_id)


def test_giving_up_ends_the_open_vote(stage):
    stage.open()
    db.run(signoffs.abandon_letter, stage.staff, letter_id=stage.letter_id)
    view = stage.now()
    assert (view.state, view.close_code, view.close_reason) == ("cancelled", "abandoned", None)


@pytest.mark.parametrize(
    ("why", "words"), [("superseded", "A newer revision"), ("abandoned", "given the letter up")]
)
def test_a_vote_the_portal_ended_says_why_in_the_readers_language(lite, why, words):
    lite.open()
    if why == "superseded":
        lite.publish(change=lambda _code, text: text.replace("2026-12-18", "2027-01-15"))
    else:
        db.run(drafting.abandon, lite.staff, letter_id=lite.letter_id)
    assert db.run(close_due, system_act(AT), lite.round.id).close_code == why
    with db.current().readers() as session:
        table = db.Base.metadata.tables["message"]
        query = sa.select(table.c.context).where(table.c.template == "signoffs/cancelled")
        contexts = session.scalars(query).all()
    assert len(contexts) == 3
    assert words in delivery.written("signoffs/cancelled", "en", contexts[0], MAIL)[1]
    assert "None" not in delivery.written("signoffs/cancelled", "ja", contexts[0], MAIL)[1]


# --- names in the rule ----------------------------------------------------------------------------


def test_the_rule_names_no_other_member_to_a_member(lite):
    ids = lite.member_ids
    lite.open({"kind": "must_include", "members": [ids[0], ids[1]]})
    here = {"round_id": lite.round.id}
    for n, expected in ((0, "Company 0, Inc. and a member named"), (2, "2 members named by the association")):
        act = lite.signatories[ids[n]]
        views = [
            db.read(signoffs.get_round, act, **here),
            db.read(signoffs.ballot, act, **here).round,
            *db.read(signoffs.rounds_of_campaign, act, campaign_id=lite.campaign_id),
            *db.read(lambda s, _a, own=ids[n]: signoffs.open_rounds(s, own), act),
        ]
        assert len(views) == 4
        for view in views:
            text = str(view.rule_sentence)
            assert expected in text
            assert [m for m in range(3) if m != n and f"Company {m}" in text] == []
            assert not any(one in text for one in ids)
    staff = str(db.read(signoffs.get_round, lite.staff, **here).rule_sentence)
    assert "Company 0, Inc. and Company 1, Inc." in staff


# --- on the pages ---------------------------------------------------------------------------------


def stale_proof():
    with db.transaction() as session:
        table = db.Base.metadata.tables["session"]
        session.execute(sa.update(table).values(proved_at=datetime.now(UTC) - timedelta(hours=1)))


def test_a_wrong_password_does_not_hide_what_moved(site):  # noqa: F811
    from tests.signoffs.stage import submission

    round_id = open_vote(site)
    path, member = f"/rounds/{round_id}/sign", site.member(0)
    old = re.search(r'name="submission"[^>]*value="([^"]*)"', site.get(member, path)).group(1)
    stale_proof()
    kept = site.post(member, path, 422, **SIGN, password="wrong password").get_data(as_text=True)
    assert re.search(r'<input checked[^>]*name="text"', kept)  # nothing moved: nothing is lost
    site.stage.submissions[member.member_id] = submission(9, 2)
    page = site.post(member, path, 422, **SIGN, submission=old, password="wrong").get_data(as_text=True)
    assert "Your works list changed after you opened this page" in page
    for field in ("text", "mandate", "naming", "listing", "corrections"):
        assert not re.search(rf'<input checked[^>]*name="{field}"', page), field
    assert not db.read(lambda session, _act: signoffs.standing(session, round_id), site.stage.staff)


def test_the_pages_show_what_is_printed_around_the_text(site, tmp_path):  # noqa: F811
    add_exhibit(site.stage, tmp_path, "A captured prompt")
    round_id = open_vote(site)
    path = f"/rounds/{round_id}"
    move_the_campaign(site.stage)
    for n in range(3):
        site.post(site.member(n), f"{path}/sign", **SIGN)
    site.post(site.stage.staff, f"{path}/close", page=path)
    for act, address in (
        (site.member(0), f"{path}/sign"),
        (site.stage.officers[0], f"{path}/countersign"),
        (site.stage.staff, path),
    ):
        page = site.get(act, address)
        for shown in ("Example Motion Labs, Inc.", "A captured prompt", "order of the Japanese syllabary"):
            assert shown in page, (address, shown)
        assert ELSEWHERE not in page
    site.post(site.stage.officers[0], f"{path}/countersign", 422, frame="sha256:" + "0" * 64)
    site.post(site.stage.officers[0], f"{path}/countersign")


def test_an_answer_that_changed_is_read_before_the_reservation_is_lifted(site):  # noqa: F811
    round_id, staff, member = open_vote(site), site.stage.staff, site.member(0)
    sign = f"/rounds/{round_id}/sign"
    choice = {**SIGN, "decision": "approve_with_reservation", "section": "law", "reservation": "Softer."}
    site.post(member, sign, **choice)
    stand = db.read(lambda session, _act: signoffs.standing(session, round_id), staff)
    one = stand[member.member_id].reservation
    path = f"/rounds/{round_id}/reservations/{one.id}/lift"
    old = re.search(r'name="shown"[^>]*value="([^"]*)"', site.get(member, path)).group(1)
    db.run(signoffs.answer_reservation, staff, reservation_id=one.id, answer="We leave it.")
    page = site.post(member, path, 422, shown=old).get_data(as_text=True)
    assert page.count("answer changed after you opened this page") == 1
    assert "We leave it." in page
    site.post(member, path)


def test_the_button_that_gives_up_asks_the_room_that_knows(site):  # noqa: F811
    stage = site.stage
    page = f"/drafts/{stage.letter_id}"
    open_vote(site)
    assert "Editorial" not in site.get(stage.staff, f"{page}/publish")
    site.post(stage.staff, f"{page}/abandon", page=page)
    assert "This letter was given up" in site.get(stage.staff, page)
