"""A campaign with members, a composed letter and its people, made through the use cases of every room."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from portal import db
from portal.campaigns import service as campaigns
from portal.drafting import service as drafting
from portal.drafting.brief import read_toml
from portal.identity import service as identity
from portal.kernel.act import Act, Role, new_id, system_act
from portal.kernel.digest import digest_of
from portal.members import service as members
from portal.signoffs import service as signoffs
from portal.signoffs.receipts import Shown
from tests.conftest import make_act

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
DEADLINE = AT + timedelta(days=14)
EXAMPLE = Path(__file__).resolve().parents[2] / "portal" / "rehearsal" / "example" / "brief.toml"
STAFF = (Role.case_manager, Role.counsel, Role.auditor, Role.administrator)
CATEGORIES = ("animation", "music", "games")
CONSENTS = {"text": True, "mandate": True, "naming": "public", "listing": "public", "corrections": True}


@dataclass
class Stage:
    """What was made; ``submissions`` stand in for the works room, by member."""

    staff: Act
    officers: list[Act]
    member_ids: list[str]
    signatories: dict[str, Act]
    campaign_id: str = ""
    letter_id: str = ""
    submissions: dict[str, SimpleNamespace] = field(default_factory=dict)
    round: object = None

    def open(self, rule="2/3", **kw):
        self.round = db.run(
            signoffs.open_round,
            self.staff,
            letter_id=self.letter_id,
            rule=rule,
            **{"deadline": DEADLINE, **kw},
        )
        return self.round

    def shown(self, member_id):
        submission = self.submissions.get(member_id)
        if submission is not None and submission.state == "returned":
            submission = None
        return Shown(
            self.round.revision_digest,
            submission.digest if submission else None,
            self.round.consent_digest,
            self.round.frame_digest,
        )

    def sign(self, member, decision="approve", *, key=None, at=None, shown=None, consents=None, **kw):
        member_id = self.member_ids[member] if isinstance(member, int) else member
        return db.run(
            signoffs.sign,
            self.at(self.signatories[member_id], at),
            round_id=self.round.id,
            decision=decision,
            shown=shown or self.shown(member_id),
            key=key or new_id(),
            consents=consents or CONSENTS,
            **kw,
        )

    def withdraw(self, member, *, key=None, at=None):
        act = self.at(self.signatories[self.member_ids[member]], at)
        return db.run(signoffs.withdraw, act, round_id=self.round.id, key=key or new_id())

    def carry(self, *who):
        for member in who or range(len(self.member_ids)):
            self.sign(member)
        self.round = db.run(signoffs.close_round, self.staff, round_id=self.round.id)
        return self.round

    def countersign(self, officer=0):
        return db.run(
            signoffs.countersign,
            self.officers[officer],
            round_id=self.round.id,
            revision_digest=self.round.revision_digest,
            frame_digest=self.round.frame_digest,
        )

    def freeze(self):
        return db.run(signoffs.freeze_for_issue, self.staff, letter_id=self.letter_id)

    def publish(self, note="A change.", change=None):
        copy = db.read(drafting.working_copy, self.staff, letter_id=self.letter_id)
        if change:
            texts = {code: change(code, one.text) for code, one in copy.items()}
            versions = {code: one.version for code, one in copy.items()}
            copy = db.run(
                drafting.save_texts, self.staff, letter_id=self.letter_id, texts=texts, versions=versions
            )
        return db.run(
            drafting.publish,
            self.staff,
            letter_id=self.letter_id,
            versions={code: one.version for code, one in copy.items()},
            note=note,
        )

    def now(self):
        self.round = db.read(signoffs.get_round, self.staff, round_id=self.round.id)
        return self.round

    @staticmethod
    def at(act, when):
        return act if when is None else replace(act, at=when, proved_at=when)


def submission(count=3, number=1, state="submitted"):
    one = new_id()
    return SimpleNamespace(id=one, number=number, digest=digest_of([one, count]), count=count, state=state)


def set_the_stage(count=3, officers=2, at=AT):
    """Association, *count* members with a signatory each, campaign they joined, letter with revision 1."""
    system = system_act(at)

    def person(session, act, name):
        return identity.create_person(
            session, act, email=f"{new_id()}@example.example", name=name, language="en"
        )

    def make(session, act):
        members.set_association(
            session, act,
            names={"en": "Fictional Content Association", "ja": "一般社団法人架空コンテンツ協会"},
            code="FCA", address={"en": ["1 Example Street"], "ja": ["東京都架空区一丁目"]}, contact="office@fca.example",
        )  # fmt: skip
        staff = person(session, act, "事務 局子")
        members.add_seat(session, act, person_id=staff.id, member_id=None, roles=STAFF)
        chiefs = []
        for n in range(officers):
            chief = person(session, act, f"Officer {n}")
            title = {"en": "President", "ja": "代表理事"}
            members.add_seat(
                session, act, person_id=chief.id, member_id=None, roles=[Role.officer], title=title
            )
            chiefs.append(make_act(Role.officer, person_id=chief.id, at=at, person_name=chief.name))
        ids, signatories = [], {}
        for n in range(count):
            row = members.MemberRow(
                names={"en": f"Company {n}, Inc.", "ja": f"株式会社第{n}社"}, reading=f"ダイ{'アイウエオカキクケコ'[n % 10]}",
                category=CATEGORIES[n % 3], slug=f"company-{n}", weight=n % 3 + 1, contact_email=f"legal{n}@example.example",
            )  # fmt: skip
            member = members.create_member(session, act, row=row)
            signatory = person(session, act, f"Signatory {n}")
            members.add_seat(
                session,
                act,
                person_id=signatory.id,
                member_id=member.id,
                roles=[Role.signatory],
                authority="Director",
            )
            ids.append(member.id)
            signatories[member.id] = make_act(
                Role.signatory, member_id=member.id, person_id=signatory.id, at=at, person_name=signatory.name
            )
        return make_act(*STAFF, person_id=staff.id, at=at), chiefs, ids, signatories

    staff, chiefs, ids, signatories = db.run(make, system)
    stage = Stage(staff, chiefs, ids, signatories)

    def begin(session, act):
        campaign = campaigns.create(
            session, act, title={"en": "Fable Video 2", "ja": "Fable Video 2"},
            addressee={"names": {"en": "Example Motion Labs, Inc.", "ja": "Example Motion Labs, Inc."}},
            summary={"en": "A case.", "ja": "ある案件。"},
        )  # fmt: skip
        campaigns.invite_members(session, act, campaign_id=campaign.id, member_ids=ids)
        letter = drafting.create_letter(
            session, act, campaign_id=campaign.id, brief=read_toml(EXAMPLE.read_bytes())
        )
        return campaign.id, letter.id

    stage.campaign_id, stage.letter_id = db.run(begin, staff)
    for member_id in ids:
        db.run(campaigns.answer, system, campaign_id=stage.campaign_id, member_id=member_id, join=True)
        stage.submissions[member_id] = submission()
    stage.publish("First version.")
    return stage
