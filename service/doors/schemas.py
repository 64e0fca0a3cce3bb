"""What the REST doors take and give. The OpenAPI document is made from these; nothing behind the doors knows them."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import flask_smorest
from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate, validates_schema
from webargs.flaskparser import FlaskParser

from service.domain.publication import Landing, WriteState
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


class Standing(Schema):
    """Where one item of the plan stands in the EHR."""

    item = fields.String(metadata={"description": "The item's key; care-plan is the plan itself."})
    title = fields.String()
    rung = fields.String(
        metadata={
            "enum": [rung.value for rung in Landing],
            "description": "As a resource of its own, or in what the EHR takes instead; page: in Homeward only.",
        }
    )
    reason = fields.String(metadata={"description": "Why it stands there and no higher."})
    reference = fields.String(metadata={"description": "The resource in the EHR, empty where it has none."})
    state = fields.String(metadata={"enum": ["", *(state.value for state in WriteState)]})
    problem = fields.String(metadata={"description": "What a person must look at, empty for nothing."})


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
    landing = fields.List(fields.Nested(Standing))


class Services(Schema):
    """CDS Hooks discovery."""

    services = fields.List(fields.Dict(), metadata={"description": "hook, id, title, description, prefetch."})


class Cards(Schema):
    """A CDS Hooks answer; its cards are described by docs/cds-hooks-cards.schema.json."""

    cards = fields.List(fields.Dict())


class Explanation(Schema):
    """Why each need is on the plan, or is not."""

    encounter = fields.String()
    today = fields.String(metadata={"format": "date", "description": "The day the plan was made for."})
    needs = fields.List(
        fields.Dict(),
        metadata={
            "description": "One for each protocol: need, title, verdict, reason, protocol, sensitive, the conditions "
            "that failed, and its conditions applies, present and absent as trees of asks, truth (true, false or "
            "unknown), evidence and parts."
        },
    )
    risk_scores = fields.List(
        fields.Dict(), metadata={"description": "Each score with its parts: points, because, evidence."}
    )


class Problem(Schema):
    """An RFC 9457 problem. With Accept: application/fhir+json it is an OperationOutcome instead."""

    type = fields.String(metadata={"description": "Where this kind of problem is documented."})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "One sentence: what is wrong and what to do."})
    instance = fields.String(metadata={"description": "The request id, as in the logs."})


class Signed(Schema):
    """Who decided, when, and why."""

    by = fields.String(metadata={"description": "The person's name."})
    practitioner = fields.String(
        allow_none=True, metadata={"description": "Their entry in the EHR, where known."}
    )
    at = fields.AwareDateTime()
    reason = fields.String(allow_none=True)


class Service(Schema):
    """A community service."""

    id = fields.String()
    name = fields.String()
    organization = fields.String()
    phone = fields.String()


_STATE: Final = {"enum": ["proposed", "approved", "declined"]}


class PlanItem(Schema):
    """What a person can decide about."""

    key = fields.String(metadata={"description": "The same on every planning of the stay."})
    kind = fields.String(metadata={"enum": ["referral", "goal", "follow-up", "teaching", "task"]})
    text = fields.String()
    due = fields.Date(allow_none=True)
    existing = fields.String(
        allow_none=True, metadata={"description": "What the EHR has already in its place."}
    )
    sensitive = fields.List(fields.String(), metadata={"description": "HL7 ActCode labels; empty for most."})
    state = fields.String(metadata=_STATE)
    decided = fields.Nested(Signed, allow_none=True)
    community_service = fields.Nested(
        Service, allow_none=True, metadata={"description": "The one a person chose."}
    )
    offered = fields.List(fields.Nested(Service))


class PlanState(Schema):
    """A plan as it stands, for those who decide about it."""

    discharge = fields.UUID()
    version = fields.Integer(
        metadata={"description": "Grows with each planning and each decision; also the ETag."}
    )
    state = fields.String(metadata=_STATE | {"description": "How the plan as a whole stands."})
    decided = fields.Nested(Signed, allow_none=True)
    items = fields.List(fields.Nested(PlanItem))
    document = fields.Dict(
        metadata={"description": "The plan, as docs/plan-document.schema.json describes it."}
    )


def _words(most: int) -> Any:
    return validate.And(
        validate.Length(1, most, error=f"This is 1 to {most} characters long."),
        validate.Regexp(r"[\s\S]*\S", error="This is more than space."),
    )


class ItemChange(StrictSchema):
    """What to change in an item; what is left out stays."""

    text = fields.String(validate=_words(500), metadata={"description": "Its words, as others read them."})
    due = fields.Date(metadata={"description": "Not for teaching, and not before the day of the plan."})
    community_service = fields.String(
        validate=_words(200), metadata={"description": "The id of the service chosen for a referral."}
    )

    @validates_schema
    def _something(self, data: Any, **_context: Any) -> None:
        if not data:
            raise ValidationError("Change at least one of: text, due, community_service.")


class Refusal(StrictSchema):
    """Why something is declined."""

    reason = fields.String(
        required=True,
        validate=_words(500),
        error_messages={
            "required": "Say why: reason.",
            "null": "Say why: reason.",
            "invalid": "This is text.",
        },
        metadata={"description": "In the words that the EHR's readers will see."},
    )


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


class Liveness(Schema):
    """This process answers."""

    status = fields.String(metadata={"enum": ["ok"]})


class Readiness(Schema):
    """Whether discharges can be taken and planned; each check is "ok" or says what to do."""

    status = fields.String(metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(keys=fields.String(), values=fields.String())
