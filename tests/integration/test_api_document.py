"""The running API against its own OpenAPI document: no fault of ours, and no answer that the document does not name."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline import run
from service.pipeline.intake import intake
from tests.builders import interventions, need, planned

_TENANTS = (
    "tenants:\n  - {id: demo, fhir_base_url: 'http://127.0.0.1:9/fhir', organization: Example Hospital}\n"
)
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_EXAMPLES = 12


@schemathesis.serializer("application/zip")
def _as_it_is(_context: Any, value: Any) -> bytes:
    return value.data if hasattr(value, "data") else bytes(value)


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The whole application with a real database; open access, so that what is asked goes past the guards."""
    tenants = tmp_path_factory.mktemp("api") / "tenants.yaml"
    tenants.write_text(_TENANTS)
    given = {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(tenants),
        "HOMEWARD_OPEN_ACCESS": "on",
        "HOMEWARD_CALLS_PER_MINUTE": "100000",
    }
    known = load_settings(given)
    deps = build_deps(known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "propose", lambda *_, **_cited: planned(need(interventions=interventions())))
        patch.setattr(run, "publish_resources", lambda *_: None)
        discharge = intake(Trigger("demo", "Encounter/e1", Action.PLAN, "rest"), deps)
        assert discharge is not None
        deps.jobs.work(until_idle=True)
    assert deps.store.discharges.get(discharge.id).state is DischargeState.PUBLISHED
    made = create_app(known, deps)
    made.config["KNOWN"], made.config["PLANS"] = discharge.id, deps.store.plans
    yield made
    deps.store.close()


@pytest.fixture(scope="module")
def api(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


def _operations() -> list[tuple[str, str]]:
    """Every method of every path, the cancelling last; the document needs no database."""
    described: Any = create_app(load_settings({})).test_client().get("/openapi.json").json
    found = [
        (method, path)
        for path, methods in described["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    return sorted(found, key=lambda operation: ("cancel" in operation[1], operation))


@pytest.mark.parametrize(("method", "path"), _operations())
def test_every_answer_is_one_that_the_document_names(app, api, method, path):
    @settings(max_examples=_EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=api[path][method].as_strategy())
    def holds(case: Any) -> None:
        _make_real(case, app)
        # Without a worker the service says, as documented, that it is not ready.
        checks = [check for check in _CHECKS if path != "/readyz" or check is not not_a_server_error]
        case.call_and_validate(checks=checks)

    holds()


def _make_real(case: Any, app: Flask) -> None:
    """Nobody shows a credential, and every second case is about what exists, so that more than 401 and 404 is met."""
    headers, parameters = dict(case.headers or {}), case.path_parameters or {}
    headers.pop("Authorization", None)
    if _is_even(parameters.get("discharge_id")):
        parameters["discharge_id"] = str(app.config["KNOWN"])
        headers["If-Match"] = f'"{app.config["PLANS"].newest(app.config["KNOWN"])}"'
        if "key" in parameters:
            parameters["key"] = "referral:food-pantry"
    for named in {"tenant", "tenant_id"} & set(parameters):
        parameters[named] = "demo"
    if case.query and "tenant" in case.query:
        case.query["tenant"] = "demo"
    if isinstance(case.body, dict) and "tenant" in case.body:
        case.body["tenant"] = "demo"
    case.headers = headers


def _is_even(given: object) -> bool:
    try:
        return UUID(str(given)).int % 2 == 0
    except ValueError:
        return False
