"""Seats: who acts for whom; nobody makes himself a signatory; what ends with a seat."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from portal import db
from portal.identity import service as identity
from portal.kernel.act import Role, new_id, system_act
from portal.kernel.errors import Conflict, Forbidden, NotFound, ProofNeeded
from portal.members import service as members
from portal.members.model import Seat
from tests.conftest import make_act
from tests.members.conftest import AT, PASSWORD, give_seat, make_member, make_person


def manager_of(member, person=None):
    return make_act(Role.manager, member_id=member.id, person_id=person and person.id, at=AT)


def test_one_person_two_companies(database):
    one, two, person = make_member(), make_member("b", "B", "", ""), make_person()
    assert db.read(lambda s, a: members.seat_for_session(s, person.id, None), system_act(AT)) == (None, 0)
    first = give_seat(person, one, Role.viewer)
    assert db.read(lambda s, a: members.seat_for_session(s, person.id, None), system_act(AT)) == (first, 1)
    second = give_seat(person, two, Role.signatory, authority="Director")
    assert db.read(lambda s, a: members.seat_for_session(s, person.id, None), system_act(AT)) == (None, 2)
    chosen, count = db.read(lambda s, a: members.seat_for_session(s, person.id, second.id), system_act(AT))
    assert (chosen.member_names, chosen.roles, count) == (two.names, {Role.signatory}, 2)


def test_a_session_acts_only_from_a_seat_of_its_person(database):
    member, person, other = make_member(), make_person(password=PASSWORD), make_person("ken@x.example")
    mine, theirs = give_seat(person, member, Role.viewer), give_seat(other, member, Role.viewer)
    entered = identity.sign_in(make_act(at=AT), email=person.email, password=PASSWORD)
    act = make_act(person_id=person.id, at=AT)
    db.run(members.choose_seat, act, session_id=entered.session_id, seat_id=mine.id)
    with pytest.raises(NotFound):
        db.run(members.choose_seat, act, session_id=entered.session_id, seat_id=theirs.id)
    with pytest.raises(NotFound):  # nor somebody else's session
        db.run(
            members.choose_seat,
            make_act(person_id=other.id, at=AT),
            session_id=entered.session_id,
            seat_id=theirs.id,
        )
    view = db.read(lambda s, a: identity.load_session(s, entered.token, AT), act)
    assert view.seat_id == mine.id


def test_a_manager_claims_a_signatory_and_the_association_verifies(database):
    member, boss, clerk = make_member(), make_person(), make_person("clerk@mizuki.example")
    give_seat(boss, member, Role.manager)
    seat = give_seat(clerk, member, Role.viewer)
    act = manager_of(member, boss)
    claimed = db.run(
        members.grant_roles,
        act,
        seat_id=seat.id,
        roles=[Role.viewer, Role.signatory],
        authority="Director since 2024",
    )
    assert claimed.unverified
    assert claimed.roles == {Role.viewer}
    with pytest.raises(Forbidden):
        db.run(members.verify_authority, act, seat_id=seat.id)
    staff = make_person("s@alliance.example")
    verified = db.run(
        members.verify_authority, make_act(Role.case_manager, person_id=staff.id, at=AT), seat_id=seat.id
    )
    assert verified.roles == {Role.viewer, Role.signatory}
    # another basis, given by the member itself, has to be verified again
    reworded = db.run(members.grant_roles, act, seat_id=seat.id, roles=[Role.signatory], authority="Emperor")
    assert reworded.roles == frozenset()


def test_nobody_makes_himself_anything(database):
    member, boss = make_member(), make_person()
    seat = give_seat(boss, member, Role.manager)
    act = manager_of(member, boss)
    with pytest.raises(Forbidden):
        db.run(members.grant_roles, act, seat_id=seat.id, roles=[Role.manager, Role.signatory])
    with pytest.raises(Forbidden):
        db.run(members.add_seat, act, person_id=boss.id, member_id=member.id, roles=[Role.signatory])
    staff = make_person("s@alliance.example")
    staff_act = make_act(Role.case_manager, Role.administrator, person_id=staff.id, at=AT)
    with pytest.raises(Forbidden):
        db.run(members.add_seat, staff_act, person_id=staff.id, member_id=member.id, roles=[Role.signatory])
    # giving up a role oneself is fine
    assert db.run(members.grant_roles, act, seat_id=seat.id, roles=[Role.manager]).roles == {Role.manager}


def test_staff_with_a_claimed_seat_cannot_verify_themselves(database):
    member, person = make_member(), make_person()
    give_seat(person, None, Role.case_manager)
    manager = manager_of(member, make_person("boss@mizuki.example"))
    seat = db.run(
        members.add_seat,
        manager,
        person_id=person.id,
        member_id=member.id,
        roles=[Role.signatory],
        authority="Director",
    )
    assert seat.unverified
    with pytest.raises(Forbidden):
        db.run(
            members.verify_authority, make_act(Role.case_manager, person_id=person.id, at=AT), seat_id=seat.id
        )


def test_a_reader_verified_by_staff_does_not_become_a_signatory_unverified(database):
    """What staff vouched for when it gave a reader's seat is not an authority to sign."""
    member, person = make_member(), make_person()
    give_seat(person, member, Role.viewer)
    manager = manager_of(member, make_person("boss@mizuki.example"))
    seat = db.run(
        members.add_seat,
        manager,
        person_id=person.id,
        member_id=member.id,
        roles=[Role.signatory],
        authority="x",
    )
    assert seat.roles == {Role.viewer}
    assert seat.granted == {Role.viewer, Role.signatory}


def test_members_and_association_have_different_roles(database):
    member, person = make_member(), make_person()
    with pytest.raises(Conflict):
        give_seat(person, member, Role.officer)
    with pytest.raises(Conflict):
        give_seat(person, None, Role.signatory)
    with pytest.raises(Conflict):
        give_seat(person, member)
    with pytest.raises(Forbidden):
        db.run(
            members.add_seat,
            make_act(Role.case_manager, at=AT),
            person_id=person.id,
            member_id=None,
            roles=[Role.officer],
        )


def test_another_companys_seats_do_not_exist(database):
    mine, other, person = make_member(), make_member("b", "B", "", ""), make_person()
    seat = give_seat(person, other, Role.viewer)
    act = manager_of(mine)
    for use_case, values in (
        (members.end_seat, {"seat_id": seat.id}),
        (members.grant_roles, {"seat_id": seat.id, "roles": [Role.viewer]}),
        (members.verify_authority, {"seat_id": seat.id}),
        (members.get_seat, {"seat_id": seat.id}),
        (members.list_seats, {"member_id": other.id}),
        (members.list_seats, {"member_id": None}),
        (members.end_seat, {"seat_id": new_id()}),
    ):
        with pytest.raises(NotFound):
            db.run(use_case, act, **values)


def test_managing_needs_a_fresh_proof_and_the_role(database):
    member, person = make_member(), make_person()
    seat = give_seat(person, member, Role.viewer)
    stale = replace(manager_of(member), proved_at=AT - timedelta(minutes=6))
    with pytest.raises(ProofNeeded):
        db.run(members.end_seat, stale, seat_id=seat.id)
    with pytest.raises(Forbidden):
        db.run(members.end_seat, make_act(Role.signatory, member_id=member.id, at=AT), seat_id=seat.id)


def test_the_end_of_a_seat_ends_its_sessions(database):
    member, person = make_member(), make_person(password=PASSWORD)
    seat = give_seat(person, member, Role.viewer)
    entered = identity.sign_in(make_act(at=AT), email=person.email, password=PASSWORD)
    db.run(
        members.choose_seat,
        make_act(person_id=person.id, at=AT),
        session_id=entered.session_id,
        seat_id=seat.id,
    )
    db.run(members.end_seat, manager_of(member), seat_id=seat.id)
    assert db.read(lambda s, a: identity.load_session(s, entered.token, AT), system_act(AT)) is None
    assert db.read(lambda s, a: members.seats_of(s, person.id), system_act(AT)) == ()
    with pytest.raises(Conflict):
        db.run(members.end_seat, manager_of(member), seat_id=seat.id)
    assert give_seat(person, member, Role.viewer).id != seat.id  # may come back


def test_the_last_administrator_stays(database):
    person, second = make_person(), make_person("b@x.example")
    seat = give_seat(person, None, Role.administrator)
    act = make_act(Role.administrator, person_id=second.id, at=AT)
    with pytest.raises(Conflict):
        db.run(members.end_seat, act, seat_id=seat.id)
    with pytest.raises(Conflict):
        db.run(members.grant_roles, act, seat_id=seat.id, roles=[Role.officer])
    give_seat(second, None, Role.administrator)
    db.run(members.end_seat, act, seat_id=seat.id)


@pytest.mark.parametrize("with_member", [True, False])
def test_the_database_itself_allows_one_live_seat(database, with_member):
    member, person = make_member(), make_person()
    give_seat(person, member if with_member else None, Role.viewer if with_member else Role.officer)

    def second(session, act):
        session.execute(
            insert(Seat).values(
                id=new_id(),
                person_id=person.id,
                member_id=member.id if with_member else None,
                roles=[],
                title={},
                authority="",
                created_at=act.at,
            )
        )

    with pytest.raises(IntegrityError), db.transaction() as session:
        second(session, system_act(AT))


def test_whom_to_write_to(database):
    member = make_member()
    give_seat(make_person(), member, Role.signatory, authority="Director", title={"ja": "法務部長"})
    give_seat(make_person("v@x.example"), member, Role.viewer)
    found = db.read(
        lambda s, a: members.live_seats(s, member.id, Role.signatory, Role.manager), system_act(AT)
    )
    assert [(seat.email, seat.language, seat.title) for seat in found] == [
        ("aya@mizuki.example", "ja", {"ja": "法務部長"})
    ]
    assert len(db.read(lambda s, a: members.live_seats(s, member.id), system_act(AT))) == 2
