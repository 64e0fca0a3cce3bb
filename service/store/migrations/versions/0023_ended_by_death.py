"""A discharge that was called off may be ended by the patient's death; the version before reads that as no reason at all."""

from alembic import op

revision = "0023_ended_by_death"
down_revision = "0022_hospital_takes"
branch_labels = None
depends_on = None

_NAME = "ck_discharges_call_off"


def upgrade() -> None:
    op.drop_constraint(_NAME, "discharges", type_="check")
    op.create_check_constraint(
        _NAME, "discharges", "call_off IN ('', 'person', 'words', 'absence', 'death')"
    )


def downgrade() -> None:
    op.execute("UPDATE discharges SET call_off = '' WHERE call_off = 'death'")
    op.drop_constraint(_NAME, "discharges", type_="check")
    op.create_check_constraint(_NAME, "discharges", "call_off IN ('', 'person', 'words', 'absence')")
