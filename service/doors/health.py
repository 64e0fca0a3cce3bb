"""What the platform asks: alive, ready, and how much of what."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Response, jsonify

from service import metrics
from service.bootstrap import Deps
from service.doors.guard import anyone, guarded_by
from service.doors.schemas.blueprint import Blueprint
from service.doors.schemas.probes import Liveness, Readiness
from service.doors.wiring import deps
from service.errors import ConfigurationError, HomewardError, StoreUnavailable

health = Blueprint("health", __name__, description="For the platform: probes and metrics.")
#: Discharges are taken and planned all the same, so that no web process is taken out of service for it.
_STOPPED: Final = "the EHRs of {} hospitals lost many stays at once, and no plan is taken back there; run homeward brake list"
_log = structlog.stdlib.get_logger(__name__)


@health.get("/livez")
@health.response(200, Liveness, description="This process answers.")
@guarded_by(anyone)
def livez() -> dict[str, str]:
    """Is this process alive? It asks nothing of anything else, so that a database outage restarts no web process."""
    return {"status": "ok"}


@health.get("/readyz")
@health.response(200, Readiness, description="Discharges can be taken and planned.")
@health.alt_response(503, schema=Readiness, description="Something is missing; `checks` says what.")
@guarded_by(anyone)
def readyz() -> Response:
    """Can discharges be taken and planned? The database answers, its schema is current, a worker is alive."""
    checks = {name: _held(name, check) for name, check in _CHECKS.items()}
    ready = all(said == "ok" for said in checks.values())
    told: dict[str, Any] = {"status": "ready" if ready else "not ready", "checks": checks}
    if stopped := len(_held_plans()):
        told["warnings"] = [_STOPPED.format(stopped)]
    response = jsonify(told)
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return response


@health.get("/metrics")
@health.doc(responses={"200": {"description": "Prometheus text.", "content": {"text/plain": {}}}})
@guarded_by(anyone)
def prometheus() -> Response:
    """Counts and durations by door, step, tenant and outcome, for Prometheus. Keep it inside the network."""
    body, content_type = metrics.rendered(_discharges(), _held_plans())
    return Response(body, content_type=content_type)


def _discharges() -> Mapping[tuple[str, str], int]:
    """By tenant and state; none while the database is away, so that the other metrics still tell of it."""
    try:
        return {(tenant, state.value): n for (tenant, state), n in deps().store.discharges.count().items()}
    except HomewardError:
        return {}


def _held_plans() -> Mapping[str, int]:
    """By tenant; none while the database is away."""
    try:
        return deps().store.discharges.count_held()
    except HomewardError:
        return {}


def _held(name: str, check: Callable[[Deps], bool]) -> str:
    """The word ok, or what to do about it; a check that raises has not held."""
    try:
        return "ok" if check(deps()) else _REMEDIES[name]
    except ConfigurationError as error:
        _log.error("the configuration is wrong", exc_info=error)
        return "not configured correctly; the log says what to change"
    except StoreUnavailable as error:
        # Nothing is known of what lies in a database that does not answer: no other remedy is guessed.
        _log.warning("a readiness check failed", step=name, exc_info=error)
        return error.public_message if error.sqlstate else _REMEDIES["database"]
    except HomewardError as error:
        _log.warning("a readiness check failed", step=name, exc_info=error)
        return _REMEDIES[name]


def _database_answers(deps: Deps) -> bool:
    """Whether it keeps what it is given: full or read-only it answers every question, and takes no discharge."""
    if deps.store.at_head():  # raises when nobody answers
        deps.store.try_writing()
    return True


_CHECKS: Final[dict[str, Callable[[Deps], bool]]] = {
    "database": _database_answers,
    "migrations": lambda deps: deps.store.at_head(),
    "worker": lambda deps: deps.jobs.workers_alive() > 0,
}
_REMEDIES: Final = {
    "database": "not reachable; see HOMEWARD_DATABASE_URL",
    "migrations": "behind; run homeward migrate",
    "worker": "none alive; run homeward worker",
}
