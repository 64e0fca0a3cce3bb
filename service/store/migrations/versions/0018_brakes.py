"""Why a discharge was called off, the brake on taking plans back, and what is known of orders without a discharge."""

import sqlalchemy as sa
from alembic import op

revision = "0018_brakes"
down_revision = "0017_free_locks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # All with defaults, so that the version before this one may go on adding rows.
    empty, moment = sa.text("''"), sa.DateTime(timezone=True)
    op.add_column("discharges", sa.Column("call_off", sa.Text(), nullable=False, server_default=empty))
    op.add_column("discharges", sa.Column("called_off", moment, nullable=True))
    op.add_column("discharges", sa.Column("held", sa.Text(), nullable=False, server_default=empty))
    op.create_check_constraint(
        "ck_discharges_call_off", "discharges", "call_off IN ('', 'person', 'words', 'absence')"
    )
    for name, default in (("in_ehr", "true"), ("hint", "false")):
        told = sa.text(default)
        op.add_column("discharge_orders", sa.Column(name, sa.Boolean(), nullable=False, server_default=told))
    op.create_table(
        "brakes",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("closed", moment, nullable=True),
        sa.Column("released", moment, nullable=True),
        sa.PrimaryKeyConstraint("tenant", name="pk_brakes"),
    )
    op.create_table(
        "called_off_orders",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order", name="pk_called_off_orders"),
    )


def downgrade() -> None:
    op.drop_table("called_off_orders")
    op.drop_table("brakes")
    for name in ("hint", "in_ehr"):
        op.drop_column("discharge_orders", name)
    for name in ("held", "called_off", "call_off"):
        op.drop_column("discharges", name)
