"""What a hospital's EHR was sent and did not keep, by resource type: no person's edit, and told once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024_hospital_vanished"
down_revision = "0023_ended_by_death"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("vanished", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'"))
    op.add_column("hospitals", column)


def downgrade() -> None:
    op.drop_column("hospitals", "vanished")
