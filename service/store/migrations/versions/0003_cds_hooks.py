"""CDS Hooks: the cards and suggestions that were shown, and the signed calls that were let in."""

import sqlalchemy as sa
from alembic import op

revision = "0003_cds_hooks"
down_revision = "0002_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discharge_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("shown_to", sa.Text(), nullable=False),
        sa.Column("shown", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('card', 'suggestion')", name="ck_offers_kind"),
        sa.CheckConstraint("answer IN ('open', 'accepted', 'overridden')", name="ck_offers_answer"),
        sa.ForeignKeyConstraint(
            ["discharge_id"], ["discharges.id"], name="fk_offers_discharge_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
    )
    op.create_index("ix_offers_discharge_id", "offers", ["discharge_id"], unique=False)
    op.create_table(
        "spent_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent_tokens"),
    )
    op.create_index("ix_spent_tokens_expires", "spent_tokens", ["expires"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_spent_tokens_expires", table_name="spent_tokens")
    op.drop_table("spent_tokens")
    op.drop_index("ix_offers_discharge_id", table_name="offers")
    op.drop_table("offers")
