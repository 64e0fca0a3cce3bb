"""What the doors work with: the deployment's adapters, opened when the first request needs them.

gunicorn forks after the application is made; connections opened before would be shared by all its processes.
"""

from pathlib import Path
from threading import Lock, Thread
from typing import Final

import structlog
from flask import current_app

from config.api_keys import ApiKey, load_api_keys
from config.settings import Settings
from config.tenants import Tenant
from service import metrics
from service.bootstrap import Deps, build_deps, spare_the_collector
from service.domain.allowance import Grant, Limit, Wish
from service.domain.discharge import Discharge, Trigger
from service.doors.caller import caller
from service.doors.limits import Buckets
from service.errors import HomewardError, NotFound
from service.pipeline.intake import intake

_KEY: Final = "homeward"
_log = structlog.stdlib.get_logger(__name__)


class Wiring:
    """Builds the adapters once for each process, at the first call. ConfigurationError for a wrong API keys file."""

    def __init__(self, settings: Settings, deps: Deps | None = None) -> None:
        self.settings = settings
        self.api_keys = load_api_keys(Path(settings.api_keys_file)) if settings.api_keys_file else ()
        self.buckets = Buckets(settings.calls_per_minute, self._lend, processes=settings.web_workers)
        self._deps = deps
        self._lock = Lock()

    def deps(self) -> Deps:
        """The adapters of this process; raises ConfigurationError or StoreUnavailable until they can be built."""
        with self._lock:
            if self._deps is None:
                self._deps = build_deps(self.settings)
            return self._deps

    def warm(self) -> None:
        """Build them in the background; a caller who comes first waits, and one who comes later does not."""
        Thread(target=self._try, name="warm", daemon=True).start()

    def _lend(self, name: str, limit: Limit, wish: Wish) -> Grant:
        return self.deps().store.allowances.lend(name, limit, wish)

    def _try(self) -> None:
        try:
            self.deps().store.at_head()
            self.deps().store.hospitals.register(self.deps().tenants.keys(), self.deps().now())
            for hospital in self.deps().tenants.values():
                for issuer in hospital.hooks:
                    self.deps().hook_keys.warm(issuer)
            spare_the_collector()
        except HomewardError as error:
            _log.warning("not ready yet", exc_info=error)


def wire(wiring: Wiring) -> dict[str, Wiring]:
    """The entry for Flask's `extensions`."""
    return {_KEY: wiring}


def settings() -> Settings:
    """The settings of the application that answers this request."""
    return _wiring().settings


def deps() -> Deps:
    """The adapters of the application that answers this request."""
    return _wiring().deps()


def api_keys() -> tuple[ApiKey, ...]:
    """The API keys that are taken."""
    return _wiring().api_keys


def buckets() -> Buckets:
    """How much each caller may still ask."""
    return _wiring().buckets


def tenant(name: str) -> Tenant:
    """The tenant of that name; NotFound in the same words for unknown and forbidden ones."""
    if name not in deps().tenants or not caller().may_enter(name):
        raise NotFound("There is no such tenant here, or not for this caller.")
    return deps().tenants[name]


def take_in(trigger: Trigger) -> Discharge | None:
    """Commit what came in through a door, with the job that acts on it; None for a cancel of a stay not known here."""
    metrics.TRIGGERS.labels(trigger.tenant, trigger.door, trigger.action).inc()
    return intake(trigger, deps())


def _wiring() -> Wiring:
    wiring: Wiring = current_app.extensions[_KEY]
    return wiring
