"""For operators: since when a write stands as it does, how far an EHR's clock is off, and what was told lately.

The moment is kept by a trigger, so that processes of the version before keep it too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019_operations"
down_revision = "0018_brakes"
branch_labels = None
depends_on = None

#: A wish waits from when it is made until it is no longer under way: being sent in between ends no wait.
_SINCE = """
CREATE FUNCTION publications_since() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waited boolean := OLD.state IN ('pending', 'sending');
    waits boolean := NEW.state IN ('pending', 'sending');
BEGIN
    IF NEW.digest <> OLD.digest OR NEW.wanted <> OLD.wanted OR waits <> waited
        OR (NOT waits AND NEW.state <> OLD.state)
    THEN
        NEW.since := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER publications_since BEFORE UPDATE ON publications
    FOR EACH ROW EXECUTE FUNCTION publications_since();
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("publications", sa.Column("since", moment, server_default=sa.text("now()"), nullable=False))
    op.execute(_SINCE)
    op.create_table(
        "ehr_clocks",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("ahead", sa.Double(), nullable=False),
        sa.Column("lowest", sa.Double(), nullable=False),
        sa.Column("lowest_at", moment, nullable=False),
        sa.Column("measured", moment, nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_ehr_clocks"),
    )
    op.create_table(
        "alarms",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("told", moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_alarms"),
    )


def downgrade() -> None:
    op.drop_table("alarms")
    op.drop_table("ehr_clocks")
    op.execute("DROP TRIGGER publications_since ON publications; DROP FUNCTION publications_since()")
    op.drop_column("publications", "since")
