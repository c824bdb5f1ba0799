"""The log as a stranger fetches it: checkpoint, proofs, entries, tiles (C2SP tlog-tiles)."""

from hashlib import sha256
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.audit import keys, log, merkle, web
from portal.audit.note import Checkpoint, TlogProof, open_checkpoint
from portal.kernel.act import Act, system_act
from portal.kernel.errors import NotFound
from portal.web import responses
from tests.conftest import make_act

ENTRIES = 600


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def tree(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, once more and the slow way."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return node(tree(hashes[:half]), tree(hashes[half:]))


def write(session, act: Act, *, count: int) -> None:
    for number in range(count):
        log.append(session, act, "tests:entry:written", f"s{number}", {"number": number})


@pytest.fixture
def key(tmp_path: Path) -> keys.LogKey:
    return log.load_or_make_signer(tmp_path / "log.seed", "portal.example/log")


@pytest.fixture
def client(sqlite_database: db.Database, key: keys.LogKey) -> FlaskClient:
    act = make_act()
    db.run(write, act, count=ENTRIES)
    db.run(log.sign_checkpoint, system_act(act.at), key=key)
    db.run(write, act, count=3)  # not signed yet
    app = Flask("portal")
    app.testing = True
    app.config["SESSION_COOKIE_SECURE"] = False
    app.extensions["rensho-log-key"] = key
    app.register_blueprint(web.bp)
    app.register_error_handler(NotFound, lambda error: (str(error), error.status))
    app.after_request(responses._headers)
    return app.test_client()


def test_checkpoint(client: FlaskClient, key: keys.LogKey) -> None:
    answer = client.get("/log/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert open_checkpoint(answer.text, key.verifier).size == ENTRIES
    assert client.get("/log/vkey").text.strip() == key.vkey


@pytest.mark.parametrize("position", [0, 1, 255, 256, 511, 512, ENTRIES - 1])
def test_proof_leads_from_the_entry_to_the_checkpoint(
    client: FlaskClient, key: keys.LogKey, position: int
) -> None:
    proof = TlogProof.parse(client.get(f"/log/proof/{position}").text)
    data = client.get(f"/log/entry/{position}").data
    assert proof.index == position
    assert proof.extra == data
    checkpoint: Checkpoint = proof.verify(merkle.leaf_hash(data), key.verifier)
    assert checkpoint.size == ENTRIES


@pytest.mark.parametrize("position", [ENTRIES, ENTRIES + 2, ENTRIES + 3, 1 << 63, 1 << 80])
def test_no_proof_beyond_the_checkpoint(client: FlaskClient, position: int) -> None:
    assert client.get(f"/log/proof/{position}").status_code == 404


def test_entry_that_is_not_there(client: FlaskClient) -> None:
    assert client.get(f"/log/entry/{ENTRIES + 2}").status_code == 200
    assert client.get(f"/log/entry/{ENTRIES + 3}").status_code == 404
    assert client.get(f"/log/entry/{1 << 70}").status_code == 404


def hashes(data: bytes) -> list[bytes]:
    assert len(data) % 32 == 0
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def test_tiles_rebuild_the_root(client: FlaskClient, key: keys.LogKey) -> None:
    """A client with nothing but tiles and the checkpoint comes to the signed root."""
    first, second = (client.get(f"/log/tile/0/{name}") for name in ("000", "001"))
    assert first.headers["Content-Type"] == "application/octet-stream"
    assert "immutable" in first.headers["Cache-Control"]
    rest = client.get("/log/tile/0/002.p/88")
    full, more, partial = hashes(first.data), hashes(second.data), hashes(rest.data)
    assert (len(full), len(more), len(partial)) == (256, 256, 88)
    above = hashes(client.get("/log/tile/1/000.p/2").data)
    assert above == [tree(full), tree(more)]
    root = node(node(above[0], above[1]), tree(partial))
    assert root == open_checkpoint(client.get("/log/checkpoint").text, key.verifier).root


def test_bundles_hash_to_the_tiles(client: FlaskClient) -> None:
    for name, width in (("000", 256), ("002.p/88", 88)):
        data = client.get(f"/log/tile/entries/{name}").data
        entries = []
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
        assert len(entries) == width
        assert [sha256(b"\x00" + one).digest() for one in entries] == hashes(
            client.get(f"/log/tile/0/{name}").data
        )


@pytest.mark.parametrize(
    "path",
    [
        "0/002", "0/002.p/89", "0/002.p/0", "0/002.p/088", "0/000.p/256", "0/003", "0/x000/001", "0/0", "0/0000",
        "0/x001", "0/000/", "1/000", "1/000.p/3", "2/000.p/1", "63/000.p/1", "64/000.p/1", "00/000", "-1/000",
        "entries/002", "entries/002.p/89", "entries/x", "0/" + "x999/" * 8 + "999", "0/٠٠٠",
    ],
)  # fmt: skip
def test_what_is_no_tile(client: FlaskClient, path: str) -> None:
    assert client.get(f"/log/tile/{path}").status_code == 404


@given(st.integers(0, 10**9), st.integers(1, 256))
def test_every_tile_has_one_path(number: int, width: int) -> None:
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    assert web.parse_tile(path if width == 256 else f"{path}.p/{width}") == (number * 256, width)


def test_example_of_the_specification() -> None:
    assert web.parse_tile("x001/x234/067") == (1_234_067 * 256, 256)
