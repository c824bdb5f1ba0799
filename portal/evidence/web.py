"""Pages of the exhibits."""

from __future__ import annotations

import io
from datetime import UTC
from typing import cast
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, render_template, send_file
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import DateTimeLocalField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal import db
from portal.campaigns import service as campaigns
from portal.config import Settings
from portal.evidence import service
from portal.evidence.store import FileStore
from portal.kernel.act import Permission
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import say
from portal.web.requests import Form, a_year_in_reach, current_act, route
from portal.web.responses import done

bp = Blueprint("evidence", __name__)


class ExhibitForm(Form):
    """An observed output."""

    title_en = StringField(_l("Title in English"), validators=[Optional(), Length(max=300)])
    title_ja = StringField(_l("Title in Japanese"), validators=[Optional(), Length(max=300)])
    file = FileField(_l("File"), validators=[FileRequired(_l("Choose the captured file."))])
    captured_at = DateTimeLocalField(
        _l("Captured at"),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[InputRequired(_l("Say when it was captured.")), a_year_in_reach],
    )
    url = StringField(_l("Address where it was seen"), validators=[Optional(), Length(max=2000)])
    product = StringField(_l("Product and version"), validators=[Optional(), Length(max=200)])
    prompt = TextAreaField(_l("Prompt"), validators=[Optional(), Length(max=10_000)])
    note_en = TextAreaField(_l("What it shows, in English"), validators=[Optional(), Length(max=2000)])
    note_ja = TextAreaField(_l("What it shows, in Japanese"), validators=[Optional(), Length(max=2000)])


def _files() -> FileStore:
    settings = cast("Settings", current_app.extensions["rensho-settings"])
    return FileStore(settings.files_dir)


@route(bp, "/campaigns/<campaign_id>/exhibits", Permission.exhibit_read)
def index(campaign_id: str) -> ResponseReturnValue:
    """The campaign's exhibits."""
    act = current_act()
    found = db.read(service.list_exhibits, act, campaign_id=campaign_id)
    campaign = db.read(campaigns.get, act, campaign_id)
    return render_template("evidence/index.html", campaign=campaign, exhibits=found)


@route(bp, "/campaigns/<campaign_id>/exhibits/new", Permission.exhibit_add, methods=("GET", "POST"))
def new(campaign_id: str) -> ResponseReturnValue:
    """Add an exhibit."""
    act = current_act()
    campaign = db.read(campaigns.get, act, campaign_id)
    form = ExhibitForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        zone = ZoneInfo(current_app.extensions["rensho-settings"].timezone)
        try:
            exhibit = db.run(
                service.add, act, campaign_id=campaign_id, files=_files(),
                title={"en": form.title_en.data or "", "ja": form.title_ja.data or ""},
                note={"en": form.note_en.data or "", "ja": form.note_ja.data or ""},
                captured_at=form.captured_at.data.replace(tzinfo=zone).astimezone(UTC),
                data=form.file.data.read(), file_name=form.file.data.filename or "",
                url=form.url.data, prompt=form.prompt.data, product=form.product.data,
            )  # fmt: skip
        except Invalid as error:
            problems = error.problems
        else:
            return done(
                say("Exhibit %(n)s is added.", n=exhibit.number), "evidence.index", campaign_id=campaign_id
            )
    page = render_template("evidence/new.html", campaign=campaign, form=form, problems=problems)
    return page, 422 if form.errors or problems else 200


@route(bp, "/exhibits/<exhibit_id>/file", Permission.exhibit_read)
def file(exhibit_id: str) -> ResponseReturnValue:
    """An exhibit's file, always as a download: it may be anything."""
    exhibit = db.read(service.exhibit, current_act(), exhibit_id=exhibit_id)
    data = io.BytesIO(_files().get(exhibit.sha256))
    return send_file(
        data,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=exhibit.file_name or "exhibit",
        max_age=0,
    )
