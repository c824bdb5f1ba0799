"""A registry to work on: a mailer, people, a member."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal import db
from portal.identity import service as identity
from portal.kernel.act import system_act
from portal.members import service as members
from portal.notifications import mailer
from portal.notifications.delivery import InboxMailer
from portal.notifications.mailer import Mailer

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PASSWORD = "four ginkgo leaves on my desk"
ASSOCIATION = {
    "names": {"en": "Fictional Content Alliance", "ja": "架空コンテンツ連合会"}, "code": "FCA",
    "address": {"en": ["4-1 Kumonomachi", "Tokyo"], "ja": ["東京都"]}, "contact": "secretariat@alliance.example",
}  # fmt: skip


@pytest.fixture
def inbox(tmp_path: Path):
    folder = tmp_path / "outbox"
    mailer.configure(
        Mailer(InboxMailer(folder), "portal@alliance.example", "http://localhost:8000", "s" * 40)
    )
    yield folder
    mailer.configure(None)


def make_member(
    slug="mizuki",
    en="Mizuki Music Publishing Inc.",
    ja="水城音楽出版株式会社",
    kana="ミズキオンガクシュッパン",
    category="music",
    **more,
):
    row = members.member_row(
        {
            "slug": slug,
            "name_en": en,
            "name_ja": ja,
            "name_kana": kana,
            "category": category,
            "country": "JP",
            **more,
        }
    )
    return db.run(members.create_member, system_act(AT), row=row)


def make_person(email="aya@mizuki.example", name="水城 彩", password=None):
    return db.run(
        identity.create_person, system_act(AT), email=email, name=name, language="ja", password=password
    )


def give_seat(person, member, *roles, **more):
    return db.run(
        members.add_seat,
        system_act(AT),
        person_id=person.id,
        member_id=member.id if member else None,
        roles=roles,
        **more,
    )


def tokens(folder: Path) -> list[str]:
    """The tokens of all invitations sent so far, oldest first."""
    import email
    import re
    from email import policy

    from portal.notifications.delivery import deliver_due

    deliver_due(datetime(2030, 1, 1, tzinfo=UTC))
    texts = [
        email.message_from_bytes(path.read_bytes(), policy=policy.default).get_content()
        for path in sorted(folder.glob("*.eml"))
    ]
    return [match for text in texts for match in re.findall(r"/invitation/([\w-]+)", text)]
