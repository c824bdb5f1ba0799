"""The demonstration: invented people half-way through a vote, filled once."""

import tomllib
from collections import Counter
from datetime import UTC, datetime

import pytest

from portal import db
from portal.campaigns import service as campaigns
from portal.config import Settings
from portal.identity import service as identity
from portal.kernel.act import Role, system_act
from portal.letters.house import House, open_house
from portal.members import service as members
from portal.notifications import delivery, mailer
from portal.rehearsal import demo, play
from portal.rehearsal.inputs import EXAMPLE
from portal.signoffs import service as signoffs
from portal.works import service as works
from tests.conftest import make_act

EXAMPLE_MEMBERS = tomllib.loads((EXAMPLE / "association.toml").read_text(encoding="utf-8"))["member"]


@pytest.fixture
def house(tmp_path, database):
    settings = Settings(data_dir=tmp_path / "data", database_url="", secret_key="k" * 32, demo=True)
    mailer.configure(delivery.mailer_for(settings))
    yield open_house(settings)
    mailer.configure(None)


def everything(database: db.Database) -> dict[str, int]:
    with database.read.connect() as connection:
        tables = [name for name in db.Base.metadata.tables if name != "throttle"]
        return {
            name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar() for name in tables
        }


def test_it_is_filled_once_and_says_each_time_how_to_sign_in(house: House, database):
    lines = demo.ensure(datetime.now(UTC), house)
    before = everything(database)
    assert before["member"] == len(EXAMPLE_MEMBERS)
    assert before["signoff"] > 0
    assert demo.ensure(datetime.now(UTC), house) == lines
    assert everything(database) == before

    assert len(lines) == 4
    told = {address: line for line in lines for address in line.split() if "@" in address}
    assert set(told) == {demo.STAFF_EMAIL, demo.OFFICER_EMAIL, *demo.SHOWN}
    roles = {}
    for address, line in told.items():
        assert address.endswith(".example")
        assert play.PASSWORD in line
        roles[address] = sign_in(address, play.PASSWORD)
    assert Role.case_manager in roles[demo.STAFF_EMAIL]
    assert Role.officer in roles[demo.OFFICER_EMAIL]
    assert all(Role.signatory in roles[address] for address in demo.SHOWN)


def sign_in(address: str, password: str) -> frozenset[Role]:
    """The roles of the seat this person acts from after signing in."""
    act = system_act(datetime.now(UTC))
    signed_in = identity.sign_in(act, email=address, password=password)
    view = db.read(lambda session, _act: identity.load_session(session, signed_in.token, act.at), act)
    assert view is not None
    seat, _ = db.read(
        lambda session, _act: members.seat_for_session(session, view.person_id, view.seat_id), act
    )
    assert seat is not None
    return seat.roles


def test_the_vote_is_half_way_and_everybody_is_where_the_example_says(house: House):
    campaign_id = demo.fill(datetime.now(UTC), house)
    staff = make_act(Role.case_manager, Role.auditor)
    states = {row["names"]["en"]: row["state"] for row in EXAMPLE_MEMBERS}
    wanted = Counter(states.values())
    assert min(wanted[state] for state in ("signed", "declined", "submitted", "joined", "invited")) > 0

    taking_part = db.read(lambda session, _act: campaigns.participants(session, campaign_id), staff)
    name_of = {one.id: one.names["en"] for one in db.read(members.list_members, staff)}
    joined = {name_of[one.member_id] for one in taking_part if one.state == "joined"}
    assert joined == {name for name, state in states.items() if state != "invited"}

    (round_,) = db.read(signoffs.rounds_of_campaign, staff, campaign_id=campaign_id)
    assert round_.state == "open"
    assert round_.deadline > staff.at
    verdict = db.read(lambda session, _act: signoffs.verdict(session, round_.id), staff)
    assert not verdict.reached
    assert verdict.missing
    assert (verdict.tally.approved, verdict.tally.declined) == (wanted["signed"], wanted["declined"])
    given = {
        name_of[one.member_id]
        for one in taking_part
        if db.read(
            lambda session, _act, one=one: works.latest_submission(session, campaign_id, one.member_id), staff
        )
    }
    assert given == {name for name, state in states.items() if state in {"signed", "declined", "submitted"}}


def test_who_has_nobody_on_the_portal_yet_can_still_accept(house: House):
    demo.fill(datetime.now(UTC), house)
    staff = make_act(Role.case_manager)
    waiting = [
        one
        for member in db.read(members.list_members, staff)
        for one in db.read(members.list_invitations, staff, member_id=member.id)
    ]
    assert waiting
    assert not [one.email for one in waiting if one.state == "pending" and one.expired(staff.at)]
