"""The status that a process of the version before gave to what it took back, while it runs beside the new schema.

Such a process puts no `status_given` into what is in flight, by which a trigger knows it: what was sent says the status.
"""

from alembic import op

revision = "0021_given_by_before"
down_revision = "0020_status_given"
branch_labels = None
depends_on = None

_STATUS = """
CREATE FUNCTION homeward_status(body jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        body ->> 'status', body ->> 'lifecycleStatus', body #>> '{clinicalStatus,coding,0,code}', ''
    )
$$
"""
_GIVEN = """
CREATE FUNCTION homeward_given_by_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status_given := homeward_status(OLD.in_flight -> 'body');
    IF NEW.status_before = '' THEN NEW.status_before := homeward_status(OLD.sent); END IF;
    RETURN NEW;
END $$
"""
_WHEN = """
CREATE TRIGGER homeward_given_by_before BEFORE UPDATE ON publications FOR EACH ROW
    WHEN (
        NEW.state IN ('revoked', 'on-hold') AND NEW.status_given = ''
        AND OLD.in_flight IS NOT NULL AND NOT OLD.in_flight ? 'status_given'
    )
    EXECUTE FUNCTION homeward_given_by_before()
"""


def upgrade() -> None:
    for statement in (_STATUS, _GIVEN, _WHEN):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER homeward_given_by_before ON publications")
    op.execute("DROP FUNCTION homeward_given_by_before()")
    op.execute("DROP FUNCTION homeward_status(jsonb)")
