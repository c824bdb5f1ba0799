"""The log on a real database: gap-free, atomic with the change, and never signed twice over."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import sqlalchemy as sa

from portal import db
from portal.audit import log, merkle, recheck
from portal.audit.keys import load_or_make_signer
from portal.audit.note import NoteError, TlogProof, open_checkpoint
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Forbidden
from tests.audit.conftest import TABLES
from tests.conftest import make_act

AT = datetime(2026, 11, 21, 3, 4, 5, 678901, UTC)
ACT = system_act(AT)
AUDITOR = make_act(Role.auditor, at=AT)


@pytest.fixture
def key(tmp_path):
    return load_or_make_signer(tmp_path / "keys" / "log.key", "log.association.example")


def add(session, act, *, count=1, kind="letters:letter:issued", subject="s", start=0):
    for n in range(start, start + count):
        log.append(session, act, kind, f"{subject}{n}", {"n": n})


def sign(session, act, key):
    return log.sign_checkpoint(session, act, key)


def all_entries(limit=500):
    return db.read(log.entries, AUDITOR, limit=limit)[::-1]


def check(key=None):
    return db.read(lambda session, _act: recheck.check(session, key), ACT)


def proof(kind, subject):
    return db.read(lambda session, _act: log.proof_for(session, kind, subject), ACT)


def test_an_entry_is_what_was_said(database):
    act = make_act(Role.signatory, at=AT, member_id="m")
    db.run(lambda s, a: log.append(s, a, "letters:letter:issued", "abc", {"x": "髙橋", "n": 1}), act)
    (entry,) = all_entries()
    assert (entry.position, entry.kind, entry.subject, entry.at) == (0, "letters:letter:issued", "abc", AT)
    assert json.loads(entry.data) == {
        "v": 1, "kind": "letters:letter:issued", "at": "2026-11-21T03:04:05.678901Z", "subject": "abc",
        "person": entry.content["person"], "payload": {"x": "髙橋", "n": 1},
    }  # fmt: skip
    assert db.read(lambda s, _a: log.opening(s, entry.kind, "abc"), ACT) is None
    assert act.person_id not in entry.data.decode()
    with database.readers() as session:
        salt, person = session.execute(sa.text("SELECT salt, person FROM log_entry")).one()
    assert entry.content["person"] == "sha256:" + sha256(bytes(salt) + person.encode()).hexdigest()
    assert entry.leaf == merkle.leaf_hash(entry.data)


def test_the_systems_own_entries_name_nobody(database):
    db.run(add, ACT)
    assert all_entries()[0].content["person"] is None


def test_positions_have_no_gaps_and_a_failed_use_case_leaves_nothing(database, key):
    def fails(session, act):
        add(session, act, count=3)
        session.flush()
        raise ZeroDivisionError

    for count in (1, 2, 5, 1):
        db.run(add, ACT, count=count)
        with pytest.raises(ZeroDivisionError):
            db.run(fails, ACT)
    assert [e.position for e in all_entries()] == list(range(9))
    assert check(key).is_sound


def test_many_at_once_are_all_there_once(database, key):
    gate = threading.Barrier(8)

    def work(thread):
        gate.wait()
        for n in range(5):
            db.run(add, ACT, count=2, subject=f"t{thread}-{n}-")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    found = all_entries()
    assert [e.position for e in found] == list(range(80))
    assert len({e.subject for e in found}) == 80
    assert check(key) == recheck.LogCheck(80, 0, ())


def test_order_in_a_transaction_is_the_order_of_saying(database):
    db.run(add, ACT, count=40)
    assert [e.subject for e in all_entries()] == [f"s{n}" for n in range(40)]


def test_the_payload_is_taken_when_it_is_said(database):
    def use_case(session, act):
        payload = {"n": 1}
        log.append(session, act, "a:b:c", "x", payload)
        payload["n"] = 2

    db.run(use_case, ACT)
    assert all_entries()[0].content["payload"] == {"n": 1}


@pytest.mark.parametrize(
    ("kind", "subject", "payload"),
    [("letters", "s", {}), ("a:b", "s", {}), ("A:b:c", "s", {}), ("a:b:c", "", {}), ("a:b:c", "s" * 65, {}),
     ("a:b:c", "s", {"x": "あ" * 22_000})],
)  # fmt: skip
def test_what_cannot_be_an_entry(sqlite_database, kind, subject, payload):
    with pytest.raises(ValueError):
        db.run(lambda s, a: log.append(s, a, kind, subject, payload), ACT)
    assert all_entries() == ()


def test_longest_entry(sqlite_database):
    empty = 0

    def use_case(session, act, length):
        log.append(session, act, "letters:letter:issued", "s", {"x": "a" * length})

    db.run(use_case, ACT, length=1)
    empty = len(all_entries()[0].data) - 1
    db.run(use_case, ACT, length=65_535 - empty)
    assert len(all_entries()[1].data) == 65_535
    with pytest.raises(ValueError, match="65536 bytes"):
        db.run(use_case, ACT, length=65_536 - empty)


@pytest.mark.parametrize("table", ["log_entry", "log_node", "log_checkpoint"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET {}={}"])
def test_nothing_can_be_changed_afterwards(database, key, table, verb):
    db.run(add, ACT)
    db.run(sign, ACT, key=key)
    column = {"log_entry": "subject", "log_node": "hash", "log_checkpoint": "text"}[table]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.write.begin() as connection:
        connection.exec_driver_sql(verb.format(table, column, column))


def test_checkpoint_and_proof_convince_a_stranger(database, key):
    for n in range(7):
        db.run(add, ACT, count=n, start=n * 10)
    signed = db.run(sign, ACT, key=key)
    db.run(add, ACT, count=4, start=100)  # after the checkpoint
    for entry in all_entries():
        found = proof(entry.kind, entry.subject)
        if entry.position >= signed.size:
            assert found is None
            continue
        again = TlogProof.parse(found.text())
        assert again.extra == entry.data
        assert again.verify(merkle.leaf_hash(again.extra), key.verifier).size == signed.size
    assert proof("no:such:thing", "s0") is None


def test_the_latest_of_several_entries_is_proved(sqlite_database, key):
    for n in range(3):
        db.run(lambda s, a, n=n: log.append(s, a, "letters:letter:issued", "same", {"n": n}), ACT)
    db.run(sign, ACT, key=key)
    assert json.loads(proof("letters:letter:issued", "same").extra)["payload"] == {"n": 2}


def test_signing_twice_gives_the_same(database, key):
    db.run(add, ACT, count=3)
    first = db.run(sign, ACT, key=key)
    assert db.run(sign, system_act(AT + timedelta(days=1)), key=key) == first
    assert key.memory.read_text() == first.text
    db.run(add, ACT)
    second = db.run(sign, ACT, key=key)
    assert second.size == 4
    assert db.read(lambda s, _a: log.latest_checkpoint(s), ACT) == second
    assert check(key).is_sound


def test_an_empty_log_can_be_signed_and_grows_from_there(database, key):
    assert db.run(sign, ACT, key=key).size == 0
    db.run(add, ACT, count=3)
    assert db.run(sign, ACT, key=key).size == 3
    assert check(key) == recheck.LogCheck(3, 2, ())


def test_entries_of_the_same_transaction_are_not_signed_yet(sqlite_database, key):
    def both(session, act):
        add(session, act)
        return log.sign_checkpoint(session, act, key)

    assert db.run(both, ACT).size == 0
    assert db.run(sign, ACT, key=key).size == 1


def test_a_crash_after_signing_gives_the_same_signature_again(sqlite_database, key):
    db.run(add, ACT, count=3)

    def crash(session, act):
        log.sign_checkpoint(session, act, key)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.run(crash, ACT)
    remembered = key.memory.read_text()
    assert db.run(sign, ACT, key=key).text == remembered


def start(key):
    db.read(lambda session, _act: log.check_at_start(session, key), ACT)


def test_a_database_that_is_behind_is_refused(database, key, tmp_path):
    db.run(add, ACT, count=5)
    db.run(sign, ACT, key=key)
    start(key)
    fresh = db.Database(f"sqlite:///{tmp_path / 'old.db'}")  # an old copy: no entries yet
    with fresh.write.begin() as connection:
        db.Base.metadata.create_all(connection, tables=TABLES)
    db.use(fresh)
    with pytest.raises(log.Inconsistent, match="has 0 entries, but a checkpoint over 5"):
        start(key)
    db.run(add, ACT, count=5, start=50)  # as many, but another history
    with pytest.raises(log.Inconsistent, match="differs"):
        start(key)
    db.run(add, ACT, count=3)
    with pytest.raises(log.Inconsistent, match="differs"):
        db.run(sign, ACT, key=key)
    assert db.read(lambda s, _a: log.latest_checkpoint(s), ACT) is None
    assert open_checkpoint(key.memory.read_text(), key.verifier).size == 5
    assert any("differs" in str(p) for p in check(key).problems)
    fresh.dispose()


def test_another_key_is_refused(sqlite_database, key, tmp_path):
    db.run(add, ACT)
    db.run(sign, ACT, key=key)
    other = load_or_make_signer(tmp_path / "other" / "log.key", key.origin)
    with pytest.raises(log.Inconsistent, match="not signed by a key"):
        db.run(sign, ACT, key=other)


def forge(database, *statements):
    """Do what only somebody with the database's password can: without the triggers."""
    with database.write.begin() as connection:
        for name in ("log_entry", "log_node", "log_checkpoint"):
            for verb in ("update", "delete"):
                on = "" if database.is_sqlite else f" ON {name}"
                connection.exec_driver_sql(f"DROP TRIGGER {name}_no_{verb}{on}")
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE log_entry SET subject = 'other' WHERE position = 3", "Entry 3 says something else"),
        ("UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE position = 1) WHERE position = 3", "Entry 3 does not have"),
        ("UPDATE log_entry SET entry = (SELECT entry FROM log_entry WHERE position = 1) WHERE position = 3", "root"),
        ("DELETE FROM log_entry WHERE position = 3", "Position 3 is missing"),
        ("DELETE FROM log_entry WHERE position = 6", "The head says 7 entries, there are 6"),
        ("DELETE FROM log_node WHERE level = 1 AND place = 0", "Node 0 of level 1"),
        ("UPDATE log_node SET hash = (SELECT hash FROM log_node WHERE level=0 AND place=0) WHERE level = 1 AND place = 1", "Node 1 of level 1"),
        ("UPDATE log_head SET size = 6", "The head says 6"),
        ("INSERT INTO log_node (level, place, hash) SELECT 5, 5, hash FROM log_node WHERE level=0 AND place=0", "nodes"),
        ("UPDATE log_checkpoint SET text = replace(text, '7', '6')", "The checkpoint over 7 entries"),
        ("UPDATE log_checkpoint SET size = 6", "says another number"),
        ("UPDATE log_entry SET at = (SELECT at FROM log_entry WHERE position = 0) WHERE position = 3", "Entry 3 says something else"),
    ],
)  # fmt: skip
def test_the_recheck_finds_what_was_changed(database, key, statement, problem):
    for n in range(7):
        db.run(add, make_act(Role.counsel, at=AT + timedelta(seconds=n)), start=n)
    db.run(sign, ACT, key=key)
    assert check(key) == recheck.LogCheck(7, 1, ())
    forge(database, statement)
    found = [str(p) for p in check(key).problems]
    assert any(problem in p for p in found), found


def test_pages_of_entries(sqlite_database):
    db.run(add, ACT, count=30)
    db.run(add, ACT, count=5, kind="a:b:c", subject="x")
    page = db.read(log.entries, AUDITOR, limit=20)
    assert [e.position for e in page] == list(range(34, 14, -1))
    assert [e.position for e in db.read(log.entries, AUDITOR, before=15, limit=20)] == list(range(14, -1, -1))
    assert len(db.read(log.entries, AUDITOR, kind="a:b:c")) == 5
    assert [e.position for e in db.read(log.entries, AUDITOR, subject="x2")] == [32]
    assert db.read(log.entry, AUDITOR, position=7).subject == "s7"
    assert db.read(log.entry, AUDITOR, position=99) is None
    with pytest.raises(Forbidden):
        db.read(log.entries, make_act(Role.signatory, member_id="m"))


def test_key_file(tmp_path):
    path = tmp_path / "keys" / "log.key"
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(load_or_make_signer(path, "o.example").vkey))
        for _ in range(12)
    ]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(made) == 12
    assert len(set(made)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["log.key"]
    assert base64.b64decode(made[0].split("+", 2)[2])[0] == 1
    path.write_text("zz")
    with pytest.raises(NoteError, match="64 hexadecimal"):
        load_or_make_signer(path, "o.example")
