"""Workers hear of a job that has become free to run, not only of one that was put in.

The queue's own trigger tells of new jobs alone. One that comes while another of its discharge runs was told of in vain and
waited for the next poll; so did one whose time was moved forward, and one that was handed to another queue.
"""

from alembic import op

revision = "0017_free_locks"
down_revision = "0016_hospitals"
branch_labels = None
depends_on = None

# The same words each time: PostgreSQL tells of equal ones in a transaction once. Who hears them looks for any job.
_TELL = """
CREATE FUNCTION homeward_tell_of_free_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told CONSTANT text := '{"type": "job_inserted", "job_id": 0}';
BEGIN
    PERFORM pg_notify('procrastinate_any_queue_v1', told);
    PERFORM pg_notify('procrastinate_queue_v1#' || OLD.queue_name, told);
    IF TG_OP = 'UPDATE' AND NEW.queue_name <> OLD.queue_name THEN
        PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, told);
    END IF;
    RETURN NULL;
END;
$$
"""
_ENDED = """
CREATE TRIGGER homeward_job_ended AFTER DELETE ON procrastinate_jobs
FOR EACH ROW WHEN (OLD.status IN ('todo', 'doing'))
EXECUTE FUNCTION homeward_tell_of_free_job()
"""
_CHANGED = """
CREATE TRIGGER homeward_job_changed AFTER UPDATE OF status ON procrastinate_jobs
FOR EACH ROW WHEN (OLD.status IN ('todo', 'doing') AND NEW.status <> OLD.status AND NEW.status <> 'doing')
EXECUTE FUNCTION homeward_tell_of_free_job()
"""
_DUE = """
CREATE TRIGGER homeward_job_due AFTER UPDATE OF scheduled_at ON procrastinate_jobs
FOR EACH ROW WHEN (
    OLD.status = 'todo' AND NEW.status = 'todo'
    AND OLD.scheduled_at > now() AND (NEW.scheduled_at IS NULL OR NEW.scheduled_at <= now())
)
EXECUTE FUNCTION homeward_tell_of_free_job()
"""


def upgrade() -> None:
    for statement in (_TELL, _ENDED, _CHANGED, _DUE):
        op.execute(statement)


def downgrade() -> None:
    for trigger in ("homeward_job_due", "homeward_job_changed", "homeward_job_ended"):
        op.execute(f"DROP TRIGGER {trigger} ON procrastinate_jobs")
    op.execute("DROP FUNCTION homeward_tell_of_free_job()")
