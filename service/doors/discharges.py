"""REST: ask for a discharge plan, follow it, cancel it."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify, url_for

from service.domain.access import Scope
from service.domain.discharge import Action, Discharge, Trigger
from service.doors.guard import caller, guarded_by, scope
from service.doors.idempotency import PARAMETER, idempotent
from service.doors.schemas.blueprint import Blueprint, refuses
from service.doors.schemas.discharges import DischargeRequest, DischargeStatus, Explanation
from service.doors.view import DischargeView, view_of
from service.doors.wiring import take_in, tenant
from service.errors import NotAllowed, NotFound
from service.presentation.explanation import explanation_document, told_to

discharges = Blueprint(
    "discharges",
    __name__,
    url_prefix="/api/v1/discharges",
    description="Ask for a discharge plan, follow it, cancel it.",
)

_WRITE: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.DISCHARGES_WRITE.value]}]
_READ: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.PLANS_READ.value]}]
_LOCATION: Final = {
    "Location": {"description": "Where to follow the discharge.", "schema": {"type": "string"}}
}


@discharges.post("")
@discharges.doc(security=_WRITE, parameters=[PARAMETER])
@discharges.response(202, DischargeStatus, description="Taken in; follow its Location.", headers=_LOCATION)
@refuses(discharges, 400, 401, 403, 404, 413, 422, 429, 503)
@guarded_by(scope(Scope.DISCHARGES_WRITE))
@idempotent
@discharges.arguments(DischargeRequest)
def ask(wanted: dict[str, str]) -> Response:
    """Plan the discharge of a stay.

    Asking again for the same stay gives the same discharge; a new order plans it anew.
    """
    hospital = tenant(wanted["tenant"])
    discharge = take_in(Trigger(hospital.id, wanted["encounter"], Action.PLAN, "rest", wanted["order"]))
    if discharge is None:
        raise NotAllowed(
            "This hospital has left, so nothing is planned for it; `homeward tenant join` serves it again."
        )
    return _accepted(discharge)


@discharges.get("/<uuid:discharge_id>")
@discharges.doc(security=_READ)
@discharges.response(200, DischargeStatus, description="How far it has come, with the newest plan.")
@refuses(discharges, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.PLANS_READ))
def status(discharge_id: UUID) -> Response:
    """Follow a discharge: its state, what happened when, its plan."""
    return jsonify(_shown(view_of(discharge_id)))


@discharges.get("/<uuid:discharge_id>/explanation")
@discharges.doc(security=_READ)
@discharges.response(200, Explanation, description="Each protocol's evaluation as the newest plan was made.")
@refuses(discharges, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.PLANS_READ))
def explanation(discharge_id: UUID) -> Response:
    """Say why each need is on the plan, or is not: the protocol, what it asked, and what the record answered.

    What carries a sensitivity label is told only to those who may see it.
    """
    plan = view_of(discharge_id).plan
    if plan is None:
        raise NotFound
    told = told_to(plan, sensitive=caller().sees_sensitive_items())
    return jsonify(Explanation().dump(explanation_document(told)))


@discharges.post("/<uuid:discharge_id>/cancel")
@discharges.doc(security=_WRITE, parameters=[PARAMETER])
@discharges.response(202, DischargeStatus, description="The drafts are being withdrawn.", headers=_LOCATION)
@refuses(discharges, 400, 401, 403, 404, 409, 422, 429, 503)
@guarded_by(scope(Scope.DISCHARGES_WRITE))
@idempotent
def cancel(discharge_id: UUID) -> Response:
    """Cancel the discharge of a stay.

    Drafts are revoked, approved referrals are put on hold; a new order resumes them.
    """
    found = view_of(discharge_id).discharge
    return _accepted(take_in(Trigger(found.tenant, found.encounter, Action.CANCEL, "rest")))


def _accepted(discharge: Discharge | None) -> Response:
    if discharge is None:
        raise NotFound
    response = jsonify(_shown(view_of(discharge.id)))
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = url_for("discharges.status", discharge_id=discharge.id)
    return response


def _shown(view: DischargeView) -> Any:
    discharge = view.discharge
    return DischargeStatus().dump(
        {
            "id": discharge.id,
            "tenant": discharge.tenant,
            "encounter": discharge.encounter,
            "order": discharge.order,
            "state": discharge.state.value,
            "problem": discharge.problem,
            "created": discharge.created,
            "changed": view.changed,
            "history": view.history,
            "plan": view.document(),
            "landing": view.landing(),
        }
    )
