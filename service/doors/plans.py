"""REST: read a plan and decide about it, item by item or as a whole; each decision is signed by the caller."""

from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify, request

from service.domain.access import Scope
from service.domain.decision import Choice, Edit
from service.doors.caller import caller
from service.doors.guard import guarded_by, scope
from service.doors.idempotency import PARAMETER, idempotent
from service.doors.schemas.blueprint import Blueprint, refuses
from service.doors.schemas.plans import Approval, ItemChange, PlanState, Refusal
from service.doors.view import DischargeView, view_of
from service.doors.wiring import deps
from service.errors import NotFound, NotSeen, Outdated
from service.pipeline.sign import Act, service_for, sign
from service.presentation.items import decision_state

plans = Blueprint(
    "plans",
    __name__,
    url_prefix="/api/v1/discharges/<uuid:discharge_id>",
    description="Read a plan and decide about it. A named clinician or social worker signs each decision.",
)

_TOKEN: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.PLANS_APPROVE.value]}]
_READ: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.PLANS_READ.value]}]
_ETAG: Final = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
_IF_MATCH: Final = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "The ETag of the plan that was read. Without it the answer is 428.",
    "schema": {"type": "string"},
}
_KEY: Final = {
    "in": "path",
    "name": "key",
    "required": True,
    "description": "The item's key; care-plan for the plan's own entry in the EHR.",
    "schema": {"type": "string", "minLength": 1},
}
_DECIDING: Final = (400, 401, 403, 404, 409, 412, 413, 422, 428, 429, 503)
_decided = plans.response(200, PlanState, description="The plan as it then stands.", headers=_ETAG)
_item_signed = plans.doc(security=_TOKEN, parameters=[_KEY, _IF_MATCH, PARAMETER])
_whole_signed = plans.doc(security=_TOKEN, parameters=[_IF_MATCH, PARAMETER])


@plans.get("/plan")
@plans.doc(security=_READ)
@plans.response(200, PlanState, description="The plan that stands.", headers=_ETAG)
@refuses(plans, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.PLANS_READ))
def read(discharge_id: UUID) -> Response:
    """Read a plan, with the key of each item. Its ETag is what a decision must name.

    Sensitive items are shown to clinicians and social workers only.
    """
    return _shown(discharge_id)


@plans.patch("/items/<string:key>")
@_item_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
@plans.arguments(ItemChange)
def edit(change: dict[str, Any], discharge_id: UUID, key: str) -> Response:
    """Change an item: its words, its due date, the community service that is asked."""
    caller().as_signer()  # before anything that depends on what the plan holds
    chosen = change.get("community_service")
    service = _service(discharge_id, key, chosen) if chosen else None
    words = Edit(text=change.get("text", "").strip(), due=change.get("due"), service=service)
    return _sign(discharge_id, Choice.EDITED, key, edit=words)


@plans.post("/items/<string:key>/approve")
@_item_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
@plans.arguments(Approval, required=False)
def approve_item(approval: dict[str, str], discharge_id: UUID, key: str) -> Response:
    """Approve an item: in the EHR it becomes the order of whoever signs.

    While something stands in the way of leaving, it takes a reason.
    """
    return _sign(discharge_id, Choice.APPROVED, key, reason=approval.get("reason", ""))


@plans.post("/items/<string:key>/decline")
@_item_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
@plans.arguments(Refusal)
def decline_item(refusal: dict[str, str], discharge_id: UUID, key: str) -> Response:
    """Decline an item. It is revoked in the EHR, and proposed no more unless a person reopens it."""
    return _sign(discharge_id, Choice.DECLINED, key, reason=refusal["reason"])


@plans.post("/items/<string:key>/reopen")
@_item_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
def reopen_item(discharge_id: UUID, key: str) -> Response:
    """Propose a declined item again."""
    return _sign(discharge_id, Choice.REOPENED, key)


@plans.post("/plan/approve")
@_whole_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
@plans.arguments(Approval, required=False)
def approve(approval: dict[str, str], discharge_id: UUID) -> Response:
    """Approve the plan, with every item that is still open. What was declined stays declined.

    While something stands in the way of leaving, it takes a reason.
    """
    return _sign(discharge_id, Choice.APPROVED, reason=approval.get("reason", ""))


@plans.post("/plan/decline")
@_whole_signed
@_decided
@refuses(plans, *_DECIDING)
@guarded_by(scope(Scope.PLANS_APPROVE))
@idempotent
@plans.arguments(Refusal)
def decline(refusal: dict[str, str], discharge_id: UUID) -> Response:
    """Decline the plan, with every item that is still open. What was approved stays ordered."""
    return _sign(discharge_id, Choice.DECLINED, reason=refusal["reason"])


def _sign(discharge_id: UUID, choice: Choice, key: str = "", **more: Any) -> Response:
    by = caller().as_signer()
    view_of(discharge_id)  # NotFound before anything else for those who may not know of it
    sign(discharge_id, Act(choice=choice, item=key, seen=_seen(discharge_id), **more), by, deps())
    return _shown(discharge_id)


def _seen(discharge_id: UUID) -> int:
    """The version that the caller has read: the one that stands, or their decision is refused."""
    # A star is good for any version, also for one that nobody has read.
    if not request.if_match or request.if_match.star_tag:
        raise NotSeen
    stands = deps().store.plans.newest(discharge_id)
    # A proxy that compresses makes the ETag weak; the number says all the same which plan was read.
    if not request.if_match.contains_weak(str(stands)):
        raise Outdated
    return stands


def _service(discharge_id: UUID, key: str, chosen: str) -> Any:
    view = view_of(discharge_id)
    if view.plan is None:
        raise NotFound("There is no plan yet.")
    return service_for(view.plan, key, chosen, deps().directory(view.discharge.tenant))


def _shown(discharge_id: UUID) -> Response:
    view = view_of(discharge_id)
    if view.seen() is None:
        raise NotFound("There is no plan yet.")
    response = jsonify(_state(view))
    response.set_etag(_etag(view, response))
    return response


def _etag(view: DischargeView, response: Response) -> str:
    """The version; a digest of what they read for whoever may not see all: a new version would tell of what is withheld."""
    return str(view.version) if caller().sees_sensitive_items() else sha256(response.data).hexdigest()[:32]


def _state(view: DischargeView) -> Any:
    plan = view.seen()
    stands = decision_state(plan) if plan else {}
    version = view.version if caller().sees_sensitive_items() else None
    told = {"discharge": str(view.discharge.id), "version": version, **stands}
    return {**told, "document": view.document()}
