"""A letter that is out: sealed, of a campaign in which two members take part and one declined."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from portal import db
from portal.kernel.act import Act, Role, new_id
from portal.kernel.digest import digest_bytes
from tests.conftest import make_act
from tests.whole.rows import insert

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
ALL_STAFF = (Role.case_manager, Role.counsel, Role.officer, Role.auditor, Role.administrator)
SEALED = {"addressee": b"%PDF for the addressee", "public": b"%PDF for the public"}
PROJECTION = {
    "reference": "ABC-2026-0001",
    "date": "2026-12-01",
    "rehearsal": False,
    "languages": ["en", "ja"],
    "association": {"names": {"en": "Fictional Creators Association", "ja": "架空創作者協会"}},
    "addressee": {"names": {"en": "Prompt Pictures Inc."}},
    "subject": {"en": "Your video model", "ja": "動画生成モデルについて"},
    "order": {"sentence": {"en": "In the order of the reading.", "ja": "五十音順。"}},
    "signatories": {
        "total": 36,
        "named": [{"position": 1, "names": {"ja": "株式会社髙橋映像", "en": "Takahashi Eizo Inc."}}],
    },
    "sections": {
        language: [
            {
                "id": "demands",
                "heading": "",
                "blocks": [
                    {"id": "d1", "kind": "demand", "number": 1, "text": stop, "deadline": "2026-12-18"},
                    {"id": "d2", "kind": "demand", "number": 2, "text": explain, "deadline": None},
                ],
            }
        ]
        for language, stop, explain in (
            ("en", "Stop.", "Explain."),
            ("ja", "停止すること。", "説明すること。"),
        )
    },
}


@dataclass(frozen=True)
class LetterOut:
    """What is in the database, and who acts."""

    campaign_id: str
    issue_id: str
    reserved_id: str
    staff: Act
    one: Act
    other: Act
    declined: Act
    stranger: Act

    def later(self, act: Act, **delta: float) -> Act:
        from dataclasses import replace

        at = act.at + timedelta(**delta)
        return replace(act, at=at, proved_at=at)


@pytest.fixture
def out(sqlite_database: db.Database) -> LetterOut:
    return fill()


def fill() -> LetterOut:
    members = [new_id() for _ in range(4)]
    acts = [make_act(Role.signatory, Role.contributor, member_id=one, at=AT) for one in members]
    made = LetterOut(new_id(), new_id(), new_id(), make_act(*ALL_STAFF, at=AT), *acts)

    def rows(session, _act) -> None:
        for act in (made.staff, *acts):
            insert(session, "person", id=act.person_id)
        insert(
            session, "campaign", id=made.campaign_id, title={"en": "Case"}, addressee={"names": {"en": "X"}}
        )
        for number, member in enumerate(members):
            insert(session, "member", id=member)
            if number < 3:
                state = "declined" if number == 2 else "joined"
                insert(session, "participation", campaign_id=made.campaign_id, member_id=member, state=state)
        for number, (issue_id, state, reference) in enumerate(
            ((made.issue_id, "sealed", "ABC-2026-0001"), (made.reserved_id, "reserved", "ABC-2026-0002"))
        ):
            round_id, letter_id = new_id(), new_id()
            insert(session, "letter", id=letter_id, campaign_id=made.campaign_id, number=number)
            insert(session, "round", id=round_id)
            for member in members[:2]:
                insert(session, "roll_entry", round_id=round_id, member_id=member)
            insert(
                session,
                "letter_issue",
                id=issue_id,
                campaign_id=made.campaign_id,
                letter_id=letter_id,
                round_id=round_id,
                state=state,
                reference=reference,
            )
        for edition in ("addressee", "public"):
            insert(
                session,
                "letter_edition",
                issue_id=made.issue_id,
                edition=edition,
                projection=PROJECTION,
                file_digest=digest_bytes(SEALED[edition]),
            )

    db.run(rows, made.staff)
    return made
