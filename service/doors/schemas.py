"""What the REST doors take and give. The OpenAPI document is made from these; nothing behind the doors knows them."""

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import flask_smorest
from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate
from webargs.flaskparser import FlaskParser

from service.doors.body import json_body
from service.errors import BadInput

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"


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
        raise BadInput(" ".join(_sentences(messages.get("json", {})))) from None


def _sentences(messages: dict[str, list[str]]) -> Iterator[str]:
    for name, said in sorted(messages.items()):
        yield from said if name == "_schema" else (f"{name}: {sentence}" for sentence in said)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """A flask-smorest blueprint whose bodies are bounded."""

    ARGUMENTS_PARSER = _BoundedJson()


class StrictSchema(Schema):
    """A body of exactly the fields named; an unknown one is refused without repeating it (it may be anything)."""

    class Meta:
        """Documented as additionalProperties: false."""

        unknown = RAISE

    error_messages = {"type": "Send one JSON object."}  # noqa: RUF012  as marshmallow declares it

    @pre_load
    def _only_known(self, body: Any, **_context: Any) -> Any:
        if isinstance(body, dict) and not body.keys() <= self.fields.keys():
            raise ValidationError(f"Only these fields are accepted: {', '.join(self.fields)}.")
        return body


class Reference(fields.String):
    """A literal FHIR reference to one type: "Encounter/12", or the bare id."""

    def __init__(self, resource_type: str, **kwargs: Any) -> None:
        super().__init__(
            error_messages={
                "required": f"Send a reference like {resource_type}/123.",
                "null": f"Send a reference like {resource_type}/123.",
                "invalid": f"Send a reference like {resource_type}/123.",
            },
            metadata={
                "pattern": rf"^({resource_type}/)?{_ID}$",
                "examples": [f"{resource_type}/123"],
                "description": f"Literal reference to the {resource_type} in the tenant's EHR, or its bare id.",
            },
            **kwargs,
        )
        self._resource_type = resource_type

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        match = re.fullmatch(rf"(?:{self._resource_type}/)?({_ID})", text)
        if match is None:
            raise self.make_error("invalid")
        return f"{self._resource_type}/{match[1]}"


class DischargeRequest(StrictSchema):
    """Plan this stay."""

    tenant = fields.String(
        required=True,
        validate=validate.Length(1, 64, error="This is 1 to 64 characters long."),
        error_messages={"required": "Name the hospital, as in the tenants file.", "invalid": "This is text."},
        metadata={"description": "The hospital, as named in the tenants file.", "examples": ["demo"]},
    )
    encounter = Reference("Encounter", required=True)
    order = Reference("ServiceRequest", load_default="")


class HistoryEntry(Schema):
    """One thing that happened."""

    at = fields.AwareDateTime(metadata={"description": "When it happened."})
    what = fields.String(metadata={"description": "What happened."})
    who = fields.String(metadata={"description": "Which door, job or person did it."})


class DischargeStatus(Schema):
    """How far a discharge has come."""

    id = fields.UUID()
    tenant = fields.String()
    encounter = fields.String()
    order = fields.String(metadata={"description": "The order that stands now, empty if there is none."})
    state = fields.String(
        metadata={"enum": ["received", "planned", "published", "cancelling", "cancelled", "failed"]}
    )
    problem = fields.String(metadata={"description": "What a person must look at when the state is failed."})
    created = fields.AwareDateTime()
    changed = fields.AwareDateTime()
    history = fields.List(fields.Nested(HistoryEntry))
    plan = fields.Dict(
        allow_none=True,
        metadata={
            "description": "The newest plan, as described by docs/plan-document.schema.json; null while there is none."
        },
    )


class Services(Schema):
    """CDS Hooks discovery."""

    services = fields.List(fields.Dict(), metadata={"description": "hook, id, title, description, prefetch."})


class Cards(Schema):
    """A CDS Hooks answer; its cards are described by docs/cds-hooks-cards.schema.json."""

    cards = fields.List(fields.Dict())


class Problem(Schema):
    """An RFC 9457 problem. With Accept: application/fhir+json it is an OperationOutcome instead."""

    type = fields.String(metadata={"description": "Where this kind of problem is documented."})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "One sentence: what is wrong and what to do."})
    instance = fields.String(metadata={"description": "The request id, as in the logs."})


class Liveness(Schema):
    """This process answers."""

    status = fields.String(metadata={"enum": ["ok"]})


class Readiness(Schema):
    """Whether discharges can be taken and planned; each check is "ok" or says what to do."""

    status = fields.String(metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(keys=fields.String(), values=fields.String())
