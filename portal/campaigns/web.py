"""Pages of a campaign: list, set-up, participants, joining. The board over all rooms is the desk's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal import db
from portal.campaigns import service
from portal.campaigns.model import STAGES, ParticipationState, Stage
from portal.kernel.act import Permission
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say
from portal.members import naming
from portal.members import service as members
from portal.web.requests import Form, current_act, route
from portal.web.responses import done

bp = Blueprint("campaigns", __name__)

STAGE_WORDS: dict[Stage, Sentence] = {
    Stage.outreach: say("quiet outreach"),
    Stage.letter: say("coalition letter"),
    Stage.regulator: say("regulator"),
    Stage.litigation: say("litigation"),
    Stage.settlement: say("licensing or settlement"),
}
PARTICIPATION_WORDS: dict[ParticipationState, tuple[Sentence, str]] = {
    ParticipationState.invited: (say("asked"), "wait"),
    ParticipationState.joined: (say("takes part"), "good"),
    ParticipationState.declined: (say("does not take part"), "bad"),
    ParticipationState.left: (say("has left"), "plain"),
}
ORDER_WORDS: dict[str, Any] = {
    "gojuon": _l("Japanese reading order (五十音順)"),
    "alphabetical": _l("Alphabetical by Latin name"),
    "category": _l("By category"),
    "associations_first": _l("Associations first, then by reading"),
}
"""Labels of `portal.members.naming.OrderRule`."""


class CampaignForm(Form):
    """A campaign's title, what it is about, and whom it addresses."""

    title_en = StringField(_l("Title in English"), validators=[Optional(), Length(max=200)])
    title_ja = StringField(_l("Title in Japanese"), validators=[Optional(), Length(max=200)])
    summary_en = TextAreaField(_l("What it is about, in English"), validators=[Optional(), Length(max=4000)])
    summary_ja = TextAreaField(_l("What it is about, in Japanese"), validators=[Optional(), Length(max=4000)])
    addressee_en = StringField(
        _l("Addressee: company, Latin letters"),
        validators=[DataRequired(_l("Give the addressee's name.")), Length(max=200)],
    )
    addressee_ja = StringField(
        _l("Addressee: company, in Japanese"), validators=[Optional(), Length(max=200)]
    )
    office_en = StringField(_l("Addressee: office or department"), validators=[Optional(), Length(max=200)])
    office_ja = StringField(
        _l("Addressee: office or department, in Japanese"), validators=[Optional(), Length(max=200)]
    )
    person_en = StringField(_l("Addressee: person"), validators=[Optional(), Length(max=200)])
    person_ja = StringField(_l("Addressee: person, in Japanese"), validators=[Optional(), Length(max=200)])
    address = TextAreaField(
        _l("Addressee: postal address, a line each"), validators=[Optional(), Length(max=1000)]
    )
    email = StringField(_l("Addressee: e-mail"), validators=[Optional(), Length(max=320)])
    order_rule = SelectField(_l("Order in which the members are named"), choices=list(ORDER_WORDS.items()))

    def values(self) -> dict[str, Any]:
        """What the use cases take."""

        def both(name: str) -> dict[str, str]:
            texts = {code: (self[f"{name}_{code}"].data or "").strip() for code in ("en", "ja")}
            return {code: text for code, text in texts.items() if text}

        lines = [line.strip() for line in (self.address.data or "").splitlines() if line.strip()]
        return {
            "title": both("title"),
            "summary": both("summary"),
            "addressee": {
                "names": both("addressee"),
                "office": both("office") or None,
                "person": both("person") or None,
                "address": {"en": lines},
                "email": (self.email.data or "").strip() or None,
            },
            "order_rule": self.order_rule.data,
        }


class InviteForm(Form):
    """Which members of the registry are asked."""

    members = SelectMultipleField(
        _l("Members"),
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
        validators=[DataRequired(_l("Choose at least one member."))],
    )


class AnswerForm(Form):
    """A member's yes or no."""

    reason = TextAreaField(
        _l("Reason, if you do not take part (optional)"), validators=[Optional(), Length(max=2000)]
    )


class LeaveForm(Form):
    """What a member says when it leaves; sent to the room above, which knows the open votes."""

    reason = TextAreaField(_l("Reason (optional)"), validators=[Optional(), Length(max=2000)])


class StageForm(Form):
    """The next stage."""

    stage = SelectField(_l("Next stage"))


@route(bp, "/campaigns", Permission.campaign_read)
def index() -> ResponseReturnValue:
    """All campaigns the seat may see."""
    act = current_act()
    campaigns = db.read(service.list_for, act)
    counts = db.read(lambda s, _a: service.counts(s, [one.id for one in campaigns]), act)
    return render_template("campaigns/index.html", campaigns=campaigns, counts=counts, stages=STAGE_WORDS)


@route(bp, "/campaigns/new", Permission.campaign_create, methods=("GET", "POST"))
def new() -> ResponseReturnValue:
    """Set up a campaign."""
    form = CampaignForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            campaign = db.run(service.create, current_act(), **form.values())
        except Invalid as error:
            problems = error.problems
        else:
            return done(
                say("The campaign is set up. Now ask members to take part."),
                "campaigns.invite",
                campaign_id=campaign.id,
            )
    return render_template("campaigns/edit.html", form=form, campaign=None, problems=problems), _status(
        form, problems
    )


@route(bp, "/campaigns/<campaign_id>/edit", Permission.campaign_edit, methods=("GET", "POST"))
def edit(campaign_id: str) -> ResponseReturnValue:
    """Change title, addressee, order."""
    campaign = db.read(service.get, current_act(), campaign_id)
    form = CampaignForm(data=_as_form(campaign))
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(service.edit, current_act(), campaign_id=campaign_id, **form.values())
        except Invalid as error:
            problems = error.problems
        else:
            return done(say("The campaign is changed."), "campaigns.show", campaign_id=campaign_id)
    page = render_template("campaigns/edit.html", form=form, campaign=campaign, problems=problems)
    return page, _status(form, problems)


@route(bp, "/campaigns/<campaign_id>", Permission.campaign_read)
def show(campaign_id: str) -> ResponseReturnValue:
    """A campaign: addressee, stage; for staff the participants, for a member its own part."""
    act = current_act()
    campaign = db.read(service.get, act, campaign_id)
    everyone = db.read(lambda s, _a: service.participants(s, campaign_id), act)
    own = next((one for one in everyone if one.member_id == act.member_id), None)
    visible = everyone if act.is_staff else ()
    registry = db.read(lambda s, _a: members.roll_members(s, [one.member_id for one in visible]), act)
    stage_form = StageForm()
    stage_form.stage.choices = [
        (stage.value, STAGE_WORDS[stage].render(act.language)) for stage in sorted(STAGES[campaign.stage])
    ]
    return render_template(
        "campaigns/show.html",
        campaign=campaign,
        participants=visible,
        names={one.member_id: one.names for one in registry},
        own=own,
        may_answer=service.may_answer(act),
        form=AnswerForm(),
        leave_form=LeaveForm(),
        stage_form=stage_form,
        stages=STAGE_WORDS,
        words=PARTICIPATION_WORDS,
        order=naming.rule_sentence(campaign.order_rule),
    )


@route(bp, "/campaigns/<campaign_id>/stage", Permission.stage_move, methods=("POST",))
def stage(campaign_id: str) -> ResponseReturnValue:
    """Move the campaign on."""
    chosen = request.form.get("stage", "")
    if chosen not in set(Stage):
        raise Invalid([], say("Choose the next stage."))
    db.run(service.move_stage, current_act(), campaign_id=campaign_id, stage=Stage(chosen))
    return done(say("The campaign has moved on."), "campaigns.show", campaign_id=campaign_id)


@route(bp, "/campaigns/<campaign_id>/invite", Permission.campaign_invite, methods=("GET", "POST"))
def invite(campaign_id: str) -> ResponseReturnValue:
    """Ask members of the registry to take part."""
    act = current_act()
    campaign = db.read(service.get, act, campaign_id)
    asked = {one.member_id for one in db.read(lambda s, _a: service.participants(s, campaign_id), act)}
    candidates = [
        one for one in db.read(lambda s, _a: members.list_members(s, act), act) if one.id not in asked
    ]
    form = InviteForm()
    form.members.choices = [(one.id, " · ".join(dict.fromkeys(one.names.values()))) for one in candidates]
    if request.method == "GET":
        form.members.data = [one.id for one in candidates]
    if form.validate_on_submit():
        number = db.run(service.invite_members, act, campaign_id=campaign_id, member_ids=form.members.data)
        return done(
            say("%(n)s members are asked to take part.", n=number), "campaigns.show", campaign_id=campaign_id
        )
    page = render_template("campaigns/invite.html", campaign=campaign, form=form, candidates=candidates)
    return page, _status(form, ())


@route(bp, "/campaigns/<campaign_id>/answer", Permission.campaign_answer, methods=("POST",))
def answer(campaign_id: str) -> ResponseReturnValue:
    """The acting member joins or declines."""
    form, act = AnswerForm(), current_act()
    join = request.form.get("answer") == "join"
    if not form.validate():
        raise Invalid([], say("The reason is too long; 2,000 characters at most."))
    db.run(
        service.answer,
        act,
        campaign_id=campaign_id,
        member_id=act.member_id or "",
        join=join,
        reason=form.reason.data or "",
    )
    sentence = say("Your company takes part.") if join else say("Your company does not take part.")
    return done(sentence, "campaigns.show", campaign_id=campaign_id)


def _status(form: Form, problems: tuple[Any, ...]) -> int:
    return 422 if form.errors or problems else 200


def _as_form(campaign: service.CampaignView) -> dict[str, Any]:
    addressee = campaign.addressee
    values: dict[str, Any] = {"order_rule": campaign.order_rule, "email": addressee.get("email")}
    values["address"] = "\n".join(next(iter((addressee.get("address") or {}).values()), []))
    texts = {"title": campaign.title, "summary": campaign.summary, "addressee": addressee["names"]}
    texts |= {"office": addressee.get("office") or {}, "person": addressee.get("person") or {}}
    for name, by_language in texts.items():
        values |= {f"{name}_{code}": text for code, text in by_language.items()}
    return values
