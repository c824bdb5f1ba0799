"""Invitations: single use, expiring, replaceable; and everything a stranger may try with a link."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import db
from portal.identity import service as identity
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from portal.members import service as members
from portal.members.model import INVITATION_MOVES, Invitation, InvitationState
from portal.notifications.model import Message
from tests.conftest import make_act
from tests.members.conftest import ASSOCIATION, AT, PASSWORD, give_seat, make_member, make_person, tokens

STAFF_ROLES = (Role.case_manager, Role.administrator)
ALL = [Role.viewer, Role.contributor, Role.signatory, Role.manager]


@pytest.fixture
def house(database, inbox):
    db.run(members.set_association, system_act(AT), **ASSOCIATION)
    return make_member()


def staff():
    return make_act(*STAFF_ROLES, person_id=make_person(f"staff{id(object())}@alliance.example").id, at=AT)


def invite(member, act=None, email="aya@mizuki.example", roles=ALL, **more):
    values = {"name": "水城 彩", "authority": "General Counsel", "language": "ja", **more}
    return db.run(
        members.invite,
        act or system_act(AT),
        email=email,
        roles=roles,
        member_id=member and member.id,
        **values,
    )


def stranger(at=AT):
    from dataclasses import replace

    return replace(make_act(at=at), person_id=None)


def accept(token, at=AT, **more):
    return db.run(
        members.accept_invitation,
        stranger(at),
        token=token,
        **{"name": "水城 彩", "password": PASSWORD, **more},
    )


def read(token):
    return db.read(members.read_invitation, stranger(), token=token)


def test_from_invitation_to_seat(house, inbox):
    offered = invite(house, staff(), title={"ja": "法務部長", "en": ""})
    (token,) = tokens(inbox)
    assert len(token) >= 43  # 256 bits
    assert read(token) == offered
    accepted = accept(token)
    seat = db.read(lambda s, a: members.seat(s, accepted.seat_id), stranger())
    assert (seat.roles, seat.title, seat.authority, seat.member_id) == (
        set(ALL),
        {"ja": "法務部長"},
        "General Counsel",
        house.id,
    )
    view = db.read(lambda s, a: identity.load_session(s, accepted.session_token, AT), stranger())
    assert (view.person_name, view.seat_id, view.email) == ("水城 彩", seat.id, "aya@mizuki.example")
    assert read(token).state == "accepted"


def test_the_token_is_nowhere_but_in_the_mail(house, inbox):
    invite(house)
    rows = db.read(lambda s, a: [*s.scalars(select(Invitation)), *s.scalars(select(Message))], stranger())
    (token,) = tokens(inbox)
    for row in [*rows, *db.read(lambda s, a: s.scalars(select(Message)).all(), stranger())]:
        assert token not in str(vars(row))
        assert token.encode() not in (getattr(row, "secret", None) or b"")


def test_looking_changes_nothing(house, inbox):
    invite(house)
    (token,) = tokens(inbox)
    before = read(token)
    for _ in range(3):
        assert read(token) == before


def test_a_link_works_once(house, inbox):
    invite(house)
    (token,) = tokens(inbox)
    accept(token)
    with pytest.raises(Conflict, match="accepted already"):
        accept(token)


def test_many_clicks_at_once_make_one_person_and_one_seat(house, inbox):
    invite(house)
    (token,) = tokens(inbox)
    barrier = threading.Barrier(4)
    outcomes = []

    def click():
        barrier.wait()
        try:
            outcomes.append(accept(token).seat_id)
        except Refused as error:
            outcomes.append(error)

    threads = [threading.Thread(target=click) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert len([one for one in outcomes if isinstance(one, str)]) == 1
    assert all(isinstance(one, str | Conflict) for one in outcomes)


def test_it_expires_after_fourteen_days(house, inbox):
    offered = invite(house)
    (token,) = tokens(inbox)
    assert not offered.expired(AT + timedelta(days=13, hours=23))
    assert offered.expired(AT + timedelta(days=14))
    with pytest.raises(Conflict, match="expired"):
        accept(token, AT + timedelta(days=14))
    with pytest.raises(Conflict, match="expired"):
        db.run(members.decline_invitation, stranger(AT + timedelta(days=15)), token=token, reason="")


def test_sent_again_it_has_a_new_link_and_the_old_one_is_dead(house, inbox):
    offered = invite(house)
    (first,) = tokens(inbox)
    later = AT + timedelta(days=20)
    again = db.run(members.resend_invitation, make_act(*STAFF_ROLES, at=later), invitation_id=offered.id)
    assert (again.sendings, again.expires_at) == (2, later + timedelta(days=14))
    (second,) = set(tokens(inbox)) - {first}
    with pytest.raises(NotFound):
        read(first)
    with pytest.raises(NotFound):
        accept(first, later)
    accept(second, later)
    with pytest.raises(Conflict):
        db.run(members.resend_invitation, make_act(*STAFF_ROLES, at=later), invitation_id=offered.id)


def test_a_dead_link_is_not_even_sent(house, inbox):
    one, two = invite(house), invite(house, email="b@mizuki.example")
    db.run(members.resend_invitation, make_act(*STAFF_ROLES, at=AT), invitation_id=one.id)
    db.run(members.revoke_invitation, make_act(Role.case_manager, at=AT), invitation_id=two.id)
    secrets = db.read(
        lambda s, a: [row.secret for row in s.scalars(select(Message).order_by(Message.id))], stranger()
    )
    assert [secret is None for secret in secrets] == [True, True, False]
    (token,) = tokens(inbox)
    accept(token)


def test_withdrawn_or_declined_it_cannot_be_accepted(house, inbox):
    one, two = invite(house), invite(house, email="b@mizuki.example")
    first, second = tokens(inbox)
    db.run(members.revoke_invitation, make_act(Role.case_manager, at=AT), invitation_id=one.id)
    db.run(members.decline_invitation, stranger(), token=second, reason="Ask 山田 instead")
    for token in (first, second):
        with pytest.raises(Conflict, match="withdrawn"):
            accept(token)
    assert read(second).reason == "Ask 山田 instead"
    with pytest.raises(Conflict):
        db.run(members.revoke_invitation, make_act(Role.case_manager, at=AT), invitation_id=two.id)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "%00", "' OR 1=1 --", "🦊"])
def test_links_that_never_were(house, inbox, token):
    invite(house)
    for answer in (read, accept):
        with pytest.raises(NotFound):
            answer(token)


@pytest.mark.parametrize(("values", "where"), [({"password": "short"}, "password"), ({"password": None}, "password"), ({"name": " "}, "name"), ({"password": "aya@mizuki.example"}, "password")])  # fmt: skip
def test_a_bad_password_or_name_leaves_it_pending(house, inbox, values, where):
    invite(house, name="")
    (token,) = tokens(inbox)
    with pytest.raises(Invalid) as refusal:
        accept(token, **values)
    assert where in [problem.where for problem in refusal.value.problems]
    assert read(token).state == "pending"
    accept(token)


def test_the_link_alone_never_opens_an_existing_account(house, inbox):
    owner = make_person(password="seven crows above the harbour")
    invite(house)
    (token,) = tokens(inbox)
    with pytest.raises(Conflict, match="Sign in"):
        accept(token)
    other = make_person("ken@x.example")
    with pytest.raises(Conflict, match="somebody else"):
        db.run(members.accept_invitation, make_act(person_id=other.id, at=AT), token=token)
    accepted = db.run(members.accept_invitation, make_act(person_id=owner.id, at=AT), token=token)
    assert (accepted.person_id, accepted.session_token) == (owner.id, None)
    assert identity.sign_in(stranger(), email=owner.email, password="seven crows above the harbour")


def test_somebody_signed_in_cannot_take_a_strangers_invitation(house, inbox):
    other = make_person("ken@x.example")
    invite(house)
    (token,) = tokens(inbox)
    with pytest.raises(Conflict, match="somebody else"):
        db.run(
            members.accept_invitation,
            make_act(person_id=other.id, at=AT),
            token=token,
            name="x",
            password=PASSWORD,
        )


def test_a_signatory_invited_by_the_member_itself_waits_to_be_verified(house, inbox):
    boss = make_person("boss@mizuki.example")
    give_seat(boss, house, Role.manager)
    invite(house, make_act(Role.manager, member_id=house.id, person_id=boss.id, at=AT))
    accepted = accept(tokens(inbox)[0])
    seat = db.read(lambda s, a: members.seat(s, accepted.seat_id), stranger())
    assert seat.unverified
    assert Role.signatory not in seat.roles


def test_nobody_invites_himself(house, inbox):
    boss = make_person("boss@mizuki.example")
    act = make_act(Role.manager, member_id=house.id, person_id=boss.id, at=AT)
    with pytest.raises(Forbidden):
        invite(house, act, email="BOSS@mizuki.example")


def test_who_may_invite_whom(house, inbox):
    other = make_member("b", "B", "", "")
    manager = make_act(Role.manager, member_id=house.id, at=AT)
    with pytest.raises(NotFound):
        invite(other, manager)
    with pytest.raises(NotFound):
        invite(None, manager, roles=[Role.officer])
    with pytest.raises(Forbidden):
        invite(house, make_act(Role.signatory, member_id=house.id, at=AT))
    with pytest.raises(Forbidden):
        invite(None, make_act(Role.case_manager, at=AT), roles=[Role.administrator])
    with pytest.raises(Conflict):
        invite(house, roles=[Role.administrator])
    offered = invite(other)
    for use_case in (members.resend_invitation, members.revoke_invitation):
        with pytest.raises(NotFound):
            db.run(use_case, manager, invitation_id=offered.id)
    with pytest.raises(NotFound):
        db.read(members.list_invitations, manager, member_id=other.id)


@pytest.mark.parametrize(("values", "where"), [({"email": "nobody"}, "email"), ({"authority": " "}, "authority"), ({"name": "x" * 201}, "name"), ({"authority": "x" * 501}, "authority")])  # fmt: skip
def test_bad_invitations(house, inbox, values, where):
    with pytest.raises(Invalid) as refusal:
        invite(house, **values)
    assert [problem.where for problem in refusal.value.problems] == [where]


def test_an_address_is_invited_once_at_a_time(house, inbox):
    offered = invite(house)
    with pytest.raises(Conflict, match="invited already"):
        invite(house, email="AYA@mizuki.example")
    invite(make_member("b", "B", "", ""))  # another member is another matter
    db.run(members.revoke_invitation, make_act(Role.case_manager, at=AT), invitation_id=offered.id)
    invite(house)
    accept(tokens(inbox)[-1])
    with pytest.raises(Conflict, match="has a seat"):
        invite(house)


def test_the_list_shows_what_became_of_the_mail(house, inbox):
    invite(house)
    act = make_act(Role.case_manager, at=AT)
    assert db.read(members.list_invitations, act, member_id=house.id)[0].message_state == "queued"
    tokens(inbox)
    assert db.read(members.list_invitations, act, member_id=house.id)[0].message_state == "sent"


def test_many_or_nobody(house, inbox):
    make_member("b", "B", "", "")
    lines, _ = members.read_invitation_lines(
        "mizuki, aya@mizuki.example, 水城 彩, GC\nb, legal@b.example,, Director\n"
    )
    bad, _ = members.read_invitation_lines(
        "mizuki, x@mizuki.example,, GC\nunknown, y@c.example,, GC\nb, z@b.example\n"
    )
    with pytest.raises(Invalid) as refusal:
        db.run(members.invite_many, staff(), lines=bad, roles=ALL)
    assert [problem.where for problem in refusal.value.problems] == ["line 2", "line 3, authority"]
    assert tokens(inbox) == []
    assert len(db.run(members.invite_many, staff(), lines=lines, roles=ALL)) == 2
    assert len(tokens(inbox)) == 2
    with pytest.raises(Forbidden):
        db.run(members.invite_many, make_act(Role.manager, member_id=house.id, at=AT), lines=lines, roles=ALL)


def test_the_first_administrator(database, inbox):
    lost = db.run(
        members.create_first_administrator,
        system_act(AT),
        email="sakura@alliance.example",
        name="雲野 さくら",
    )
    token = db.run(
        members.create_first_administrator,
        system_act(AT),
        email="sakura@alliance.example",
        name="雲野 さくら",
    )
    with pytest.raises(Conflict):
        accept(lost)
    accepted = accept(token, name="雲野 さくら")
    seat = db.read(lambda s, a: members.seat(s, accepted.seat_id), stranger())
    assert (seat.member_id, seat.roles) == (None, {Role.administrator, Role.case_manager})
    with pytest.raises(Conflict):
        db.run(members.create_first_administrator, system_act(AT), email="b@alliance.example", name="B")
    with pytest.raises(NotFound):
        db.run(
            members.create_first_administrator,
            make_act(Role.administrator, at=AT),
            email="b@alliance.example",
            name="B",
        )


def test_every_state_has_its_row():
    assert set(INVITATION_MOVES) == set(InvitationState)
    assert all(
        not INVITATION_MOVES[state] for state in InvitationState if state is not InvitationState.pending
    )
