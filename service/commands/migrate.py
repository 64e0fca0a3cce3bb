"""`homeward migrate`: the database's schema, brought up or rehearsed."""

from config.logging import ensure_logging
from config.settings import Settings
from service.bootstrap import database_url
from service.store import embedded, migrations


def upgrade(settings: Settings) -> None:
    """Bring the deployment's database, embedded or not, to the newest version. Harmless when it is there already."""
    ensure_logging(settings.log_level)
    migrations.upgrade(database_url(settings))


def rehearse() -> None:
    """On a throwaway database: up, compared with the tables, down to nothing, and up again.

    Raises ConfigurationError that says what is missing from the migrations.
    """
    with embedded.throwaway() as url:
        migrations.rehearse(url)
