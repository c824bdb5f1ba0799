"""The forms of the works room."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from portal.web.requests import Form, language
from portal.works.columns import Column
from portal.works.rows import KIND_WORDS, LISTING_WORDS, WorkRow


class UploadForm(Form):
    """A file with works."""

    file = FileField(_l("File"), validators=[FileRequired(_l("Choose a file."))])


class ConfirmForm(Form):
    """What to do with the file that was read; ``shown`` is its digest."""

    shown = HiddenField(validators=[InputRequired()])


class RowForm(Form):
    """One work. ``version`` is the list's on the screen."""

    version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
    title = StringField(_l("Title"), validators=[InputRequired(_l("The title is missing.")), Length(max=500)])
    reading = StringField(_l("Reading (kana)"), validators=[Optional(), Length(max=500)])
    title_ja = StringField(_l("Japanese title"), validators=[Optional(), Length(max=500)])
    title_en = StringField(_l("English title"), validators=[Optional(), Length(max=500)])
    romanised = StringField(_l("Romanised title"), validators=[Optional(), Length(max=500)])
    kind = SelectField(_l("Kind"))
    published = StringField(_l("First published"), validators=[Optional(), Length(max=40)])
    identifiers = TextAreaField(_l("Identifiers"), validators=[Optional(), Length(max=5000)])
    co_owners = TextAreaField(_l("Co-owners"), validators=[Optional(), Length(max=5000)])
    url = StringField(_l("Web address"), validators=[Optional(), Length(max=1000)])
    code = StringField(_l("Your own code"), validators=[Optional(), Length(max=500)])
    consent = SelectField(_l("May be listed"))

    def prepare(self) -> RowForm:
        """Fill in the choices, in the page's language."""
        now = language()
        self.kind.choices = [(kind.value, word.render(now)) for kind, word in KIND_WORDS.items()]
        default = [("", _l("As chosen when the list is submitted"))]
        listing = [(one.value, word.render(now)) for one, word in LISTING_WORDS.items()]
        self.consent.choices = [*default, *listing]
        return self

    def cells(self) -> dict[Column, str]:
        """The row as texts, as they would stand in a file."""
        return {column: self[column.value].data or "" for column in Column if column.value in self}

    @staticmethod
    def of(row: WorkRow) -> dict[str, str | None]:
        """What the form shows for *row*."""
        return {
            "title": row.title,
            "reading": row.reading,
            "title_ja": row.title_ja,
            "title_en": row.title_en,
            "romanised": row.romanised,
            "kind": row.kind.value,
            "published": row.published,
            "identifiers": "\n".join(str(one) for one in row.identifiers),
            "co_owners": "\n".join(row.co_owners),
            "url": row.url,
            "code": row.code,
            "consent": row.consent.value if row.consent else "",
        }


class SubmitForm(Form):
    """Where works may be listed, and the version that was on the screen."""

    version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
    consent = RadioField(
        _l("Where may your works be listed?"),
        validators=[InputRequired(_l("Choose where your works may be listed."))],
    )

    def prepare(self) -> SubmitForm:
        """Fill in the choices, in the page's language."""
        now = language()
        self.consent.choices = [(one.value, word.render(now)) for one, word in LISTING_WORDS.items()]
        return self


class ReturnForm(Form):
    """Why a list goes back to its member."""

    reason = TextAreaField(
        _l("What has to be mended"),
        validators=[
            InputRequired(_l("Say what has to be mended; the member will read this.")),
            Length(max=2000),
        ],
    )


class SettleForm(Form):
    """On what basis staff take works as jointly owned."""

    reason = TextAreaField(
        _l("On what basis"),
        validators=[InputRequired(_l("Say on what basis; it is kept with the decision.")), Length(max=2000)],
    )
