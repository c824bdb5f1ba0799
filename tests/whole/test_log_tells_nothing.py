"""The public log tells a stranger nothing of what members do among themselves (DESIGN §3.6, §7).

Everything the log serves to anyone is read, and everything that must not be in it is looked for:
members, people, works, tallies, and digests that anybody who guesses the words could compute.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.audit import commitment, log
from portal.audit.note import TlogProof
from portal.kernel.act import system_act
from portal.kernel.digest import canonical
from portal.signoffs.receipts import verify_logged
from tests.whole.conftest import Installation, Persona, sign_in
from tests.whole.rows import insert
from tests.whole.small import small_app

_SECRET = (
    "SELECT id FROM member",
    "SELECT id FROM person",
    "SELECT id FROM signoff",
    "SELECT id FROM works_submission",
    "SELECT id FROM round",
    "SELECT name FROM person",
    "SELECT email FROM person",
    "SELECT title FROM works_row",
    "SELECT title_en FROM works_row",
    "SELECT digest FROM signoff",
    "SELECT digest FROM works_submission",
)
_NAMES = "SELECT names FROM member"


def secrets_of(database: db.Database) -> set[str]:
    """What must be nowhere: identifiers, names, titles."""
    found: set[str] = set()
    with database.read.connect() as connection:
        for query in _SECRET:
            found.update(connection.scalars(sa.text(query)))
        for names in connection.scalars(sa.text(_NAMES)):
            found.update(json.loads(names).values())
    # Two characters are in every page by chance.
    return {one for one in found if one and len(one) > 3}


def digests_of(words: set[str]) -> set[str]:
    """The words' digests as anybody would compute them who guesses a word."""
    return {
        sha256(data).hexdigest()
        for word in words
        for data in (word.encode(), canonical(word), canonical({"title": word}))
    }


def leaks(data: str, words: set[str]) -> set[str]:
    """Those of the words, and of their digests, that are in *data*."""
    return {one for one in words | digests_of(words) if one in data or json.dumps(one)[1:-1] in data}


def log_size(database: db.Database) -> int:
    with database.read.connect() as connection:
        return int(connection.scalar(sa.text("SELECT size FROM log_head")) or 0)


def signed_size(database: db.Database) -> int:
    with database.read.connect() as connection:
        return int(connection.scalar(sa.text("SELECT max(size) FROM log_checkpoint")) or 0)


def served(app: Flask, database: db.Database) -> Iterator[tuple[str, bytes]]:
    """Everything the log gives to a stranger: address and answer."""
    client, size, signed = app.test_client(), log_size(database), signed_size(database)
    addresses = ["/log/checkpoint", "/log/vkey", "/api/v1/log/checkpoint"]
    addresses += [f"/log?before={before}" for before in range(size, 0, -50)]
    addresses += [f"/log/entry/{position}" for position in range(size)]
    addresses += [f"/log/proof/{position}" for position in range(signed)]
    for kind in ("entries", "0"):
        addresses += [f"/log/tile/{kind}/{number:03}" for number in range(signed // 256)]
        if signed % 256:
            addresses.append(f"/log/tile/{kind}/{signed // 256:03}.p/{signed % 256}")
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        yield address, answer.data
        if address.startswith("/log/proof/"):
            extra = TlogProof.parse(answer.text).extra
            assert extra is not None
            yield address + " (extra)", extra


@pytest.fixture
def app(app: Flask) -> Flask:
    """The application, its log signed up to now, so that proofs and tiles are served too."""
    db.run(log.sign_checkpoint, system_act(datetime.now(UTC)), key=app.extensions["rensho-log-key"])
    return app


def contents(database: db.Database) -> Sequence[tuple[int, str]]:
    with database.read.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT position, content FROM log_entry WHERE content IS NOT NULL ORDER BY position")
        )
        return [(position, content) for position, content in rows]


def test_nothing_of_any_member_person_or_work(app: Flask, installation: Installation) -> None:
    words = secrets_of(installation.database)
    assert len(words) > 50
    found = {
        address: leaks(data.decode("utf-8", "ignore"), words)
        for address, data in served(app, installation.database)
    }
    assert len(found) > 100
    assert {address: leaked for address, leaked in found.items() if leaked} == {}


def test_entries_are_commitments_but_for_letters_that_went_out(
    app: Flask, installation: Installation
) -> None:
    """No tally, no count, no kind: an entry has a time and a hash, all of one length."""
    lengths = set()
    for address, data in served(app, installation.database):
        if not address.startswith("/log/entry/"):
            continue
        told = json.loads(data)
        if told.get("kind") in commitment.PUBLIC:
            continue
        assert set(told) == {"v", "at", "content"}, address
        assert told["content"].startswith("sha256:")
        lengths.add(len(data))
    assert len(lengths) == 1


def test_no_entry_is_the_unsalted_digest_of_what_it_is_about(installation: Installation) -> None:
    """Whoever guesses an entry's whole content still cannot see whether the guess is right."""
    with installation.database.read.connect() as connection:
        rows = connection.execute(sa.text("SELECT entry, content FROM log_entry WHERE content IS NOT NULL"))
        for entry, content in rows:
            guess = canonical(json.loads(content))
            assert sha256(guess).hexdigest() not in bytes(entry).decode()


def test_what_is_kept_back_would_be_found(installation: Installation) -> None:
    """The search can fail: in what the entries commit to, there are members and works to be found."""
    words = secrets_of(installation.database)
    kept = contents(installation.database)
    assert sum(bool(leaks(content, words)) for _, content in kept) > len(kept) / 2
    assert any("tally" in content or "works" in content for _, content in kept)


def test_without_the_commitment_the_search_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path, sqlite_template
) -> None:
    """With every kind written openly, a stranger reads who was invited: the search says so."""

    def use_case(session, act):
        member = insert(session, "member", names={"en": "Takahashi Eizo Inc."})
        log.append(session, act, "members:invitation:sent", member["id"], {"names": "Takahashi Eizo Inc."})

    for written_openly in (False, True):
        if written_openly:
            monkeypatch.setattr(commitment, "is_public", lambda _kind: True)
        folder = tmp_path / str(written_openly)
        folder.mkdir()
        with small_app(folder, sqlite_template) as app:
            act = system_act(datetime.now(UTC))
            db.run(use_case, act)
            db.run(log.sign_checkpoint, act, key=app.extensions["rensho-log-key"])
            words = secrets_of(db.current())
            found = {
                address
                for address, data in served(app, db.current())
                if leaks(data.decode("utf-8", "ignore"), words)
            }
        addresses = {"/log?before=1", "/log/entry/0", "/log/proof/0 (extra)", "/log/tile/entries/000.p/1"}
        assert found == (addresses if written_openly else set())


# --- for staff ------------------------------------------------------------------------------------


def test_staff_read_what_every_entry_says(app: Flask, personas) -> None:
    staff = next(one for name, one in personas.items() if name.startswith("staff"))
    client = sign_in(app, staff)
    page = client.get("/log").text
    kinds = [line for line in page.split("<code>") if ":" in line.partition("</code>")[0]]
    assert len(kinds) >= 40
    with db.current().read.connect() as connection:
        position, kind, entry = connection.execute(
            sa.text("SELECT position, kind, entry FROM log_entry WHERE content IS NOT NULL LIMIT 1")
        ).one()
    answer = client.get(f"/log/entry/{position}/opening.json")
    assert answer.json["content"]["kind"] == kind
    assert commitment.opens(bytes(entry), answer.json)
    for name in ("anonymous", "member"):
        other = sign_in(app, personas[name])
        assert other.get(f"/log/entry/{position}/opening.json").status_code in {303, 403, 404}
        assert kind not in other.get("/log").text


# --- for whoever it concerns ----------------------------------------------------------------------


def test_a_member_can_show_that_an_entry_is_about_its_answer(app: Flask, personas) -> None:
    """The file that the receipt's page offers is checked without the portal; no other member gets it."""
    with db.current().read.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT signoff.id, signoff.digest, seat.id, seat.person_id, seat.member_id FROM signoff "
                "JOIN seat ON seat.member_id = signoff.member_id AND seat.ended_at IS NULL ORDER BY signoff.id"
            )
        ).all()
    (signoff_id, digest, seat_id, person_id, member_id), *_others = rows
    client = sign_in(app, Persona("voter", person_id, seat_id, member_id))
    address = f"/signoffs/{signoff_id}/proof.json"
    assert address in client.get(f"/signoffs/{signoff_id}").text
    found = client.get(address)
    assert found.headers["Cache-Control"] == "no-store"
    vkey = app.test_client().get("/log/vkey").text
    assert verify_logged(found.json, vkey)
    assert found.json["receipt"]["digest"] == digest
    assert not verify_logged({**found.json, "opening": {}}, vkey)
    stranger = next(row for row in rows if row.member_id != member_id)
    other = sign_in(app, Persona("other", stranger.person_id, stranger[2], stranger.member_id))
    assert other.get(address).status_code == 404
    assert app.test_client().get(address).status_code == 303
