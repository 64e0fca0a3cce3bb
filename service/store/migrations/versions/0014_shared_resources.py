"""Where the resources stand that all discharges of a hospital share: the Device that writes, chosen organizations."""

import sqlalchemy as sa
from alembic import op

revision = "0014_shared_resources"
down_revision = "0013_write_reasons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_resources",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("looked", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "base", "identifier", name="pk_shared_resources"),
    )


def downgrade() -> None:
    op.drop_table("shared_resources")
