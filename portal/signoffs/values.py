"""What other rooms get to see of rounds and sign-offs: frozen values, never rows. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.drafting.document import Document
from portal.kernel.digest import digest_of
from portal.kernel.sentence import Sentence
from portal.signoffs.consents import Consents
from portal.signoffs.model import (
    CloseCode,
    CountersigningState,
    Decision,
    ReservationState,
    RoundState,
    Visibility,
)
from portal.signoffs.quorum import Tally, Verdict, Voice


@dataclass(frozen=True)
class RollLine:
    """One line of the frozen roll. ``works`` is the number in the submission of then (0: none)."""

    member_id: str
    kind: str
    names: Mapping[str, str]
    language: str
    reading: str
    category: str
    country: str
    weight: int
    submission_id: str | None
    submission_digest: str | None
    works: int


@dataclass(frozen=True)
class ReservationView:
    """An objection to one section, its answer, and how it stands."""

    id: str
    section_id: str
    text: str
    state: ReservationState
    answer: str | None
    answered_at: datetime | None
    lifted_at: datetime | None

    @property
    def digest(self) -> str:
        """Of the objection and its answer: what a member sees before it lifts the reservation."""
        return digest_of({"id": self.id, "text": self.text, "answer": self.answer})


@dataclass(frozen=True)
class SignoffView:
    """One act of a member. ``consents`` only with an approval; ``act`` is the whole evidence."""

    id: str
    round_id: str
    member_id: str
    sequence: int
    decision: Decision
    consents: Consents | None
    reservation: ReservationView | None
    submission_id: str | None
    submission_digest: str | None
    works: int
    digest: str
    at: datetime
    act: Mapping[str, Any]

    @property
    def voice(self) -> Voice | None:
        """How it counts; None for a withdrawal."""
        if self.decision is Decision.approve_with_reservation:
            lifted = self.reservation is not None and self.reservation.state is ReservationState.lifted
            return Voice.approve if lifted else Voice.reserve
        return {
            Decision.approve: Voice.approve,
            Decision.abstain: Voice.abstain,
            Decision.decline: Voice.decline,
        }.get(self.decision)

    @property
    def approves(self) -> bool:
        return self.decision in {Decision.approve, Decision.approve_with_reservation}


@dataclass(frozen=True)
class CountersignatureView:
    """One officer's countersignature, name and title as printed."""

    id: str
    person_id: str
    names: Mapping[str, str]
    title: Mapping[str, str]
    at: datetime
    digest: str


@dataclass(frozen=True)
class CountersigningView:
    """The officers' part of a carried round."""

    state: CountersigningState
    quorum_lost: bool
    reason: str | None
    needed: int
    signatures: tuple[CountersignatureView, ...]


@dataclass(frozen=True)
class RoundView:
    """A round. ``superseded``: a newer revision is out, so the round can only be cancelled.

    ``frame`` is what is printed around the text (`portal.signoffs.frame`), as frozen when it opened.
    """

    id: str
    letter_id: str
    campaign_id: str
    number: int
    revision_id: str
    revision_number: int
    revision_digest: str
    subject: Mapping[str, str]
    rule: Mapping[str, Any]
    rule_sentence: Sentence
    rule_digest: str
    consent_texts: Mapping[str, Any]
    consent_digest: str
    roll_digest: str
    frame: Mapping[str, Any]
    frame_digest: str
    visibility: Visibility
    officers_needed: int
    deadline: datetime
    state: RoundState
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    close_code: CloseCode | None
    frozen_at: datetime | None
    superseded: bool
    countersigning: CountersigningView | None

    def takes_acts(self, at: datetime) -> bool:
        """Whether a member may sign at this time."""
        return self.state is RoundState.open and at < self.deadline and not self.superseded


@dataclass(frozen=True)
class ReceiptView:
    """What a member gets for its act: the receipt's JSON, and the act's digest as logged."""

    signoff: SignoffView
    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return self.signoff.digest


@dataclass(frozen=True)
class Frozen:
    """Everything a letter is issued from, counted again in the issuing transaction.

    ``signoffs`` are the approvals that count, in the order of the roll's member ids; ``mandate`` has
    ``text`` (by language) and ``digest``; ``frame`` is what everybody signed around the text.
    """

    round_id: str
    letter_id: str
    campaign_id: str
    revision_id: str
    revision_number: int
    revision_digest: str
    document: Document
    rule: Mapping[str, Any]
    rule_sentence: Sentence
    verdict: Verdict
    roll: tuple[RollLine, ...]
    signoffs: tuple[SignoffView, ...]
    countersignatures: tuple[CountersignatureView, ...]
    mandate: Mapping[str, Any]
    frame: Mapping[str, Any]
    frame_digest: str

    @property
    def tally(self) -> Tally:
        return self.verdict.tally
