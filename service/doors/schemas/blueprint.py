"""How the REST doors are described: bodies within bounds, and the refusals that each route names."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import flask_smorest
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from service.doors.body import json_body
from service.errors import BadInput


class _BoundedJson(FlaskParser):
    """JSON bodies read within our limits, whatever their Content-Type says; a refusal is a 400."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Any, schema: Schema) -> Any:
        """The body of the request at hand; an empty one is an empty object, so that the schema says what is missing."""
        del req, schema
        document = json_body()
        return {} if document is None else document

    def handle_error(self, error: ValidationError, *_args: Any, **_kwargs: Any) -> NoReturn:
        """The schemas' own sentences as one; they repeat no input."""
        messages: Any = error.messages
        told = (sentence for place in messages.values() for sentence in _sentences(place))
        raise BadInput(" ".join(told)) from None


def _sentences(messages: dict[str, Any]) -> Iterator[str]:
    for name, said in sorted(messages.items()):
        # A member of a list is told by its number.
        flat = _sentences({str(key): one for key, one in said.items()}) if isinstance(said, dict) else said
        yield from flat if name == "_schema" else (f"{name}: {sentence}" for sentence in flat)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """A flask-smorest blueprint whose bodies are bounded."""

    ARGUMENTS_PARSER = _BoundedJson()


class Problem(Schema):
    """An RFC 9457 problem. With Accept: application/fhir+json it is an OperationOutcome instead."""

    type = fields.String(metadata={"description": "Where this kind of problem is documented."})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "One sentence: what is wrong and what to do."})
    instance = fields.String(metadata={"description": "The request id, as in the logs."})


_REFUSALS: Final = {
    400: "The request cannot be used; the detail says what to change.",
    401: "No valid credential.",
    403: "The credential is not good for this, or its holder is no person who may decide.",
    404: "No such thing, or not for this caller.",
    409: "As the item stands, this cannot be done.",
    412: "The plan has changed since it was read.",
    413: "The body is too large.",
    422: "This cannot be done; the detail says what to change.",
    428: "If-Match is missing.",
    429: "Too many requests; see Retry-After.",
    503: "The database is not reachable; try again shortly.",
}


def refuses(blueprint: Blueprint, *statuses: int) -> Callable[[Any], Any]:
    """Document these refusals of a route, each a problem."""

    def described(view: Any) -> Any:
        for status in statuses:
            view = blueprint.alt_response(
                status,
                schema=Problem,
                content_type="application/problem+json",
                description=_REFUSALS[status],
            )(view)
        return view

    return described
