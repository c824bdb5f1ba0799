"""Works lists, their rows and submissions, uploads that wait, claims. Private to this room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only, choice
from portal.works.rows import Kind, Listing


class ListState(StrEnum):
    """How far a member's list is (DESIGN §4)."""

    draft = "draft"
    submitted = "submitted"
    accepted = "accepted"
    returned = "returned"


LIST_MOVES: Final[Mapping[ListState, frozenset[ListState]]] = {
    ListState.draft: frozenset({ListState.submitted}),
    ListState.submitted: frozenset({ListState.accepted, ListState.returned}),
    # What was accepted can still turn out to be wrong; then staff return it, with the reason.
    ListState.accepted: frozenset({ListState.returned}),
    ListState.returned: frozenset({ListState.draft}),
}


class WorksList(Base):
    """A member's list for a campaign; made when something is first put into it."""

    __tablename__ = "works_list"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"))
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"))
    state: Mapped[ListState] = mapped_column(choice(ListState, "list_state"))
    version: Mapped[int] = mapped_column(comment="one more with every change; forms carry it")
    consent: Mapped[Listing] = mapped_column(
        choice(Listing, "list_consent"), comment="where works may be listed whose row does not say"
    )
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="why staff returned it")
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.UniqueConstraint("campaign_id", "member_id"),)


class _Work:
    """The columns of one work, in the draft and in a submission alike."""

    title: Mapped[str] = mapped_column(sa.Text, comment="as the member calls it")
    title_ja: Mapped[str] = mapped_column(sa.Text)
    title_en: Mapped[str] = mapped_column(sa.Text)
    romanised: Mapped[str] = mapped_column(sa.Text)
    reading: Mapped[str] = mapped_column(sa.Text, comment="ヨミ")
    kind: Mapped[str] = mapped_column(sa.String(32), comment="portal.works.rows.Kind")
    year: Mapped[int | None] = mapped_column(comment="of first publication, Gregorian")
    published: Mapped[str] = mapped_column(sa.String(10), comment="2012, 2012-04 or 2012-04-13")
    identifiers: Mapped[Any] = mapped_column(Json, comment="list of [scheme, number, checked]")
    co_owners: Mapped[Any] = mapped_column(Json, comment="list of names as typed")
    url: Mapped[str] = mapped_column(sa.Text)
    code: Mapped[str] = mapped_column(sa.Text, comment="the member's own")


class Work(_Work, Base):
    """A row of a draft. The key is natural: there are many, and they are read together."""

    __tablename__ = "works_row"

    list_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("works_list.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="from 1, with gaps")
    consent: Mapped[str | None] = mapped_column(sa.String(32), comment="null: as the list says")
    search: Mapped[str] = mapped_column(sa.Text, comment="titles, reading, code: NFKC, casefolded")

    __table_args__ = (sa.CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in Kind)})", name="kind"),)


class Upload(Base):
    """A file that was read and waits to be confirmed; at most one for a list."""

    __tablename__ = "works_upload"

    list_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("works_list.id"), primary_key=True)
    file_name: Mapped[str] = mapped_column(sa.Text, comment="as uploaded")
    file_digest: Mapped[str] = mapped_column(Digest, comment="of the file's bytes")
    size: Mapped[int] = mapped_column(comment="bytes of the file")
    rows: Mapped[int] = mapped_column(comment="good rows")
    left_out: Mapped[int] = mapped_column(comment="rows with problems")
    content: Mapped[bytes] = mapped_column(
        sa.LargeBinary, comment="what was read, problems too: JSON, deflated"
    )
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    uploaded_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))


class Submission(Base):
    """A list as it was submitted; never changed."""

    __tablename__ = "works_submission"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"))
    member_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("member.id"))
    number: Mapped[int] = mapped_column(comment="1, 2, 3 … within campaign and member")
    digest: Mapped[str] = mapped_column(Digest, comment="over the rows, rensho/works/1")
    count: Mapped[int] = mapped_column(comment="rows")
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    submitted_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (sa.UniqueConstraint("campaign_id", "member_id", "number"),)


class SubmittedWork(_Work, Base):
    """A row of a submission, numbered from 1 without gaps."""

    __tablename__ = "works_submitted_row"

    submission_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("works_submission.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    consent: Mapped[str] = mapped_column(sa.String(32), comment="spelled out")


class WorkKey(Base):
    """What a submitted work can be met by, see `portal.works.matching`; hashed, for they can be long."""

    __tablename__ = "works_key"

    submission_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("works_submission.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True, comment="SHA-256, hexadecimal")

    __table_args__ = (sa.Index("ix_works_key_key", "key", "submission_id"),)


class ClaimDecision(Base):
    """A member (or staff, then member_id is null) said that a work listed by several is owned jointly."""

    __tablename__ = "works_claim"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"))
    key: Mapped[str] = mapped_column(sa.String(64), comment="of the work, SHA-256, hexadecimal")
    member_id: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("member.id"))
    member_ids: Mapped[Any] = mapped_column(Json, comment="who listed it at that moment, sorted")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="of staff")
    decided_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (sa.Index("ix_works_claim_campaign_id_key", "campaign_id", "key"),)


append_only(Submission.__table__)
append_only(SubmittedWork.__table__)
append_only(WorkKey.__table__)
append_only(ClaimDecision.__table__)
