"""A member's home and every page it leads to: just asked, taking part, having said no, having left."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from tests.whole.proof import page, text_of
from tests.whole.small import seated, small_app, submit
from tests.works.lists import Stage, set_stage


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


def become(stage: Stage, member_id: str, state: str) -> None:
    change = sa.text("UPDATE participation SET state = :state WHERE member_id = :member")
    db.run(lambda s, _a: s.execute(change, {"state": state, "member": member_id}) and None, stage.staff)


def visit(client):
    """The home (a redirect to the only campaign's steps), and what it says."""
    answer = client.get("/", follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer, text_of(page(answer.text))


def test_an_invited_member_sees_its_steps_and_can_go_everywhere_they_lead(app):
    stage = set_stage()
    client = seated(app, stage.asked)
    answer, text = visit(client)
    (steps,) = re.findall(r'<ol class="tasks">(.*?)</ol>', answer.text, re.DOTALL)
    assert steps.index("Say whether your company takes part") < steps.index("Give your works")
    assert steps.count("To do") == 1
    assert "There is no draft yet" in text
    calendar = client.get("/calendar.ics")
    assert calendar.status_code == 200
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    links = set(re.findall(r'href="(/campaigns/[^"#]*)"', answer.text))
    assert f"/campaigns/{stage.campaign_id}" in links
    for link in (*links, "/campaigns"):
        assert client.get(link).status_code == 200, link
    home = f"/campaigns/{stage.campaign_id}"
    assert submit(client, f"{home}/answer", on=home, answer="join").status_code == 303
    after, _ = visit(client)
    assert f"{home}/exhibits" in after.text
    assert client.get(f"{home}/exhibits").status_code == 200


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("declined", "Your company does not take part. It can still join."),
        ("left", "Your company has left this campaign."),
    ],
)
def test_who_said_no_or_left_still_has_a_home(app, state, says):
    stage = set_stage()
    become(stage, stage.one.member_id, state)
    client = seated(app, stage.one)
    answer, text = visit(client)
    assert says in text
    assert "To do" not in text
    assert client.get("/calendar.ics").status_code == 200
    for link in set(re.findall(r'href="(/campaigns/[^"#]*)"', answer.text)):
        assert client.get(link).status_code == 200, link
    assert client.get(f"/campaigns/{stage.campaign_id}/exhibits").status_code == 404


def test_nobody_who_was_not_asked_learns_of_it(app):
    stage = set_stage()
    client = seated(app, stage.stranger)
    visit(client)
    for page_ in ("", "/steps", "/letters", "/exhibits", "/works"):
        assert client.get(f"/campaigns/{stage.campaign_id}{page_}").status_code == 404, page_


def test_a_member_that_takes_part_can_leave_on_the_campaigns_page(app):
    stage = set_stage()
    client = seated(app, stage.one)
    home = f"/campaigns/{stage.campaign_id}"
    assert "Leave the campaign" in client.get(home).text
    gone = submit(client, f"{home}/leave", on=home, reason="Other plans.")
    assert gone.status_code == 303
    after = client.get(home)
    assert "has left" in after.text
    assert "Leave the campaign" not in after.text
