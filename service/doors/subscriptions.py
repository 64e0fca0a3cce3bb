"""Where an EHR says that something has changed: FHIR R4 rest-hooks, and topic-based ones of the R5 backport.

What is sent is a hint: it names an order or a stay, and the record, its patient included, is read from the tenant's EHR
later. Nothing is asked of the EHR before the answer. Anything that is nothing to us is acknowledged all the same, or the
EHR would end the subscription.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Response

from fhir_mappings.inbound.notification import notification_in
from fhir_mappings.inbound.trigger import names_no_stay, trigger_from
from fhir_mappings.references import is_id, own_reference
from service.domain.audit import AuditEntry, Event
from service.doors.body import json_body
from service.doors.guard import guarded_by, subscription_secret
from service.doors.schemas.blueprint import Blueprint, Problem
from service.doors.wiring import deps, take_in
from service.errors import BadInput, NotAllowed
from service.jobs import Errand
from service.pipeline.heed import concerning, heed

subscriptions = Blueprint(
    "subscriptions",
    __name__,
    url_prefix="/subscriptions",
    description="Where the EHR says that something has changed (R4 rest-hook, R5 backport).",
)

DOOR: Final = "subscription"
#: What may tell of a discharge; other types are acknowledged unread.
_TELLING: Final = frozenset({"ServiceRequest", "Encounter"})
_PATH: Final = "/<string:tenant>/<string:resource_type>/<string:resource_id>"
_SECRET: Final[list[dict[str, list[str]]]] = [{"subscription": []}]


def _problem(status: int, description: str) -> Any:
    return subscriptions.alt_response(
        status, schema=Problem, content_type="application/problem+json", description=description
    )


_acknowledged = subscriptions.alt_response(204, description="Acknowledged, whether it was for us or not.")
_bad_body = _problem(400, "The body is not a FHIR resource of the address, or no notification.")
_no_secret = _problem(401, "Not the tenant's subscription secret.")
_foreign = _problem(403, "It names a stay on another FHIR server than this tenant's.")
_large = _problem(413, "The body is too large; an empty one has the resource read from the EHR.")
_later = _problem(503, "Not taken in; send it again.")


@subscriptions.post("/<string:tenant>")
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_bad_body
@_no_secret
@_foreign
@_large
@_later
@guarded_by(subscription_secret)
def something_changed(tenant: str) -> Response:
    """Something matched.

    Without a body the EHR will be searched for discharge orders. A Bundle is a notification of a topic-based
    Subscription: handshake, heartbeat or events. Any other resource is taken as if it had been PUT to its own address.
    """
    told = json_body()
    if told is None:
        _send(Errand.ROUND, tenant)
    elif isinstance(told, Mapping) and told.get("resourceType") == "Bundle":
        _heed(tenant, told)
    else:
        _take(tenant, told)
    return _acknowledge()


@subscriptions.put(_PATH)
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_bad_body
@_no_secret
@_foreign
@_large
@_later
@guarded_by(subscription_secret)
def changed(tenant: str, resource_type: str, resource_id: str) -> Response:
    """A resource was created or changed. Without a body it will be read from the EHR."""
    if resource_type not in _TELLING:
        return _acknowledge()
    told = json_body()
    if told is None:
        _look_at(tenant, _literal(resource_type, resource_id))
        return _acknowledge()
    _check_address(told, resource_type, resource_id)
    _take(tenant, told)
    return _acknowledge()


@subscriptions.delete(_PATH)
@subscriptions.doc(security=_SECRET)
@_acknowledged
@_bad_body
@_no_secret
@_later
@guarded_by(subscription_secret)
def deleted(tenant: str, resource_type: str, resource_id: str) -> Response:
    """A resource was deleted, it is said: it is looked for in the EHR, more than once, before anything is called off."""
    if resource_type in _TELLING:
        _look_at(tenant, _literal(resource_type, resource_id))
    return _acknowledge()


def _heed(name: str, bundle: Mapping[str, Any]) -> None:
    notification = notification_in(bundle)
    if notification is not None:
        try:
            heed(notification, deps().tenants[name], deps(), door=DOOR)
        except NotAllowed:
            _record_foreign(name)
            raise


def _take(name: str, resource: Any) -> None:
    if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
        raise BadInput("Send a FHIR resource in JSON, or an empty body.")
    try:
        trigger = trigger_from(resource, tenant=deps().tenants[name], door=DOOR)
    except NotAllowed:
        _record_foreign(name)
        raise
    if trigger is not None:
        take_in(trigger)
    elif names_no_stay(resource, deps().tenants[name]):
        _send(Errand.LOOK, name, own_reference(resource))


def _look_at(name: str, reference: str) -> None:
    for concerned in concerning([reference], deps().tenants[name], deps().store):
        _send(Errand.LOOK, name, concerned)


def _send(errand: Errand, name: str, reference: str = "") -> None:
    with deps().store.begin() as unit:
        deps().jobs.send(errand, name, reference, unit)


def _record_foreign(name: str) -> None:
    deps().store.audit.record(AuditEntry(deps().now(), name, DOOR, Event.FOREIGN))


def _literal(resource_type: str, resource_id: str) -> str:
    if not is_id(resource_id):
        raise BadInput("The address does not end in a FHIR id.")
    return f"{resource_type}/{resource_id}"


def _check_address(resource: Any, resource_type: str, resource_id: str) -> None:
    named = (resource.get("resourceType"), resource.get("id")) if isinstance(resource, Mapping) else None
    if named != (resource_type, resource_id):
        raise BadInput("The resource is not the one that the address names.")


def _acknowledge() -> Response:
    return Response(status=HTTPStatus.NO_CONTENT)
