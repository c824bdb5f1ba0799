"""The log, the jobs and the messages."""

import sqlalchemy as sa
from alembic import op

from portal.db import Instant, Json, append_only_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("log_checkpoint", "log_entry", "log_node")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("kind", sa.String(length=64), nullable=False, comment="which handler does it, room.verb"),
        sa.Column("key", sa.String(length=160), nullable=False, comment="the same work has the same key"),
        sa.Column("payload", Json(), nullable=False, comment="what the handler is given, a JSON object"),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "running",
                "done",
                "dead",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="how far it is",
        ),
        sa.Column("run_at", Instant(), nullable=False, comment="not before this"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was begun"),
        sa.Column("lease_owner", sa.String(length=64), nullable=True, comment="the worker that has it"),
        sa.Column("lease_until", Instant(), nullable=True, comment="until when that worker may be silent"),
        sa.Column("last_error", sa.Text(), nullable=True, comment="why the last attempt failed"),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_job_attempts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
        sqlite_strict=True,
    )
    op.create_index("ix_job_state_run_at", "job", ["state", "run_at"], unique=False)
    op.create_table(
        "log_checkpoint",
        sa.Column(
            "size",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="number of entries it covers",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="the signed note (C2SP tlog-checkpoint)"),
        sa.Column("at", Instant(), nullable=False, comment="when it was signed"),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "log_entry",
        sa.Column(
            "position",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="place in the log, from 0, without gaps",
        ),
        sa.Column("kind", sa.String(length=96), nullable=False, comment="what happened, room:thing:verb"),
        sa.Column(
            "subject", sa.String(length=64), nullable=False, comment="identifier of the thing it happened to"
        ),
        sa.Column("at", Instant(), nullable=False, comment="when the act was done"),
        sa.Column(
            "entry",
            sa.LargeBinary(),
            nullable=False,
            comment="the entry, canonical JSON (RFC 8785), at most 65,535 bytes",
        ),
        sa.Column("leaf", sa.LargeBinary(), nullable=False, comment="its leaf hash (RFC 6962), 32 bytes"),
        sa.Column(
            "person", sa.String(length=32), nullable=True, comment="who did it; in the content only as a hash"
        ),
        sa.Column(
            "salt",
            sa.LargeBinary(),
            nullable=True,
            comment="16 random bytes in the hash of the person and in the commitment; erased: never to be opened",
        ),
        sa.Column(
            "content",
            Json(),
            nullable=True,
            comment="what the entry commits to; null where the entry says it openly",
        ),
        sa.CheckConstraint("position >= 0", name=op.f("ck_log_entry_position")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_entry")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index("ix_log_entry_kind_subject", "log_entry", ["kind", "subject"], unique=False)
    op.create_index("ix_log_entry_subject", "log_entry", ["subject"], unique=False)
    op.create_table(
        "log_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="number of entries"),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_head_one_row")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_log_head_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_node",
        sa.Column(
            "level",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="0 for leaves; spans 2**level leaves",
        ),
        sa.Column(
            "place",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="which subtree of its level, from 0",
        ),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="32 bytes (RFC 6962 section 2.1)"),
        sa.PrimaryKeyConstraint("level", "place", name=op.f("pk_log_node")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("key", sa.String(length=160), nullable=False, comment="the same message has the same key"),
        sa.Column("recipient", sa.String(length=320), nullable=False, comment="e-mail address"),
        sa.Column(
            "language", sa.String(length=8), nullable=False, comment="BCP 47 tag the message is written in"
        ),
        sa.Column("template", sa.String(length=64), nullable=False, comment="templates/mail/<template>.txt"),
        sa.Column("context", Json(), nullable=False, comment="what the template is given, without secrets"),
        sa.Column(
            "secret",
            sa.LargeBinary(),
            nullable=True,
            comment="secrets of the template (links), encrypted; wiped once sent or given up",
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sent",
                "bounced",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="what became of it",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="when it was queued"),
        sa.Column(
            "next_at",
            Instant(),
            nullable=False,
            comment="next attempt, or end of the lease of the present one",
        ),
        sa.Column("sent_at", Instant(), nullable=True, comment="when the mail server took it"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was tried"),
        sa.Column("last_error", sa.Text(), nullable=True, comment="why the last attempt failed"),
        sa.CheckConstraint("state = 'queued' OR secret IS NULL", name=op.f("ck_message_secret_wiped")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("key", name=op.f("uq_message_key")),
        sqlite_strict=True,
    )
    op.create_index("ix_message_state_next_at", "message", ["state", "next_at"], unique=False)
    for table in APPEND_ONLY:
        for statement in append_only_sql(table, op.get_bind().dialect.name):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    op.drop_table("message")
    op.drop_table("log_node")
    op.drop_table("log_head")
    op.drop_table("log_entry")
    op.drop_table("log_checkpoint")
    op.drop_table("job")
