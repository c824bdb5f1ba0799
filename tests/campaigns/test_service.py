"""A campaign: set up, who is asked, who joins, how it moves on; and who does not even learn that it exists."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal import db
from portal.campaigns import service as campaigns
from portal.campaigns.model import PARTICIPATION, STAGES, ParticipationState, Stage
from portal.kernel.act import Act, Role, new_id
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tests.conftest import make_act
from tests.whole.rows import insert

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
NEW = {
    "title": {"en": "Fable Video 2", "ja": "動画生成モデル"},
    "addressee": {"names": {"en": "Fable Systems Inc."}, "office": None, "person": None, "address": {"en": ["1 Example Street"]}, "email": None},
    "summary": {"en": "Clips like our members' films."},
    "order_rule": "gojuon",
}  # fmt: skip


@dataclass(frozen=True)
class House:
    staff: Act
    one: Act
    other: Act


@pytest.fixture
def house(database) -> House:
    return make_house()


@pytest.fixture
def lite(sqlite_database) -> House:
    return make_house()


def make_house() -> House:
    acts = [make_act(Role.signatory, Role.manager, member_id=new_id(), at=AT) for _ in range(2)]
    made = House(make_act(Role.case_manager, at=AT), *acts)

    def rows(session, _act):
        for act in (made.staff, *acts):
            insert(
                session, "person", id=act.person_id, email=f"{act.person_id}@member.example", language="en"
            )
            if act.member_id:
                insert(session, "member", id=act.member_id, names={"en": "Mizuki", "ja": "水城"})
                insert(
                    session,
                    "seat",
                    person_id=act.person_id,
                    member_id=act.member_id,
                    roles=["manager"],
                    title={},
                )

    db.run(rows, made.staff)
    return made


def create(house, **changes):
    return db.run(campaigns.create, house.staff, **{**NEW, **changes})


def invite(house, campaign, *acts):
    return db.run(
        campaigns.invite_members, house.staff, campaign_id=campaign.id, member_ids=[a.member_id for a in acts]
    )


def answer(house, campaign, act, *, join=True, reason=""):
    return db.run(
        campaigns.answer, act, campaign_id=campaign.id, member_id=act.member_id, join=join, reason=reason
    )


def logged(session, _act):
    return list(session.scalars(sa.text("SELECT kind FROM log_entry ORDER BY position")))


def test_from_setting_up_to_joining(house):
    campaign = create(house)
    assert (campaign.stage, campaign.title["ja"], campaign.order_rule) == (
        Stage.outreach,
        "動画生成モデル",
        "gojuon",
    )
    assert invite(house, campaign, house.one, house.other) == 2
    assert invite(house, campaign, house.one) == 0
    assert answer(house, campaign, house.one).state == "joined"
    assert answer(house, campaign, house.one).state == "joined"  # pressing twice is no mistake
    assert (
        answer(house, campaign, house.other, join=False, reason="Not our product.").reason
        == "Not our product."
    )
    assert answer(house, campaign, house.other).state == "joined"
    left = db.run(
        campaigns.leave,
        house.other,
        campaign_id=campaign.id,
        member_id=house.other.member_id,
        reason="Settled.",
    )
    assert left.state == "left"
    with pytest.raises(Conflict):
        answer(house, campaign, house.other)
    assert db.read(lambda s, _a: campaigns.counts(s, [campaign.id]), house.staff)[campaign.id] == {
        "joined": 1,
        "left": 1,
    }
    assert db.read(logged, house.staff) == [
        "campaigns:campaign:created", "campaigns:participation:invited", "campaigns:participation:invited",
        "campaigns:participation:joined", "campaigns:participation:declined", "campaigns:participation:joined", "campaigns:participation:left",
    ]  # fmt: skip


def test_whoever_has_a_seat_is_told_once(lite):
    campaign = create(lite)
    invite(lite, campaign, lite.one)
    invite(lite, campaign, lite.one, lite.other)
    messages = db.read(
        lambda s, _a: s.execute(sa.text("SELECT recipient, template FROM message ORDER BY recipient")).all(),
        lite.staff,
    )
    assert sorted(messages) == sorted(
        (f"{a.person_id}@member.example", "campaigns/invited") for a in (lite.one, lite.other)
    )


@pytest.mark.parametrize(
    "changes",
    [{"title": {"en": " "}}, {"addressee": {"names": {}}}, {"addressee": {}}, {"order_rule": "by_size"}],
)
def test_a_campaign_without_title_addressee_or_order_is_refused(lite, changes):
    with pytest.raises(Invalid):
        create(lite, **changes)
    campaign = create(lite)
    with pytest.raises(Invalid):
        db.run(campaigns.edit, lite.staff, campaign_id=campaign.id, **{**NEW, **changes})


def test_it_is_edited_and_moved_on(house):
    campaign = create(house)
    edited = db.run(
        campaigns.edit, house.staff, campaign_id=campaign.id, **{**NEW, "order_rule": "alphabetical"}
    )
    assert edited.order_rule == "alphabetical"
    assert (
        db.run(campaigns.move_stage, house.staff, campaign_id=campaign.id, stage=Stage.letter).stage
        is Stage.letter
    )
    with pytest.raises(Conflict):
        db.run(campaigns.move_stage, house.staff, campaign_id=campaign.id, stage=Stage.outreach)


@pytest.mark.parametrize("old", list(Stage))
def test_no_stage_leads_back(old):
    order = list(Stage)
    assert all(order.index(new) > order.index(old) for new in STAGES[old])
    assert set(STAGES) == set(Stage)
    assert set(PARTICIPATION) == set(ParticipationState)


def test_who_was_not_asked_does_not_learn_that_it_exists(house):
    campaign = create(house)
    invite(house, campaign, house.one)
    assert db.read(campaigns.get, house.one, campaign.id).id == campaign.id
    assert [c.id for c in db.read(campaigns.list_for, house.one)] == [campaign.id]
    assert db.read(campaigns.list_for, house.other) == ()
    for use in (
        lambda: db.read(campaigns.get, house.other, campaign.id),
        lambda: db.read(campaigns.get, house.staff, new_id()),
        lambda: answer(house, campaign, house.other),
        lambda: db.run(
            campaigns.answer, house.other, campaign_id=campaign.id, member_id=house.one.member_id, join=True
        ),
        lambda: db.read(
            lambda s, _a: campaigns.require_joined(s, campaign.id, house.other.member_id), house.other
        ),
    ):
        with pytest.raises(NotFound):
            use()
    with pytest.raises(Conflict):
        db.read(lambda s, _a: campaigns.require_joined(s, campaign.id, house.one.member_id), house.one)


@pytest.mark.parametrize("roles", [{Role.viewer}, {Role.contributor}])
def test_only_who_may_commit_the_company_answers(lite, roles):
    campaign = create(lite)
    invite(lite, campaign, lite.one)
    with pytest.raises(Forbidden):
        answer(lite, campaign, replace(lite.one, roles=frozenset(roles)))


def test_members_do_not_run_campaigns(lite):
    campaign = create(lite)
    for use in (
        lambda: db.run(campaigns.create, lite.one, **NEW),
        lambda: db.run(campaigns.edit, lite.one, campaign_id=campaign.id, **NEW),
        lambda: db.run(campaigns.move_stage, lite.one, campaign_id=campaign.id, stage=Stage.letter),
        lambda: db.run(campaigns.invite_members, lite.one, campaign_id=campaign.id, member_ids=[]),
    ):
        with pytest.raises(Forbidden):
            use()


def test_strangers_to_the_registry_cannot_be_asked(lite):
    campaign = create(lite)
    with pytest.raises((Invalid, NotFound)):
        db.run(campaigns.invite_members, lite.staff, campaign_id=campaign.id, member_ids=[new_id()])
