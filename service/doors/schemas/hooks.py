"""What the CDS Hooks doors are sent and give. Calls are described here and read by `hook_calls`, which says what to change."""

from collections.abc import Iterable
from typing import Any, Final

from marshmallow import Schema, fields

Json = dict[str, Any]

_ID: Final = {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}
_TEXT: Final = {"type": "string", "minLength": 1}
_BUNDLE: Final = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "entry": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {"resource": {"type": "object"}},
            },
        },
    },
}
_AUTHORIZATION: Final = {
    "type": ["object", "null"],
    "required": ["access_token", "token_type", "expires_in", "scope", "subject"],
    "properties": {
        "access_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "minimum": 1},
        "scope": {"type": "string"},
        "subject": {"type": "string"},
    },
}


class Services(Schema):
    """CDS Hooks discovery."""

    services = fields.List(fields.Dict(), metadata={"description": "hook, id, title, description, prefetch."})


class Cards(Schema):
    """A CDS Hooks answer; its cards are described by docs/cds-hooks-cards.schema.json."""

    cards = fields.List(fields.Dict())


def call_of(hook: str, templates: Iterable[str], optional: Iterable[str] = (), **context: Json) -> Json:
    """The body of a call of this hook as OpenAPI tells it; context are its members beside user and patient, required but for the optional."""
    user = {"type": "string", "pattern": r"^(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}$"}
    members = {"userId": user, "patientId": _ID, **context}
    prefetched = {"type": ["object", "null"], "description": "The answer to the template of this name."}
    return _body(
        {
            "type": "object",
            "required": ["hook", "hookInstance", "context"],
            "properties": {
                "hook": {"const": hook},
                "hookInstance": {"type": "string", "format": "uuid"},
                "fhirServer": {"type": ["string", "null"], "format": "uri"},
                "fhirAuthorization": _AUTHORIZATION,
                "context": {
                    "type": "object",
                    "required": [name for name in members if name not in set(optional)],
                    "properties": members,
                },
                "prefetch": {"type": ["object", "null"], "properties": dict.fromkeys(templates, prefetched)},
                "extension": {"type": ["object", "null"]},
            },
        }
    )


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


STAY: Final[Json] = {"encounterId": _ID}
ORDERS: Final[Json] = {"draftOrders": _BUNDLE}
_OVERRIDE: Final[Json] = {
    "type": ["object", "null"],
    "properties": {
        "reason": {
            "type": ["object", "null"],
            "properties": {"code": {"type": ["string", "null"]}},
        },
        "userComment": {"type": ["string", "null"]},
    },
}
FEEDBACK: Final = _body(
    {
        "type": "object",
        "required": ["feedback"],
        "properties": {
            "feedback": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["card", "outcome", "outcomeTimestamp"],
                    "properties": {
                        "card": _TEXT,
                        "outcome": {"enum": ["accepted", "overridden"]},
                        "outcomeTimestamp": {"type": "string", "format": "date-time"},
                        "acceptedSuggestions": {
                            "type": ["array", "null"],
                            "items": {"type": "object", "required": ["id"], "properties": {"id": _TEXT}},
                        },
                        "overrideReason": _OVERRIDE,
                        "overrideReasons": {"type": ["array", "object", "null"], "items": _OVERRIDE},
                    },
                },
            }
        },
    }
)
