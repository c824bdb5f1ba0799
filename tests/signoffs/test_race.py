"""Many at once: barriers make the race certain, and the counts stay exact."""

import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from portal import db
from portal.kernel.act import new_id
from portal.kernel.errors import Conflict, Refused
from portal.signoffs import acts, counting, rounds
from portal.signoffs import service as signoffs
from portal.signoffs.model import Round, Signoff


def at_once(*jobs):
    """Run the jobs in threads that start together; what each gave or raised."""
    barrier, results = threading.Barrier(len(jobs)), [None] * len(jobs)

    def work(place, job):
        barrier.wait(20)
        try:
            results[place] = job()
        except Refused as error:
            results[place] = error

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in results
    return results


@pytest.fixture
def stage(database, stage_of):
    return stage_of(9)


def test_two_people_of_one_company_act_at_once(stage):
    stage.open()
    results = at_once(
        *(lambda d=d: stage.sign(0, d, reason="x") for d in ["approve", "decline", "abstain"] * 4)
    )
    assert not any(isinstance(one, Exception) for one in results)
    history = db.read(lambda session, _act: signoffs.history(session, stage.round.id), stage.staff)
    assert [one.sequence for one in history] == list(range(1, 13))
    assert len(db.read(lambda session, _act: signoffs.standing(session, stage.round.id), stage.staff)) == 1


def test_the_same_form_sent_many_times_at_once_is_one_act(stage):
    stage.open()
    results = at_once(*(lambda: stage.sign(0, key="one-and-the-same") for _ in range(12)))
    assert len({one.digest for one in results}) == 1
    with db.current().readers() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Signoff)) == 1
        assert (
            session.scalar(sa.text("SELECT count(*) FROM log_entry WHERE kind = 'signoffs:signoff:placed'"))
            == 1
        )


def test_many_sign_while_staff_closes(stage):
    stage.open("2/3")
    jobs = [lambda n=n: stage.sign(n) for n in range(9)]
    jobs += [lambda: db.run(signoffs.close_round, stage.staff, round_id=stage.round.id)] * 4
    jobs += [lambda n=n: stage.withdraw(n) for n in range(4)]
    results = at_once(*jobs)
    view = stage.now()
    verdict = db.read(lambda session, _act: signoffs.verdict(session, stage.round.id), stage.staff)
    acknowledged = {one.signoff.id for one in results if isinstance(one, signoffs.ReceiptView)}
    kept = {one.id for one in db.read(lambda s, _a: signoffs.history(s, stage.round.id), stage.staff)}
    assert acknowledged == kept
    if view.state == "carried":
        part = view.countersigning
        assert verdict.reached or (part.state == "refused" and part.quorum_lost)
    else:
        assert view.state == "open"


def test_freeze_and_withdraw_at_once(stage):
    stage.open({"kind": "count", "at_least": 9})
    stage.carry()
    stage.countersign()
    results = at_once(stage.freeze, *(lambda n=n: stage.withdraw(n) for n in range(3)), stage.freeze)
    frozen = [one for one in results if isinstance(one, signoffs.Frozen)]
    withdrawn = [one for one in results if isinstance(one, signoffs.ReceiptView)]
    assert bool(frozen) != bool(withdrawn)  # either the letter was reserved, or somebody withdrew in time
    if frozen:
        assert frozen[0] == frozen[-1]
        assert frozen[0].tally.approved == 9


def test_only_one_round_is_opened(stage):
    results = at_once(*([stage.open] * 8))
    assert Counter(type(one).__name__ for one in results)["RoundView"] == 1
    assert all(isinstance(one, Conflict | signoffs.RoundView) for one in results)
    with db.current().readers() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Round)) == 1


def test_officers_at_once(stage_of, database):
    stage = stage_of(3, officers=4)
    stage.open(officers_needed=2)
    stage.carry()
    at_once(*(lambda n=n: stage.countersign(n) for n in (0, 1, 2, 3, 0, 1, 2, 3)))
    part = stage.now().countersigning
    assert part.state == "complete"
    assert len(part.signatures) == 2
    assert len({one.person_id for one in part.signatures}) == 2


# --- each guard, taken out, is missed ---------------------------------------------------------------


def test_without_the_lock_a_withdrawal_slips_past_the_freeze(stage_of, request, monkeypatch):
    """On PostgreSQL the row's lock keeps the count true until the commit; without it both go through."""
    request.getfixturevalue("postgres_cluster")
    database = _postgres_database(request)
    try:
        stage = stage_of(3)
        stage.open("unanimity")
        stage.carry()
        stage.countersign()
        met = threading.Barrier(2)
        counted = counting.verdict

        def verdict(session, round_id):
            found = counted(session, round_id)
            met.wait(10)  # both have counted (and read) before either writes
            return found

        def unlocked(session, model, key):
            return session.get(model, key, populate_existing=True)

        monkeypatch.setattr(counting, "verdict", verdict)
        for module in (rounds, acts):
            monkeypatch.setattr(module.db, "lock", unlocked)
        results = at_once(stage.freeze, lambda: stage.withdraw(0, key=new_id()))
        assert not any(isinstance(one, Exception) for one in results), results
    finally:
        db.use(None)
        database.dispose()


def _postgres_database(request):
    from tests.conftest import _postgres

    database = _postgres(request)
    db.use(database)
    return database


def test_without_the_sequence_one_company_would_have_two_voices(database):
    """The unique constraint is what stops two acts of the same sequence, whatever the code above does."""
    constraints = {tuple(column.name for column in one.columns) for one in Signoff.__table__.constraints}
    assert ("round_id", "member_id", "sequence") in constraints
    assert ("round_id", "member_id", "key") in constraints
