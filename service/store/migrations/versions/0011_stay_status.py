"""The status of the stay as it was last told, as a code beside the digest that used to begin with it."""

import sqlalchemy as sa
from alembic import op

revision = "0011_stay_status"
down_revision = "0010_doubts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default, so that the version before this one may go on adding rows.
    op.add_column("discharges", sa.Column("stay", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.execute("UPDATE discharges SET stay = split_part(told, ' ', 1) WHERE told LIKE '% %'")


def downgrade() -> None:
    op.drop_column("discharges", "stay")
