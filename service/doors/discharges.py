"""REST: ask for a discharge plan, follow it, cancel it."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify, url_for

from service.domain.discharge import Action, Discharge, Trigger
from service.doors.guard import api_token, guarded_by
from service.doors.schemas import Blueprint, DischargeRequest, DischargeStatus, Problem
from service.doors.view import DischargeView, view_of
from service.doors.wiring import take_in, tenant
from service.errors import NotFound

discharges = Blueprint(
    "discharges",
    __name__,
    url_prefix="/api/v1/discharges",
    description="Ask for a discharge plan, follow it, cancel it.",
)

_TOKEN: Final[list[dict[str, list[str]]]] = [{"token": []}]
_LOCATION: Final = {
    "Location": {"description": "Where to follow the discharge.", "schema": {"type": "string"}}
}


def _problem(status: int, description: str) -> Any:
    return discharges.alt_response(
        status, schema=Problem, content_type="application/problem+json", description=description
    )


_no_credential = _problem(401, "No valid credential.")
_unknown = _problem(404, "No such thing, or not for this caller.")
_later = _problem(503, "The database is not reachable; try again shortly.")


@discharges.post("")
@discharges.doc(security=_TOKEN)
@discharges.response(202, DischargeStatus, description="Taken in; follow its Location.", headers=_LOCATION)
@_problem(400, "The body cannot be used; the detail says what to change.")
@_no_credential
@_unknown
@_problem(413, "The body is too large.")
@_later
@guarded_by(api_token)
@discharges.arguments(DischargeRequest)
def ask(wanted: dict[str, str]) -> Response:
    """Plan the discharge of a stay.

    Asking again for the same stay gives the same discharge; a new order plans it anew.
    """
    hospital = tenant(wanted["tenant"])
    return _accepted(take_in(Trigger(hospital.id, wanted["encounter"], Action.PLAN, "rest", wanted["order"])))


@discharges.get("/<uuid:discharge_id>")
@discharges.doc(security=_TOKEN)
@discharges.response(200, DischargeStatus, description="How far it has come, with the newest plan.")
@_no_credential
@_unknown
@_later
@guarded_by(api_token)
def status(discharge_id: UUID) -> Response:
    """Follow a discharge: its state, what happened when, its plan."""
    return jsonify(_shown(view_of(discharge_id)))


@discharges.post("/<uuid:discharge_id>/cancel")
@discharges.doc(security=_TOKEN)
@discharges.response(202, DischargeStatus, description="The drafts are being withdrawn.", headers=_LOCATION)
@_no_credential
@_unknown
@_later
@guarded_by(api_token)
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
            "changed": discharge.changed,
            "history": view.history,
            "plan": view.document(),
        }
    )
