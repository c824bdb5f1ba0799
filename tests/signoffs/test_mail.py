"""Every message of this room can be written, in both languages, to everybody it is for."""

import contextlib
from types import SimpleNamespace

import sqlalchemy as sa

from portal import db
from portal.kernel.errors import Refused
from portal.notifications import delivery
from portal.signoffs import service as signoffs
from tests.signoffs.stage import DEADLINE

MAIL = SimpleNamespace(base_url="https://portal.association.example", timezone="Asia/Tokyo")
ALL = {
    "opened", "receipt", "reserved", "answered", "carried", "countersign", "complete", "quorum_lost", "cancelled",
    "lapsed", "lapsed_staff", "refused",
}  # fmt: skip


def play_everything(stage):
    """One campaign in which everything happens once."""
    stage.open("2/3")
    one = stage.sign(0, "approve_with_reservation", reservation={"section_id": "law", "text": "Softer."})
    stage.sign(1, "decline", reason="No.")
    stage.sign(1, "abstain")
    db.run(
        signoffs.answer_reservation,
        stage.staff,
        reservation_id=one.signoff.reservation.id,
        answer="It is soft.",
    )
    stage.carry(1)
    stage.countersign()
    stage.withdraw(0)
    stage.open("1/3")
    db.run(signoffs.cancel_round, stage.staff, round_id=stage.round.id, reason="A <mistake>\nin two lines.")
    stage.open("unanimity")
    signoffs.close_due_rounds(stage.at(stage.staff, DEADLINE))
    stage.open("1/3")
    stage.carry(0)
    db.run(signoffs.refuse, stage.officers[0], round_id=stage.round.id, reason="A wrong name.")


def test_every_message_can_be_written(lite):
    play_everything(lite)
    with db.current().readers() as session:
        table = db.Base.metadata.tables["message"]
        rows = session.execute(sa.select(table.c.template, table.c.context, table.c.recipient)).all()
    assert {
        template.removeprefix("signoffs/") for template, _, _ in rows if template.startswith("signoffs/")
    } == ALL
    for template, context, _ in rows:
        if not template.startswith("signoffs/"):
            continue
        for language in ("en", "ja"):
            subject, text = delivery.written(template, language, context, MAIL)
            assert "Fable Video 2" in subject
            assert "%(" not in subject + text
            assert "\n\n\n" not in text.replace("\r", ""), text
            if template != "signoffs/cancelled":
                assert "https://portal.association.example/" in text


def test_a_members_mail_names_no_other_member(lite):
    play_everything(lite)
    with db.current().readers() as session:
        table = db.Base.metadata.tables["message"]
        rows = session.execute(sa.select(table.c.template, table.c.context)).all()
    for template, context in rows:
        if not template.startswith("signoffs/"):
            continue
        _, text = delivery.written(template, "ja", context, MAIL)
        named = [n for n in range(3) if f"株式会社第{n}社" in text]
        assert len(named) <= 1
        if "member" not in context:
            assert not named  # nor does staff's mail say who: it goes through mailboxes of others


def test_a_refused_act_sends_nothing(lite):
    lite.open()

    def count():
        with db.current().readers() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(db.Base.metadata.tables["message"]))

    before = count()
    with contextlib.suppress(Refused):
        lite.sign(0, "decline")
    assert count() == before
