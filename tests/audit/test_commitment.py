"""What strangers may not read stands in the log as a commitment, which only its opening opens."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.audit import commitment, log, merkle, recheck
from portal.audit.keys import load_or_make_signer
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Forbidden
from tests.audit.test_log import forge
from tests.conftest import make_act

AT = datetime(2026, 11, 21, 3, 4, 5, 678901, UTC)
KIND = "members:invitation:declined"
ACT = make_act(Role.manager, member_id="member-of-whom", at=AT)


def write(session, act, *, kind=KIND, subject="subject-1", payload=None):
    log.append(session, act, kind, subject, payload or {"works": 41, "title": "霧の灯台"})


def only():
    (entry,) = db.read(log.entries, make_act(Role.auditor))
    return entry


def opening(kind=KIND, subject="subject-1"):
    return db.read(lambda s, _a: log.opening(s, kind, subject), ACT)


def check(key=None):
    return [str(one) for one in db.read(lambda s, _a: recheck.check(s, key), ACT).problems]


def test_an_entry_says_nothing_and_its_opening_all(database):
    db.run(write, ACT)
    entry = only()
    assert not entry.is_public
    assert entry.content == {
        "kind": KIND, "subject": "subject-1", "person": entry.content["person"],
        "payload": {"works": 41, "title": "霧の灯台"},
    }  # fmt: skip
    told = json.loads(entry.data)
    assert set(told) == {"v", "at", "content"}
    assert (told["v"], told["at"]) == (1, "2026-11-21T03:04:05.678901Z")
    given_ = opening()
    assert given_["content"] == entry.content
    salt = bytes.fromhex(given_["salt"])
    assert len(salt) == 16
    canonical = json.dumps(entry.content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert told["content"] == "sha256:" + sha256(salt + canonical.encode()).hexdigest()
    assert entry.content["person"] == "sha256:" + sha256(salt + ACT.person_id.encode()).hexdigest()
    assert commitment.opens(entry.data, given_)


def test_the_same_said_twice_cannot_be_told_to_be_the_same(sqlite_database):
    for _ in range(2):
        db.run(write, ACT)
    first, second = (json.loads(one.data)["content"] for one in db.read(log.entries, make_act(Role.auditor)))
    assert first != second


def test_every_commitment_is_of_one_length(sqlite_database):
    db.run(write, ACT)
    db.run(write, ACT, subject="x", payload={"long": "a" * 9_000})
    assert len({len(one.data) for one in db.read(log.entries, make_act(Role.auditor))}) == 1


def test_only_letters_that_went_out_are_public():
    assert {
        f"letters:letter:{verb}" for verb in ("issued", "published", "withdrawn", "superseded")
    } == commitment.PUBLIC


@pytest.mark.parametrize("kind", sorted(commitment.PUBLIC))
def test_what_is_public_is_open_and_has_nothing_to_open_it(sqlite_database, kind):
    db.run(write, ACT, kind=kind)
    entry = only()
    assert entry.is_public
    told = json.loads(entry.data)
    assert (told["kind"], told["subject"], told["payload"]["works"]) == (kind, "subject-1", 41)
    assert opening(kind) is None
    (seen,) = db.read(log.open_entries, ACT)
    assert (seen.kind, seen.subject) == (kind, "subject-1")


def test_a_stranger_reads_place_time_and_hash(sqlite_database):
    db.run(write, ACT)
    (seen,) = db.read(log.open_entries, ACT)
    assert (seen.position, seen.kind, seen.subject, seen.at) == (0, None, None, AT)
    assert seen.leaf == merkle.leaf_hash(seen.data)
    assert db.read(log.open_entry, ACT, position=0) == seen
    assert db.read(log.open_entry, ACT, position=1) is None
    assert "subject-1" not in repr(seen)


def test_only_staff_are_given_openings_by_position(sqlite_database):
    db.run(write, ACT)
    assert db.read(log.opening_at, make_act(Role.auditor), position=0) == opening()
    assert db.read(log.opening_at, make_act(Role.auditor), position=7) is None
    with pytest.raises(Forbidden):
        db.read(log.opening_at, ACT, position=0)


def test_the_content_is_taken_when_it_is_said(sqlite_database):
    def use_case(session, act):
        payload = {"works": [1]}
        log.append(session, act, KIND, "x", payload)
        payload["works"].append(2)

    db.run(use_case, ACT)
    assert only().content["payload"] == {"works": [1]}
    assert check() == []


@given(
    st.dictionaries(st.text(), st.integers(-99, 99) | st.text() | st.none()),
    st.binary(min_size=16, max_size=16),
)
def test_nothing_else_opens(payload, salt):
    content = {"kind": KIND, "subject": "s", "person": None, "payload": payload}
    entry = commitment.entry_bytes(content, AT, salt)
    given_ = {"salt": salt.hex(), "content": content}
    assert commitment.opens(entry, given_)
    assert not commitment.opens(entry, {**given_, "content": {**content, "subject": "t"}})
    assert not commitment.opens(entry, {**given_, "salt": bytes(16 - 1).hex() + f"{salt[-1] ^ 1:02x}"})
    assert not commitment.opens(entry.replace(b"sha256:", b"sha512:"), given_)


@pytest.mark.parametrize(
    "given_", [{}, {"salt": "zz", "content": {}}, {"salt": "", "content": {}}, {"salt": None, "content": {}}]
)
def test_what_is_no_opening(given_):
    entry = commitment.entry_bytes(
        {"kind": KIND, "subject": "s", "person": None, "payload": {}}, AT, bytes(16)
    )
    assert not commitment.opens(entry, given_)
    for data in (b"", b"[]", b"1", b"{}", b"\xff"):
        assert not commitment.opens(data, given_)


def test_salt_and_content_do_not_share_bytes():
    """Bytes of the content cannot be passed for salt, which a salt of any length would allow."""
    content = {"kind": KIND}
    salt = bytes(16)
    entry = b'{"content":"' + commitment.commit(salt + b"more", content).encode() + b'"}'
    assert not commitment.opens(entry, {"salt": (salt + b"more").hex(), "content": content})


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE log_entry SET salt = (SELECT salt FROM log_entry WHERE position = 0) WHERE position = 1", "is not opened by"),
        ("UPDATE log_entry SET content = (SELECT content FROM log_entry WHERE position = 0) WHERE position = 1", "is not opened by"),
        ("UPDATE log_entry SET content = NULL WHERE position = 1", "is not opened by"),
        ("UPDATE log_entry SET content = '[]' WHERE position = 1", "is not opened by"),
        ("UPDATE log_entry SET kind = 'members:member:added' WHERE position = 1", "Entry 1 says something else"),
        ("UPDATE log_entry SET subject = 'other' WHERE position = 1", "Entry 1 says something else"),
        ("UPDATE log_entry SET person = 'other' WHERE position = 1", "Entry 1 says something else"),
        ("UPDATE log_entry SET person = NULL WHERE position = 1", "Entry 1 says something else"),
        ("UPDATE log_entry SET salt = NULL, kind = 'members:member:added' WHERE position = 1", "Entry 1 says something else"),
    ],
)  # fmt: skip
def test_the_recheck_opens_every_entry(database, statement, problem):
    for number in range(3):
        db.run(write, make_act(Role.manager, at=AT), subject=f"s{number}")
    assert check() == []
    forge(database, statement)
    found = check()
    assert any(problem in one for one in found), found


def test_an_erased_salt_closes_the_entry_for_good_and_breaks_nothing(database, tmp_path):
    key = load_or_make_signer(tmp_path / "log.key", "log.association.example")
    for number in range(3):
        db.run(write, ACT, subject=f"s{number}")
    db.run(log.sign_checkpoint, system_act(AT), key=key)
    forge(database, "UPDATE log_entry SET salt = NULL, content = NULL, person = NULL WHERE position = 1")
    assert check(key) == []
    assert opening(subject="s1") is None
    assert opening(subject="s2") is not None
    with database.readers() as session:
        found = log.proof_for(session, KIND, "s1")
        assert found is not None
        found.verify(merkle.leaf_hash(found.extra), key.verifier)
        assert session.scalar(sa.text("SELECT count(*) FROM log_entry WHERE salt IS NULL")) == 1
