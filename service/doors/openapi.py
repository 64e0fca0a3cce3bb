"""The API's own description: OpenAPI 3.1 as JSON, and the same document as a page without any script."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import flask
from flask import Flask, Response, current_app, jsonify, render_template
from flask_smorest import Api

from service import errors
from service.domain.access import Scope
from service.doors.guard import anyone, guarded_by
from service.doors.problems import kind_of, refusals
from service.doors.schemas.blueprint import Problem

openapi = flask.Blueprint("openapi", __name__, template_folder="templates")

_DESCRIPTION: Final = (
    "Homeward turns a discharge order into a plan with community referrals, written to the EHR as drafts that a "
    "named person decides on. Planning runs behind the answer: ask for a discharge, then follow its Location."
)
_KEY: Final = "homeward_api"


def describe(app: Flask, *, version: str, public_url: str) -> Api:
    """The flask-smorest API of this application; blueprints registered with it appear in the document."""
    app.config.update(
        API_TITLE="Homeward",
        API_VERSION=version,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {
                "description": _DESCRIPTION,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": public_url}],
        },
    )
    api = _Api(app)
    bearer = {"type": "http", "scheme": "bearer"}
    api.spec.components.security_scheme("token", bearer | {"description": "An API key of the deployment."})
    api.spec.components.security_scheme("oauth2", _oauth2())
    api.spec.components.security_scheme(
        "subscription", bearer | {"description": "The tenant's subscription secret, sent by its EHR."}
    )
    api.spec.components.security_scheme(
        "hook", bearer | {"bearerFormat": "JWT", "description": "A JWT that the EHR signs for each call."}
    )
    app.extensions[_KEY] = api
    return api


def _oauth2() -> dict[str, Any]:
    """Access tokens come from the hospital's own server, which the tenants file names; no address of it stands here."""
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An OAuth2 access token (RFC 9068) for this service, with the scope that each operation names: "
        f"{', '.join(Scope)}.",
    }


class _Api(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """Each route names the problems it answers with, and problems.py answers them."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """Leave errors to problems.py."""


@openapi.get("/openapi.json")
@guarded_by(anyone)
def document() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(_document())


@openapi.get("/docs")
@guarded_by(anyone)
def docs() -> str:
    """The same, to read."""
    spec = _document()
    return render_template(
        "docs.html", spec=spec, operations=list(_operations(spec)), problems=list(_problems())
    )


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as OpenAPI describes it."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def anchor(self) -> str:
        """A stable id for links into the page."""
        words = "".join(letter if letter.isalnum() else " " for letter in f"{self.method} {self.path}")
        return "-".join(words.lower().split())


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """One error class as a caller meets it."""

    kind: str
    status: int
    detail: str
    retryable: bool


def _document() -> dict[str, Any]:
    spec: dict[str, Any] = current_app.extensions[_KEY].spec.to_dict()
    return spec


def _operations(spec: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in spec["paths"].items():
        for method, described in methods.items():
            if isinstance(described, dict) and "responses" in described:
                yield Operation(method.upper(), path, described)


def _problems() -> Iterator[KnownProblem]:
    for name in sorted(vars(errors)):
        found = getattr(errors, name)
        if isinstance(found, type) and issubclass(found, errors.HomewardError):
            yield KnownProblem(kind_of(found), found.http_status, found.public_message, found.retryable)
    for refusal in refusals():
        yield KnownProblem(refusal.kind, refusal.status, refusal.detail, retryable=False)
