"""`homeward migrate`: the database's schema, brought up or rehearsed."""

import tempfile
from pathlib import Path

from config.settings import Settings
from service.store import embedded, migrations


def upgrade(settings: Settings) -> None:
    """Bring the deployment's database, embedded or not, to the newest version. Harmless when it is there already."""
    migrations.upgrade(settings.database_url or embedded.start(settings.state_dir))


def rehearse() -> None:
    """On a throwaway database: up, compared with the tables, down to nothing, and up again.

    Raises ConfigurationError that says what is missing from the migrations.
    """
    with tempfile.TemporaryDirectory(prefix="homeward-migrate-", ignore_cleanup_errors=True) as folder:
        state_dir = Path(folder)
        try:
            migrations.rehearse(embedded.start(state_dir))
        finally:
            embedded.stop(state_dir)
