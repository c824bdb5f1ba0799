"""The forms of this room."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import DateTimeLocalField, Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.correspondence.clock import Assessment, Demand
from portal.correspondence.model import Channel
from portal.web.requests import Form, a_year_in_reach

CHANNEL_WORDS: dict[str, Any] = {
    Channel.email: _l("E-mail"),
    Channel.courier: _l("Courier"),
    Channel.registered_post: _l("Registered post"),
    Channel.web_form: _l("Web form of the addressee"),
    Channel.agent: _l("Service on an agent"),
}
ASSESSMENT_WORDS: dict[str, Any] = {
    Assessment.met: _l("Met"),
    Assessment.partly: _l("Met in part"),
    Assessment.refused: _l("Refused"),
    Assessment.unanswered: _l("Not answered"),
}


class DeliveryForm(Form):
    """A delivery to be prepared."""

    channel = SelectField(_l("How it is delivered"), choices=list(CHANNEL_WORDS.items()))
    to_text = TextAreaField(_l("To whom and where"), [InputRequired(), Length(max=2_000)])
    note = TextAreaField(_l("Note for the staff"), [Optional(), Length(max=8_000)])


class DispatchForm(Form):
    """That a delivery left the house."""

    at = DateTimeLocalField(_l("When it left"), [InputRequired(), a_year_in_reach])
    tracking = StringField(_l("Tracking number"), [Optional(), Length(max=200)])


class ConfirmForm(Form):
    """That a delivery arrived."""

    at = DateTimeLocalField(_l("When it arrived"), [InputRequired(), a_year_in_reach], id="confirm-at")
    proof = FileField(_l("Proof of arrival (receipt, return mail, screenshot)"))


class FailForm(Form):
    """That a delivery did not arrive."""

    at = DateTimeLocalField(_l("When this was known"), [InputRequired(), a_year_in_reach], id="fail-at")
    note = TextAreaField(_l("Why it did not arrive"), [InputRequired(), Length(max=8_000)])


class ResponseForm(Form):
    """A response received; `response_form` adds one field a demand."""

    received_at = DateTimeLocalField(_l("When it was received"), [InputRequired(), a_year_in_reach])
    from_text = StringField(_l("Who answers"), [InputRequired(), Length(max=500)])
    summary = TextAreaField(_l("What it says, in short"), [InputRequired(), Length(max=8_000)])
    file = FileField(_l("The response as received"))

    numbers: tuple[int, ...] = ()

    def demand_field(self, number: int) -> Field:
        """The field in which the demand of this number is assessed."""
        return self[f"demand_{number}"]

    def assessed(self) -> dict[int, Assessment]:
        """What was chosen, by demand number."""
        return {number: Assessment(self.demand_field(number).data) for number in self.numbers}


def response_form(demands: tuple[Demand, ...]) -> ResponseForm:
    """A form that asks of each of *demands* how the response answers it; nothing is chosen beforehand."""
    fields: dict[str, Any] = {
        f"demand_{demand.number}": RadioField(
            _l("Demand %(n)s", n=demand.number), [InputRequired()], choices=list(ASSESSMENT_WORDS.items())
        )
        for demand in demands
    }
    fields["numbers"] = tuple(demand.number for demand in demands)
    form: ResponseForm = type("AssessedResponseForm", (ResponseForm,), fields)()
    return form


class InquiryForm(Form):
    """A member's own claim."""

    text = TextAreaField(
        _l("What was seen, and which of your works it touches"), [InputRequired(), Length(max=8_000)]
    )
    url = StringField(_l("Address of the output"), [Optional(), Length(max=2_000)])


class AnswerForm(Form):
    """The answer to a member's inquiry."""

    answer = TextAreaField(_l("The answer"), [InputRequired(), Length(max=8_000)])
