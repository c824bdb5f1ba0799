"""Letters and revisions, rounds, sign-offs, countersignatures."""

import sqlalchemy as sa
from alembic import op

from portal.db import Instant, Json, append_only_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("revision", "revision_reading", "roll_entry", "countersignature", "signoff")


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("campaign_id", sa.String(length=32), nullable=False, comment="the dispute it is about"),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 … within the campaign"),
        sa.Column(
            "languages", Json(), nullable=False, comment="list of BCP 47 tags, in the order of printing"
        ),
        sa.Column(
            "prevails",
            sa.String(length=35),
            nullable=False,
            comment="the language that decides in case of doubt",
        ),
        sa.Column("brief", Json(), nullable=False, comment="the brief it was composed from, rensho/brief/1"),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=True, comment="None: the portal itself"),
        sa.Column("abandoned_at", Instant(), nullable=True, comment="when staff gave the letter up"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_letter_campaign_id")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_letter_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("campaign_id", "number", name=op.f("uq_letter_campaign_id_number")),
        sqlite_strict=True,
    )
    op.create_table(
        "letter_text",
        sa.Column("letter_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False, comment="BCP 47 tag"),
        sa.Column("text", sa.Text(), nullable=False, comment="editing format, at most 200,000 characters"),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="one more with every save; a save names the one it began from",
        ),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.Column("saved_by", sa.String(length=32), nullable=True),
        sa.Column(
            "saved_by_name", sa.Text(), nullable=False, comment="the name shown to whoever saves after"
        ),
        sa.CheckConstraint("length(text) <= 200000", name=op.f("ck_letter_text_text_length")),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_letter_text_letter_id")),
        sa.ForeignKeyConstraint(["saved_by"], ["person.id"], name=op.f("fk_letter_text_saved_by")),
        sa.PrimaryKeyConstraint("letter_id", "language", name=op.f("pk_letter_text")),
        sqlite_strict=True,
    )
    op.create_table(
        "revision",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("letter_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 … within the letter"),
        sa.Column(
            "digest",
            sa.String(length=71),
            nullable=False,
            comment="of the document's canonical form, over all languages",
        ),
        sa.Column("document", Json(), nullable=False, comment="languages, prevails, subject, sections"),
        sa.Column("note", sa.Text(), nullable=False, comment="what changed and why, for the members"),
        sa.Column(
            "kind",
            sa.Enum(
                "material",
                "editorial",
                name="revision_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("published_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_revision_letter_id")),
        sa.ForeignKeyConstraint(["published_by"], ["person.id"], name=op.f("fk_revision_published_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
        sa.UniqueConstraint("letter_id", "number", name=op.f("uq_revision_letter_id_number")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_index("ix_revision_digest", "revision", ["digest"], unique=False)
    op.create_table(
        "revision_reading",
        sa.Column("revision_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_revision_reading_member_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_revision_reading_person_id")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.id"], name=op.f("fk_revision_reading_revision_id")
        ),
        sa.PrimaryKeyConstraint("revision_id", "member_id", "person_id", name=op.f("pk_revision_reading")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "round",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("letter_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 … within the letter"),
        sa.Column("revision_id", sa.String(length=32), nullable=False),
        sa.Column(
            "revision_digest", sa.String(length=71), nullable=False, comment="of the text that is voted on"
        ),
        sa.Column("rule", Json(), nullable=False, comment="rensho/quorum/1, frozen when the round opened"),
        sa.Column("rule_digest", sa.String(length=71), nullable=False),
        sa.Column(
            "consent_texts", Json(), nullable=False, comment="version and words of the consents, by language"
        ),
        sa.Column("consent_digest", sa.String(length=71), nullable=False),
        sa.Column(
            "roll_digest", sa.String(length=71), nullable=False, comment="of the frozen roll, for the minutes"
        ),
        sa.Column(
            "frame",
            Json(),
            nullable=False,
            comment="rensho/frame/1: addressee, association, order, delivery, exhibits, frozen when it opened",
        ),
        sa.Column("frame_digest", sa.String(length=71), nullable=False),
        sa.Column(
            "visibility",
            sa.Enum(
                "nothing",
                "counts",
                "names",
                name="visibility",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "officers_needed",
            sa.Integer(),
            nullable=False,
            comment="countersignatures needed before the letter is issued",
        ),
        sa.Column("deadline", Instant(), nullable=False, comment="no act counts at or after this"),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "carried",
                "lapsed",
                "cancelled",
                name="round_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("opened_by", sa.String(length=32), nullable=True, comment="None: the portal itself"),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True, comment="None: the deadline did"),
        sa.Column("close_reason", sa.Text(), nullable=True, comment="why it was cancelled, in staff's words"),
        sa.Column(
            "close_code",
            sa.Enum(
                "superseded",
                "abandoned",
                name="close_code",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
            comment="why the portal cancelled it by itself",
        ),
        sa.Column(
            "frozen_at",
            Instant(),
            nullable=True,
            comment="when the letter was reserved; nothing in the round changes after it",
        ),
        sa.CheckConstraint("officers_needed >= 1", name=op.f("ck_round_officers_needed")),
        sa.ForeignKeyConstraint(["closed_by"], ["person.id"], name=op.f("fk_round_closed_by")),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_round_letter_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"], name=op.f("fk_round_opened_by")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_round_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round")),
        sa.UniqueConstraint("letter_id", "number", name=op.f("uq_round_letter_id_number")),
        sqlite_strict=True,
    )
    op.create_index("ix_round_state_deadline", "round", ["state", "deadline"], unique=False)
    op.create_index(
        "uq_round_open",
        "round",
        ["letter_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "countersigning",
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "complete",
                "refused",
                name="countersigning_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "quorum_lost",
            sa.Boolean(),
            nullable=False,
            comment="refused because a withdrawal broke the quorum",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was refused, in the officer's words"),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["person.id"], name=op.f("fk_countersigning_closed_by")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_countersigning_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_countersigning")),
        sqlite_strict=True,
    )
    op.create_table(
        "roll_entry",
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="company or association"),
        sa.Column("names", Json(), nullable=False, comment="as printed, by language"),
        sa.Column(
            "language", sa.String(length=35), nullable=False, comment="the language whose name comes first"
        ),
        sa.Column("reading", sa.Text(), nullable=False, comment="ヨミ, for the order"),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False, comment="ISO 3166-1 alpha-2, may be empty"),
        sa.Column("weight", sa.Integer(), nullable=False, comment="its weight in shares by weight"),
        sa.Column(
            "submission_id",
            sa.String(length=32),
            nullable=True,
            comment="its works submission when the round opened",
        ),
        sa.Column("submission_digest", sa.String(length=71), nullable=True),
        sa.Column("works", sa.Integer(), nullable=False, comment="works in that submission"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_roll_entry_member_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_roll_entry_round_id")),
        sa.PrimaryKeyConstraint("round_id", "member_id", name=op.f("pk_roll_entry")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "countersignature",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("names", Json(), nullable=False, comment="the officer's name as printed, by language"),
        sa.Column("title", Json(), nullable=False, comment="the officer's title as printed, by language"),
        sa.Column("act", Json(), nullable=False, comment="rensho/countersignature/1: the evidence, whole"),
        sa.Column("digest", sa.String(length=71), nullable=False, comment="of the act"),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_countersignature_person_id")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["countersigning.round_id"], name=op.f("fk_countersignature_round_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_countersignature")),
        sa.UniqueConstraint("digest", name=op.f("uq_countersignature_digest")),
        sa.UniqueConstraint("round_id", "person_id", name=op.f("uq_countersignature_round_id_person_id")),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "signoff",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="1, 2, 3 … within round and member"),
        sa.Column(
            "key",
            sa.String(length=64),
            nullable=False,
            comment="of the form that was sent: sent twice, it counts once",
        ),
        sa.Column(
            "decision",
            sa.Enum(
                "approve",
                "approve_with_reservation",
                "abstain",
                "decline",
                "withdraw",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("consents", Json(), nullable=True, comment="of an approval; null for the rest"),
        sa.Column(
            "submission_id",
            sa.String(length=32),
            nullable=True,
            comment="the works submission that was on the screen",
        ),
        sa.Column("submission_digest", sa.String(length=71), nullable=True),
        sa.Column("works", sa.Integer(), nullable=False, comment="works in that submission"),
        sa.Column("act", Json(), nullable=False, comment="rensho/signoff/1: the evidence, whole"),
        sa.Column("digest", sa.String(length=71), nullable=False, comment="of the act; it stands in the log"),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_signoff_person_id")),
        sa.ForeignKeyConstraint(
            ["round_id", "member_id"],
            ["roll_entry.round_id", "roll_entry.member_id"],
            name="fk_signoff_roll_entry",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signoff")),
        sa.UniqueConstraint("digest", name=op.f("uq_signoff_digest")),
        sa.UniqueConstraint("round_id", "member_id", "key", name="uq_signoff_key"),
        sa.UniqueConstraint(
            "round_id", "member_id", "sequence", name=op.f("uq_signoff_round_id_member_id_sequence")
        ),
        info={"append_only": True},
        sqlite_strict=True,
    )
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("signoff_id", sa.String(length=32), nullable=False),
        sa.Column("section_id", sa.String(length=40), nullable=False, comment="the passage it is about"),
        sa.Column("text", sa.Text(), nullable=False, comment="in the member's words"),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "answered",
                "lifted",
                name="reservation_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.Text(), nullable=True, comment="in staff's words"),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("answered_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["answered_by"], ["person.id"], name=op.f("fk_reservation_answered_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"], name=op.f("fk_reservation_lifted_by")),
        sa.ForeignKeyConstraint(["signoff_id"], ["signoff.id"], name=op.f("fk_reservation_signoff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("signoff_id", name=op.f("uq_reservation_signoff_id")),
        sqlite_strict=True,
    )
    for table in APPEND_ONLY:
        for statement in append_only_sql(table, op.get_bind().dialect.name):
            op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    op.drop_table("reservation")
    op.drop_table("signoff")
    op.drop_table("countersignature")
    op.drop_table("roll_entry")
    op.drop_table("countersigning")
    op.drop_table("round")
    op.drop_table("revision_reading")
    op.drop_table("revision")
    op.drop_table("letter_text")
    op.drop_table("letter")
