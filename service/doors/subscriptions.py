"""Where an EHR says that something has changed (FHIR R4 rest-hook Subscriptions).

What is sent is a hint: it names a stay, and the record, its patient included, is read from the tenant's EHR later.
Anything that is nothing to us is acknowledged all the same, or the EHR would end the subscription.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from flask import Response

from fhir_mappings.inbound.trigger import trigger_from
from service.domain.discharge import Action, Trigger
from service.doors.body import json_body
from service.doors.guard import guarded_by, subscription_secret
from service.doors.schemas import Blueprint, Problem
from service.doors.wiring import deps, take_in, tenant
from service.errors import BadInput
from service.pipeline.orders import find_orders

subscriptions = Blueprint(
    "subscriptions",
    __name__,
    url_prefix="/subscriptions",
    description="Where the EHR says that something has changed (R4 rest-hook).",
)

DOOR: Final = "subscription"
#: How far back an empty notification looks: longer than any outage an EHR bridges by sending again.
_LOOK_BACK: Final = timedelta(days=1)
#: What may tell of a discharge; other types are acknowledged unread.
_TELLING: Final = frozenset({"ServiceRequest", "Encounter"})
_PATH: Final = "/<string:tenant>/<string:resource_type>/<string:resource_id>"
_SECRET: Final[list[dict[str, list[str]]]] = [{"subscription": []}]


def _problem(status: int, description: str) -> Any:
    return subscriptions.alt_response(
        status, schema=Problem, content_type="application/problem+json", description=description
    )


_acknowledged = subscriptions.alt_response(204, description="Acknowledged, whether it was for us or not.")
_bad_body = _problem(400, "The body is not a FHIR resource of the address.")
_no_secret = _problem(401, "Not the tenant's subscription secret.")
_later = _problem(503, "Not taken in; send it again.")


@subscriptions.post("/<string:tenant>")
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_bad_body
@_no_secret
@_later
@guarded_by(subscription_secret)
def something_changed(tenant: str) -> Response:
    """Something matched.

    Without a body the EHR is searched for discharge orders before the answer; a resource in the body is taken as
    if it had been PUT to its own address.
    """
    told = json_body()
    for trigger in _searched(tenant) if told is None else _in_resource(tenant, told):
        take_in(trigger)
    return _acknowledge()


@subscriptions.put(_PATH)
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_bad_body
@_no_secret
@_later
@guarded_by(subscription_secret)
def changed(tenant: str, resource_type: str, resource_id: str) -> Response:
    """A resource was created or changed. Without a body it is read from the EHR."""
    if resource_type not in _TELLING:
        return _acknowledge()
    told = json_body()
    resource = deps().ehr(tenant).read(f"{resource_type}/{resource_id}") if told is None else told
    _check_address(resource, resource_type, resource_id)
    for trigger in _in_resource(tenant, resource):
        take_in(trigger)
    return _acknowledge()


@subscriptions.delete(_PATH)
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_no_secret
@_later
@guarded_by(subscription_secret)
def deleted(tenant: str, resource_type: str, resource_id: str) -> Response:
    """A resource was deleted: the order that stands no longer does, or the stay was a mistake."""
    reference = f"{resource_type}/{resource_id}"
    if resource_type == "Encounter":
        take_in(Trigger(tenant, reference, Action.CANCEL, DOOR))
    elif resource_type == "ServiceRequest" and (
        ordered := deps().store.discharges.of_order(tenant, reference)
    ):
        take_in(Trigger(tenant, ordered.encounter, Action.CANCEL, DOOR, reference))
    return _acknowledge()


def _searched(name: str) -> list[Trigger]:
    return find_orders(deps().ehr(name), tenant(name), deps().now() - _LOOK_BACK, door=DOOR)


def _in_resource(name: str, resource: Any) -> list[Trigger]:
    if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
        raise BadInput("Send a FHIR resource in JSON, or an empty body.")
    trigger = trigger_from(resource, tenant=name, order_codes=tenant(name).order_codes, door=DOOR)
    return [trigger] if trigger else []


def _check_address(resource: Any, resource_type: str, resource_id: str) -> None:
    named = (resource.get("resourceType"), resource.get("id")) if isinstance(resource, Mapping) else None
    if named != (resource_type, resource_id):
        raise BadInput("The resource is not the one that the address names.")


def _acknowledge() -> Response:
    return Response(status=HTTPStatus.NO_CONTENT)
