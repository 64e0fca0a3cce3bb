"""When a card or suggestion was shown first: what a clinician ordered before cannot have come of it."""

import sqlalchemy as sa
from alembic import op

revision = "0025_first_shown"
down_revision = "0024_hospital_vanished"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offers", sa.Column("first_shown", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("offers", "first_shown")
