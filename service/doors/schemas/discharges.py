"""What the doors of discharges take and give."""

from marshmallow import Schema, fields

from service.domain.publication import Landing, WriteStanding, WriteState
from service.doors.schemas.strict import Reference, StrictSchema, tenant_field


class DischargeRequest(StrictSchema):
    """Plan this stay."""

    tenant = tenant_field()
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
    standing = fields.String(
        metadata={
            "enum": ["", *(standing.value for standing in WriteStanding)],
            "description": "landed: the EHR shows it as it is wanted; waiting: not yet, it is tried again by itself; refused: the EHR "
            "said no; not-possible: this EHR takes no such resource; theirs: a person changed it there; unknown: a person must "
            "look. Empty where nothing is written.",
        }
    )
    since = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "Since when it stands, or waits, so; null where nothing is written."},
    )
    code = fields.String(
        metadata={
            "description": "Why, as a code for programs, such as no-order-code; empty for nothing. New codes may come."
        }
    )


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


class Explanation(Schema):
    """Why each need is on the plan, or is not."""

    encounter = fields.String()
    today = fields.String(metadata={"format": "date", "description": "The day the plan was made for."})
    needs = fields.List(
        fields.Dict(),
        metadata={
            "description": "One for each protocol: need, title, verdict, reason, protocol, sensitive, the conditions "
            "that failed, and its conditions applies, present, absent, ask_when and taken_over as trees of asks, truth (true, false or "
            "unknown), evidence and parts."
        },
    )
    risk_scores = fields.List(
        fields.Dict(), metadata={"description": "Each score with its parts: points, because, evidence."}
    )
