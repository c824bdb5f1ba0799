"""A campaign with two members that take part, one asked, one stranger; and how they act."""

from dataclasses import dataclass
from datetime import UTC, datetime

from portal import db
from portal.kernel.act import Act, Role, new_id
from portal.works import service as works
from portal.works.rows import Kind, WorkRow
from tests.conftest import make_act
from tests.whole.rows import insert

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
MEMBER_ROLES = (Role.signatory, Role.manager, Role.contributor)
MIST = WorkRow(
    "霧の灯台守", title_en="Keeper of the Misty Light", kind=Kind.tv, year=2014, published="2014-10"
)
ROCKET = WorkRow("潮騒ロケット", kind=Kind.tv, year=2021, published="2021")


@dataclass(frozen=True)
class Stage:
    """Who acts: ``one`` and ``other`` have joined, ``asked`` has not answered, ``stranger`` was never asked."""

    campaign_id: str
    one: Act
    other: Act
    asked: Act
    stranger: Act
    staff: Act

    def here(self, act: Act) -> dict[str, str]:
        return {"campaign_id": self.campaign_id, "member_id": act.member_id or ""}

    def fill(self, act: Act, *rows: WorkRow, **kw) -> int:
        return db.run(works.replace_rows, act, **self.here(act), rows=rows, **kw)

    def submit(self, act: Act, consent="public", **kw) -> works.SubmissionView:
        return db.run(works.submit, act, **self.here(act), consent=consent, **kw)

    def list(self, act: Act) -> works.ListView:
        return db.read(works.works_list, act, **self.here(act))

    def give(self, act: Act, *rows: WorkRow, **kw) -> works.SubmissionView:
        self.fill(act, *rows)
        return self.submit(act, **kw)


def set_stage() -> Stage:
    members = [new_id() for _ in range(4)]
    acts = [make_act(*MEMBER_ROLES, member_id=one, at=AT) for one in members]
    made = Stage(new_id(), *acts, make_act(Role.case_manager, at=AT))

    def rows(session, _act) -> None:
        for act in (*acts, made.staff):
            insert(session, "person", id=act.person_id)
        insert(
            session, "campaign", id=made.campaign_id, title={"en": "Case", "ja": "案件"}, addressee={"names": {"en": "X"}},
            summary={}, order_rule="gojuon",
        )  # fmt: skip
        for member, state in zip(members, ("joined", "joined", "invited", None), strict=True):
            insert(session, "member", id=member, names={"en": f"Member {member[-4:]}"})
            if state:
                insert(session, "participation", campaign_id=made.campaign_id, member_id=member, state=state)

    db.run(rows, made.staff)
    return made
