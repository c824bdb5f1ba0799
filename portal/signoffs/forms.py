"""Forms of this room, and the words of its choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.kernel.act import Permission
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say
from portal.signoffs.model import CloseCode, Decision, RoundState, Visibility
from portal.signoffs.quorum import PRESETS, parse_rule
from portal.web.requests import Form, ProofForm, a_year_in_reach

DECISIONS: Final[Mapping[Decision, tuple[Sentence, str]]] = {
    Decision.approve: (say("approves"), "good"),
    Decision.approve_with_reservation: (say("approves with a reservation"), "wait"),
    Decision.abstain: (say("abstains"), "plain"),
    Decision.decline: (say("declines"), "bad"),
    Decision.withdraw: (say("has withdrawn its answer"), "plain"),
}
STATES: Final[Mapping[RoundState, tuple[Sentence, str]]] = {
    RoundState.open: (say("open"), "info"),
    RoundState.carried: (say("carried"), "good"),
    RoundState.lapsed: (say("lapsed, quorum not reached"), "bad"),
    RoundState.cancelled: (say("cancelled"), "plain"),
}
CLOSE_CODES: Final[Mapping[CloseCode, Sentence]] = {
    CloseCode.superseded: say("A newer revision of the letter was published."),
    CloseCode.abandoned: say("The association has given the letter up."),
}

_ANY_NUMBER: Final = [Optional(), NumberRange(min=0, max=1_000_000)]


class RoundForm(Form):
    """The conditions of a vote."""

    base = SelectField(
        _l("The letter is carried with"),
        choices=[
            ("two thirds", _l("two thirds of all members on the roll")),
            ("simple majority", _l("more than half of all members on the roll")),
            ("unanimity", _l("all members on the roll")),
            ("share", _l("another share of the roll (give it below)")),
            ("own", _l("a rule of its own (JSON, below)")),
        ],
        default="two thirds",
    )
    share = StringField(
        _l("Another share, or a number of approvals"),
        description=_l("A share (3/4 or 75%), or a number (24)."),
        validators=[Optional(), Length(max=20)],
    )
    each_category = IntegerField(_l("At least so many approvals from every category"), validators=_ANY_NUMBER)
    declines = IntegerField(_l("At most so many declines"), validators=_ANY_NUMBER)
    works = IntegerField(_l("At least so many works listed by those who approve"), validators=_ANY_NUMBER)
    must_include = SelectMultipleField(
        _l("Members whose approval is needed in any case"),
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
        validate_choice=False,
    )
    abstentions = RadioField(
        _l("Abstentions"),
        choices=[("against", _l("count as declining")), ("ignored", _l("are left out of the count"))],
        default="against",
    )
    reservations = RadioField(
        _l("Approvals with a reservation"),
        choices=[("count", _l("count at once")), ("hold", _l("count once the reservation is lifted"))],
        default="count",
    )
    own = TextAreaField(
        _l("A rule of its own (JSON)"),
        validators=[Optional(), Length(max=20_000)],
        render_kw={"spellcheck": "false"},
    )
    deadline = DateTimeLocalField(
        _l("Deadline"),
        validators=[InputRequired(_l("Give a deadline.")), a_year_in_reach],
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    visibility = RadioField(
        _l("What members see of each other before the letter is issued"),
        choices=[
            (Visibility.nothing.value, _l("nothing")),
            (Visibility.counts.value, _l("how many have approved")),
            (Visibility.names.value, _l("who has approved")),
        ],
        default=Visibility.nothing.value,
    )
    officers_needed = IntegerField(
        _l("Officers who countersign"), default=1, validators=[InputRequired(), NumberRange(min=1, max=20)]
    )

    def rule(self, categories: list[str]) -> dict[str, Any]:
        """The rule as entered. Raises `Invalid`."""
        if self.base.data == "own":
            return parse_rule(self._own())
        conditions: list[Mapping[str, Any]] = []
        if self.base.data == "share":
            conditions.append(parse_rule((self.share.data or "").strip())["condition"])
        else:
            conditions.append(PRESETS[self.base.data])
        if self.each_category.data:
            conditions += [
                {"kind": "category_at_least", "category": one, "at_least": self.each_category.data}
                for one in sorted(set(categories))
            ]
        if self.must_include.data:
            conditions.append({"kind": "must_include", "members": self.must_include.data})
        if self.declines.data is not None:
            conditions.append({"kind": "declines_at_most", "at_most": self.declines.data})
        if self.works.data:
            conditions.append({"kind": "works_at_least", "at_least": self.works.data})
        return parse_rule(
            {
                "condition": conditions[0] if len(conditions) == 1 else {"kind": "all", "of": conditions},
                "abstentions": self.abstentions.data,
                "reservations": self.reservations.data,
            }
        )

    def _own(self) -> Mapping[str, Any]:
        try:
            value = json.loads(self.own.data or "")
        except ValueError as error:
            raise Invalid([Problem("own", say("This is not JSON: %(error)s", error=str(error)))]) from error
        if not isinstance(value, dict):
            raise Invalid([Problem("own", say("A rule is a JSON object."))])
        return value


class SignForm(ProofForm):
    """A member's decision with its consents; the hidden fields say what was on the screen."""

    permission = Permission.signoff_place

    revision = HiddenField()
    submission = HiddenField()
    consents = HiddenField()
    frame = HiddenField()
    key = HiddenField()
    decision = RadioField(
        _l("What does your company decide?"),
        choices=[
            (Decision.approve.value, _l("Approve")),
            (Decision.approve_with_reservation.value, _l("Approve, with a reservation about one part")),
            (Decision.abstain.value, _l("Abstain")),
            (Decision.decline.value, _l("Decline")),
        ],
        validate_choice=False,
    )
    text = BooleanField(_l("We approve the text."))
    mandate = BooleanField(_l("We give the mandate."))
    naming = RadioField(
        _l("How may your company be named?"),
        choices=[
            ("public", _l("Publicly: in the addressee's edition and in the public one")),
            ("addressee", _l("To the addressee only; in the public edition it is only counted")),
            ("unnamed", _l("Not at all: it is only counted")),
        ],
        validate_choice=False,
    )
    listing = RadioField(
        _l("Where may your works be listed?"),
        choices=[
            ("public", _l("In both editions, where your company is named")),
            ("addressee", _l("In the addressee's edition only")),
            ("withheld", _l("Nowhere")),
        ],
        validate_choice=False,
    )
    corrections = BooleanField(_l("We allow editorial corrections."))
    section = SelectField(_l("The reservation is about"), validate_choice=False)
    reservation = TextAreaField(
        _l("The reservation, in your words"), validators=[Optional(), Length(max=2_000)]
    )
    reason = TextAreaField(_l("Reason, if you decline"), validators=[Optional(), Length(max=2_000)])

    def take_back(self) -> None:
        """Clear what was consented to: it was about something else than what is shown now."""
        self.text.data = self.mandate.data = self.corrections.data = False
        self.naming.data = self.listing.data = None

    def given(self) -> dict[str, Any]:
        """The consents as entered."""
        return {
            "text": self.text.data,
            "mandate": self.mandate.data,
            "naming": self.naming.data,
            "listing": self.listing.data,
            "corrections": bool(self.corrections.data),
        }


class WithdrawForm(ProofForm):
    """Taking the answer back."""

    permission = Permission.signoff_withdraw

    key = HiddenField()
    reason = TextAreaField(_l("Reason (optional)"), validators=[Optional(), Length(max=2_000)])


class LiftForm(ProofForm):
    """Lifting a reservation."""

    permission = Permission.reservation_lift

    shown = HiddenField()


class AnswerForm(Form):
    """Staff's answer to a reservation."""

    answer = TextAreaField(_l("Answer"), validators=[InputRequired(), Length(max=2_000)])


class CancelForm(Form):
    """Why a vote is cancelled."""

    reason = TextAreaField(_l("Reason, for the members"), validators=[InputRequired(), Length(max=2_000)])


class CountersignForm(ProofForm):
    """An officer's countersignature."""

    permission = Permission.countersignature_place

    revision = HiddenField()
    frame = HiddenField()


class RefuseForm(ProofForm):
    """An officer sends the letter back."""

    permission = Permission.countersignature_refuse

    reason = TextAreaField(
        _l("Why the letter goes back"), validators=[InputRequired(_l("Say why.")), Length(max=2_000)]
    )
