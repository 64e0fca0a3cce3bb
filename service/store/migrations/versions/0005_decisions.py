"""What people decide about plans, and the answers that a repeated request gets again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005_decisions"
down_revision = "0004_rungs"
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE FUNCTION decisions_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions are append-only';
END $$;
CREATE TRIGGER decisions_are_append_only BEFORE UPDATE OR DELETE ON decisions
    FOR EACH ROW EXECUTE FUNCTION decisions_are_append_only();
"""


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.CheckConstraint("choice IN ('approved', 'declined', 'edited', 'reopened')", name="ck_decisions_choice"),
        sa.ForeignKeyConstraint(["discharge_id"], ["discharges.id"], name="fk_decisions_discharge_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_discharge_id", "decisions", ["discharge_id"], unique=False)
    op.execute(_APPEND_ONLY)
    op.create_table(
        "answers",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", JSONB(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_answers"),
    )
    op.create_index("ix_answers_at", "answers", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_answers_at", table_name="answers")
    op.drop_table("answers")
    op.drop_index("ix_decisions_discharge_id", table_name="decisions")
    op.drop_table("decisions")
    op.execute("DROP FUNCTION decisions_are_append_only()")
