"""How EHRs tell of discharges and how far we have looked; what was told of a stay and of an order."""

import sqlalchemy as sa
from alembic import op

revision = "0006_watches"
down_revision = "0005_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stays_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.CheckConstraint("way IN ('backport', 'rest-hook', 'poll', 'none')", name="ck_watches_way"),
        sa.PrimaryKeyConstraint("tenant", name="pk_watches"),
    )
    op.create_table(
        "notices",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "number", name="pk_notices"),
    )
    empty = sa.text("''")
    op.add_column("discharges", sa.Column("told", sa.Text(), nullable=False, server_default=empty))
    op.add_column("discharge_orders", sa.Column("told", sa.Text(), nullable=False, server_default=empty))
    op.add_column(
        "discharge_orders",
        sa.Column("ended", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )


def downgrade() -> None:
    op.drop_column("discharge_orders", "ended")
    op.drop_column("discharge_orders", "told")
    op.drop_column("discharges", "told")
    op.drop_table("notices")
    op.drop_table("watches")
