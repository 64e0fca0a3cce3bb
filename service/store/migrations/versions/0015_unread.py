"""What a plan lacks because of a fault, by resource type, and when it is asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "0015_unread"
down_revision = "0014_shared_resources"
branch_labels = None
depends_on = None

_REASONS = "'refused', 'not offered', 'unreadable', 'incomplete', 'foreign', 'uncertain', 'disagrees', 'not understood'"


def upgrade() -> None:
    op.create_table(
        "unread",
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lasting", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"reason IN ({_REASONS})", name="ck_unread_reason"),
        sa.CheckConstraint("lasting IN ('passing', 'perhaps', 'lasting')", name="ck_unread_lasting"),
        sa.ForeignKeyConstraint(
            ["discharge_id"], ["discharges.id"], name="fk_unread_discharge_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discharge_id", "resource_type", name="pk_unread"),
    )
    op.create_index("ix_unread_due", "unread", ["due"])


def downgrade() -> None:
    op.drop_table("unread")
