"""Whose word an authority rests on: the association's own seats, one's own authority, the name verified."""

import pytest

from portal import db
from portal.identity import service as identity
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Forbidden, Invalid
from portal.members import service as members
from tests.conftest import make_act
from tests.members.conftest import ASSOCIATION, AT, PASSWORD, give_seat, make_member, make_person, tokens


def now(seat_id):
    return db.read(lambda s, _a: members.seat(s, seat_id), system_act(AT))


def rename(person, name):
    act = make_act(person_id=person.id, at=AT)
    return db.run(identity.edit_account, act, name=name, language="ja")


def act_of(person, *roles):
    return make_act(*roles, person_id=person.id, at=AT)


# --- the association's own seats ------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.officer, Role.auditor, Role.administrator])
def test_a_case_manager_does_not_manage_the_associations_seats(database, role):
    give_seat(make_person("first@alliance.example"), None, Role.administrator)
    seat = give_seat(make_person(), None, role)
    act = act_of(make_person("c@alliance.example"), Role.case_manager)
    for use_case, values in (
        (members.end_seat, {}),
        (members.grant_roles, {"roles": [role]}),
        (members.grant_roles, {"roles": [role], "title": {"en": "President"}}),
        (members.verify_authority, {}),
    ):
        with pytest.raises(Forbidden):
            db.run(use_case, act, seat_id=seat.id, **values)
    administrator = act_of(make_person("a@alliance.example"), Role.administrator)
    db.run(members.end_seat, administrator, seat_id=seat.id)
    assert now(seat.id).ended_at == AT


def test_nor_its_invitations(database, inbox):
    db.run(members.set_association, system_act(AT), **ASSOCIATION)
    sent = db.run(
        members.invite,
        system_act(AT),
        email="o@alliance.example",
        name="",
        roles=[Role.officer],
        member_id=None,
    )
    act = act_of(make_person("c@alliance.example"), Role.case_manager)
    for use_case in (members.resend_invitation, members.revoke_invitation):
        with pytest.raises(Forbidden):
            db.run(use_case, act, invitation_id=sent.id)
    administrator = act_of(make_person("a@alliance.example"), Role.administrator)
    assert db.run(members.resend_invitation, administrator, invitation_id=sent.id).sendings == 2
    db.run(members.revoke_invitation, administrator, invitation_id=sent.id)


# --- one's own authority --------------------------------------------------------------------------


def test_staff_do_not_verify_themselves_by_rewording(database):
    member, person = make_member(), make_person()
    boss = make_act(Role.manager, member_id=member.id, person_id=make_person("b@x.example").id, at=AT)
    seat = db.run(
        members.add_seat,
        boss,
        person_id=person.id,
        member_id=member.id,
        roles=[Role.signatory],
        authority="x",
    )
    me = act_of(person, Role.case_manager, Role.administrator)
    with pytest.raises(Forbidden):
        db.run(members.grant_roles, me, seat_id=seat.id, roles=[Role.signatory], authority="Director")
    assert now(seat.id).unverified
    # somebody else of the association may
    other = act_of(make_person("s@alliance.example"), Role.case_manager)
    changed = db.run(
        members.grant_roles, other, seat_id=seat.id, roles=[Role.signatory], authority="Director"
    )
    assert changed.roles == {Role.signatory}


def test_a_signatory_always_has_an_authority(database):
    member, person = make_member(), make_person()
    staff = act_of(make_person("s@alliance.example"), Role.case_manager)
    for authority in ("", "  "):
        with pytest.raises(Invalid):
            give_seat(person, member, Role.signatory, authority=authority)
    seat = give_seat(person, member, Role.viewer)
    with pytest.raises(Invalid):
        db.run(members.grant_roles, staff, seat_id=seat.id, roles=[Role.signatory])
    signatory = db.run(
        members.grant_roles, staff, seat_id=seat.id, roles=[Role.signatory], authority="Director"
    )
    assert signatory.roles == {Role.signatory}
    with pytest.raises(Invalid):
        db.run(members.grant_roles, staff, seat_id=seat.id, roles=[Role.signatory], authority=" ")
    with pytest.raises(Invalid):
        db.run(members.grant_roles, staff, seat_id=seat.id, roles=[Role.signatory], authority="x" * 501)


# --- the name that was verified -------------------------------------------------------------------


def test_a_renamed_signatory_signs_nothing_until_verified_again(database):
    member, person = make_member(), make_person()
    seat = give_seat(person, member, Role.signatory, Role.viewer, authority="Director")
    assert seat.roles == {Role.signatory, Role.viewer}
    rename(person, "水城　彩")  # another space is no other name
    assert not now(seat.id).unverified
    rename(person, "Somebody Else")
    renamed = now(seat.id)
    assert renamed.unverified
    assert renamed.roles == {Role.viewer}
    chosen, _ = db.read(lambda s, _a: members.seat_for_session(s, person.id, seat.id), system_act(AT))
    assert chosen.roles == {Role.viewer}
    assert db.read(lambda s, _a: members.live_seats(s, member.id, Role.signatory), system_act(AT)) == ()
    staff = act_of(make_person("s@alliance.example"), Role.case_manager)
    verified = db.run(members.verify_authority, staff, seat_id=seat.id)
    assert (verified.roles, verified.verified_name) == ({Role.signatory, Role.viewer}, "Somebody Else")


def test_a_renamed_officer_does_not_countersign(database):
    person = make_person(name="空木 誠")
    seat = give_seat(person, None, Role.officer, Role.auditor)
    rename(person, "Somebody Else")
    assert now(seat.id).roles == {Role.auditor}
    rename(person, "空木 誠")
    assert now(seat.id).roles == {Role.officer, Role.auditor}


def test_who_accepts_under_another_name_than_invited_is_verified_first(database, inbox):
    """Staff vouched for the name they wrote, not for whatever is typed under the link."""
    db.run(members.set_association, system_act(AT), **ASSOCIATION)
    member = make_member()
    staff = act_of(make_person("s@alliance.example"), Role.case_manager)
    seats = {}
    for address, invited, typed in (
        ("a@x.example", "水城 彩", "水城彩"),
        ("b@x.example", "水城 彩", "Impostor"),
        ("c@x.example", "", "水城 彩"),
    ):
        db.run(
            members.invite, staff, email=address, name=invited, roles=[Role.signatory], member_id=member.id,
            authority="Director",
        )  # fmt: skip
        stranger = make_act(at=AT, person_id="")
        from dataclasses import replace

        accepted = db.run(
            members.accept_invitation, replace(stranger, person_id=None), token=tokens(inbox)[-1],
            name=typed, password=PASSWORD,
        )  # fmt: skip
        seats[address] = now(accepted.seat_id)
    assert [seat.unverified for seat in seats.values()] == [False, True, False]
