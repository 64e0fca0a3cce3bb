"""The CDS Hooks doors against what their OpenAPI document says, signed and unsigned: no fault, no answer it does not name.

Half of the generated calls are about a real stay with all that is known of it, so that more than the first check is met.
"""

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from joserfc import jws
from joserfc.jwk import ECKey
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.doors import cds_hooks
from tests.unit.doors import hooked

_EHR = "http://127.0.0.1:9/fhir"
_HOME = "https://homeward.example.org"
_ISSUER = "https://ehr.example.org"
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_KEY = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
_EXAMPLES = 11
_DOORS = [
    ("GET", "/cds-services"),
    ("POST", "/cds-services/encounter-discharge"),
    ("POST", "/cds-services/order-sign"),
    ("POST", "/cds-services/patient-view"),
    ("POST", "/cds-services/{service}/feedback"),
]
_GOOD = {
    "/cds-services/encounter-discharge": hooked.call(),
    "/cds-services/order-sign": hooked.signing(),
    "/cds-services/patient-view": hooked.call(hook="patient-view"),
}


@pytest.fixture(scope="module", autouse=True)
def _time_enough() -> Iterator[None]:
    """A busy machine is not what this is about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cds_hooks, "ANSWER_SECONDS", 20)
        yield


@pytest.fixture(scope="module", params=["off", "on"], ids=["signed", "open"])
def app(request: Any, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The whole application with a real database, with signatures asked for and in the demo."""
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "jwks.json").write_text(json.dumps({"keys": [_KEY.as_dict(private=False)]}))
    tenant = {
        "id": f"hooks-{request.param}",
        "fhir_base_url": _EHR,
        "organization": "Example Hospital",
        "hooks": [{"issuer": _ISSUER, "jwks_file": str(folder / "jwks.json")}],
    }
    (folder / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}))
    known = load_settings(
        {
            "HOMEWARD_DATABASE_URL": database_url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_OPEN_ACCESS": request.param,
            "HOMEWARD_PUBLIC_URL": _HOME,
        }
    )
    deps = build_deps(known)
    made = create_app(known, deps)
    made.config["SIGNED"] = request.param == "off"
    yield made
    deps.store.close()


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as told", "otherwise"]
)
@pytest.mark.parametrize(("method", "path"), _DOORS)
def test_every_answer_of_the_hooks_is_one_that_the_document_names(app, method, path, mode):
    api = schemathesis.openapi.from_wsgi("/openapi.json", app)
    seen: set[int] = set()
    numbers = count()

    @settings(
        max_examples=_EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        number = next(numbers)
        if number % 2 == 0:
            _make_real(case, path)
        case.headers = {**(case.headers or {})}
        case.headers.pop("Authorization", None)
        if app.config["SIGNED"] and number % 5:
            case.headers["Authorization"] = f"Bearer {_token(case.formatted_path)}"
        answer = case.call()
        seen.add(answer.status_code)
        case.validate_response(answer, checks=_CHECKS)

    holds()
    assert not app.config["SIGNED"] or 401 in seen
    assert mode is GenerationMode.NEGATIVE or 200 in seen


def _make_real(case: Any, path: str) -> None:
    """About the stay of which all is known, at the EHR of the tenant."""
    if path.endswith("/feedback"):
        case.path_parameters = {"service": "encounter-discharge"}
    if isinstance(case.body, dict) and path in _GOOD:
        case.body = {**case.body, **_GOOD[path], "fhirServer": _EHR}


def _token(path: str) -> str:
    at = int(time.time())
    claims = {"iss": _ISSUER, "aud": f"{_HOME}{path}", "iat": at, "exp": at + 60, "jti": str(uuid4())}
    head = {"alg": "ES384", "kid": "ec", "typ": "JWT"}
    return jws.serialize_compact(head, json.dumps(claims).encode(), _KEY, ["ES384"])
