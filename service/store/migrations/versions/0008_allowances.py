"""What is lent to each process of what all may ask together."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_allowances"
down_revision = "0007_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowances",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("full_at", sa.Double(), nullable=False),
        sa.Column("shares", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_allowances"),
    )


def downgrade() -> None:
    op.drop_table("allowances")
