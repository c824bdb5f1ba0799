"""The pages of a campaign, clicked through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.whole.proof import page, text_of
from tests.whole.small import seated, small_app, submit

from .test_service import make_house


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


def shown(answer) -> str:
    assert answer.status_code == 200, answer.text
    return text_of(page(answer.text))


def client_of(app, act):
    """Signed in from the seat that is there already."""
    from datetime import UTC, datetime

    import sqlalchemy as sa

    from portal import db
    from portal.identity import service as identity
    from portal.kernel.act import system_act

    now = system_act(datetime.now(UTC))
    seat = db.read(
        lambda s, _a: s.scalar(sa.text("SELECT id FROM seat WHERE person_id = :p"), {"p": act.person_id}), now
    )
    client = app.test_client()
    entered = db.run(identity.open_session, now, person_id=act.person_id, seat_id=seat)
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = entered.token, True
    return client


def test_staff_set_up_and_ask_and_a_member_joins(app):
    house = make_house()
    staff, one, other = seated(app, house.staff), client_of(app, house.one), client_of(app, house.other)
    assert "There is no campaign yet." in shown(staff.get("/campaigns"))
    empty = submit(staff, "/campaigns/new", order_rule="gojuon")
    assert empty.status_code == 422
    made = submit(
        staff, "/campaigns/new", title_en="Fable Video 2", title_ja="動画生成モデル", addressee_en="Fable Systems Inc.", order_rule="gojuon",
    )  # fmt: skip
    assert made.status_code == 303
    home = made.headers["Location"].removesuffix("/invite")
    assert submit(staff, f"{home}/invite").status_code == 422
    assert submit(staff, f"{home}/invite", members=[house.one.member_id]).status_code == 303
    assert "Fable Systems Inc." in shown(staff.get(home))
    assert (
        "動画生成モデル" in shown(staff.get(f"{home}/edit"))
        or "動画生成モデル" in staff.get(f"{home}/edit").text
    )
    assert other.get(home).status_code == 404
    assert "Fable" not in other.get("/campaigns").text
    assert "Take part" in shown(one.get(home))
    assert submit(one, f"{home}/answer", on=home, answer="join").status_code == 303
    assert "Your company takes part." in shown(one.get(home))
    assert submit(staff, f"{home}/stage", on=home, stage="letter").status_code == 303
    assert submit(staff, f"{home}/stage", on=home, stage="nowhere").status_code == 422
    assert "coalition letter" in shown(one.get(home))
    assert one.get(f"{home}/edit").status_code == 403


def test_a_member_does_not_see_who_else_was_asked(app):
    house = make_house()
    staff, one = seated(app, house.staff), client_of(app, house.one)
    made = submit(staff, "/campaigns/new", title_en="Case", addressee_en="X", order_rule="gojuon")
    home = made.headers["Location"].removesuffix("/invite")
    submit(staff, f"{home}/invite", members=[house.one.member_id, house.other.member_id])
    assert house.other.member_id in staff.get(home).text
    assert house.other.member_id not in one.get(home).text
