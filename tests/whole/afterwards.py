"""The demonstration played to its end: carried, countersigned, issued, published, delivered, answered."""

from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.correspondence import service as correspondence
from portal.correspondence.service import Assessment, Attachment, Channel
from portal.kernel.act import Act, Role, system_act
from portal.kernel.errors import Refused
from portal.letters import service as letters
from portal.members import service as members
from portal.rehearsal import play
from portal.signoffs import service as signoffs


def finish(app: Flask) -> None:
    """Everybody who can approves; then staff, officer and worker do the rest."""
    house, worker = app.extensions["rensho-house"], app.extensions["rensho-worker"]()
    with db.current().read.connect() as connection:
        round_id, letter_id = connection.execute(
            sa.text("SELECT id, letter_id FROM round WHERE state = 'open'")
        ).one()
    voters = list(_signatories())
    for act in voters:
        if not db.read(lambda session, _act: signoffs.verdict(session, round_id), act).reached:
            _approve(act, round_id)
    staff, officer = _staff(Role.case_manager), _staff(Role.officer)
    round_ = db.run(signoffs.close_round, staff, round_id=round_id)
    shown = {"revision_digest": round_.revision_digest, "frame_digest": round_.frame_digest}
    db.run(signoffs.countersign, officer, round_id=round_id, **shown)
    issue = play.issue(_staff(Role.case_manager), letter_id, house, worker)
    db.run(letters.publish, _staff(Role.case_manager), issue_id=issue.id)
    _correspond(app, issue.id, voters[0])
    worker.drain(datetime.now(UTC))


def _signatories() -> Iterator[Act]:
    """An act for each member's signatory."""
    with db.current().read.connect() as connection:
        ids = connection.scalars(sa.text("SELECT id FROM member ORDER BY id")).all()
    for member_id in ids:
        seats = db.read(
            lambda session, _a, one=member_id: members.live_seats(session, one, Role.signatory), _system()
        )
        yield from (play.acting(seat, datetime.now(UTC)) for seat in seats[:1])


def _staff(role: Role) -> Act:
    seats = db.read(lambda session, _act: members.live_seats(session, None, role), _system())
    return play.acting(seats[0], datetime.now(UTC))


def _system() -> Act:
    return system_act(datetime.now(UTC))


def _approve(act: Act, round_id: str) -> None:
    try:
        play.approve(act, round_id)
    except Refused:  # this one is not on the roll, or has not given its works
        return


def _correspond(app: Flask, issue_id: str, member: Act) -> None:
    staff = _staff(Role.case_manager)
    files = app.extensions["rensho-house"].files
    for channel in Channel:
        made = db.run(
            correspondence.prepare_delivery,
            staff,
            issue_id=issue_id,
            channel=channel,
            to_text="1 Model Way",
            note="note",
        )
        if channel is not Channel.agent:
            db.run(
                correspondence.dispatch_delivery, staff, delivery_id=made.id, at=staff.at, tracking="123-456"
            )
        if channel is Channel.courier:
            receipt = Attachment("受領書.pdf", files.put(b"receipt"))
            db.run(correspondence.confirm_delivery, staff, delivery_id=made.id, at=staff.at, proof=receipt)
        if channel is Channel.email:
            db.run(correspondence.fail_delivery, staff, delivery_id=made.id, at=staff.at, note="returned")
    demands = db.read(correspondence.demands, staff, issue_id=issue_id)
    assessed = dict(
        zip((one.number for one in demands), [Assessment.partly, *[Assessment.refused] * 9], strict=False)
    )
    db.run(
        correspondence.record_response, staff, issue_id=issue_id, received_at=staff.at, from_text="The addressee",
        summary="In part.", assessed=assessed, file=Attachment("answer.pdf", files.put(b"answer")),
    )  # fmt: skip
    campaign_id = db.read(letters.issue, staff, issue_id).campaign_id
    raised = db.run(
        correspondence.raise_inquiry,
        member,
        campaign_id=campaign_id,
        text="Our hero.",
        url="https://video.example/1",
    )
    db.run(correspondence.forward_inquiry, staff, inquiry_id=raised.id)
