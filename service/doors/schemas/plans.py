"""What the doors of plans take and give."""

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validates_schema

from service.doors.schemas.strict import StrictSchema, words


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
        allow_none=True,
        metadata={
            "description": "Grows with each planning and each decision; also the ETag. "
            "Null for whoever may not see sensitive items."
        },
    )
    state = fields.String(metadata=_STATE | {"description": "How the plan as a whole stands."})
    decided = fields.Nested(Signed, allow_none=True)
    items = fields.List(fields.Nested(PlanItem))
    document = fields.Dict(
        metadata={"description": "The plan, as docs/plan-document.schema.json describes it."}
    )


class ItemChange(StrictSchema):
    """What to change in an item; what is left out stays."""

    text = fields.String(validate=words(500), metadata={"description": "Its words, as others read them."})
    due = fields.Date(metadata={"description": "Not for teaching, and not before the day of the plan."})
    community_service = fields.String(
        validate=words(200), metadata={"description": "The id of the service chosen for a referral."}
    )

    @validates_schema
    def _something(self, data: Any, **_context: Any) -> None:
        if not data:
            raise ValidationError("Change at least one of: text, due, community_service.")


class Approval(StrictSchema):
    """What an approval may say."""

    reason = fields.String(
        validate=words(500),
        metadata={
            "description": "Why it is approved although something still stands in the way of leaving; asked for then, with 422. "
            "It is kept for the care team and not written to the EHR."
        },
    )


class Refusal(StrictSchema):
    """Why something is declined."""

    reason = fields.String(
        required=True,
        validate=words(500),
        error_messages={
            "required": "Say why: reason.",
            "null": "Say why: reason.",
            "invalid": "This is text.",
        },
        metadata={"description": "In the words that the EHR's readers will see."},
    )
