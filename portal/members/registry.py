"""The registry: the association itself and its members. Use cases."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.errors import Conflict, Invalid, NotFound, Stale
from portal.kernel.sentence import say
from portal.members import tables
from portal.members.model import Association, Member, MemberKind
from portal.members.values import AssociationView, MemberView, RollMember, original_language


def text_key(text: str) -> str:
    """How texts are compared in a search: NFKC, casefolded, without doubled spaces.

    The databases' own lower() and LIKE know ASCII only (SQLite) or a locale (PostgreSQL).
    """
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


# --- the association ------------------------------------------------------------------------------


def association(session: Session) -> AssociationView:
    """The association of this installation. Raises `NotFound` before it was entered."""
    row = session.get(Association, 1)
    if row is None:
        raise NotFound(say("The association's name and address have not been entered yet."))
    return AssociationView(
        row.names, row.code, row.address, row.contact, row.language, row.order_rule, row.settings
    )


def find_association(session: Session, _act: Act) -> AssociationView | None:
    """The association, or None before it was entered (for the frame around pages)."""
    return association(session) if session.get(Association, 1) is not None else None


def set_association(
    session: Session,
    act: Act,
    *,
    names: Mapping[str, str],
    code: str,
    address: Mapping[str, Sequence[str]],
    contact: str,
    language: str = "ja",
    order_rule: str = "gojuon",
    settings: Mapping[str, Any] | None = None,
    choices: Mapping[str, Any] | None = None,
    shown: str | None = None,
) -> AssociationView:
    """Enter or change the association. *shown* is the digest of the form's values: `Stale` if they moved.

    *settings* replaces all further settings (None: they stay); *choices* then changes single ones.
    """
    require(act, Permission.association_edit)
    problems = tables.association_problems(names, code, contact, order_rule)
    if problems:
        raise Invalid(problems)
    row = session.get(Association, 1, with_for_update=True)
    if shown and row is not None and association(session).digest != shown:
        raise Stale(say("Somebody changed the association meanwhile. Read again what it is now."))
    values: dict[str, Any] = {
        "names": _filled(names),
        "code": code,
        "address": {key: [line for line in lines if line] for key, lines in address.items()},
        "contact": contact,
        "language": language,
        "order_rule": order_rule,
        "settings": {
            **(settings if settings is not None else row.settings if row else {}),
            **(choices or {}),
        },
    }
    if row is None:
        session.add(Association(id=1, **values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    view = association(session)
    log.append(session, act, "members:association:edited", "association", {"names": dict(view.names)})
    return view


# --- members --------------------------------------------------------------------------------------


def _filled(texts: Mapping[str, str]) -> dict[str, str]:
    return {key: text.strip() for key, text in texts.items() if text and text.strip()}


def member_view(row: Member) -> MemberView:
    """The frozen value of a row (for this room)."""
    return MemberView(
        row.id, row.kind.value, row.slug, row.names, row.reading, row.category, row.country, row.weight,
        row.corporate_number, row.lei, row.contact_email, row.left_at,
    )  # fmt: skip


def _search_key(row: tables.MemberRow) -> str:
    return text_key(" ".join([*row.names.values(), row.reading, row.slug or "", row.corporate_number or ""]))


def _values(row: tables.MemberRow) -> dict[str, Any]:
    return {
        "kind": MemberKind(row.kind), "slug": row.slug, "names": dict(row.names), "reading": row.reading,
        "category": row.category, "country": row.country, "weight": row.weight,
        "corporate_number": row.corporate_number, "lei": row.lei, "contact_email": row.contact_email,
        "search_key": _search_key(row),
    }  # fmt: skip


def create_member(session: Session, act: Act, *, row: tables.MemberRow) -> MemberView:
    """Enter a member. Raises `Invalid`, and `Conflict` where a member has that code or identifier."""
    require(act, Permission.member_edit)
    _refuse_bad(row)
    _refuse_duplicate(session, row, None)
    member = Member(id=new_id(), created_at=act.at, **_values(row))
    session.add(member)
    session.flush()
    log.append(session, act, "members:member:entered", member.id, {"names": dict(member.names)})
    return member_view(member)


def edit_member(
    session: Session, act: Act, *, member_id: str, row: tables.MemberRow, shown: str
) -> MemberView:
    """Change a member; *shown* is the digest of what the form showed. What was signed keeps its names."""
    require(act, Permission.member_edit)
    _refuse_bad(row)
    member = db.lock(session, Member, member_id)
    if member_view(member).digest != shown:
        raise Stale(say("Somebody changed this member meanwhile. Read again what it is now."))
    _refuse_duplicate(session, row, member_id)
    for name, value in _values(row).items():
        setattr(member, name, value)
    session.flush()
    log.append(session, act, "members:member:edited", member.id, {"names": dict(member.names)})
    return member_view(member)


def _refuse_bad(row: tables.MemberRow) -> None:
    problems = tables.problems_of(row)
    if problems:
        raise Invalid(problems)


def _refuse_duplicate(session: Session, row: tables.MemberRow, own: str | None) -> None:
    for column, value in (
        (Member.slug, row.slug),
        (Member.corporate_number, row.corporate_number),
        (Member.lei, row.lei),
    ):
        if value is None:
            continue
        other = session.scalars(sa.select(Member).where(column == value)).first()
        if other is not None and other.id != own:
            name = original_language(other.names, other.country)
            raise Conflict(
                say(
                    "“%(value)s” already belongs to %(name)s. Edit that member instead of entering it twice.",
                    value=value,
                    name=other.names.get(name, ""),
                )
            )


def import_members(session: Session, act: Act, *, data: bytes) -> tuple[MemberView, ...]:
    """Enter all members of a CSV file, or none: `Invalid` lists every problem with its row and column.

    A row whose code (slug) is known already is left as it is, so that a file may be given twice.
    """
    require(act, Permission.member_import)
    read = tables.read_members_csv(data)
    if read.problems:
        raise Invalid(read.problems)
    known = set(session.scalars(sa.select(Member.slug).where(Member.slug.is_not(None))))
    return tuple(
        create_member(session, act, row=row) for row in read.rows if row.slug is None or row.slug not in known
    )


def known_slugs(session: Session, act: Act, *, slugs: Iterable[str]) -> frozenset[str]:
    """Which of *slugs* are members' codes already (for the preview of an import)."""
    require(act, Permission.member_import)
    rows = session.scalars(sa.select(Member.slug).where(Member.slug.in_(list(slugs))))
    return frozenset(slug for slug in rows if slug)


def get_member(session: Session, act: Act, *, member_id: str) -> MemberView:
    """A member: any for staff, its own for a member's seat; `NotFound` else."""
    if not act.is_staff and act.member_id != member_id:
        raise NotFound
    return member(session, member_id)


def list_members(
    session: Session, act: Act, *, search: str = "", category: str = "", with_left: bool = False
) -> tuple[MemberView, ...]:
    """The registry by reading, then name; *search* finds parts of names, readings and codes."""
    require(act, Permission.member_read)
    query = sa.select(Member).order_by(Member.reading, Member.id)
    if not with_left:
        query = query.where(Member.left_at.is_(None))
    for word in text_key(search).split():
        query = query.where(Member.search_key.contains(word, autoescape=True))
    if category:
        query = query.where(Member.category == category)
    return tuple(member_view(row) for row in session.scalars(query))


def categories(session: Session, act: Act) -> tuple[str, ...]:
    """The categories in use, sorted."""
    require(act, Permission.member_read)
    return tuple(session.scalars(sa.select(Member.category).distinct().order_by(Member.category)))


# --- for other rooms ------------------------------------------------------------------------------


def member(session: Session, member_id: str) -> MemberView:
    """A member by id; `NotFound` if there is none. The caller decides who may see it."""
    row = session.get(Member, member_id)
    if row is None:
        raise NotFound
    return member_view(row)


def members(session: Session, member_ids: Iterable[str]) -> Mapping[str, MemberView]:
    """Members by id; unknown ids are left out."""
    ids = list(member_ids)
    found: dict[str, MemberView] = {}
    for start in range(0, len(ids), 500):  # SQLite allows 32,766 parameters; batches keep plans small
        rows = session.scalars(sa.select(Member).where(Member.id.in_(ids[start : start + 500])))
        found.update((row.id, member_view(row)) for row in rows)
    return found


def member_names(session: Session, member_ids: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Names by language, by member id; unknown ids are left out."""
    return {key: view.names for key, view in members(session, member_ids).items()}


def find_by_slug(session: Session, slugs: Iterable[str]) -> Mapping[str, str]:
    """Member ids by the association's own codes; unknown codes are left out."""
    rows = session.execute(sa.select(Member.slug, Member.id).where(Member.slug.in_(list(slugs))))
    return {slug: member_id for slug, member_id in rows if slug}


def roll_members(session: Session, member_ids: Iterable[str]) -> tuple[RollMember, ...]:
    """The members as a round freezes them in its roll, in the order of *member_ids*.

    Raises `NotFound` if one of them does not exist.
    """
    ids = list(member_ids)
    found = members(session, ids)
    if len(found) != len(set(ids)):
        raise NotFound
    return tuple(
        RollMember(
            view.id, view.names, original_language(view.names, view.country), view.reading, view.category,
            view.country, view.weight, view.kind,
        )
        for view in (found[member_id] for member_id in ids)
    )  # fmt: skip
