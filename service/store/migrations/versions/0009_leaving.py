"""The day of leaving beside each plan, by which a caseload is ordered without reading the plans."""

import sqlalchemy as sa
from alembic import op

revision = "0009_leaving"
down_revision = "0008_allowances"
branch_labels = None
depends_on = None


def upgrade() -> None:
    leaving = sa.Computed("content ->> 'discharge_date'::text", persisted=True)
    op.add_column("plan_versions", sa.Column("leaving", sa.Text(), leaving, nullable=True))


def downgrade() -> None:
    op.drop_column("plan_versions", "leaving")
