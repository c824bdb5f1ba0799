"""The committed font files are what FACES.toml says."""

import gzip
import hashlib

import pytest

from portal.paper import glyphs
from portal.paper.glyphs import FACES, Face, catalogue, face


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_file_digest_and_licence(name):
    entry = catalogue()[name]
    packed = (FACES / entry["file"]).read_bytes()
    assert hashlib.sha256(packed).hexdigest() == entry["sha256"]
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == entry["font_sha256"]
    assert entry["licence"] in {"OFL-1.1", "Apache-2.0"}
    licence = (FACES / entry["licence_text"]).read_text(encoding="utf-8")
    assert ("SIL OPEN FONT LICENSE" in licence.upper()) == (entry["licence"] == "OFL-1.1")
    assert entry["source"]


def test_nothing_unlisted_and_not_too_large():
    files = {path.name for path in FACES.iterdir() if path.is_file()}
    assert files == {entry["file"] for entry in catalogue().values()} | {"FACES.toml"}
    assert sum(path.stat().st_size for path in FACES.rglob("*") if path.is_file()) < 25_000_000


def test_a_changed_file_is_refused(monkeypatch, tmp_path):
    entry = dict(catalogue()["NotoSansThai-Regular"])
    data = bytearray(gzip.decompress((FACES / entry["file"]).read_bytes()))
    data[-1] ^= 1
    (tmp_path / entry["file"]).write_bytes(gzip.compress(bytes(data)))
    monkeypatch.setattr(glyphs, "FACES", tmp_path)
    monkeypatch.setattr(glyphs, "catalogue", lambda: {"NotoSansThai-Regular": entry})
    with pytest.raises(ValueError, match="not the one listed"):
        face.__wrapped__("NotoSansThai-Regular")


def test_outlines_must_be_truetype():
    with pytest.raises(Exception, match=r"TrueType|sfnt|Not a"):
        Face("nothing", b"OTTO" + b"\0" * 100)
