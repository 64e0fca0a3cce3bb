"""What was looked for in an EHR and not shown: nothing is concluded from one look."""

import sqlalchemy as sa
from alembic import op

revision = "0010_doubts"
down_revision = "0009_leaving"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doubts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("discharge", sa.Uuid(), nullable=True),
        sa.Column("first", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("proven", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("shown IN ('absent', 'not-let')", name="ck_doubts_shown"),
        sa.CheckConstraint("subject IN ('stay', 'order', 'patient', 'written')", name="ck_doubts_subject"),
        sa.PrimaryKeyConstraint("tenant", "reference", "shown", name="pk_doubts"),
    )
    op.create_index("ix_doubts_due", "doubts", ["due"])


def downgrade() -> None:
    op.drop_table("doubts")
