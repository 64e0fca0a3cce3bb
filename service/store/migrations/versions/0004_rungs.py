"""The ledger says on which rung an item stands and what was sent; writes may be refused, or unknown for good."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004_rungs"
down_revision = "0003_cds_hooks"
branch_labels = None
depends_on = None

_BEFORE = "'pending', 'sending', 'written', 'revoked', 'on-hold', 'conflict'"
_NOW = "'pending', 'sending', 'unknown', 'refused', 'written', 'revoked', 'on-hold', 'conflict'"
_NAME = "ck_publications_state"
#: The naming convention was applied to a name that it had already been applied to.
_FIRST_NAME = f"ck_publications_{_NAME}"
_RUNGS = "'resource', 'care plan', 'document', 'message', 'concern', 'page'"


def upgrade() -> None:
    op.add_column(
        "publications", sa.Column("rung", sa.Text(), nullable=False, server_default=sa.text("'resource'"))
    )
    op.add_column(
        "publications", sa.Column("reason", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("publications", sa.Column("sent", JSONB(), nullable=True))
    op.create_check_constraint(op.f("ck_publications_rung"), "publications", f"rung IN ({_RUNGS})")
    _replace(_FIRST_NAME, _NAME, _NOW)


def downgrade() -> None:
    op.execute("UPDATE publications SET state = 'sending' WHERE state = 'unknown'")
    op.execute("UPDATE publications SET state = 'pending' WHERE state = 'refused'")
    _replace(_NAME, _FIRST_NAME, _BEFORE)
    op.drop_constraint("ck_publications_rung", "publications")
    for name in ("sent", "reason", "rung"):
        op.drop_column("publications", name)


def _replace(old: str, new: str, states: str) -> None:
    op.drop_constraint(op.f(old), "publications")
    op.create_check_constraint(op.f(new), "publications", f"state IN ({states})")
