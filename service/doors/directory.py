"""REST: the directory of community services of a hospital, entry by entry or as a whole."""

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from flask import Response, jsonify, request, url_for

from service.domain.access import Scope
from service.domain.audit import AuditEntry, Event
from service.domain.community_service import CommunityService, Sought
from service.doors.caller import caller
from service.doors.directory_upload import services_in
from service.doors.guard import guarded_by, scope
from service.doors.schemas import directory as schemas
from service.doors.schemas.blueprint import Blueprint, refuses
from service.doors.wiring import deps, tenant
from service.errors import BadInput, NotFound
from service.store.store import Unit

directory = Blueprint(
    "directory",
    __name__,
    url_prefix="/api/v1/directory/<string:tenant_id>",
    description="The community services that a hospital refers to.",
)

_WRITE: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.DIRECTORY_WRITE.value]}]
_READ: Final[list[dict[str, list[str]]]] = [
    {"token": []},
    {"oauth2": [Scope.PLANS_READ.value]},
    {"oauth2": [Scope.DIRECTORY_WRITE.value]},
]
_SERVICE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID: Final = {
    "in": "path",
    "name": "service_id",
    "required": True,
    "description": "The id of the entry: one that the directory has, or a new one.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
_ZIP: Final = {
    "required": True,
    "description": "The CSV files of docs/directory.md in one zip file.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}


@directory.get("/services")
@directory.doc(security=_READ)
@directory.response(200, schemas.DirectoryPage, description="A page of the directory.")
@refuses(directory, 400, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.PLANS_READ, Scope.DIRECTORY_WRITE))
@directory.arguments(schemas.DirectoryQuery, location="query")
def search(asked: dict[str, Any], tenant_id: str) -> Response:
    """Search a hospital's directory, by id.

    Entries with a sensitivity label are shown to clinicians, social workers and those who keep the directory.
    """
    hospital = tenant(tenant_id)
    limit, after = asked.pop("limit"), asked.pop("after")
    sought = Sought(**asked, labelled=_sees_labelled())
    found = deps().store.directory.page(hospital.id, sought, after=after, limit=limit + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return jsonify(
        schemas.DirectoryPage().dump({"services": [_document(one) for one in found[:limit]], "next": more})
    )


@directory.get("/services/<string:service_id>")
@directory.doc(security=_READ, parameters=[_ID])
@directory.response(200, schemas.CommunityService, description="The entry.")
@refuses(directory, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.PLANS_READ, Scope.DIRECTORY_WRITE))
def read(tenant_id: str, service_id: str) -> Response:
    """Read one entry."""
    hospital = tenant(tenant_id)
    found = deps().store.directory.get(hospital.id, service_id) if _is_id(service_id) else None
    if found is None or (found.labels and not _sees_labelled()):
        raise NotFound
    return jsonify(schemas.CommunityService().dump(_document(found)))


@directory.put("/services/<string:service_id>")
@directory.doc(security=_WRITE, parameters=[_ID])
@directory.response(200, schemas.CommunityService, description="The entry, in place of the one before.")
@directory.alt_response(201, schema=schemas.CommunityService, description="The entry, which is new.")
@refuses(directory, 400, 401, 403, 404, 413, 429, 503)
@guarded_by(scope(Scope.DIRECTORY_WRITE))
@directory.arguments(schemas.CommunityServiceEntry)
def keep(entry: dict[str, Any], tenant_id: str, service_id: str) -> Response:
    """Put an entry into the directory, whole: what is left out is empty."""
    hospital = tenant(tenant_id)
    service = _entry(entry, service_id)
    with deps().store.begin() as unit:
        new = unit.directory.keep(hospital.id, service)
        _record(unit, hospital.id, Event.SERVICE_KEPT, service_id)
    response = jsonify(schemas.CommunityService().dump(_document(service)))
    if new:
        response.status_code = HTTPStatus.CREATED
        response.headers["Location"] = url_for("directory.read", tenant_id=hospital.id, service_id=service_id)
    return response


@directory.delete("/services/<string:service_id>")
@directory.doc(security=_WRITE, parameters=[_ID])
@directory.response(204, description="It is offered to nobody any more; plans that chose it keep it.")
@refuses(directory, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.DIRECTORY_WRITE))
def remove(tenant_id: str, service_id: str) -> Response:
    """Take an entry out of the directory."""
    hospital = tenant(tenant_id)
    with deps().store.begin() as unit:
        if not _is_id(service_id) or not unit.directory.remove(hospital.id, service_id):
            raise NotFound
        _record(unit, hospital.id, Event.SERVICE_REMOVED, service_id)
    return Response(status=HTTPStatus.NO_CONTENT)


@directory.put("")
@directory.doc(security=_WRITE, requestBody=_ZIP)
@directory.response(200, schemas.DirectoryLoaded, description="The directory was replaced.")
@refuses(directory, 400, 401, 403, 404, 413, 422, 429, 503)
@guarded_by(scope(Scope.DIRECTORY_WRITE))
def load(tenant_id: str) -> Response:
    """Replace the whole directory by the files that `homeward directory load` reads, all or nothing."""
    hospital = tenant(tenant_id)
    services = services_in(request.get_data())
    with deps().store.begin() as unit:
        number = unit.directory.load(hospital.id, services)
        _record(unit, hospital.id, Event.DIRECTORY_LOADED, f"{number} services")
    return jsonify({"services": number})


def _sees_labelled() -> bool:
    return caller().sees_sensitive_items() or Scope.DIRECTORY_WRITE in caller().scopes


def _is_id(service_id: str) -> bool:
    return _SERVICE_ID.fullmatch(service_id) is not None


def _entry(entry: dict[str, Any], service_id: str) -> CommunityService:
    if not _is_id(service_id):
        raise BadInput("An id is 1 to 64 letters, digits, full stops, hyphens and underscores.")
    sets = {name: frozenset(entry[name]) for name in ("services", "postal_codes", "languages", "labels")}
    return CommunityService(id=service_id, **entry | sets)


def _document(service: CommunityService) -> dict[str, Any]:
    """Its fields by name, what is a set sorted."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(service).items()
    }


def _record(unit: Unit, hospital: str, event: Event, reference: str) -> None:
    unit.audit.record(AuditEntry(deps().now(), hospital, caller().name, event, reference=reference))
