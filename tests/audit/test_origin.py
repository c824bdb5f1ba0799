"""The log's name is settled once, whatever address the portal moves to."""

from pathlib import Path

import pytest

from portal.audit.keys import load_or_make_signer, settled_origin
from portal.audit.note import NoteError, sign_checkpoint


def opened(folder: Path, wanted: str, *, insisted: bool = False):
    seed = folder / "log.seed"
    return load_or_make_signer(seed, settled_origin(seed, wanted, insisted=insisted))


def sign(key) -> None:
    key.remember(sign_checkpoint(key.signer, 0, b"\0" * 32))


def test_the_first_start_settles_it(tmp_path):
    sign(opened(tmp_path, "localhost:8000/log"))
    moved = opened(tmp_path, "localhost:8001/log")
    assert moved.origin == "localhost:8000/log"
    assert moved.last() is not None


def test_an_installation_from_before_the_file_keeps_its_name(tmp_path):
    sign(load_or_make_signer(tmp_path / "log.seed", "old.example/log"))
    assert opened(tmp_path, "new.example/log").origin == "old.example/log"
    assert (tmp_path / "log.origin").read_text() == "old.example/log\n"


def test_until_something_is_signed_a_name_may_be_given(tmp_path):
    opened(tmp_path, "localhost:8000/log")
    given = opened(tmp_path, "log.association.example", insisted=True)
    assert given.origin == "log.association.example"
    sign(given)
    assert opened(tmp_path, "localhost:8000/log").origin == "log.association.example"
    assert opened(tmp_path, "log.association.example", insisted=True).origin == "log.association.example"


@pytest.mark.parametrize(
    ("wanted", "insisted"), [("other.example", True), ("localhost:8000/log/rehearsal", False)]
)
def test_what_contradicts_a_signature_is_refused(tmp_path, wanted, insisted):
    sign(opened(tmp_path, "localhost:8000/log"))
    with pytest.raises(NoteError, match="localhost:8000/log"):
        opened(tmp_path, wanted, insisted=insisted)
    assert opened(tmp_path, "localhost:8001/log").last() is not None


def test_a_rehearsal_before_the_first_signature_is_marked(tmp_path):
    opened(tmp_path, "localhost:8000/log")
    assert opened(tmp_path, "localhost:8000/log/rehearsal").origin == "localhost:8000/log/rehearsal"
