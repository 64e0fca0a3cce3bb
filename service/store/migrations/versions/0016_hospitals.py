"""Which hospitals the deployment has served, who has left, and stays that no single hospital plans."""

import sqlalchemy as sa
from alembic import op

revision = "0016_hospitals"
down_revision = "0015_unread"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hospitals",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", name="pk_hospitals"),
    )
    op.create_table(
        "unclaimed_stays",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("encounter", sa.Text(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('another-organization', 'names-nothing', 'unreadable', 'contested')",
            name="ck_unclaimed_stays_reason",
        ),
        sa.PrimaryKeyConstraint("tenant", "encounter", name="pk_unclaimed_stays"),
    )
    op.create_index("ix_unclaimed_stays_due", "unclaimed_stays", ["due"])


def downgrade() -> None:
    op.drop_table("unclaimed_stays")
    op.drop_table("hospitals")
