"""The letter's identity, its working copy, its revisions. Private to this room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only, choice


class RevisionKind(StrEnum):
    """What a revision changes: something that carries meaning, or only spelling and setting."""

    material = "material"
    editorial = "editorial"


class Letter(Base):
    """One letter of a campaign. Its state is derived (DESIGN §4) and stands nowhere."""

    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(
        Id, sa.ForeignKey("campaign.id"), comment="the dispute it is about"
    )
    number: Mapped[int] = mapped_column(comment="1, 2, 3 … within the campaign")
    languages: Mapped[Any] = mapped_column(Json, comment="list of BCP 47 tags, in the order of printing")
    prevails: Mapped[str] = mapped_column(sa.String(35), comment="the language that decides in case of doubt")
    brief: Mapped[Any] = mapped_column(Json, comment="the brief it was composed from, rensho/brief/1")
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(
        Id, sa.ForeignKey("person.id"), comment="None: the portal itself"
    )
    abandoned_at: Mapped[datetime | None] = mapped_column(Instant, comment="when staff gave the letter up")

    __table_args__ = (sa.UniqueConstraint("campaign_id", "number"),)


class WorkingText(Base):
    """The working copy in one language, as staff edit it; overwritten by every save."""

    __tablename__ = "letter_text"

    letter_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter.id"), primary_key=True)
    language: Mapped[str] = mapped_column(sa.String(35), primary_key=True, comment="BCP 47 tag")
    text: Mapped[str] = mapped_column(sa.Text, comment="editing format, at most 200,000 characters")
    version: Mapped[int] = mapped_column(
        comment="one more with every save; a save names the one it began from"
    )
    saved_at: Mapped[datetime] = mapped_column(Instant)
    saved_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    saved_by_name: Mapped[str] = mapped_column(sa.Text, comment="the name shown to whoever saves after")

    __table_args__ = (sa.CheckConstraint("length(text) <= 200000", name="text_length"),)


class Revision(Base):
    """A published text in all its languages: numbered, never changed."""

    __tablename__ = "revision"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    letter_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("letter.id"))
    number: Mapped[int] = mapped_column(comment="1, 2, 3 … within the letter")
    digest: Mapped[str] = mapped_column(
        Digest, comment="of the document's canonical form, over all languages"
    )
    document: Mapped[Any] = mapped_column(Json, comment="languages, prevails, subject, sections")
    note: Mapped[str] = mapped_column(sa.Text, comment="what changed and why, for the members")
    kind: Mapped[RevisionKind] = mapped_column(choice(RevisionKind, "revision_kind"))
    published_at: Mapped[datetime] = mapped_column(Instant)
    published_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (sa.UniqueConstraint("letter_id", "number"), sa.Index("ix_revision_digest", "digest"))


class Reading(Base):
    """A person said, for a member, that the revision was read (never a GET: mail scanners open links)."""

    __tablename__ = "revision_reading"

    revision_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("revision.id"), primary_key=True)
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)


append_only(Revision.__table__)
append_only(Reading.__table__)
