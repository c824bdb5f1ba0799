"""The one way in and out of a transaction, on both databases."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import db
from portal.kernel.act import new_id, system_act
from portal.kernel.errors import Conflict, NotFound

AT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)


class Thing(db.Base):
    """A table of these tests only."""

    __tablename__ = "test_thing"

    id: Mapped[str] = mapped_column(db.Id, primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text, unique=True)
    at: Mapped[datetime | None] = mapped_column(db.Instant)
    value: Mapped[object] = mapped_column(db.Json)


class Stone(db.Base):
    """Something carved in it."""

    __tablename__ = "test_stone"

    id: Mapped[str] = mapped_column(db.Id, primary_key=True)


db.append_only(Stone.__table__)
TABLES = [Thing.__table__, Stone.__table__]
for table in TABLES:
    db.Base.metadata.remove(table)  # not part of the portal


@pytest.fixture
def things(database):
    with database.write.begin() as connection:
        for table in TABLES:
            table.create(connection)
    return database


def add(session: Session, _act, name, **kw):
    session.add(Thing(id=new_id(), name=name, **{"at": AT, "value": {}, **kw}))


def names(session: Session, _act):
    return session.scalars(sa.select(Thing.name).order_by(Thing.name)).all()


def run(use_case, **kw):
    return db.run(use_case, system_act(AT), **kw)


def read(query, **kw):
    return db.read(query, system_act(AT), **kw)


def test_what_a_use_case_does_is_committed(things):
    run(add, name="髙橋")
    assert read(names) == ["髙橋"]


def test_an_exception_leaves_nothing(things):
    def fail(session, act):
        add(session, act, "a")
        session.flush()
        raise NotFound

    with pytest.raises(NotFound):
        run(fail)
    assert read(names) == []


def test_hooks_run_before_the_commit_and_with_it(things):
    def use_case(session, act):
        db.before_commit(session, lambda s: add(s, act, "hook"), once_key="k")
        db.before_commit(session, lambda s: add(s, act, "again"), once_key="k")

    run(use_case)
    assert read(names) == ["hook"]


def test_a_lost_race_is_tried_once_more(things):
    run(add, name="taken")
    tries = []

    def use_case(session, act):
        tries.append(1)
        add(session, act, "taken" if len(tries) == 1 else "free")

    run(use_case)
    assert len(tries) == 2
    assert read(names) == ["free", "taken"]


def test_a_race_lost_twice_is_a_conflict(things):
    run(add, name="taken")
    with pytest.raises(Conflict, match="at this moment"):
        run(add, name="taken")


def test_a_mistake_of_ours_is_no_lost_race(things):
    with pytest.raises(IntegrityError):
        run(add, name=None)


def test_reading_cannot_write(things):
    def write(session, act):
        add(session, act, "a")
        session.flush()

    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        read(write)
    run(add, name="b")
    assert read(names) == ["b"]  # and the connection is good for both again


def test_times_keep_their_instant_and_need_a_zone(things):
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    run(add, name="a", at=tokyo)
    assert read(lambda s, _a: s.scalars(sa.select(Thing.at)).one()) == AT
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        run(add, name="b", at=AT.replace(tzinfo=None))


def test_times_sort_as_instants(things):
    for n in (3, 1, 2):
        run(add, name=str(n), at=AT + timedelta(microseconds=n))
    assert read(lambda s, _a: s.scalars(sa.select(Thing.name).order_by(Thing.at)).all()) == ["1", "2", "3"]


def test_json_comes_back_as_it_went_in(things):
    value = {"names": ["𠮷田", "é", None, True, 1.5], "deep": {"z": 1, "a": []}}
    run(add, name="a", value=value)
    assert read(lambda s, _a: s.scalars(sa.select(Thing.value)).one()) == value


@pytest.mark.parametrize("statement", ["UPDATE test_stone SET id = 'x'", "DELETE FROM test_stone"])
def test_append_only_tables_refuse(things, statement):
    run(lambda session, _act: session.add(Stone(id=new_id())))
    with pytest.raises(DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(sa.text(statement))
    assert len(read(lambda s, _a: s.scalars(sa.select(Stone.id)).all())) == 1


def test_a_locked_row_is_read_afresh(things):
    run(add, name="a", value=0)
    key = read(lambda s, _a: s.scalars(sa.select(Thing.id)).one())

    def count(session, _act):
        db.lock(session, Thing, key).value += 1

    threads = [threading.Thread(target=run, args=(count,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(lambda s, _a: s.scalars(sa.select(Thing.value)).one()) == 12
    with pytest.raises(NotFound):
        run(lambda session, _act: db.lock(session, Thing, "none"))


def test_bulk_insert_counts(things):
    rows = ({"id": new_id(), "name": str(n), "at": AT, "value": n} for n in range(12_001))
    assert run(lambda session, _act: db.bulk_insert(session, Thing.__table__, rows)) == 12_001


def test_sqlite_runs_with_the_durable_settings(sqlite_database):
    with sqlite_database.write.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_foreign_keys_hold(database):
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.execute(
            sa.text(
                "INSERT INTO participation (campaign_id, member_id, state, invited_at) VALUES ('x', 'y', 'invited', :at)"
            ),
            {"at": "2026-11-21T00:00:00.000000Z"},
        )
