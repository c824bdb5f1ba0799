"""A reference is counted up, so anyone can type it: before the letter is published it tells next to nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from portal import db
from portal.letters import service
from tests.conftest import make_act
from tests.correspondence.conftest import PROJECTION, SEALED, LetterOut, fill
from tests.correspondence.test_web import publish
from tests.whole.small import small_app

REFERENCE = "ABC-2026-0001"
BUSINESS = ("Prompt Pictures", "Your video model", "Members approving", "36", "髙橋", "Takahashi")


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


@pytest.fixture
def out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> LetterOut:
    monkeypatch.setitem(PROJECTION, "seal", {"self_made": True})
    return fill()


def found():
    return db.read(lambda session, _act: service.by_reference(session, REFERENCE), make_act())


def main_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize("address", [f"/verify/{REFERENCE}", f"/verify?reference={REFERENCE}"])
def test_before_it_is_published(app: Flask, out: LetterOut, address: str) -> None:
    entry = found()
    assert (entry.reference, entry.state, entry.date, entry.is_published) == (
        REFERENCE, "sealed", "2026-12-01", False,
    )  # fmt: skip
    assert entry.projection == {}
    answer = app.test_client().get(address)
    assert answer.status_code == 200
    page = main_of(answer.text)
    assert "Drop the PDF below to see whether your file is this letter." in page
    assert "2026-12-01" in page
    assert "issued" in page
    assert [word for word in BUSINESS if word in page] == []


@pytest.mark.parametrize("address", [f"/verify/{REFERENCE}", f"/verify?reference={REFERENCE}"])
def test_once_it_is_published(app: Flask, out: LetterOut, address: str) -> None:
    publish(app, out)
    assert found().is_published
    page = main_of(app.test_client().get(address).text)
    assert "Prompt Pictures Inc." in page
    assert "Your video model" in page


def test_withdrawn_before_it_was_published(app: Flask, out: LetterOut) -> None:
    """That it no longer stands is said; why is for whoever holds the file."""
    import sqlalchemy as sa

    statement = "UPDATE letter_issue SET state = 'withdrawn', end_reason = 'Prompt Pictures agreed.'"
    db.run(lambda session, _act: session.execute(sa.text(statement)), make_act())
    assert found().end_reason is None
    page = main_of(app.test_client().get(f"/verify/{REFERENCE}").text)
    assert "This letter no longer stands." in page
    assert [word for word in BUSINESS if word in page] == []
    publish(app, out, "withdrawn", "Agreed.")
    assert "Agreed." in app.test_client().get(f"/verify/{REFERENCE}").text


def test_who_holds_the_file_sees_what_it_is(app: Flask, out: LetterOut) -> None:
    from portal.kernel.digest import digest_bytes

    digest = digest_bytes(SEALED["addressee"])
    entry = db.read(lambda session, _act: service.register_lookup(session, digest), make_act())
    assert not entry.is_published
    assert entry.projection["subject"] == {"en": "Your video model", "ja": "動画生成モデルについて"}
