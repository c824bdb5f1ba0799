"""The life of a round: opened, signed, closed, countersigned, frozen."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal import db
from portal.drafting import service as drafting
from portal.kernel.act import Permission, Role
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, ProofNeeded, Stale
from portal.signoffs import service as signoffs
from portal.signoffs.model import Countersigning, RoundState
from portal.signoffs.quorum import Voice
from portal.signoffs.receipts import verify_receipt
from tests.conftest import make_act
from tests.signoffs.stage import AT, DEADLINE, submission


def missing(stage):
    return db.read(lambda session, _act: signoffs.verdict(session, stage.round.id), stage.staff).missing


def test_the_whole_way_to_a_frozen_letter(stage):
    stage.open("2/3", officers_needed=2)
    assert stage.round.state is RoundState.open
    stage.sign(0)
    with pytest.raises(Conflict, match="1 more approval"):
        db.run(signoffs.close_round, stage.staff, round_id=stage.round.id)
    stage.sign(1)
    stage.round = db.run(signoffs.close_round, stage.staff, round_id=stage.round.id)
    assert stage.round.state is RoundState.carried
    with pytest.raises(Conflict, match="countersigned"):
        stage.freeze()
    assert stage.countersign(0).state == "open"
    assert stage.countersign(0).signatures == stage.countersign(0).signatures  # twice pressed, once signed
    done = stage.countersign(1)
    assert done.state == "complete"
    assert done.signatures[0].title == {"en": "President", "ja": "代表理事"}
    frozen = stage.freeze()
    assert frozen.tally.as_json() == {
        "roll": 3,
        "approved": 2,
        "declined": 0,
        "abstained": 0,
        "unanswered": 1,
    }
    assert {one.member_id for one in frozen.signoffs} == set(stage.member_ids[:2])
    assert frozen.document.digest == frozen.revision_digest == stage.round.revision_digest
    assert len(frozen.countersignatures) == 2
    assert set(frozen.mandate["text"]) == {"en", "ja"}
    assert stage.freeze() == frozen  # again: the same


def test_one_company_one_voice(stage):
    stage.open("unanimity")
    stage.sign(0, "decline", reason="No.")
    stage.sign(0, "abstain")
    receipt = stage.sign(0)
    stand = db.read(lambda session, _act: signoffs.standing(session, stage.round.id), stage.staff)
    assert {member: one.id for member, one in stand.items()} == {stage.member_ids[0]: receipt.signoff.id}
    history = db.read(
        lambda session, _act: signoffs.history(session, stage.round.id, stage.member_ids[0]), stage.staff
    )
    assert [one.decision for one in history] == ["decline", "abstain", "approve"]
    assert [one.sequence for one in history] == [1, 2, 3]


def test_the_same_act_sent_twice_gives_the_same_receipt(stage):
    stage.open()
    first = stage.sign(0, key="the-very-same-form")
    again = stage.sign(0, key="the-very-same-form")
    assert again == first
    stage.sign(1)
    stage.round = db.run(signoffs.close_round, stage.staff, round_id=stage.round.id)
    assert stage.sign(0, key="the-very-same-form") == first  # even when the vote is over


@pytest.mark.parametrize("what", ["revision", "submission", "consents"])
def test_what_you_saw_is_what_you_sign(lite, what):
    lite.open()
    shown = lite.shown(lite.member_ids[0])
    with pytest.raises(Stale):
        lite.sign(0, shown=replace(shown, **{what: "sha256:" + "0" * 64}))
    with pytest.raises(Stale):
        lite.sign(0, shown=replace(shown, submission=None))


def test_a_works_list_submitted_meanwhile_is_read_again(lite):
    lite.open()
    shown = lite.shown(lite.member_ids[0])
    lite.submissions[lite.member_ids[0]] = submission(7, 2)
    with pytest.raises(Stale, match="works list"):
        lite.sign(0, shown=shown)
    receipt = lite.sign(0)
    assert receipt.signoff.works == 7


def test_a_returned_works_list_counts_as_none(lite):
    lite.submissions[lite.member_ids[0]] = submission(state="returned")
    lite.open()
    assert lite.sign(0).signoff.submission_digest is None


def test_a_new_revision_ends_the_vote(stage):
    stage.open()
    stage.sign(0)
    stage.publish(change=lambda code, text: text.replace("2026-12-18", "2027-01-15"))
    with pytest.raises(Stale, match="newer revision"):
        stage.sign(1)
    assert stage.now().superseded
    assert signoffs.close_due_rounds(stage.staff) == 1
    assert stage.now().state is RoundState.cancelled
    stage.open("1/3")
    assert stage.round.number == 2
    assert not db.read(lambda session, _act: signoffs.standing(session, stage.round.id), stage.staff)
    ballot = db.read(signoffs.ballot, stage.signatories[stage.member_ids[0]], round_id=stage.round.id)
    assert ballot.signed_before is not None  # the page shows what changed since then


def test_a_new_revision_after_the_vote_stops_the_issue(stage):
    stage.open()
    stage.carry()
    stage.countersign()
    stage.publish(change=lambda code, text: text.replace("2026-12-18", "2027-01-15"))
    with pytest.raises(Conflict, match="newer revision"):
        stage.freeze()
    assert (
        db.read(lambda session, _act: signoffs.carried_round(session, stage.letter_id), stage.staff) is None
    )
    stage.open()  # the letter is in drafting, and can be voted on again


def test_only_one_vote_at_a_time(stage):
    stage.open()
    with pytest.raises(Conflict, match="open already"):
        stage.open()
    stage.carry()
    with pytest.raises(Conflict, match="carried"):
        stage.open()


def test_the_deadline_carries_or_lapses(stage):
    stage.open("2/3")
    stage.sign(0)
    late = stage.at(stage.staff, DEADLINE)
    assert signoffs.close_due_rounds(stage.staff) == 0
    assert signoffs.close_due_rounds(late) == 1
    assert stage.now().state is RoundState.lapsed
    with pytest.raises(Conflict):
        stage.sign(1)
    stage.round = db.run(
        signoffs.open_round, stage.staff, letter_id=stage.letter_id, rule="2/3", deadline=DEADLINE
    )
    stage.sign(0)
    stage.sign(1)
    assert signoffs.close_due_rounds(late) == 1
    assert stage.now().state is RoundState.carried


def test_nothing_counts_at_or_after_the_deadline(lite):
    lite.open()
    lite.sign(0, at=DEADLINE - timedelta(microseconds=1))
    with pytest.raises(Conflict):
        lite.sign(1, at=DEADLINE)
    with pytest.raises(Conflict):
        lite.sign(1, at=DEADLINE + timedelta(days=1))


def test_staff_that_closes_after_the_deadline_gets_what_the_deadline_gives(lite):
    lite.open("2/3")
    lite.sign(0)
    view = db.run(signoffs.close_round, lite.at(lite.staff, DEADLINE), round_id=lite.round.id)
    assert view.state is RoundState.lapsed


def test_a_cancelled_vote_is_over(stage):
    stage.open()
    stage.sign(0)
    with pytest.raises(Invalid):
        db.run(signoffs.cancel_round, stage.staff, round_id=stage.round.id, reason=" ")
    view = db.run(signoffs.cancel_round, stage.staff, round_id=stage.round.id, reason="A mistake.")
    assert view.state is RoundState.cancelled
    for again in (signoffs.cancel_round,):
        with pytest.raises(Conflict):
            db.run(again, stage.staff, round_id=stage.round.id, reason="Twice.")
    with pytest.raises(Conflict):
        stage.sign(1)
    with pytest.raises(Conflict):
        stage.withdraw(0)


# --- withdrawal -----------------------------------------------------------------------------------


def test_withdrawing_while_the_vote_is_open(stage):
    stage.open("2/3")
    stage.sign(0)
    receipt = stage.withdraw(0, key="withdraw-me")
    assert stage.withdraw(0, key="withdraw-me") == receipt
    assert not db.read(lambda session, _act: signoffs.standing(session, stage.round.id), stage.staff)
    with pytest.raises(Conflict, match="no answer"):
        stage.withdraw(0)
    stage.sign(0)


@pytest.mark.parametrize("countersigned", [False, True])
def test_a_withdrawal_that_breaks_the_quorum_sends_the_letter_back(stage, countersigned):
    stage.open("2/3")
    stage.carry(0, 1)
    if countersigned:
        stage.countersign()
    stage.withdraw(0)
    part = stage.now().countersigning
    assert part.state == "refused"
    assert part.quorum_lost
    with pytest.raises(Conflict):
        stage.countersign(1)
    with pytest.raises(Conflict):
        stage.freeze()
    stage.open("1/3")


def test_a_withdrawal_that_leaves_the_quorum_changes_nothing_else(stage):
    stage.open("1/3")
    stage.carry(0, 1)
    stage.countersign()
    stage.withdraw(0)
    assert stage.now().countersigning.state == "complete"
    assert stage.freeze().tally.approved == 1


def test_after_the_letter_is_reserved_nobody_withdraws(stage):
    stage.open()
    stage.carry()
    stage.countersign()
    stage.freeze()
    with pytest.raises(Conflict, match="number"):
        stage.withdraw(0)
    with pytest.raises(Conflict):
        db.run(signoffs.refuse, stage.officers[1], round_id=stage.round.id, reason="Too late.")


def test_the_freeze_counts_again(stage, monkeypatch):
    stage.open("2/3")
    stage.carry(0, 1)
    stage.countersign()
    # As if the withdrawal had forgotten to look at the quorum: the issue looks for itself.
    monkeypatch.setattr("portal.signoffs.acts.refuse_countersigning", lambda *_, **__: None)
    stage.withdraw(0)
    with pytest.raises(Conflict, match="no longer holds"):
        stage.freeze()


# --- reservations ---------------------------------------------------------------------------------


def test_a_reservation_holds_the_vote_until_it_is_lifted(stage):
    stage.open({"condition": {"kind": "share", "at_least": "1"}, "reservations": "hold"})
    stage.sign(0)
    stage.sign(1)
    receipt = stage.sign(
        2, "approve_with_reservation", reservation={"section_id": "law", "text": "Softer, please."}
    )
    with pytest.raises(Conflict):
        db.run(signoffs.close_round, stage.staff, round_id=stage.round.id)
    one = receipt.signoff.reservation
    answered = db.run(
        signoffs.answer_reservation, stage.staff, reservation_id=one.id, answer="It is soft already."
    )
    assert answered.state == "answered"
    other = stage.signatories[stage.member_ids[0]]
    with pytest.raises(NotFound):
        db.run(signoffs.lift_reservation, other, reservation_id=one.id, shown=answered.digest)
    mine = stage.signatories[stage.member_ids[2]]
    assert (
        db.run(signoffs.lift_reservation, mine, reservation_id=one.id, shown=answered.digest).state
        == "lifted"
    )
    with pytest.raises(Conflict):
        db.run(signoffs.answer_reservation, stage.staff, reservation_id=one.id, answer="Again.")
    assert db.run(signoffs.close_round, stage.staff, round_id=stage.round.id).state is RoundState.carried
    stand = db.read(lambda session, _act: signoffs.standing(session, stage.round.id), stage.staff)
    assert stand[stage.member_ids[2]].voice is Voice.approve


def test_a_reservation_answered_anew_no_longer_stands(lite):
    lite.open()
    receipt = lite.sign(2, "approve_with_reservation", reservation={"section_id": "law", "text": "Softer."})
    lite.sign(2)
    mine = lite.signatories[lite.member_ids[2]]
    one = receipt.signoff.reservation
    with pytest.raises(Conflict, match="anew"):
        db.run(signoffs.lift_reservation, mine, reservation_id=one.id, shown=one.digest)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "kw", "where"),
    [
        (
            "approve",
            {"consents": {"naming": "public", "listing": "public", "corrections": True, "text": True}},
            "mandate",
        ),
        (
            "approve",
            {"consents": {"text": True, "mandate": True, "listing": "public", "corrections": True}},
            "naming",
        ),
        (
            "approve",
            {"consents": {"text": True, "mandate": True, "naming": "x", "listing": "y", "corrections": 1}},
            "listing",
        ),
        ("decline", {}, "reason"),
        ("decline", {"reason": "a\u202eb"}, "reason"),
        ("approve_with_reservation", {}, "reservation"),
        ("approve_with_reservation", {"reservation": {"section_id": "nowhere", "text": "x"}}, "section_id"),
        ("withdraw", {}, "decision"),
        ("maybe", {}, "decision"),
    ],
)
def test_incomplete_decisions_are_refused_and_nothing_is_kept(lite, decision, kw, where):
    lite.open()
    with pytest.raises(Invalid) as caught:
        lite.sign(0, decision, **kw)
    assert where in [problem.where for problem in caught.value.problems]
    assert not db.read(lambda session, _act: signoffs.standing(session, lite.round.id), lite.staff)


def test_only_a_freshly_proven_signatory_of_a_member_on_the_roll_signs(lite):
    lite.open()
    member = lite.member_ids[0]
    good = lite.signatories[member]
    for act, error in [
        (replace(good, roles=frozenset({Role.manager})), Forbidden),
        (replace(good, proved_at=good.at - timedelta(minutes=6)), ProofNeeded),
        (replace(good, proved_at=None), ProofNeeded),
        (make_act(Role.signatory, member_id="f" * 32, at=AT), NotFound),
        (lite.staff, Forbidden),
    ]:
        with pytest.raises(error):
            db.run(
                signoffs.sign,
                act,
                round_id=lite.round.id,
                decision="abstain",
                shown=lite.shown(member),
                key="12345678",
            )
    with pytest.raises(NotFound):
        db.run(
            signoffs.sign,
            good,
            round_id="0" * 32,
            decision="abstain",
            shown=lite.shown(member),
            key="12345678",
        )


def test_a_member_sees_its_own_and_nothing_of_the_others(lite):
    lite.open()
    lite.sign(0)
    receipt = lite.sign(1, "decline", reason="Our secret.")
    me = lite.signatories[lite.member_ids[0]]
    ballot = db.read(signoffs.ballot, me, round_id=lite.round.id)
    assert ballot.tally is None
    assert ballot.names == ()
    assert [one.member_id for one in ballot.acts] == [lite.member_ids[0]]
    with pytest.raises(NotFound):
        db.read(signoffs.receipt, me, signoff_id=receipt.signoff.id)
    stranger = make_act(Role.signatory, member_id="f" * 32, at=AT)
    for query, kw in [
        (signoffs.get_round, {"round_id": lite.round.id}),
        (signoffs.ballot, {"round_id": lite.round.id}),
    ]:
        with pytest.raises(NotFound):
            db.read(query, stranger, **kw)


@pytest.mark.parametrize(("visibility", "tally", "names"), [("counts", True, 0), ("names", True, 1)])
def test_a_round_may_show_more(lite, visibility, tally, names):
    lite.open(visibility=signoffs.Visibility(visibility))
    lite.sign(0)
    lite.sign(1, "decline", reason="No.")
    ballot = db.read(signoffs.ballot, lite.signatories[lite.member_ids[2]], round_id=lite.round.id)
    assert (ballot.tally is not None) is tally
    assert len(ballot.names) == names


# --- opening --------------------------------------------------------------------------------------


def test_readiness_stops_a_round(lite):
    for kw, word in [
        ({"deadline": AT + timedelta(minutes=5)}, "an hour"),
        ({"rule": "17"}, "cannot be reached"),
    ]:
        with pytest.raises(Conflict, match=word):
            lite.open(**kw)
    with pytest.raises(Invalid):
        lite.open({"kind": "must_include", "members": ["nobody"]})
    with pytest.raises(Invalid):
        lite.open("most")
    with pytest.raises(Invalid):
        lite.open(officers_needed=0)
    db.run(drafting.abandon, lite.staff, letter_id=lite.letter_id)
    with pytest.raises(Conflict, match="given up"):
        lite.open()


def test_the_preview_changes_nothing(lite):
    items, sentence, lines = db.read(
        signoffs.preview, lite.staff, letter_id=lite.letter_id, rule="2/3", deadline=DEADLINE
    )
    assert {item.code for item in items} >= {"revision", "roll", "elements"}
    assert "2/3" in str(sentence)
    assert len(lines) == 3
    lite.submissions.clear()
    items, _, _ = db.read(
        signoffs.preview, lite.staff, letter_id=lite.letter_id, rule="2/3", deadline=DEADLINE
    )
    assert [str(item.standing) for item in items if item.code == "works"] == ["mind"]


def test_members_cannot_open_close_or_cancel(lite):
    lite.open()
    me = lite.signatories[lite.member_ids[0]]
    for use_case, kw in [
        (signoffs.open_round, {"letter_id": lite.letter_id, "rule": "1", "deadline": DEADLINE}),
        (signoffs.close_round, {"round_id": lite.round.id}),
        (signoffs.cancel_round, {"round_id": lite.round.id, "reason": "x"}),
        (
            signoffs.countersign,
            {
                "round_id": lite.round.id,
                "revision_digest": lite.round.revision_digest,
                "frame_digest": lite.round.frame_digest,
            },
        ),
        (signoffs.refuse, {"round_id": lite.round.id, "reason": "x"}),
    ]:
        with pytest.raises(Forbidden):
            db.run(use_case, me, **kw)


# --- officers -------------------------------------------------------------------------------------


def test_an_officer_may_send_it_back(stage):
    stage.open()
    stage.carry()
    with pytest.raises(Invalid):
        db.run(signoffs.refuse, stage.officers[0], round_id=stage.round.id, reason="")
    view = db.run(signoffs.refuse, stage.officers[0], round_id=stage.round.id, reason="A name is wrong.")
    assert view.state == "refused"
    assert view.reason == "A name is wrong."
    with pytest.raises(Conflict):
        stage.countersign(1)
    stage.open()


def test_countersigning_shows_the_text_it_is_for(lite):
    lite.open()
    with pytest.raises(Conflict, match="not carried"):
        lite.countersign()
    lite.carry()
    with pytest.raises(Stale):
        db.run(
            signoffs.countersign,
            lite.officers[0],
            round_id=lite.round.id,
            revision_digest="sha256:" + "0" * 64,
            frame_digest=lite.round.frame_digest,
        )
    lite.countersign()
    with pytest.raises(Conflict, match="All countersignatures"):
        lite.countersign(1)


def test_leaving_waits_for_the_end_of_the_vote(lite):
    lite.open()
    me = replace(lite.signatories[lite.member_ids[0]], roles=frozenset({Role.signatory, Role.manager}))
    with pytest.raises(Conflict, match="open vote"):
        db.run(signoffs.leave_campaign, me, campaign_id=lite.campaign_id)
    db.run(signoffs.cancel_round, lite.staff, round_id=lite.round.id, reason="Done.")
    assert db.run(signoffs.leave_campaign, me, campaign_id=lite.campaign_id).state == "left"


# --- the database itself --------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["signoff", "roll_entry", "revision"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_what_was_done_cannot_be_changed(stage, table, verb):
    stage.open()
    stage.sign(0)
    column = "member_id" if table != "revision" else "note"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(sa.text(verb.format(table, column, column)))


def test_countersignatures_cannot_be_changed_either(stage):
    stage.open()
    stage.carry()
    stage.countersign()
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(sa.text("DELETE FROM countersignature"))
    with db.current().readers() as session:
        assert session.get(Countersigning, stage.round.id).closed_at == AT


# --- receipts -------------------------------------------------------------------------------------


def test_a_receipt_proves_itself_and_tells_nothing_of_others(lite):
    lite.open()
    lite.sign(1)
    receipt = lite.sign(0)
    document = receipt.document
    assert verify_receipt(document)
    assert document["digest"] == receipt.digest
    text = str(document)
    for other in lite.member_ids[1:]:
        assert other not in text
    assert "第1社" not in text
    tampered = {**document, "act": {**document["act"], "decision": "decline"}}
    assert not verify_receipt(tampered)
    assert not verify_receipt({**document, "consent_texts": {}})
    assert not verify_receipt({})
    evidence = document["act"]["evidence"]
    assert evidence["authority"] == "Head of Legal"
    assert evidence["address"] == "192.0.2.7"
    assert evidence["proved_at"]
    assert evidence["read_at"] is None
    me = lite.signatories[lite.member_ids[2]]
    db.run(drafting.confirm_read, me, revision_id=lite.round.revision_id)
    assert lite.sign(2).document["act"]["evidence"]["read_at"] == "2026-11-21T09:00:00.000000Z"


def test_the_log_tells_neither_member_nor_decision(lite):
    from portal.audit import log

    lite.open()
    receipt = lite.sign(1, "decline", reason="Secret.")
    (entry,) = [
        one
        for one in db.read(log.entries, lite.staff, kind="signoffs:signoff:placed")
        if one.subject == receipt.signoff.id
    ]
    assert entry.content["payload"] == {"round": lite.round.id, "act": receipt.digest}
    for told in (entry.data.decode(), str(entry.content)):
        assert lite.member_ids[1] not in told
        assert "decline" not in told


def test_everybody_who_should_know_is_written_to(lite):
    lite.open()
    lite.sign(0, "approve_with_reservation", reservation={"section_id": "law", "text": "Softer."})
    lite.carry(1, 2)
    lite.countersign()
    with db.current().readers() as session:
        rows = session.execute(sa.text("SELECT template FROM message")).scalars().all()
    for template, count in [
        ("signoffs/opened", 3), ("signoffs/receipt", 3), ("signoffs/reserved", 1), ("signoffs/carried", 3),
        ("signoffs/countersign", 2), ("signoffs/complete", 1),
    ]:  # fmt: skip
        assert rows.count(template) == count, template


def test_policy_asks_fresh_proof_of_every_binding_act():
    from portal.kernel.act import POLICY

    for permission in (
        Permission.signoff_place, Permission.signoff_withdraw, Permission.reservation_lift,
        Permission.countersignature_place, Permission.countersignature_refuse,
    ):  # fmt: skip
        assert POLICY[permission].proof == timedelta(minutes=5)
