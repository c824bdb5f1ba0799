"""The register of issued letters, correspondence, the programming interface."""

import sqlalchemy as sa
from alembic import op

from portal.db import Instant, Json, append_only_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APPEND_ONLY = ("webhook_attempt", "letter_edition", "response")


def upgrade() -> None:
    op.create_table(
        "letter_number",
        sa.Column(
            "year",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="calendar year of the reference",
        ),
        sa.Column("last", sa.Integer(), nullable=False, comment="the last number given"),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_letter_number")),
        sqlite_strict=True,
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=71), nullable=False, comment="SHA-256 of the token"),
        sa.Column("name", sa.String(length=200), nullable=False, comment="what it is for, in staff's words"),
        sa.Column("created_by", sa.String(length=32), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_api_token_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
        sqlite_strict=True,
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False, comment="https, to a public address"),
        sa.Column(
            "secret", sa.LargeBinary(), nullable=False, comment="encrypted with the installation's key"
        ),
        sa.Column(
            "kinds", Json(), nullable=False, comment="beginnings of the kinds it is told of; empty: all"
        ),
        sa.Column(
            "sent_to",
            sa.BigInteger(),
            nullable=False,
            comment="log position up to which (exclusive) calls have been queued",
        ),
        sa.Column("created_by", sa.String(length=32), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_webhook_endpoint_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sqlite_strict=True,
    )
    op.create_table(
        "inquiry",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "forwarded",
                "answered",
                name="inquiry_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="the claim, in the member's words"),
        sa.Column("url", sa.Text(), nullable=True, comment="where the output can be seen"),
        sa.Column("answer", sa.Text(), nullable=True, comment="what was answered, in staff's words"),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("raised_by", sa.String(length=32), nullable=True),
        sa.Column("forwarded_at", Instant(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_inquiry_campaign_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_inquiry_member_id")),
        sa.ForeignKeyConstraint(["raised_by"], ["person.id"], name=op.f("fk_inquiry_raised_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiry")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_inquiry_campaign_id"), "inquiry", ["campaign_id"], unique=False)
    op.create_index(op.f("ix_inquiry_member_id"), "inquiry", ["member_id"], unique=False)
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("endpoint_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="the log entry it told of"),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True, comment="HTTP status; None if no answer came"),
        sa.Column("detail", sa.String(length=300), nullable=False, comment="why no answer came"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_attempt_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_webhook_attempt_endpoint_id"), "webhook_attempt", ["endpoint_id"], unique=False)
    op.create_table(
        "letter_issue",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "letter_id",
            sa.String(length=32),
            nullable=False,
            comment="a letter is issued once: the last guard of invariant 4",
        ),
        sa.Column("campaign_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False, comment="the carried round"),
        sa.Column(
            "reference", sa.String(length=40), nullable=False, comment="as printed, e.g. FCA-2026-0001"
        ),
        sa.Column(
            "state",
            sa.Enum(
                "reserved",
                "sealed",
                "published",
                "superseded",
                "withdrawn",
                name="issue_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "record",
            Json(),
            nullable=False,
            comment="the full record, with its salt; never leaves the association",
        ),
        sa.Column(
            "works",
            Json(),
            nullable=False,
            comment="the schedule's rows with owners and listing consents, as frozen",
        ),
        sa.Column("reserved_at", Instant(), nullable=False),
        sa.Column("reserved_by", sa.String(length=32), nullable=True, comment="None: the portal itself"),
        sa.Column("sealed_at", Instant(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True, comment="when superseded or withdrawn"),
        sa.Column(
            "end_reason", sa.Text(), nullable=True, comment="why, in staff's words; shown to whoever verifies"
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_letter_issue_campaign_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_letter_issue_letter_id")),
        sa.ForeignKeyConstraint(["reserved_by"], ["person.id"], name=op.f("fk_letter_issue_reserved_by")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_letter_issue_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_issue")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_letter_issue_campaign_id"), "letter_issue", ["campaign_id"], unique=False)
    op.create_index("uq_letter_issue_letter", "letter_issue", ["letter_id"], unique=True)
    op.create_index("uq_letter_issue_reference", "letter_issue", ["reference"], unique=True)
    op.create_index("uq_letter_issue_round", "letter_issue", ["round_id"], unique=True)
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("issue_id", sa.String(length=32), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email",
                "courier",
                "registered_post",
                "web_form",
                "agent",
                name="delivery_channel",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "prepared",
                "dispatched",
                "confirmed",
                "failed",
                name="delivery_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "to_text", sa.Text(), nullable=False, comment="to whom and where, as written on the envelope"
        ),
        sa.Column("tracking", sa.String(length=200), nullable=True, comment="number given by the carrier"),
        sa.Column("note", sa.Text(), nullable=True, comment="staff's words; for a failed one, why"),
        sa.Column("proof_digest", sa.String(length=71), nullable=True, comment="of the proof file's bytes"),
        sa.Column(
            "proof_name", sa.String(length=255), nullable=True, comment="name of the proof file as given"
        ),
        sa.Column("prepared_at", Instant(), nullable=False),
        sa.Column("prepared_by", sa.String(length=32), nullable=True),
        sa.Column("dispatched_at", Instant(), nullable=True, comment="when it left the house"),
        sa.Column("dispatched_by", sa.String(length=32), nullable=True, comment="who recorded the dispatch"),
        sa.Column("confirmed_at", Instant(), nullable=True, comment="when its arrival was confirmed"),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["dispatched_by"], ["person.id"], name=op.f("fk_delivery_dispatched_by")),
        sa.ForeignKeyConstraint(["issue_id"], ["letter_issue.id"], name=op.f("fk_delivery_issue_id")),
        sa.ForeignKeyConstraint(["prepared_by"], ["person.id"], name=op.f("fk_delivery_prepared_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_delivery_issue_id"), "delivery", ["issue_id"], unique=False)
    op.create_table(
        "letter_edition",
        sa.Column("issue_id", sa.String(length=32), nullable=False),
        sa.Column("edition", sa.String(length=16), nullable=False, comment="addressee or public"),
        sa.Column("file_digest", sa.String(length=71), nullable=False, comment="of the sealed PDF's bytes"),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes"),
        sa.Column("projection", Json(), nullable=False, comment="the edition's projection of the record"),
        sa.Column("projection_digest", sa.String(length=71), nullable=False),
        sa.Column(
            "schedule_digest",
            sa.String(length=71),
            nullable=False,
            comment="of the schedule CSV's bytes in the file store",
        ),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["letter_issue.id"], name=op.f("fk_letter_edition_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "edition", name=op.f("pk_letter_edition")),
        sa.UniqueConstraint("file_digest", name=op.f("uq_letter_edition_file_digest")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "response",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("issue_id", sa.String(length=32), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("from_text", sa.Text(), nullable=False, comment="who answers, as they call themselves"),
        sa.Column("summary", sa.Text(), nullable=False, comment="staff's summary"),
        sa.Column("file_digest", sa.String(length=71), nullable=True, comment="of the received file's bytes"),
        sa.Column("file_name", sa.String(length=255), nullable=True, comment="name of the received file"),
        sa.Column(
            "assessed",
            Json(),
            nullable=False,
            comment="by demand number as text: met, partly, refused or unanswered",
        ),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["letter_issue.id"], name=op.f("fk_response_issue_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["person.id"], name=op.f("fk_response_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_response_issue_id"), "response", ["issue_id"], unique=False)
    for table in APPEND_ONLY:
        for statement in append_only_sql(table, op.get_bind().dialect.name):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    op.drop_table("response")
    op.drop_table("letter_edition")
    op.drop_table("delivery")
    op.drop_table("letter_issue")
    op.drop_table("webhook_attempt")
    op.drop_table("inquiry")
    op.drop_table("webhook_endpoint")
    op.drop_table("api_token")
    op.drop_table("letter_number")
