"""Pages of deliveries, responses, inquiries, and the public pages of published letters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from portal import db
from portal.correspondence import forms, service
from portal.correspondence.model import Channel, DeliveryState, InquiryState
from portal.correspondence.service import Attachment
from portal.kernel.act import Permission
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.sentence import say
from portal.letters import service as letters
from portal.web.requests import Form, current_act, language, public, route
from portal.web.responses import done

if TYPE_CHECKING:
    from portal.evidence.store import FileStore

bp = Blueprint("correspondence", __name__)

STATE_TONES = {
    DeliveryState.prepared: "plain", DeliveryState.dispatched: "wait", DeliveryState.confirmed: "good",
    DeliveryState.failed: "bad", InquiryState.open: "wait", InquiryState.forwarded: "info",
    InquiryState.answered: "good",
}  # fmt: skip
STATE_WORDS = {
    DeliveryState.prepared: say("Prepared"), DeliveryState.dispatched: say("Dispatched"),
    DeliveryState.confirmed: say("Confirmed"), DeliveryState.failed: say("Failed"),
    InquiryState.open: say("Open"), InquiryState.forwarded: say("Forwarded"),
    InquiryState.answered: say("Answered"),
}  # fmt: skip


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.extensions["rensho-settings"].timezone)


def _today() -> date:
    return datetime.now(_zone()).date()


def _instant(local: datetime | None) -> datetime:
    """A time as typed into a form, which is the association's local time, as UTC."""
    assert local is not None  # InputRequired
    return local.replace(tzinfo=_zone()).astimezone(UTC)


def _status(form: Form, problems: tuple[object, ...] = ()) -> int:
    return 422 if form.errors or problems else 200


def _files() -> FileStore:
    files: FileStore = current_app.extensions["rensho-house"].files
    return files


def _stored(upload: FileStorage | None) -> Attachment | None:
    """The uploaded file, kept in the file store before the row that names it is written; None if none."""
    if upload is None or not upload.filename:
        return None
    name = "".join(c for c in upload.filename if c.isprintable())[:255]
    return Attachment(name or "file", _files().put(upload.stream.read()))


def _download(attachment: Attachment | None) -> Response:
    if attachment is None:
        raise NotFound
    response = make_response(_files().get(attachment.digest))
    # Never shown by the browser: what others sent us is not run under our address.
    response.mimetype = "application/octet-stream"
    response.headers.set("Content-Disposition", "attachment", filename=attachment.name)
    return response


# --- the correspondence of a campaign -------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/correspondence", Permission.correspondence_read)
def index(campaign_id: str) -> ResponseReturnValue:
    """Letters, their deliveries and responses, demands with their deadlines, inquiries."""
    view = db.read(service.correspondence, current_act(), campaign_id=campaign_id, today=_today())
    return render_template(
        "correspondence/index.html", view=view, act=current_act(), tones=STATE_TONES, words=STATE_WORDS,
        channels=forms.CHANNEL_WORDS, assessments=forms.ASSESSMENT_WORDS, P=Permission,
    )  # fmt: skip


@route(bp, "/issues/<issue_id>/deliveries/new", Permission.delivery_record, methods=("GET", "POST"))
def prepare(issue_id: str) -> ResponseReturnValue:
    """Prepare a delivery of a sealed letter."""
    issue = db.read(service.issue, current_act(), issue_id=issue_id)
    form = forms.DeliveryForm()
    problems: tuple[object, ...] = ()
    if form.validate_on_submit():
        try:
            made = db.run(
                service.prepare_delivery, current_act(), issue_id=issue_id,
                channel=Channel(form.channel.data), to_text=form.to_text.data or "", note=form.note.data,
            )  # fmt: skip
            return done(say("The delivery is prepared."), ".delivery", delivery_id=made.id)
        except Invalid as error:
            problems = error.problems
    page = render_template("correspondence/prepare.html", form=form, issue=issue, problems=problems)
    return page, _status(form, problems)


@route(bp, "/deliveries/<delivery_id>", Permission.delivery_record)
def delivery(delivery_id: str) -> ResponseReturnValue:
    """One delivery, with the forms of its next step."""
    return _delivery_page(delivery_id)


def _delivery_page(
    delivery_id: str,
    *,
    dispatch_form: forms.DispatchForm | None = None,
    confirm_form: forms.ConfirmForm | None = None,
    fail_form: forms.FailForm | None = None,
    problems: tuple[object, ...] = (),
) -> ResponseReturnValue:
    view = db.read(service.delivery, current_act(), delivery_id=delivery_id)
    issue = db.read(service.issue, current_act(), issue_id=view.issue_id)
    shown = [form for form in (dispatch_form, confirm_form, fail_form) if form is not None]
    page = render_template(
        "correspondence/delivery.html", view=view, issue=issue, problems=problems,
        dispatch_form=dispatch_form or forms.DispatchForm(formdata=None),
        confirm_form=confirm_form or forms.ConfirmForm(formdata=None),
        fail_form=fail_form or forms.FailForm(formdata=None),
        tones=STATE_TONES, words=STATE_WORDS, channels=forms.CHANNEL_WORDS,
    )  # fmt: skip
    return page, 422 if shown else 200


@route(bp, "/deliveries/<delivery_id>/dispatch", Permission.delivery_record, methods=("POST",))
def dispatch(delivery_id: str) -> ResponseReturnValue:
    """Record that it left the house."""
    form = forms.DispatchForm()
    if not form.validate_on_submit():
        return _delivery_page(delivery_id, dispatch_form=form)
    try:
        db.run(
            service.dispatch_delivery, current_act(), delivery_id=delivery_id, at=_instant(form.at.data),
            tracking=form.tracking.data,
        )  # fmt: skip
    except Invalid as error:
        return _delivery_page(delivery_id, dispatch_form=form, problems=error.problems)
    return done(say("Recorded: it has left the house."), ".delivery", delivery_id=delivery_id)


@route(bp, "/deliveries/<delivery_id>/confirm", Permission.delivery_record, methods=("POST",))
def confirm(delivery_id: str) -> ResponseReturnValue:
    """Record that it arrived, with the proof."""
    form = forms.ConfirmForm()
    if not form.validate_on_submit():
        return _delivery_page(delivery_id, confirm_form=form)
    try:
        db.run(
            service.confirm_delivery, current_act(), delivery_id=delivery_id, at=_instant(form.at.data),
            proof=_stored(form.proof.data),
        )  # fmt: skip
    except Invalid as error:
        return _delivery_page(delivery_id, confirm_form=form, problems=error.problems)
    return done(say("Recorded: it has arrived."), ".delivery", delivery_id=delivery_id)


@route(bp, "/deliveries/<delivery_id>/fail", Permission.delivery_record, methods=("POST",))
def fail(delivery_id: str) -> ResponseReturnValue:
    """Record that it did not arrive."""
    form = forms.FailForm()
    if not form.validate_on_submit():
        return _delivery_page(delivery_id, fail_form=form)
    try:
        db.run(
            service.fail_delivery, current_act(), delivery_id=delivery_id, at=_instant(form.at.data),
            note=form.note.data or "",
        )  # fmt: skip
    except Invalid as error:
        return _delivery_page(delivery_id, fail_form=form, problems=error.problems)
    return done(say("Recorded: it did not arrive."), ".delivery", delivery_id=delivery_id)


@route(bp, "/deliveries/<delivery_id>/proof", Permission.correspondence_read)
def proof(delivery_id: str) -> ResponseReturnValue:
    """The proof file of a delivery."""
    return _download(db.read(service.delivery, current_act(), delivery_id=delivery_id).proof)


@route(bp, "/issues/<issue_id>/responses/new", Permission.response_record, methods=("GET", "POST"))
def respond(issue_id: str) -> ResponseReturnValue:
    """Record a response, and how it answers each demand."""
    issue = db.read(service.issue, current_act(), issue_id=issue_id)
    demands = db.read(service.demands, current_act(), issue_id=issue_id)
    form = forms.response_form(demands)
    problems: tuple[object, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(
                service.record_response, current_act(), issue_id=issue_id,
                received_at=_instant(form.received_at.data), from_text=form.from_text.data or "",
                summary=form.summary.data or "", assessed=form.assessed(), file=_stored(form.file.data),
            )  # fmt: skip
            return done(say("The response is recorded."), ".index", campaign_id=issue.campaign_id)
        except Invalid as error:
            problems = error.problems
    page = render_template(
        "correspondence/respond.html", form=form, issue=issue, demands=demands, problems=problems
    )
    return page, _status(form, problems)


@route(bp, "/responses/<response_id>/file", Permission.correspondence_read)
def response(response_id: str) -> ResponseReturnValue:
    """The response as received."""
    return _download(db.read(service.response, current_act(), response_id=response_id).file)


# --- inquiries ------------------------------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/inquiries/new", Permission.inquiry_raise, methods=("GET", "POST"))
def inquire(campaign_id: str) -> ResponseReturnValue:
    """Raise an inquiry in the member's own name."""
    db.read(service.correspondence, current_act(), campaign_id=campaign_id, today=_today())  # 404 if not ours
    form = forms.InquiryForm()
    problems: tuple[object, ...] = ()
    if form.validate_on_submit():
        try:
            made = db.run(
                service.raise_inquiry, current_act(), campaign_id=campaign_id, text=form.text.data or "",
                url=form.url.data,
            )  # fmt: skip
            return done(say("Your inquiry is with the secretariat."), ".inquiry", inquiry_id=made.id)
        except Invalid as error:
            problems = error.problems
    page = render_template(
        "correspondence/inquire.html", form=form, campaign_id=campaign_id, problems=problems
    )
    return page, _status(form, problems)


@route(bp, "/inquiries/<inquiry_id>", Permission.correspondence_read)
def inquiry(inquiry_id: str) -> ResponseReturnValue:
    """One inquiry and its answer."""
    return _inquiry_page(inquiry_id, forms.AnswerForm(formdata=None))


def _inquiry_page(inquiry_id: str, form: forms.AnswerForm) -> ResponseReturnValue:
    view = db.read(service.inquiry, current_act(), inquiry_id=inquiry_id)
    page = render_template(
        "correspondence/inquiry.html", view=view, form=form, tones=STATE_TONES, words=STATE_WORDS,
        handles=current_act().may(Permission.inquiry_handle),
    )  # fmt: skip
    return page, _status(form)


@route(bp, "/inquiries/<inquiry_id>/forward", Permission.inquiry_handle, methods=("POST",))
def forward(inquiry_id: str) -> ResponseReturnValue:
    """Record that the inquiry was passed on to the addressee."""
    db.run(service.forward_inquiry, current_act(), inquiry_id=inquiry_id)
    return done(say("Recorded: the inquiry was forwarded."), ".inquiry", inquiry_id=inquiry_id)


@route(bp, "/inquiries/<inquiry_id>/answer", Permission.inquiry_handle, methods=("POST",))
def answer(inquiry_id: str) -> ResponseReturnValue:
    """Record the answer."""
    form = forms.AnswerForm()
    if not form.validate_on_submit():
        return _inquiry_page(inquiry_id, form)
    db.run(service.answer_inquiry, current_act(), inquiry_id=inquiry_id, answer=form.answer.data or "")
    return done(say("The answer is recorded."), ".inquiry", inquiry_id=inquiry_id)


# --- published letters ----------------------------------------------------------------------------


@public(bp, "/letters")
def published() -> ResponseReturnValue:
    """The letters that were published, the newest first."""
    found = db.read(lambda session, _act: letters.public_letters(session), current_act())
    return render_template("correspondence/published.html", letters=found, states=ISSUE_WORDS)


@public(bp, "/letters/<reference>")
def letter(reference: str) -> ResponseReturnValue:
    """A published letter: its text, its public signatories, how to check it."""
    page = db.read(lambda session, _act: letters.public_letter(session, reference), current_act())
    shown = request.args.get("in") or language()
    languages = page.projection["languages"]
    return render_template(
        "correspondence/letter.html", letter=page.projection, issue=page.issue,
        shown=shown if shown in languages else languages[0],
        edition=next((one for one in page.issue.editions if one.edition == "public"), None),
        vkey=current_app.extensions["rensho-log-key"].vkey,
    )  # fmt: skip


@public(bp, "/letters/<reference>/letter.public.pdf")
def letter_pdf(reference: str) -> ResponseReturnValue:
    """The sealed PDF of a published letter's public edition."""
    page = db.read(lambda session, _act: letters.public_letter(session, reference), current_act())
    edition = next((one for one in page.issue.editions if one.edition == "public"), None)
    if edition is None:
        raise NotFound
    made = make_response(_files().get(edition.file_digest))
    made.mimetype = "application/pdf"
    name = f"{page.issue.reference}.public.pdf"
    made.headers.set("Content-Disposition", "attachment", filename=name)
    return made


ISSUE_WORDS = {
    "published": say("Published"), "superseded": say("Superseded"), "withdrawn": say("Withdrawn"),
}  # fmt: skip
