"""Exhibits. Private to this room; an exhibit is written once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Digest, Id, Instant, Json, append_only


class Exhibit(Base):
    """One observed output."""

    __tablename__ = "exhibit"

    id: Mapped[str] = mapped_column(Id, primary_key=True, comment="UUIDv7")
    campaign_id: Mapped[str] = mapped_column(Id, sa.ForeignKey("campaign.id"))
    number: Mapped[int] = mapped_column(comment="1, 2, 3 … within the campaign, as printed in the letter")
    title: Mapped[Any] = mapped_column(Json, comment="by language")
    note: Mapped[Any] = mapped_column(Json, comment="what it shows, by language; may be empty")
    url: Mapped[str | None] = mapped_column(sa.Text, comment="where it was seen")
    prompt: Mapped[str | None] = mapped_column(sa.Text, comment="what was asked of the product")
    product: Mapped[str | None] = mapped_column(sa.Text, comment="product and version")
    captured_at: Mapped[datetime] = mapped_column(Instant, comment="when it was captured")
    sha256: Mapped[str] = mapped_column(Digest, comment="of the file's bytes, which are in the file store")
    file_name: Mapped[str] = mapped_column(sa.Text, comment="as uploaded")
    size: Mapped[int] = mapped_column(comment="bytes")
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    __table_args__ = (sa.UniqueConstraint("campaign_id", "number"),)


append_only(Exhibit.__table__)
