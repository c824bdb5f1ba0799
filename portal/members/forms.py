"""The forms of the registry, seats and invitations."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.kernel.act import MEMBER_ROLES, STAFF_ROLES, Permission, Role
from portal.members import service as members
from portal.web.requests import Form, ProofForm, language
from portal.web.shell import LANGUAGE_NAMES

_KINDS = [("company", _l("Company")), ("association", _l("Association"))]
_ORDERS = [
    ("gojuon", _l("Japanese order, by reading")),
    ("alphabetical", _l("Alphabetical, by Latin name")),
    ("category", _l("By category, then by reading")),
    ("associations_first", _l("Associations first, then companies by reading")),
]


class CheckboxesField(SelectMultipleField):  # type: ignore[misc]  # wtforms ships no types
    """Roles as checkboxes, each with what it allows.

    Named as the components know it.
    """

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def offer(self, *, staff: bool) -> None:
        """Offer the association's roles, or a member's."""
        self.choices = [
            (role.value, f"{name.render(language())} – {what.render(language())}")
            for role, (name, what) in members.ROLE_WORDS.items()
            if role in (STAFF_ROLES if staff else MEMBER_ROLES)
        ]

    @property
    def roles(self) -> frozenset[Role]:
        """What was chosen."""
        return frozenset(Role(value) for value in self.data or ())


class MemberForm(Form):
    """A member's entry; the fields are named like the columns of a members table."""

    kind = SelectField(_l("Kind"), choices=_KINDS)
    name_en = StringField(_l("Legal name in Latin letters"), [Length(max=200)])
    name_ja = StringField(_l("Legal name in Japanese"), [Length(max=200)], render_kw={"lang": "ja"})
    name_kana = StringField(_l("Reading (katakana)"), [Length(max=200)], render_kw={"lang": "ja"})
    category = StringField(_l("Category"), [InputRequired(), Length(max=64)])
    country = StringField(_l("Country code"), [InputRequired(), Length(max=2)], default="JP")
    weight = IntegerField(_l("Weight"), [InputRequired(), NumberRange(1, 1_000_000)], default=1)
    slug = StringField(_l("Your own code for it"), [Length(max=64)])
    corporate_number = StringField(_l("Corporate number (法人番号)"), [Length(max=20)])
    lei = StringField("LEI", [Length(max=20)])
    contact_email = StringField(_l("E-mail address of its legal department"), [Length(max=320)])
    shown = HiddenField()

    @property
    def row(self) -> members.MemberRow:
        """What was typed."""
        texts = {
            name: field.data or "" for name, field in self._fields.items() if isinstance(field.data, str)
        }
        return members.member_row(texts, weight=self.weight.data)

    @classmethod
    def showing(cls, view: members.MemberView) -> MemberForm:
        """The form with a member's present entry, and its digest."""
        return cls(
            kind=view.kind, name_en=view.names.get("en", ""), name_ja=view.names.get("ja", ""),
            name_kana=view.reading, category=view.category, country=view.country, weight=view.weight,
            slug=view.slug or "", corporate_number=view.corporate_number or "", lei=view.lei or "",
            contact_email=view.contact_email, shown=view.digest,
        )  # fmt: skip


class ImportForm(Form):
    """A members table to be previewed."""

    file = FileField(_l("Members table (CSV)"), [FileRequired(_l("Choose a file."))])


class ConfirmForm(Form):
    """What the preview showed, sent back whole: nothing is kept on the server in between."""

    table = HiddenField(validators=[InputRequired()])


class InviteForm(Form):
    """One person to invite."""

    email = StringField(_l("E-mail address"), [InputRequired(), Length(max=320)], render_kw={"type": "email"})
    name = StringField(_l("Name"), [Length(max=200)])
    roles = CheckboxesField(_l("Roles"))
    title_ja = StringField(_l("Title in Japanese"), [Length(max=120)], render_kw={"lang": "ja"})
    title_en = StringField(_l("Title in English"), [Length(max=120)])
    authority = StringField(_l("On what basis may this person sign?"), [Length(max=500)])
    language = SelectField(_l("Language of the mail"), choices=list(LANGUAGE_NAMES.items()))

    @property
    def title(self) -> dict[str, str]:
        """The title by language, as far as given."""
        return {key: text for key, text in (("ja", self.title_ja.data), ("en", self.title_en.data)) if text}


class InviteManyForm(Form):
    """Many people to invite, a line each."""

    lines = TextAreaField(_l("A line for each person"), [InputRequired(), Length(max=500_000)])
    roles = CheckboxesField(_l("Roles of all of them"))
    language = SelectField(_l("Language of the mail"), choices=list(LANGUAGE_NAMES.items()))


class SeatForm(ProofForm):
    """A seat's roles and authority; also to verify it or to end it."""

    permission = Permission.seat_manage
    roles = CheckboxesField(_l("Roles"))
    title_ja = StringField(_l("Title in Japanese"), [Length(max=120)], render_kw={"lang": "ja"})
    title_en = StringField(_l("Title in English"), [Length(max=120)])
    authority = StringField(_l("On what basis may this person sign?"), [Length(max=500)])

    title = InviteForm.title


class AcceptForm(Form):
    """The invited person's name, and a password where there is no account yet."""

    name = StringField(
        _l("Your name"), [InputRequired(), Length(max=200)], render_kw={"autocomplete": "name"}
    )
    password = PasswordField(_l("Choose a password"), render_kw={"autocomplete": "new-password"})


class DeclineForm(Form):
    """Why not, or who else."""

    reason = TextAreaField(_l("If you like, say why, or who is the right person"), [Length(max=2_000)])


class ChooseForm(Form):
    """For whom one acts."""

    seat = HiddenField(validators=[InputRequired()])
    next = HiddenField()


class AssociationForm(Form):
    """The association's own entry."""

    name_en = StringField(_l("Name in Latin letters"), [Length(max=200)])
    name_ja = StringField(_l("Name in Japanese"), [Length(max=200)], render_kw={"lang": "ja"})
    code = StringField(_l("Code that begins reference numbers"), [InputRequired(), Length(max=12)])
    address_en = TextAreaField(_l("Address in Latin letters"), [Length(max=1_000)])
    address_ja = TextAreaField(_l("Address in Japanese"), [Length(max=1_000)], render_kw={"lang": "ja"})
    contact = StringField(_l("E-mail address for answers"), [InputRequired(), Length(max=320)])
    language = SelectField(_l("Language of mail, unless chosen"), choices=list(LANGUAGE_NAMES.items()))
    order_rule = SelectField(_l("Order of the signatories"), [Optional()], choices=_ORDERS)
    addressee_edition = BooleanField(
        _l("Members may download the addressee's edition of a letter they signed.")
    )
    shown = HiddenField()

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, as `set_association` takes it."""
        return {
            "names": {"en": self.name_en.data or "", "ja": self.name_ja.data or ""},
            "address": {
                "en": [line.strip() for line in (self.address_en.data or "").splitlines()],
                "ja": [line.strip() for line in (self.address_ja.data or "").splitlines()],
            },
            "code": self.code.data, "contact": self.contact.data, "language": self.language.data,
            "order_rule": self.order_rule.data or "", "shown": self.shown.data or None,
            "choices": {"members_get_addressee_edition": bool(self.addressee_edition.data)},
        }  # fmt: skip

    @classmethod
    def showing(cls, view: members.AssociationView | None) -> AssociationForm:
        """The form with the present entry, and its digest."""
        if view is None:
            return cls()
        return cls(
            name_en=view.names.get("en", ""), name_ja=view.names.get("ja", ""), code=view.code,
            address_en="\n".join(view.address.get("en", [])),
            address_ja="\n".join(view.address.get("ja", [])),
            contact=view.contact, language=view.language, order_rule=view.order_rule, shown=view.digest,
            addressee_edition=bool(view.settings.get("members_get_addressee_edition")),
        )  # fmt: skip
