"""A letter that has its number becomes a letter: sealing is tried without end, and its trouble is named."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal import app, db
from portal.jobs import queue
from portal.kernel.act import system_act
from portal.letters import checking, issuing
from portal.letters.model import Issue, IssueState
from portal.notifications import delivery, mailer
from tests.letters.world import open_test_house


@pytest.fixture
def house(tmp_path):
    house = open_test_house(tmp_path / "house")
    mailer.configure(delivery.mailer_for(house.settings))
    yield house
    mailer.configure(None)


@pytest.fixture
def reserved(database, stage_of, house):
    """A stage whose letter has its number and waits to be sealed."""
    stage = stage_of(3, officers=1)
    stage.open("2/3")
    stage.carry(0, 1)
    stage.countersign()
    db.run(issuing.reserve, stage.staff, letter_id=stage.letter_id, house=house)
    return stage


def state() -> IssueState:
    with db.current().readers() as session:
        return session.scalars(sa.select(Issue.state)).one()


def bad(act, house) -> list[str]:
    return [str(line) for good, line in db.read(checking.health, act, house=house) if not good]


def test_sealing_is_tried_until_it_works(reserved, house, monkeypatch):
    def broken(*_args, **_more):
        raise OSError("the disk is full")

    worker, at = app.make_worker(house), reserved.staff.at
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "letter_pdf", broken)
        for _ in range(queue.ATTEMPTS + 2):
            worker.run_once(at)
            at += timedelta(hours=2)
        assert any("the disk is full" in line for line in bad(system_act(at), house))
    assert state() is IssueState.reserved
    worker.drain(at)
    assert state() is IssueState.sealed
    assert bad(system_act(at), house) == []


def test_asking_again_for_a_reserved_letter_seals_it_at_once(reserved, house):
    worker, at = app.make_worker(house), reserved.staff.at
    for _ in range(queue.ATTEMPTS):  # as in an installation where such jobs were still given up
        taken = db.run(queue.claim, system_act(at), owner="x", kinds=(issuing.SEAL,))
        db.run(queue.fail, system_act(at), taken=taken, owner="x", error="the disk is full")
        at += timedelta(hours=2)
    at = reserved.staff.at + timedelta(hours=1)
    worker.drain(at)
    assert state() is IssueState.reserved
    db.run(issuing.reserve, reserved.staff, letter_id=reserved.letter_id, house=house)
    worker.drain(at)
    assert state() is IssueState.sealed
