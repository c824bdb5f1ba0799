"""What other rooms get to see of the registry: frozen values, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from portal.kernel.act import Role
from portal.kernel.digest import digest_of
from portal.kernel.sentence import Sentence, say

ROLE_WORDS: Final[Mapping[Role, tuple[Sentence, Sentence]]] = {
    Role.viewer: (say("Reader"), say("reads the draft and the letter")),
    Role.contributor: (say("Contributor"), say("edits the works list and comments")),
    Role.signatory: (say("Signatory"), say("commits the company by signing off")),
    Role.manager: (say("Manager of seats"), say("invites and removes people of the company")),
    Role.case_manager: (say("Case manager"), say("runs campaigns")),
    Role.counsel: (say("Counsel"), say("releases wording and watches competition law")),
    Role.officer: (say("Officer"), say("countersigns letters for the association")),
    Role.auditor: (say("Auditor"), say("reads everything and changes nothing")),
    Role.administrator: (
        say("Administrator"),
        say("runs this installation and gives the association's roles"),
    ),
}
"""Each role's name, and what it allows in a few words, for people."""

_LANGUAGE_OF_COUNTRY: Final = {"JP": "ja", "CN": "zh", "TW": "zh", "HK": "zh", "KR": "ko"}


@dataclass(frozen=True)
class MemberView:
    """A member as it stands in the registry."""

    id: str
    kind: str
    slug: str | None
    names: Mapping[str, str]
    reading: str
    category: str
    country: str
    weight: int
    corporate_number: str | None
    lei: str | None
    contact_email: str
    left_at: datetime | None

    @property
    def digest(self) -> str:
        """Over everything that can be edited: a form that shows it notices a change meanwhile."""
        return digest_of(
            [self.kind, self.slug, dict(self.names), self.reading, self.category, self.country, self.weight,
             self.corporate_number, self.lei, self.contact_email]
        )  # fmt: skip


@dataclass(frozen=True)
class RollMember:
    """A member as it is frozen in a round's roll. ``language`` is that of its name's original script."""

    member_id: str
    names: Mapping[str, str]
    language: str
    reading: str
    category: str
    country: str
    weight: int
    kind: str = "company"


@dataclass(frozen=True)
class AssociationView:
    """The association that runs this installation."""

    names: Mapping[str, str]
    code: str
    address: Mapping[str, list[str]]
    contact: str
    language: str
    order_rule: str
    settings: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Over everything; see `MemberView.digest`."""
        address = {key: list(lines) for key, lines in self.address.items()}
        return digest_of(
            [dict(self.names), self.code, address, self.contact, self.language, self.order_rule,
             dict(self.settings)]
        )  # fmt: skip


@dataclass(frozen=True)
class SeatView:
    """A person's place at a member (or at the association: ``member_id`` and ``member_names`` None).

    ``roles`` are those in effect; ``granted`` also holds a binding role (see `seats.effective`) that
    nobody of the association has verified yet under the name that the person bears now.
    ``verified_name`` is the name that was verified; whoever holds a binding role in effect bears it.
    """

    id: str
    person_id: str
    person_name: str
    email: str
    language: str
    member_id: str | None
    member_names: Mapping[str, str] | None
    roles: frozenset[Role]
    granted: frozenset[Role]
    title: Mapping[str, str]
    authority: str
    verified_at: datetime | None
    ended_at: datetime | None
    verified_name: str | None = None

    @property
    def unverified(self) -> bool:
        """Whether a role that binds waits for the association to verify authority and name."""
        return self.granted != self.roles


@dataclass(frozen=True)
class InvitationView:
    """An invitation as staff, the member's managers and the invited person may see it; never its token."""

    id: str
    member_id: str | None
    member_names: Mapping[str, str] | None
    email: str
    name: str
    language: str
    roles: frozenset[Role]
    title: Mapping[str, str]
    authority: str
    state: str
    sent_at: datetime
    sendings: int
    expires_at: datetime
    reason: str | None
    has_account: bool = False
    message_state: str | None = None

    def expired(self, at: datetime) -> bool:
        """Whether it can be accepted no more because of its age."""
        return self.state == "pending" and at >= self.expires_at


@dataclass(frozen=True)
class Accepted:
    """What an accepted invitation gave: the person, the seat, and a session's token if one was begun."""

    person_id: str
    seat_id: str
    member_id: str | None
    session_token: str | None


def original_language(names: Mapping[str, str], country: str) -> str:
    """The language of the name in its original script: that of the country if there is such a name."""
    language = _LANGUAGE_OF_COUNTRY.get(country, "en")
    if names.get(language):
        return language
    return "en" if names.get("en") else next((key for key, name in names.items() if name), "en")
