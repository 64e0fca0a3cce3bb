"""What the door of the caseload takes and gives."""

from marshmallow import Schema, fields, validate

from service.domain.assessment import Verdict
from service.domain.caseload import NOT_TAKEN, Waiting
from service.domain.discharge import DischargeState
from service.doors.schemas.strict import StrictSchema, tenant_field

MOST: int = 100


class CaseloadQuery(StrictSchema):
    """Which part of a caseload."""

    is_body = False

    tenant = tenant_field()
    state = fields.List(
        fields.Enum(DischargeState, by_value=True),
        metadata={"description": "Only discharges in this state; several may be named."},
    )
    readiness = fields.Enum(
        Verdict,
        by_value=True,
        metadata={"description": "Only those with this verdict, as far as it may be told."},
    )
    waits_for = fields.Enum(
        Waiting, by_value=True, metadata={"description": "Only those where this waits for a person."}
    )
    leaving_from = fields.Date(metadata={"description": "Only those who leave on this day or later."})
    leaving_until = fields.Date(metadata={"description": "Only those who leave on this day or before."})
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, MOST, error=f"This is 1 to {MOST}."),
        metadata={"description": "Lines of a page, at most."},
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(max=200, error="This is the `next` of the page before."),
        metadata={"description": "`next` of the page before, with the same filters."},
    )


class Case(Schema):
    """One open discharge."""

    discharge = fields.UUID()
    encounter = fields.String()
    patient = fields.String(
        allow_none=True, metadata={"description": "The Patient in the EHR; null while there is no plan."}
    )
    state = fields.String(metadata={"enum": [state.value for state in DischargeState]})
    problem = fields.String(metadata={"description": "What a person must look at when the state is failed."})
    planned = fields.Date(
        allow_none=True, metadata={"description": "The day of leaving; null without a plan."}
    )
    readiness = fields.String(
        allow_none=True,
        metadata={
            "enum": [*(verdict.value for verdict in Verdict), None],
            "description": "null without a plan, and where the verdict would tell of something sensitive.",
        },
    )
    decision = fields.String(
        allow_none=True,
        metadata={
            "enum": ["proposed", "approved", "declined", None],
            "description": "How the plan as a whole stands.",
        },
    )
    waits = fields.Dict(
        keys=fields.String(validate=validate.OneOf([kind.value for kind in Waiting])),
        values=fields.Integer(),
        metadata={
            "description": "How much of what waits for a person: failed; undecided items; unassigned community referrals; "
            "overdue visits and calls; unknown-writes, holds and conflicts in the EHR. What is not there is nothing."
        },
    )
    unwritten = fields.Dict(
        keys=fields.String(validate=validate.OneOf([standing.value for standing in NOT_TAKEN])),
        values=fields.Integer(),
        metadata={
            "description": "How many resources the EHR has not taken: waiting, which are tried again by themselves, and "
            "refused, which it read and said no to. What is not there is nothing."
        },
    )
    created = fields.AwareDateTime()
    changed = fields.AwareDateTime()


class CaseloadPage(Schema):
    """Lines by the day of leaving; those without a plan first."""

    cases = fields.List(fields.Nested(Case))
    next = fields.String(
        allow_none=True,
        metadata={
            "description": "The cursor of what follows; null at the end. A page may hold less than `limit` before that."
        },
    )
