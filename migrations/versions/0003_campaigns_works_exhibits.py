"""Campaigns and participants, works lists, exhibits."""

import sqlalchemy as sa
from alembic import op

from portal.db import Instant, Json, append_only_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("exhibit", "works_claim", "works_submission", "works_key", "works_submitted_row")


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("title", Json(), nullable=False, comment="by language"),
        sa.Column(
            "addressee",
            Json(),
            nullable=False,
            comment="names, office, person, address (lines) by language; language; email",
        ),
        sa.Column("summary", Json(), nullable=False, comment="what it is about, for members, by language"),
        sa.Column(
            "stage",
            sa.Enum(
                "outreach",
                "letter",
                "regulator",
                "litigation",
                "settlement",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "order_rule",
            sa.String(length=32),
            nullable=False,
            comment="order of the signatories in its letters",
        ),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=True, comment="None: the portal itself"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_campaign_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sqlite_strict=True,
    )
    op.create_table(
        "exhibit",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column(
            "number",
            sa.Integer(),
            nullable=False,
            comment="1, 2, 3 … within the campaign, as printed in the letter",
        ),
        sa.Column("title", Json(), nullable=False, comment="by language"),
        sa.Column("note", Json(), nullable=False, comment="what it shows, by language; may be empty"),
        sa.Column("url", sa.Text(), nullable=True, comment="where it was seen"),
        sa.Column("prompt", sa.Text(), nullable=True, comment="what was asked of the product"),
        sa.Column("product", sa.Text(), nullable=True, comment="product and version"),
        sa.Column("captured_at", Instant(), nullable=False, comment="when it was captured"),
        sa.Column(
            "sha256",
            sa.String(length=71),
            nullable=False,
            comment="of the file's bytes, which are in the file store",
        ),
        sa.Column("file_name", sa.Text(), nullable=False, comment="as uploaded"),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes"),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["added_by"], ["person.id"], name=op.f("fk_exhibit_added_by")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_exhibit_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exhibit")),
        sa.UniqueConstraint("campaign_id", "number", name=op.f("uq_exhibit_campaign_id_number")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "participation",
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "joined",
                "declined",
                "left",
                name="participation_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("invited_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True, comment="joined, declined or left at"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why declined or left, in the member's words"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_participation_campaign_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_participation_member_id")),
        sa.PrimaryKeyConstraint("campaign_id", "member_id", name=op.f("pk_participation")),
        sqlite_strict=True,
    )
    op.create_index("ix_participation_member_id", "participation", ["member_id"], unique=False)
    op.create_table(
        "works_claim",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False, comment="of the work, SHA-256, hexadecimal"),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("member_ids", Json(), nullable=False, comment="who listed it at that moment, sorted"),
        sa.Column("reason", sa.Text(), nullable=True, comment="of staff"),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_works_claim_campaign_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], name=op.f("fk_works_claim_decided_by")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_works_claim_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works_claim")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index("ix_works_claim_campaign_id_key", "works_claim", ["campaign_id", "key"], unique=False)
    op.create_table(
        "works_list",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "accepted",
                "returned",
                name="list_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="one more with every change; forms carry it"
        ),
        sa.Column(
            "consent",
            sa.Enum(
                "public",
                "addressee",
                "withheld",
                name="list_consent",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="where works may be listed whose row does not say",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why staff returned it"),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_works_list_campaign_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_works_list_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works_list")),
        sa.UniqueConstraint("campaign_id", "member_id", name=op.f("uq_works_list_campaign_id_member_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "works_submission",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 … within campaign and member"),
        sa.Column("digest", sa.String(length=71), nullable=False, comment="over the rows, rensho/works/1"),
        sa.Column("count", sa.Integer(), nullable=False, comment="rows"),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.Column("submitted_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_works_submission_campaign_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_works_submission_member_id")),
        sa.ForeignKeyConstraint(
            ["submitted_by"], ["person.id"], name=op.f("fk_works_submission_submitted_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works_submission")),
        sa.UniqueConstraint(
            "campaign_id",
            "member_id",
            "number",
            name=op.f("uq_works_submission_campaign_id_member_id_number"),
        ),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "works_key",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False, comment="SHA-256, hexadecimal"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["works_submission.id"], name=op.f("fk_works_key_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", "number", "key", name=op.f("pk_works_key")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index("ix_works_key_key", "works_key", ["key", "submission_id"], unique=False)
    op.create_table(
        "works_row",
        sa.Column("list_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="from 1, with gaps"),
        sa.Column("consent", sa.String(length=32), nullable=True, comment="null: as the list says"),
        sa.Column("search", sa.Text(), nullable=False, comment="titles, reading, code: NFKC, casefolded"),
        sa.Column("title", sa.Text(), nullable=False, comment="as the member calls it"),
        sa.Column("title_ja", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("romanised", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False, comment="ヨミ"),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="portal.works.rows.Kind"),
        sa.Column("year", sa.Integer(), nullable=True, comment="of first publication, Gregorian"),
        sa.Column("published", sa.String(length=10), nullable=False, comment="2012, 2012-04 or 2012-04-13"),
        sa.Column("identifiers", Json(), nullable=False, comment="list of [scheme, number, checked]"),
        sa.Column("co_owners", Json(), nullable=False, comment="list of names as typed"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the member's own"),
        sa.CheckConstraint(
            "kind IN ('tv', 'film', 'ova', 'ona', 'special', 'series', 'game', 'manga', 'novel', 'book', 'music', 'recording', 'character', 'illustration', 'photograph', 'other')",
            name=op.f("ck_works_row_kind"),
        ),
        sa.ForeignKeyConstraint(["list_id"], ["works_list.id"], name=op.f("fk_works_row_list_id")),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_works_row")),
        sqlite_strict=True,
    )
    op.create_table(
        "works_submitted_row",
        sa.Column("submission_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("consent", sa.String(length=32), nullable=False, comment="spelled out"),
        sa.Column("title", sa.Text(), nullable=False, comment="as the member calls it"),
        sa.Column("title_ja", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("romanised", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False, comment="ヨミ"),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="portal.works.rows.Kind"),
        sa.Column("year", sa.Integer(), nullable=True, comment="of first publication, Gregorian"),
        sa.Column("published", sa.String(length=10), nullable=False, comment="2012, 2012-04 or 2012-04-13"),
        sa.Column("identifiers", Json(), nullable=False, comment="list of [scheme, number, checked]"),
        sa.Column("co_owners", Json(), nullable=False, comment="list of names as typed"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="the member's own"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["works_submission.id"], name=op.f("fk_works_submitted_row_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", "number", name=op.f("pk_works_submitted_row")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "works_upload",
        sa.Column("list_id", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False, comment="as uploaded"),
        sa.Column("file_digest", sa.String(length=71), nullable=False, comment="of the file's bytes"),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes of the file"),
        sa.Column("rows", sa.Integer(), nullable=False, comment="good rows"),
        sa.Column("left_out", sa.Integer(), nullable=False, comment="rows with problems"),
        sa.Column(
            "content", sa.LargeBinary(), nullable=False, comment="what was read, problems too: JSON, deflated"
        ),
        sa.Column("uploaded_at", Instant(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["works_list.id"], name=op.f("fk_works_upload_list_id")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["person.id"], name=op.f("fk_works_upload_uploaded_by")),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_works_upload")),
        sqlite_strict=True,
    )
    for table in APPEND_ONLY:
        for statement in append_only_sql(table, op.get_bind().dialect.name):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    op.drop_table("works_upload")
    op.drop_table("works_submitted_row")
    op.drop_table("works_row")
    op.drop_table("works_key")
    op.drop_table("works_submission")
    op.drop_table("works_list")
    op.drop_table("works_claim")
    op.drop_table("participation")
    op.drop_table("exhibit")
    op.drop_table("campaign")
