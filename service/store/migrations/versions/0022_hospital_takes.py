"""What a hospital's EHR last took, and its policy let us write, as a digest: by which it is told that more can be written."""

import sqlalchemy as sa
from alembic import op

revision = "0022_hospital_takes"
down_revision = "0021_given_by_before"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hospitals", sa.Column("takes", sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("hospitals", "takes")
