"""The frame of a letter: what is printed around its text. Frozen with the round, so that it is signed too.

A letter says more than its revision does: to whom it goes, from whom it comes, in which order the
members stand, what it encloses. All that may change in the campaign at any time; in a round it must
not. So it is written down when the round opens, shown to whoever signs, and the letter is issued from
what was written down (DESIGN §3.2: what you saw is what you signed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.campaigns import service as campaigns
from portal.drafting.service import LetterView
from portal.evidence import service as evidence
from portal.kernel.act import Act
from portal.kernel.digest import digest_of
from portal.kernel.sentence import Sentence
from portal.members import naming
from portal.members import service as members

FORMAT: Final = "rensho/frame/1"


def frame_now(session: Session, act: Act, letter: LetterView) -> dict[str, Any]:
    """The frame as campaign, association and exhibits stand now; whoever freezes it holds the campaign.

    JSON: ``association`` (names, address lines and contact), ``addressee`` (names, office, person,
    address lines), ``delivery``, ``order`` (the rule), ``exhibits`` (number, title, url, captured_at in
    RFC 3339, sha256, note); texts by language.
    """
    campaign = campaigns.get(session, act, letter.campaign_id)
    association = members.association(session)
    addressee = campaign.addressee
    return {
        "format": FORMAT,
        "association": {
            "names": dict(association.names),
            "address": {language: list(lines) for language, lines in association.address.items()},
            "contact": association.contact,
        },
        "addressee": {
            "names": dict(addressee["names"]),
            "office": addressee.get("office"),
            "person": addressee.get("person"),
            "address": addressee.get("address") or {},
        },
        "delivery": dict(letter.brief["delivery"]),
        "order": str(campaign.order_rule),
        "exhibits": [
            {
                "number": one.number,
                "title": dict(one.title),
                "url": one.url,
                "captured_at": one.captured_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "sha256": one.sha256,
                "note": dict(one.note) or None,
            }
            for one in evidence.exhibits(session, letter.campaign_id)
        ],
    }


def frame_digest(frame: Mapping[str, Any]) -> str:
    """The digest that whoever signs was shown."""
    return digest_of(frame)


def order_sentence(frame: Mapping[str, Any]) -> Sentence:
    """The order in which the members are named, in words."""
    return naming.rule_sentence(frame["order"])
