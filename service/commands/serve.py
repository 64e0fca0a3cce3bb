"""`homeward serve`, `web` and `worker`."""

import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import structlog

from config.api_keys import load_api_keys
from config.content import load_contents
from config.ehr_quirks import load_quirks
from config.logging import configure_logging
from config.settings import Settings, settings_of_this_process
from config.shared_metrics import forget_metrics, share_metrics
from service.commands.address import check_address
from service.commands.supervise import Child, stop_on_signals, supervise
from service.errors import HomewardError

_GUNICORN: Final = ("-m", "gunicorn", "--config", "python:config.gunicorn", "wsgi:application")
_WORKER: Final = ("-m", "service.cli", "worker")
_log = structlog.stdlib.get_logger(__name__)


def serve_all() -> None:
    """Database, migrations, web and worker; returns when SIGTERM or SIGINT has ended them all."""
    share_metrics()  # web and worker count into one folder
    try:
        settings = _checked_settings()
        check_address(settings.bind)
        _serve(settings)
    finally:
        forget_metrics()


def _serve(settings: Settings) -> None:
    stop = stop_on_signals()
    try:
        tend = _database(settings)
        _log.info("serving", address=f"http://{settings.bind}")
        supervise([Child("web", _GUNICORN), Child("worker", _WORKER)], stop, tend=tend)
    finally:
        _stop_database(settings)


def become_web() -> None:
    """This process becomes gunicorn, which reads its configuration from config.gunicorn."""
    settings = _checked_settings()
    check_address(settings.bind)
    _tell_what_is_missing(settings)
    os.execv(sys.executable, [sys.executable, *_GUNICORN])  # noqa: S606  our own command line


def run_worker() -> None:
    """This process takes jobs until SIGTERM, then finishes those it has."""
    settings = _checked_settings()
    if settings.metrics_bind:
        check_address(settings.metrics_bind, setting="HOMEWARD_METRICS_BIND")
    from service.bootstrap import build_deps, warm
    from service.doors.metrics_port import open_metrics_port

    _tell_what_is_missing(settings)
    deps = build_deps(settings)
    if settings.metrics_bind:
        open_metrics_port(settings.metrics_bind, deps)
    warm(deps)
    with closing(deps.store):
        deps.jobs.work()


def _checked_settings() -> Settings:
    """The settings, after everything that they name has been read once: a mistake stops the start, not a later call."""
    from service.bootstrap import tenants_of
    from service.doors.guard import check_access

    settings = settings_of_this_process()
    configure_logging(settings.log_level)
    check_access(settings)
    tenants = tenants_of(settings, load_quirks())
    load_contents(settings.content_dir, {name: tenant.content for name, tenant in tenants.items()})
    if settings.api_keys_file:
        load_api_keys(Path(settings.api_keys_file))
    return settings


def _tell_what_is_missing(settings: Settings) -> None:
    """A line for each thing that a hospital lacks: it runs all the same, and is not ready without it."""
    from service.bootstrap import build_operations
    from service.pipeline.setup import find_missing

    operations = build_operations(settings)
    with closing(operations.store), suppress(HomewardError):
        for missing in find_missing(operations):
            _log.warning(
                "not ready: /readyz says what to do",
                tenant=missing.tenant,
                reason=missing.lack.value,
            )


def _database(settings: Settings) -> Callable[[], None]:
    """Bring the schema to its newest version; what comes back starts an embedded database that was killed again."""
    from service.commands.migrate import upgrade
    from service.store import embedded

    upgrade(settings)

    def keep_alive() -> None:
        try:
            embedded.start(settings.state_dir)
        except HomewardError as error:
            _log.warning("the database is down", exc_info=error)

    return _nothing if settings.database_url else keep_alive


def _nothing() -> None:
    """A database of others is theirs to keep alive."""


def _stop_database(settings: Settings) -> None:
    from service.store import embedded

    if not settings.database_url:
        embedded.stop(settings.state_dir)
