"""On a Japanese page no field's name is printed as the program calls it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.kernel.act import Role
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import say
from tests.conftest import make_act
from tests.whole.proof import page, text_of
from tests.whole.rows import insert
from tests.whole.small import seated, small_app, submit
from tests.works.lists import AT, set_stage


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


def japanese(app, act):
    db.run(
        lambda s, _a: (
            s.execute(sa.text("UPDATE person SET language = 'ja' WHERE id = :id"), {"id": act.person_id})
            and None
        ),
        act,
    )
    return seated(app, act)


def administrator():
    act = make_act(Role.administrator, Role.case_manager, Role.officer, at=AT)
    db.run(lambda s, _a: insert(s, "person", id=act.person_id) and None, act)
    return act


def problems_on(answer) -> str:
    assert answer.status_code in {409, 422}, answer.text
    root = page(answer.text)
    (note,) = [one for one in root.iter() if one.get("role") == "alert"]
    return text_of(note)


def without_english(text: str, *allowed: str) -> None:
    for word in allowed:
        text = text.replace(word, "")
    assert not re.search("[a-z]{3,}", text), text


def test_the_members_import(app):
    client = japanese(app, administrator())
    table = "name_ja,name_kana,category,country\n架空映像,カクウ,animation,XQ\n"
    answer = submit(client, "/members/import", file=(io.BytesIO(table.encode()), "members.csv"))
    text = problems_on(answer)
    assert "2行目" in text
    assert "国" in text
    assert not re.search(r"line \d|column", text)


def test_the_invitations(app):
    client = japanese(app, administrator())
    text = problems_on(
        submit(client, "/members/invitations", lines="a, no address@", roles=["viewer"], language="ja")
    )
    assert "1行目" in text
    assert not re.search(r"line \d|column", text)


def test_the_campaign_form(app):
    client = japanese(app, administrator())
    answer = submit(client, "/campaigns/new", addressee_en="Fable", order_rule="gojuon")
    assert answer.status_code == 422
    text = text_of(page(answer.text))
    assert not re.search(r"\btitle", text)
    assert 'href="#title_en"' in answer.text


def test_a_work_typed_by_hand(app):
    stage = set_stage()
    client = japanese(app, stage.one)
    answer = submit(
        client, f"/campaigns/{stage.campaign_id}/works/rows/new", title="霧", kind="tv", published="soon", version="0", consent="",
        identifiers="ISBN 123",
    )  # fmt: skip
    without_english(problems_on(answer), "ISBN", "soon")


def test_a_refusal_that_has_a_page_of_its_own(app, monkeypatch):
    """Where no form is at hand the error page says the field's name, in words."""
    stage = set_stage()
    client = japanese(app, stage.asked)

    def refuse(*_args, **_kw):
        raise Invalid([Problem("reason", say("Please fill this in."))])

    monkeypatch.setattr("portal.campaigns.service.answer", refuse)
    home = f"/campaigns/{stage.campaign_id}"
    text = problems_on(submit(client, f"{home}/answer", on=home, answer="join"))
    assert "理由" in text
    assert "reason" not in text
