"""The job queue's own tables and functions (Procrastinate 3.10, MIT licence), as its library ships them.

0002_jobs.sql is a copy, so that this migration does the same for ever, whatever version of the library is installed.
A test compares both; when they differ, the library's own migration becomes the next one of ours.
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0002_jobs"
down_revision = "0001_discharges"
branch_labels = None
depends_on = None

_DROP = """
DO $$
DECLARE thing text;
BEGIN
    FOR thing IN SELECT format('TABLE %I CASCADE', tablename) FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP ' || thing; END LOOP;
    FOR thing IN SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP ' || thing; END LOOP;
    FOR thing IN SELECT format('TYPE %I', typname) FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP ' || thing; END LOOP;
END $$
"""


def upgrade() -> None:
    _execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    _execute(_DROP)


def _execute(script: str) -> None:
    # Many statements and percent signs: they go to the driver as they stand.
    driver_connection: Any = op.get_bind().connection.driver_connection
    driver_connection.execute(script)
