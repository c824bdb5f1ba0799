"""Deliveries, responses and inquiries: who may record what, who sees what, and what the log says."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal import db
from portal.audit.model import LogEntry
from portal.correspondence import service
from portal.correspondence.service import Assessment, Attachment, Channel, DeliveryState, InquiryState
from portal.kernel.act import Act, Role
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tests.correspondence.conftest import AT, LetterOut, fill

A = Assessment
PROOF = Attachment("受領書.pdf", digest_bytes(b"proof"))
SECRET_ADDRESS = "Legal Department, 1 Example Street"


def prepared(out: LetterOut, **kw):
    call = {
        "issue_id": out.issue_id,
        "channel": Channel.courier,
        "to_text": SECRET_ADDRESS,
        "note": "sent by Hanako",
    }
    return db.run(service.prepare_delivery, out.staff, **(call | kw))


def dispatched(out: LetterOut):
    made = prepared(out)
    return db.run(service.dispatch_delivery, out.staff, delivery_id=made.id, at=AT, tracking="123-456")


def respond(out: LetterOut, act: Act | None = None, **kw):
    call = {
        "issue_id": out.issue_id, "received_at": AT, "from_text": "The addressee", "summary": "In part.",
        "assessed": {1: A.partly, 2: A.refused},
    }  # fmt: skip
    return db.run(service.record_response, act or out.staff, **(call | kw))


def overview(out: LetterOut, act: Act, today: date = date(2026, 12, 1)):
    return db.read(service.correspondence, act, campaign_id=out.campaign_id, today=today)


def logged() -> list[tuple[str, dict]]:
    def query(session, _act):
        rows = session.execute(sa.select(LogEntry.kind, LogEntry.content).order_by(LogEntry.position))
        return [(kind, content["payload"]) for kind, content in rows]

    from portal.kernel.act import system_act

    return db.read(query, system_act(AT))


# --- deliveries -----------------------------------------------------------------------------------


def test_a_delivery_from_preparation_to_proof(database) -> None:
    out = fill()
    made = dispatched(out)
    assert (made.state, made.tracking) == (DeliveryState.dispatched, "123-456")
    later = out.later(out.staff, days=2)
    done = db.run(service.confirm_delivery, later, delivery_id=made.id, at=later.at, proof=PROOF)
    assert (done.state, done.proof, done.confirmed_at) == (DeliveryState.confirmed, PROOF, later.at)
    assert [kind for kind, _ in logged()] == [
        f"correspondence:delivery:{verb}" for verb in ("prepared", "dispatched", "confirmed")
    ]
    assert logged()[2][1]["proof"] == PROOF.digest
    # To whom, tracking and note may name people; the log must not.
    assert SECRET_ADDRESS not in json.dumps(logged())
    assert "123-456" not in json.dumps(logged())
    assert "Hanako" not in json.dumps(logged())


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [
        (["dispatch", "confirm"], True), (["dispatch", "fail"], True), (["confirm"], False), (["fail"], False),
        (["dispatch", "dispatch"], False), (["dispatch", "confirm", "fail"], False), (["dispatch", "fail", "confirm"], False),
    ],
)  # fmt: skip
def test_steps_of_a_delivery(out: LetterOut, steps: list[str], allowed: bool) -> None:
    made = prepared(out)
    calls = {
        "dispatch": (service.dispatch_delivery, {"at": AT}),
        "confirm": (service.confirm_delivery, {"at": AT, "proof": None}),
        "fail": (service.fail_delivery, {"at": AT, "note": "refused at the door"}),
    }
    *before, last = steps
    for step in before:
        db.run(calls[step][0], out.staff, delivery_id=made.id, **calls[step][1])
    if allowed:
        db.run(calls[last][0], out.staff, delivery_id=made.id, **calls[last][1])
    else:
        with pytest.raises(Conflict):
            db.run(calls[last][0], out.staff, delivery_id=made.id, **calls[last][1])


def test_times_of_a_delivery(out: LetterOut) -> None:
    made = prepared(out)
    with pytest.raises(Invalid):
        db.run(service.dispatch_delivery, out.staff, delivery_id=made.id, at=AT + timedelta(minutes=1))
    db.run(service.dispatch_delivery, out.staff, delivery_id=made.id, at=AT)
    with pytest.raises(Invalid):
        db.run(
            service.confirm_delivery, out.staff, delivery_id=made.id, at=AT - timedelta(days=1), proof=None
        )


def test_nothing_is_delivered_before_the_seal(out: LetterOut) -> None:
    with pytest.raises(Conflict):
        prepared(out, issue_id=out.reserved_id)
    with pytest.raises(Conflict):
        respond(out, issue_id=out.reserved_id)


@pytest.mark.parametrize("text", ["", "  ", "x" * 8_001])
def test_to_whom_must_be_said(out: LetterOut, text: str) -> None:
    with pytest.raises(Invalid):
        prepared(out, to_text=text)


@pytest.mark.parametrize("role", [Role.counsel, Role.officer, Role.auditor, Role.signatory])
def test_who_records_deliveries(out: LetterOut, role: Role) -> None:
    act = replace(out.staff, roles=frozenset({role})) if role != Role.signatory else out.one
    with pytest.raises(Forbidden):
        db.run(service.prepare_delivery, act, issue_id=out.issue_id, channel=Channel.email, to_text="x")


# --- responses ------------------------------------------------------------------------------------


def test_a_response_moves_the_clock(database) -> None:
    out = fill()
    late = date(2026, 12, 19)
    before = overview(out, out.one, late).issues[0].demands
    assert [one.overdue for one in before] == [True, False]
    respond(out, file=PROOF)
    after = overview(out, out.one, late).issues[0]
    assert [(one.assessment, one.overdue) for one in after.demands] == [(A.partly, False), (A.refused, False)]
    assert after.responses[0].file == PROOF
    (entry,) = logged()
    assert entry == (
        "correspondence:response:recorded",
        {"issue": out.issue_id, "assessed": {"1": "partly", "2": "refused"}, "file": PROOF.digest},
    )


@pytest.mark.parametrize("assessed", [{}, {1: A.met}, {1: A.met, 2: A.met, 3: A.met}])
def test_every_demand_is_assessed_and_no_other(out: LetterOut, assessed) -> None:
    with pytest.raises(Invalid):
        respond(out, assessed=assessed)
    assert logged() == []


def test_a_response_is_never_changed(database) -> None:
    out = fill()
    respond(out)
    with pytest.raises(sa.exc.DBAPIError), db.transaction() as session:
        session.execute(sa.text("UPDATE response SET summary = 'nothing'"))


def test_who_records_responses(out: LetterOut) -> None:
    with pytest.raises(Forbidden):
        respond(out, out.one)


# --- what a member sees ---------------------------------------------------------------------------


def test_a_member_that_takes_part_reads_without_the_staffs_notes(out: LetterOut) -> None:
    dispatched(out)
    (seen,) = overview(out, out.one).issues[0].deliveries
    assert (seen.to_text, seen.tracking, seen.note) == (SECRET_ADDRESS, "123-456", None)
    assert overview(out, out.staff).issues[0].deliveries[0].note == "sent by Hanako"


def test_only_sealed_letters_are_shown(out: LetterOut) -> None:
    assert [one.issue.id for one in overview(out, out.staff).issues] == [out.issue_id]


@pytest.mark.parametrize("who", ["declined", "stranger"])
def test_who_does_not_take_part_sees_nothing(out: LetterOut, who: str) -> None:
    act = getattr(out, who)
    made, answered = dispatched(out), respond(out, file=PROOF)
    for use_case, call in (
        (service.correspondence, {"campaign_id": out.campaign_id, "today": date(2026, 12, 1)}),
        (service.delivery, {"delivery_id": made.id}),
        (service.response, {"response_id": answered.id}),
        (service.demands, {"issue_id": out.issue_id}),
    ):
        with pytest.raises(NotFound):
            db.read(use_case, act, **call)
    with pytest.raises(NotFound):
        db.run(service.raise_inquiry, act, campaign_id=out.campaign_id, text="Ours.")


# --- inquiries ------------------------------------------------------------------------------------


def raised(out: LetterOut):
    return db.run(
        service.raise_inquiry,
        out.one,
        campaign_id=out.campaign_id,
        text="Our hero appears.",
        url="https://video.example/1",
    )


def test_an_inquiry_is_forwarded_and_answered(database) -> None:
    out = fill()
    made = raised(out)
    db.run(service.forward_inquiry, out.staff, inquiry_id=made.id)
    db.run(service.answer_inquiry, out.staff, inquiry_id=made.id, answer="They removed it.")
    seen = db.read(service.inquiry, out.one, inquiry_id=made.id)
    assert (seen.state, seen.answer) == (InquiryState.answered, "They removed it.")
    assert [kind.rpartition(":")[2] for kind, _ in logged()] == ["raised", "forwarded", "answered"]
    assert "hero" not in json.dumps(logged())
    with pytest.raises(Conflict):
        db.run(service.forward_inquiry, out.staff, inquiry_id=made.id)


def test_another_member_does_not_see_it(out: LetterOut) -> None:
    made = raised(out)
    with pytest.raises(NotFound):
        db.read(service.inquiry, out.other, inquiry_id=made.id)
    assert overview(out, out.other).inquiries == ()
    assert [one.id for one in overview(out, out.one).inquiries] == [made.id]
    assert [one.id for one in overview(out, out.staff).inquiries] == [made.id]


def test_only_staff_answers(out: LetterOut) -> None:
    made = raised(out)
    with pytest.raises(Forbidden):
        db.run(service.answer_inquiry, out.one, inquiry_id=made.id, answer="Yes.")
    with pytest.raises(Forbidden):
        db.run(service.raise_inquiry, out.staff, campaign_id=out.campaign_id, text="x")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "video.example", "https://", "https://[x", "//x.example"],
)
def test_an_address_is_one_of_the_web(out: LetterOut, url: str) -> None:
    with pytest.raises(Invalid):
        db.run(service.raise_inquiry, out.one, campaign_id=out.campaign_id, text="x", url=url)


def test_unknown_ids(out: LetterOut) -> None:
    for use_case, call in (
        (service.delivery, {"delivery_id": "f" * 32}),
        (service.inquiry, {"inquiry_id": "f" * 32}),
        (service.response, {"response_id": "f" * 32}),
        (service.correspondence, {"campaign_id": "f" * 32, "today": datetime.now(UTC).date()}),
    ):
        with pytest.raises(NotFound):
            db.read(use_case, out.staff, **call)
