"""The demonstration: an invented association with a campaign that is half-way (example/association.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from portal import db
from portal.campaigns import service as campaigns
from portal.drafting import brief as briefs
from portal.drafting import service as drafting
from portal.identity import service as identity
from portal.kernel.act import Act, Role, new_id, system_act
from portal.letters.house import House
from portal.members import service as members
from portal.rehearsal import play
from portal.rehearsal.inputs import EXAMPLE, example_association
from portal.signoffs import quorum
from portal.signoffs import service as signoffs

STAFF_EMAIL: Final = "sakura@alliance.example"
OFFICER_EMAIL: Final = "makoto@alliance.example"
SHOWN: Final = ("naoko@takahashi-eizo.example", "shota@ginga-doga.example")
"""The two members whose people are told how to sign in: one has signed, one has not."""

_ROLES: Final = [Role.signatory, Role.manager, Role.contributor]
_TOOK_PART: Final = frozenset({"joined", "submitted", "signed", "declined"})
_GAVE_WORKS: Final = frozenset({"submitted", "signed", "declined"})
_CONSENTS: Final = {"eclair": ("addressee", "addressee"), "kazahaya": ("unnamed", "withheld")}
"""Naming and listing of those who do not agree to everything public."""


def ensure(at: datetime, house: House) -> list[str]:
    """Fill the demonstration if this installation is empty; the lines that say how to sign in."""
    system = system_act(at)
    if db.read(members.find_association, system) is None:
        fill(at, house)
    return _sign_in_lines()


def fill(at: datetime, house: House) -> str:
    """Play the invented campaign up to the middle of its vote, at times before *at*; the campaign's id."""
    example = example_association()
    facts = briefs.read_toml((EXAMPLE / "brief.toml").read_bytes(), "brief.toml")
    system = system_act(at - timedelta(days=20), "ja")
    seats = _association(system, example)
    staff = play.acting(seats["staff"], at - timedelta(days=19))
    rows, people = _members(staff, example)
    campaign = play.set_up_campaign(staff, facts, [row["id"] for row in rows], "gojuon")
    play.add_exhibits(staff, house, campaign.id, facts)
    for number, row in enumerate(rows):
        _join(people.get(row["slug"]), row, campaign.id, at - timedelta(days=15, hours=-7 * number))
    staff = play.acting(seats["staff"], at - timedelta(days=8))
    revision = play.publish_draft(
        staff, campaign.id, facts, "最初の版です。ご意見をお寄せください。/ First revision; please comment."
    )
    round_ = _open(play.acting(seats["staff"], at - timedelta(days=6)), revision, at)
    _invite_the_rest(play.acting(seats["staff"], at - timedelta(days=6, hours=-1)), rows)
    for number, row in enumerate(rows):
        if row["state"] in {"signed", "declined"}:
            _answer(
                play.acting(people[row["slug"]], at - timedelta(days=5, hours=-17 * number)), row, round_.id
            )
    return campaign.id


def _association(system: Act, example: Mapping[str, Any]) -> dict[str, members.SeatView]:
    association = example["association"]
    db.run(
        members.set_association,
        system,
        names=association["names"],
        code=association["code"],
        address=association["address"],
        contact=association["contact"],
    )
    return {
        row["key"]: _seat(system, None, row, [Role(role) for role in row["roles"]])
        for row in example["people"]
    }


def _seat(act: Act, member_id: str | None, row: Mapping[str, Any], roles: list[Role]) -> members.SeatView:
    """A person with the demonstration's password, and the seat."""
    language = "ja" if any(ord(char) > 0x2FFF for char in row["name"]) else "en"
    person = db.run(
        identity.create_person,
        act,
        email=row["email"],
        name=row["name"],
        language=language,
        password=play.PASSWORD,
    )
    return db.run(
        members.add_seat,
        act,
        person_id=person.id,
        member_id=member_id,
        roles=roles,
        title=row["title"],
        authority=next(iter(row["title"].values()), ""),
    )


def _members(
    staff: Act, example: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, members.SeatView]]:
    rows, people = [], {}
    for given in example["member"]:
        row = members.MemberRow(
            names=given["names"],
            reading=given["reading"],
            category=given["category"],
            country=given["country"],
            kind=given.get("kind", "company"),
            slug=given["slug"],
            contact_email=given["person"]["email"],
        )
        member = db.run(members.create_member, staff, row=row)
        rows.append({**given, "id": member.id})
        if given["person"]["name"]:
            people[given["slug"]] = _seat(staff, member.id, given["person"], _ROLES)
    return rows, people


def _invite_the_rest(staff: Act, rows: list[dict[str, Any]]) -> None:
    """Who has nobody on the portal yet is invited; late enough that the link still works for a while."""
    for row in rows:
        if not row["person"]["name"]:
            db.run(
                members.invite,
                staff,
                email=row["person"]["email"],
                name="",
                roles=_ROLES,
                member_id=row["id"],
                authority="—",
            )


def _join(seat: members.SeatView | None, row: Mapping[str, Any], campaign_id: str, at: datetime) -> None:
    if seat is None or row["state"] not in _TOOK_PART:
        return
    act = play.acting(seat, at)
    db.run(campaigns.answer, act, campaign_id=campaign_id, member_id=row["id"], join=True)
    if row["state"] in _GAVE_WORKS:
        play.give_works(
            play.acting(seat, at + timedelta(hours=20)), campaign_id, _list(row["works"]), "works.csv"
        )


def _list(rows: list[list[Any]]) -> bytes:
    """A works list as a company would send it."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["作品名", "ローマ字", "英題", "種別", "発表年"])
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _open(staff: Act, revision: drafting.RevisionView, at: datetime) -> signoffs.RoundView:
    """Two thirds of the roll, among them at least one publisher; eight days from now."""
    rule = quorum.parse_rule(
        {
            "kind": "all",
            "of": [
                {"kind": "share", "at_least": "2/3", "of": "roll", "by": "members"},
                {"kind": "category_at_least", "category": "publishing", "at_least": 1},
            ],
        }
    )
    return db.run(
        signoffs.open_round,
        staff,
        letter_id=revision.letter_id,
        rule=rule,
        deadline=(at + timedelta(days=8)).replace(hour=8, minute=0, second=0, microsecond=0),
    )


def _answer(act: Act, row: Mapping[str, Any], round_id: str) -> None:
    if row["state"] == "signed":
        naming, listing = _CONSENTS.get(row["slug"], ("public", "public"))
        play.approve(act, round_id, naming=naming, listing=listing)
        return
    ballot = db.read(signoffs.ballot, act, round_id=round_id)
    db.run(
        signoffs.sign,
        act,
        round_id=round_id,
        decision="decline",
        shown=play.shown(ballot, act),
        key=new_id(),
        reason="他の手続を優先するため。/ We pursue this in another way.",
    )


def _sign_in_lines() -> list[str]:
    """One line for each person a visitor may be."""
    people = (
        ("staff", STAFF_EMAIL, "runs the campaign"),
        ("officer", OFFICER_EMAIL, "countersigns"),
        ("member", SHOWN[0], "has signed"),
        ("member", SHOWN[1], "has not answered yet"),
    )
    width = max(len(address) for _, address, _ in people)
    return [
        f"{kind:8} {address:{width}}  password: {play.PASSWORD}   ({what})" for kind, address, what in people
    ]
