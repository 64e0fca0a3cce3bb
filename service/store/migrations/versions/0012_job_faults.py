"""Why a job of the queue failed last, for those who operate it: the queue itself keeps no error."""

import sqlalchemy as sa
from alembic import op

revision = "0012_job_faults"
down_revision = "0011_stay_status"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_faults",
        sa.Column("job", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_job_faults"),
    )


def downgrade() -> None:
    op.drop_table("job_faults")
