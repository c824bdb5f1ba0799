"""Use cases of the drafting room: a letter from a brief, its working copy, its revisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.drafting import brief as briefs
from portal.drafting import editing, redline
from portal.drafting.compose import compose
from portal.drafting.document import Document, check, from_json
from portal.drafting.model import Letter, Reading, Revision, RevisionKind, WorkingText
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem, Stale
from portal.kernel.sentence import say
from portal.members import service as members

MAX_NOTE: Final = 2_000
"""Characters of a revision's note."""

Text = Mapping[str, str]


class StaleText(Stale):
    """Somebody saved the same language meanwhile; nothing is overwritten and both texts are at hand."""

    def __init__(self, language: str, theirs: WorkingCopyText, yours: str) -> None:
        super().__init__(
            say(
                "%(name)s saved this text while you were editing it. Nothing was overwritten: take over what"
                " you need from both texts and save again.",
                name=theirs.saved_by_name or say("Somebody else"),
            )
        )
        self.language, self.theirs, self.yours = language, theirs, yours


@dataclass(frozen=True)
class RevisionSummary:
    """A revision without its text; times in UTC."""

    id: str
    letter_id: str
    number: int
    digest: str
    subject: Text
    note: str
    kind: RevisionKind
    published_at: datetime


@dataclass(frozen=True)
class RevisionView(RevisionSummary):
    """A revision with its text."""

    document: Document


@dataclass(frozen=True)
class LetterView:
    """A letter: what it is composed from and what has been published, newest first."""

    id: str
    campaign_id: str
    number: int
    languages: tuple[str, ...]
    prevails: str
    brief: Mapping[str, Any]
    created_at: datetime
    abandoned_at: datetime | None
    revisions: tuple[RevisionSummary, ...]

    @property
    def latest(self) -> RevisionSummary | None:
        return self.revisions[0] if self.revisions else None

    @property
    def title(self) -> Text:
        """What people call it: the latest subject, else the brief's title."""
        title: Text = self.revisions[0].subject if self.revisions else self.brief["title"]
        return title


@dataclass(frozen=True)
class WorkingCopyText:
    """The working copy in one language; a save names the ``version`` it began from."""

    language: str
    text: str
    version: int
    saved_at: datetime
    saved_by_name: str


# --- the letter -----------------------------------------------------------------------------------


def create_letter(
    session: Session, act: Act, *, campaign_id: str, brief: briefs.Brief | Mapping[str, Any]
) -> LetterView:
    """A new letter of the campaign, its working copy composed from *brief* (a `Brief` or its JSON).

    Raises `Invalid` for a bad brief or where the clause library cannot answer it.
    """
    require(act, Permission.letter_create)
    campaigns.get(session, act, campaign_id)
    if not isinstance(brief, briefs.Brief):
        brief = briefs.from_json(brief)
    document = compose(brief, members.association(session).names).document
    number = session.scalar(sa.select(sa.func.max(Letter.number)).where(Letter.campaign_id == campaign_id))
    letter = Letter(
        id=new_id(),
        campaign_id=campaign_id,
        number=(number or 0) + 1,
        languages=list(brief.languages),
        prevails=brief.prevails,
        brief=brief.as_json(),
        created_at=act.at,
        created_by=act.person_id,
    )
    session.add(letter)
    session.flush()
    for language in brief.languages:
        text = editing.write(document, language)
        session.add(
            WorkingText(
                letter_id=letter.id,
                language=language,
                text=text,
                version=1,
                saved_at=act.at,
                saved_by=act.person_id,
                saved_by_name=act.person_name,
            )
        )
    log.append(session, act, "drafting:letter:created", letter.id, {"campaign": campaign_id})
    return _view(session, letter)


def letters_of(session: Session, act: Act, *, campaign_id: str) -> tuple[LetterView, ...]:
    """The campaign's letters, newest first; for a member those with a revision, once it has joined."""
    require(act, Permission.letter_read)
    campaigns.get(session, act, campaign_id)
    if not act.is_staff and not campaigns.has_joined(session, campaign_id, act.member_id):
        return ()
    rows = session.scalars(
        sa.select(Letter).where(Letter.campaign_id == campaign_id).order_by(Letter.number.desc())
    )
    views = tuple(_view(session, row) for row in rows)
    return views if act.is_staff else tuple(view for view in views if view.revisions)


def letter(session: Session, act: Act, *, letter_id: str) -> LetterView:
    """One letter; for a member that takes part, from its first revision on. Raises `NotFound`."""
    require(act, Permission.letter_read)
    row = session.get(Letter, letter_id)
    if row is None:
        raise NotFound
    _require_participant(session, act, row.campaign_id)
    view = _view(session, row)
    if not act.is_staff and not view.revisions:
        raise NotFound
    return view


def abandon(session: Session, act: Act, *, letter_id: str) -> None:
    """Give the letter up. The rooms above refuse to open a round on it or to issue it from then on.

    Whether it is issued already is known above this room only: from a page the way in is
    `portal.signoffs.service.abandon_letter`.
    """
    require(act, Permission.letter_abandon)
    row = db.lock(session, Letter, letter_id)
    if row.abandoned_at is None:
        row.abandoned_at = act.at
        log.append(session, act, "drafting:letter:abandoned", letter_id, {})


def hold(session: Session, letter_id: str) -> LetterView:
    """The letter, locked until the transaction ends: no revision can be published meanwhile."""
    return _view(session, db.lock(session, Letter, letter_id))


def letter_of(session: Session, letter_id: str) -> LetterView:
    """The letter, for other rooms (no access check)."""
    row = session.get(Letter, letter_id)
    if row is None:
        raise NotFound
    return _view(session, row)


# --- the working copy -----------------------------------------------------------------------------


def working_copy(session: Session, act: Act, *, letter_id: str) -> dict[str, WorkingCopyText]:
    """The working copy by language, in the letter's order."""
    require(act, Permission.text_edit)
    return _working_copy(session, letter_of(session, letter_id))


def save_texts(
    session: Session, act: Act, *, letter_id: str, texts: Mapping[str, str], versions: Mapping[str, int]
) -> dict[str, WorkingCopyText]:
    """Save the languages whose text is another one now; *versions* are those the editor began from.

    Raises `StaleText` where a language was saved by somebody else in between: then nothing is saved.
    """
    require(act, Permission.text_edit)
    row = db.lock(session, Letter, letter_id)
    view = _view(session, row)
    _require_alive(view)
    for language, theirs in _working_copy(session, view).items():
        mine = _normal(texts.get(language, theirs.text))
        if mine == theirs.text:
            continue
        if versions.get(language) != theirs.version:
            raise StaleText(language, theirs, mine)
        if len(mine) > editing.MAX_SOURCE:
            raise Invalid(
                [
                    Problem(
                        language, say("The text has more than %(most)s characters.", most=editing.MAX_SOURCE)
                    )
                ]
            )
        stored = session.get_one(WorkingText, (letter_id, language))
        stored.text, stored.version = mine, theirs.version + 1
        stored.saved_at, stored.saved_by, stored.saved_by_name = act.at, act.person_id, act.person_name
    session.flush()
    return _working_copy(session, view)


def draft(session: Session, act: Act, *, letter_id: str) -> Document:
    """The working copy as a document. Raises `Invalid` with every problem that keeps it from publication."""
    require(act, Permission.text_edit)
    view = letter_of(session, letter_id)
    return _document(view, _working_copy(session, view))


def draft_changes(
    session: Session, act: Act, *, letter_id: str
) -> dict[str, tuple[redline.Line, ...]] | None:
    """The redline from the latest revision to the working copy, by language; None before the first one.

    Raises `Invalid` where the working copy is no document yet.
    """
    document = draft(session, act, letter_id=letter_id)
    latest = latest_revision(session, letter_id)
    if latest is None:
        return None
    return {one: redline.compare(latest.document, document, one) for one in document.languages}


def publish(
    session: Session,
    act: Act,
    *,
    letter_id: str,
    versions: Mapping[str, int],
    note: str,
    kind: RevisionKind = RevisionKind.material,
) -> RevisionView:
    """Publish the working copy as the next revision; *versions* are those that were on the screen.

    Raises `Stale` if the working copy moved meanwhile, `Invalid` for a text that may not be published,
    `Conflict` if nothing changed since the last revision.
    """
    require(act, Permission.revision_publish)
    view = hold(session, letter_id)
    _require_alive(view)
    texts = _working_copy(session, view)
    if {language: text.version for language, text in texts.items()} != dict(versions):
        raise Stale(say("The working copy was saved again after you opened this page. Read it again."))
    note = note.strip()
    if not note or len(note) > MAX_NOTE:
        raise Invalid(
            [Problem("note", say("Say what changed and why, in at most %(most)s characters.", most=MAX_NOTE))]
        )
    document = _document(view, texts)
    if view.latest is not None and view.latest.digest == document.digest:
        raise Conflict(say("Nothing has changed since revision %(n)s.", n=view.latest.number))
    row = Revision(
        id=new_id(),
        letter_id=letter_id,
        number=(view.latest.number if view.latest else 0) + 1,
        digest=document.digest,
        document=document.as_json(),
        note=note,
        kind=kind,
        published_at=act.at,
        published_by=act.person_id,
    )
    session.add(row)
    session.flush()
    payload = {"letter": letter_id, "number": row.number, "digest": row.digest, "kind": kind.value}
    log.append(session, act, "drafting:revision:published", row.id, payload)
    return _revision(row)


# --- revisions ------------------------------------------------------------------------------------


def revision(session: Session, act: Act, *, revision_id: str) -> RevisionView:
    """One revision with its text. Raises `NotFound` also for a member that does not take part."""
    require(act, Permission.revision_read)
    view = revision_of(session, revision_id)
    _require_participant(session, act, letter_of(session, view.letter_id).campaign_id)
    return view


def revision_of(session: Session, revision_id: str) -> RevisionView:
    """One revision, for other rooms (no access check)."""
    row = session.get(Revision, revision_id)
    if row is None:
        raise NotFound
    return _revision(row)


def latest_revision(session: Session, letter_id: str) -> RevisionView | None:
    """The newest revision of the letter, for other rooms (no access check)."""
    row = session.scalars(
        sa.select(Revision).where(Revision.letter_id == letter_id).order_by(Revision.number.desc()).limit(1)
    ).first()
    return None if row is None else _revision(row)


def changes(
    session: Session, act: Act, *, old_id: str, new_id: str
) -> tuple[RevisionView, RevisionView, dict[str, tuple[redline.Line, ...]]]:
    """Two revisions of one letter and the redline between them, by language."""
    old, new = (
        revision(session, act, revision_id=old_id),
        revision(session, act, revision_id=new_id),
    )
    if old.letter_id != new.letter_id:
        raise NotFound
    languages = dict.fromkeys((*new.document.languages, *old.document.languages))
    return old, new, {one: redline.compare(old.document, new.document, one) for one in languages}


def confirm_read(session: Session, act: Act, *, revision_id: str) -> None:
    """The person says, for its member, that it has read the revision; saying it again changes nothing."""
    require(act, Permission.reading_confirm)
    view = revision(session, act, revision_id=revision_id)
    if act.member_id is None or act.person_id is None:
        raise NotFound
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added = session.execute(
        insert(Reading)
        .values(revision_id=view.id, member_id=act.member_id, person_id=act.person_id, at=act.at)
        .on_conflict_do_nothing()
        .returning(Reading.at)
    ).first()
    if added is not None:
        log.append(session, act, "drafting:revision:read", view.id, {"digest": view.digest})


def readers(session: Session, revision_id: str) -> dict[str, datetime]:
    """Which members have read the revision, with the first time somebody said so."""
    rows = session.execute(
        sa.select(Reading.member_id, sa.func.min(Reading.at))
        .where(Reading.revision_id == revision_id)
        .group_by(Reading.member_id)
    )
    return {member_id: at for member_id, at in rows}  # noqa: C416 - a result of rows is no mapping


def has_read(session: Session, act: Act, *, revision_id: str) -> datetime | None:
    """When this person said for this member that it has read the revision."""
    if act.member_id is None or act.person_id is None:
        return None
    row = session.get(Reading, (revision_id, act.member_id, act.person_id))
    return None if row is None else row.at


# --- inside ---------------------------------------------------------------------------------------


def _require_participant(session: Session, act: Act, campaign_id: str) -> None:
    """A member sees the letters of the campaigns it has joined, and no others."""
    if act.is_staff:
        return
    joined = {one.member_id for one in campaigns.participants(session, campaign_id) if one.state == "joined"}
    if act.member_id is None or act.member_id not in joined:
        raise NotFound


def _require_alive(view: LetterView) -> None:
    if view.abandoned_at is not None:
        raise Conflict(say("This letter was given up; nothing in it can be changed any more."))


def _normal(text: str) -> str:
    """Line ends as they are stored: browsers send CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _working_copy(session: Session, view: LetterView) -> dict[str, WorkingCopyText]:
    rows = {
        row.language: row
        for row in session.scalars(sa.select(WorkingText).where(WorkingText.letter_id == view.id))
    }
    return {
        language: WorkingCopyText(
            language,
            rows[language].text,
            rows[language].version,
            rows[language].saved_at,
            rows[language].saved_by_name,
        )
        for language in view.languages
    }


def _document(view: LetterView, texts: Mapping[str, WorkingCopyText]) -> Document:
    sources = {language: text.text for language, text in texts.items()}
    return check(editing.document_of(view.languages, view.prevails, sources))


def _view(session: Session, row: Letter) -> LetterView:
    rows = session.scalars(
        sa.select(Revision).where(Revision.letter_id == row.id).order_by(Revision.number.desc())
    )
    return LetterView(
        id=row.id,
        campaign_id=row.campaign_id,
        number=row.number,
        languages=tuple(row.languages),
        prevails=row.prevails,
        brief=row.brief,
        created_at=row.created_at,
        abandoned_at=row.abandoned_at,
        revisions=_summaries(rows),
    )


def _summaries(rows: Iterable[Revision]) -> tuple[RevisionSummary, ...]:
    return tuple(
        RevisionSummary(
            row.id,
            row.letter_id,
            row.number,
            row.digest,
            row.document["subject"],
            row.note,
            row.kind,
            row.published_at,
        )
        for row in rows
    )


def _revision(row: Revision) -> RevisionView:
    return RevisionView(
        row.id,
        row.letter_id,
        row.number,
        row.digest,
        row.document["subject"],
        row.note,
        row.kind,
        row.published_at,
        from_json(row.document),
    )


def languages_first(languages: Sequence[str], wanted: str) -> tuple[str, ...]:
    """The letter's languages, the reader's own first."""
    return tuple(sorted(languages, key=lambda one: one != wanted))
