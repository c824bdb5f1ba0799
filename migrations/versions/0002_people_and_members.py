"""People, sessions, the association, its members, seats and invitations."""

import sqlalchemy as sa
from alembic import op

from portal.db import Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "association",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1"),
        sa.Column("names", Json(), nullable=False, comment="legal names by language"),
        sa.Column(
            "code", sa.String(length=12), nullable=False, comment="begins every reference number, like FCA"
        ),
        sa.Column("address", Json(), nullable=False, comment="lines of the address by language"),
        sa.Column("contact", sa.String(length=320), nullable=False, comment="e-mail address for answers"),
        sa.Column(
            "language", sa.String(length=8), nullable=False, comment="BCP 47 tag used where nobody chose one"
        ),
        sa.Column(
            "order_rule",
            sa.String(length=32),
            nullable=False,
            comment="order of signatories unless a letter says otherwise",
        ),
        sa.Column("settings", Json(), nullable=False, comment="further choices, by name"),
        sa.CheckConstraint("id = 1", name=op.f("ck_association_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_association")),
        sqlite_strict=True,
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column(
            "kind",
            sa.Enum(
                "company", "association", name="kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
            comment="company or association",
        ),
        sa.Column("slug", sa.String(length=64), nullable=True, comment="the association's own code for it"),
        sa.Column("names", Json(), nullable=False, comment="legal names by language"),
        sa.Column("reading", sa.String(length=200), nullable=False, comment="in katakana, for the order"),
        sa.Column("category", sa.String(length=64), nullable=False, comment="what it makes, in one word"),
        sa.Column("country", sa.String(length=2), nullable=False, comment="ISO 3166-1 alpha-2"),
        sa.Column("weight", sa.Integer(), nullable=False, comment="votes where a quorum counts weights"),
        sa.Column("corporate_number", sa.String(length=13), nullable=True, comment="法人番号"),
        sa.Column("lei", sa.String(length=20), nullable=True, comment="legal entity identifier, ISO 17442"),
        sa.Column(
            "contact_email",
            sa.String(length=320),
            nullable=False,
            comment="of its legal department; may be empty",
        ),
        sa.Column("search_key", sa.Text(), nullable=False, comment="names, reading, code: NFKC, casefolded"),
        sa.Column("created_at", Instant(), nullable=False, comment="entered the registry"),
        sa.Column("left_at", Instant(), nullable=True, comment="since when it is no member"),
        sa.CheckConstraint("weight >= 1", name=op.f("ck_member_weight")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("corporate_number", name=op.f("uq_member_corporate_number")),
        sa.UniqueConstraint("lei", name=op.f("uq_member_lei")),
        sa.UniqueConstraint("slug", name=op.f("uq_member_slug")),
        sqlite_strict=True,
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("email", sa.String(length=320), nullable=False, comment="as typed"),
        sa.Column("email_key", sa.String(length=320), nullable=False, comment="NFKC, casefolded"),
        sa.Column("name", sa.String(length=200), nullable=False, comment="as the person writes it"),
        sa.Column("language", sa.String(length=8), nullable=False, comment="BCP 47 tag for pages and mail"),
        sa.Column("password_hash", sa.String(length=200), nullable=True, comment="argon2id, PHC string"),
        sa.Column("created_at", Instant(), nullable=False, comment="when the account was made"),
        sa.Column(
            "disabled_at", Instant(), nullable=True, comment="since when nobody signs in as this person"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email_key", name=op.f("uq_person_email_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=100), nullable=False, comment="kind and hash of what is counted"),
        sa.Column("window_start", Instant(), nullable=False, comment="first attempt counted"),
        sa.Column("count", sa.Integer(), nullable=False, comment="attempts since"),
        sa.Column("until", Instant(), nullable=True, comment="no attempt is looked at before this"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
        sqlite_strict=True,
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column(
            "member_id", sa.String(length=32), nullable=True, comment="for whom; null: for the association"
        ),
        sa.Column("email", sa.String(length=320), nullable=False, comment="as typed"),
        sa.Column("email_key", sa.String(length=320), nullable=False, comment="NFKC, casefolded"),
        sa.Column(
            "name", sa.String(length=200), nullable=False, comment="the invited person's, as far as known"
        ),
        sa.Column("language", sa.String(length=8), nullable=False, comment="of the mail"),
        sa.Column("roles", Json(), nullable=False, comment="list of roles offered"),
        sa.Column("title", Json(), nullable=False, comment="title by language"),
        sa.Column(
            "authority",
            sa.Text(),
            nullable=False,
            comment="basis of a signatory's authority, as stated by the inviter",
        ),
        sa.Column(
            "token_hash", sa.String(length=64), nullable=False, comment="SHA-256 of the token, hexadecimal"
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "accepted",
                "declined",
                "revoked",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
            comment="what became of it",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="first sent"),
        sa.Column("sent_at", Instant(), nullable=False, comment="last sent"),
        sa.Column("sendings", sa.Integer(), nullable=False, comment="how often it was sent"),
        sa.Column("expires_at", Instant(), nullable=False, comment="14 days after it was last sent"),
        sa.Column("answered_at", Instant(), nullable=True, comment="accepted or declined at"),
        sa.Column(
            "reason", sa.Text(), nullable=True, comment="why it was declined, in the invited person's words"
        ),
        sa.Column("invited_by", sa.String(length=32), nullable=True, comment="who invited"),
        sa.Column("by_staff", sa.Boolean(), nullable=False, comment="whether the association itself invited"),
        sa.ForeignKeyConstraint(["invited_by"], ["person.id"], name=op.f("fk_invitation_invited_by")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_invitation_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_invitation_email_key"), "invitation", ["email_key"], unique=False)
    op.create_index(op.f("ix_invitation_member_id"), "invitation", ["member_id"], unique=False)
    op.create_index("ix_invitation_state", "invitation", ["state"], unique=False)
    op.create_table(
        "seat",
        sa.Column("id", sa.String(length=32), nullable=False, comment="UUIDv7"),
        sa.Column("person_id", sa.String(length=32), nullable=False, comment="who"),
        sa.Column(
            "member_id", sa.String(length=32), nullable=True, comment="for whom; null: for the association"
        ),
        sa.Column("roles", Json(), nullable=False, comment="list of roles"),
        sa.Column("title", Json(), nullable=False, comment="title by language, as printed"),
        sa.Column(
            "authority", sa.Text(), nullable=False, comment="on what basis the person may commit, in words"
        ),
        sa.Column(
            "verified_by", sa.String(length=32), nullable=True, comment="who of the association checked that"
        ),
        sa.Column(
            "verified_at",
            Instant(),
            nullable=True,
            comment="when; before it the signatory role has no effect",
        ),
        sa.Column(
            "verified_name",
            sa.String(length=200),
            nullable=True,
            comment="the person's name as it was checked then; under another one nothing binds",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="given at"),
        sa.Column("ended_at", Instant(), nullable=True, comment="since when it is over"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_seat_member_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_seat_person_id")),
        sa.ForeignKeyConstraint(["verified_by"], ["person.id"], name=op.f("fk_seat_verified_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_seat_member_id"), "seat", ["member_id"], unique=False)
    op.create_index(
        "uq_seat_live_association",
        "seat",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND member_id IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND member_id IS NULL"),
    )
    op.create_index(
        "uq_seat_live_member",
        "seat",
        ["person_id", "member_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND member_id IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND member_id IS NOT NULL"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=64), nullable=False, comment="SHA-256 of the token, hexadecimal"),
        sa.Column("person_id", sa.String(length=32), nullable=False, comment="who"),
        sa.Column("seat_id", sa.String(length=32), nullable=True, comment="the seat acted from, once chosen"),
        sa.Column("created_at", Instant(), nullable=False, comment="signed in at"),
        sa.Column("last_seen_at", Instant(), nullable=False, comment="last request, exact to a minute"),
        sa.Column("proved_at", Instant(), nullable=False, comment="when the password was last given"),
        sa.Column("address", sa.String(length=64), nullable=True, comment="network address at sign-in"),
        sa.Column("user_agent", sa.String(length=300), nullable=True, comment="browser at sign-in"),
        sa.Column("revoked_at", Instant(), nullable=True, comment="since when it is worth nothing"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_session_seat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_session_person_id"), "session", ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_table("session")
    op.drop_table("seat")
    op.drop_table("invitation")
    op.drop_table("throttle")
    op.drop_table("person")
    op.drop_table("member")
    op.drop_table("association")
