"""The status that we gave to a resource when we took it back, by which it is known as ours to bring back."""

import sqlalchemy as sa
from alembic import op

revision = "0020_status_given"
down_revision = "0019_operations"
branch_labels = None
depends_on = None

#: The status before and after, by type, as the versions before took back what was a draft.
_REVOKED = {
    "CarePlan": ("draft", "revoked"),
    "ServiceRequest": ("draft", "revoked"),
    "Task": ("requested", "cancelled"),
    "Goal": ("proposed", "cancelled"),
    "DocumentReference": ("current", "superseded"),
    "Condition": ("active", "inactive"),
}


def upgrade() -> None:
    column = sa.Column("status_given", sa.Text(), nullable=False, server_default=sa.text("''"))
    op.add_column("publications", column)
    op.execute("UPDATE publications SET status_given = 'on-hold' WHERE state = 'on-hold'")
    for kind, (before, given) in _REVOKED.items():
        op.execute(
            f"UPDATE publications SET status_before = '{before}', status_given = '{given}' "
            f"WHERE state = 'revoked' AND reference <> '' AND resource_type = '{kind}'"
        )


def downgrade() -> None:
    op.drop_column("publications", "status_given")
