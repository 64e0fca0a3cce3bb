"""What the platform asks: alive, ready, and how much of what."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

import structlog
from flask import Response, jsonify

from service import metrics
from service.bootstrap import Deps
from service.domain.ehr_clock import say_clock
from service.doors.guard import anyone, guarded_by
from service.doors.schemas.blueprint import Blueprint
from service.doors.schemas.probes import Liveness, Readiness
from service.doors.wiring import deps
from service.errors import ConfigurationError, HomewardError, StoreUnavailable
from service.pipeline.setup import find_missing
from service.pipeline.stored_metrics import stored_metrics

health = Blueprint("health", __name__, description="For the platform: probes and metrics.")
_HELD: Final = "Its EHR lost many stays at once, and no plan is taken back there until that is seen to: `homeward brake list`."
_log = structlog.stdlib.get_logger(__name__)


@health.get("/livez")
@health.response(200, Liveness, description="This process answers.")
@guarded_by(anyone)
def livez() -> dict[str, str]:
    """Is this process alive? It asks nothing of anything else, so that a database outage restarts no web process."""
    return {"status": "ok"}


@health.get("/readyz")
@health.response(
    200, Readiness, description="Discharges can be taken and planned, or are once what is `missing` is there."
)
@health.alt_response(503, schema=Readiness, description="Something does not work; `checks` says what.")
@guarded_by(anyone)
def readyz() -> Response:
    """Can discharges be taken and planned? The database keeps what it is given, its schema is current, a worker is alive.

    A hospital that lacks something (a secret, a way to hear of its discharges, a directory) makes the status `incomplete` and
    is answered 200: its EHR's handshake needs a server that gets its traffic, and an EHR that is away is no reason to stop.
    """
    checks = {name: _held(name, check) for name, check in _CHECKS.items()}
    works = all(said == "ok" for said in checks.values())
    lacks, warnings = _looked_at(_missing) if works else (), _looked_at(_warnings) if works else ()
    status = ("incomplete" if lacks else "ready") if works else "not ready"
    answer = {"status": status, "checks": checks, "missing": lacks, "warnings": warnings}
    response = jsonify(Readiness().dump(answer))
    response.status_code = HTTPStatus.OK if works else HTTPStatus.SERVICE_UNAVAILABLE
    return response


@health.get("/metrics")
@health.doc(responses={"200": {"description": "Prometheus text.", "content": {"text/plain": {}}}})
@guarded_by(anyone)
def prometheus() -> Response:
    """Counts and durations by door, step, tenant and outcome, for Prometheus. Keep it inside the network."""
    body, content_type = metrics.rendered(_stored())
    return Response(body, content_type=content_type)


def _stored() -> Iterable[metrics.StoredMetric]:
    """What the database tells; nothing while it is away, so that the other metrics still tell of it."""
    try:
        return tuple(stored_metrics(deps()))
    except HomewardError:
        return ()


def _looked_at(read: Callable[[Deps], Iterable[dict[str, str]]]) -> list[dict[str, str]]:
    """What is to be told of hospitals; nothing while the database is away."""
    try:
        return list(read(deps()))
    except HomewardError:
        return []


def _missing(deps: Deps) -> Iterable[dict[str, str]]:
    for missing in find_missing(deps):
        yield {"tenant": missing.tenant, "code": missing.lack.value, "said": missing.said}


def _warnings(deps: Deps) -> Iterable[dict[str, str]]:
    for tenant in sorted(deps.store.discharges.count_held()):
        yield {"tenant": tenant, "code": "brake", "said": _HELD}
    for tenant, ehr_clock in deps.store.ehr_clocks.all().items():
        if ehr_clock.is_off and tenant in deps.tenants:
            yield {"tenant": tenant, "code": "clock", "said": say_clock(ehr_clock.ahead)}


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
