"""REST: the caseload of a hospital, for managers and social workers: what is open, and what waits for a person."""

import base64
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify, request

from config.tenants import Tenant
from service.domain.access import Scope
from service.domain.caseload import Place, Wanted
from service.doors.caller import caller
from service.doors.guard import guarded_by, scope
from service.doors.schemas.blueprint import Blueprint, refuses
from service.doors.schemas.caseload import CaseloadPage, CaseloadQuery
from service.doors.wiring import deps, tenant
from service.errors import BadInput
from service.presentation.caseload import Case, case_document, case_of

caseload = Blueprint(
    "caseload",
    __name__,
    url_prefix="/api/v1/caseload",
    description="The open discharges of a hospital, and what of each waits for a person.",
)

_READ: Final[list[dict[str, list[str]]]] = [{"token": []}, {"oauth2": [Scope.CASELOAD_READ.value]}]
_ETAG: Final = {"ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}}}
#: So long are those who left still followed: readmissions are counted for 30 days.
_FOLLOWED: Final = timedelta(days=30)
#: A page for a rare kind of line looks at so many discharges and no more; the next one goes on.
_MOST_READ: Final = 400


@caseload.get("")
@caseload.doc(security=_READ)
@caseload.response(200, CaseloadPage, description="A page of the caseload.", headers=_ETAG)
@caseload.alt_response(304, description="Nothing is different from what If-None-Match names.")
@refuses(caseload, 400, 401, 403, 404, 429, 503)
@guarded_by(scope(Scope.CASELOAD_READ))
@caseload.arguments(CaseloadQuery, location="query")
def read(asked: dict[str, Any]) -> Response:
    """List the open discharges of a hospital by the day of leaving, with what waits for a person.

    Open is what nobody called off, until 30 days after leaving, and whatever still waits for a person. To those who may not
    see sensitive items it is told as if there were none.
    """
    hospital = tenant(asked["tenant"])
    cases, following = _page(asked, hospital)
    document = {
        "cases": [case_document(case) for case in cases],
        "next": _cursor(following) if following else None,
    }
    response = jsonify(CaseloadPage().dump(document))
    response.add_etag()
    response.make_conditional(request)
    return response


def _page(asked: dict[str, Any], hospital: Tenant) -> tuple[list[Case], Place | None]:
    """The lines of a page and the place after which the next begins, None at the end."""
    today = deps().now().astimezone(hospital.time_zone).date()
    wanted, limit, after = _wanted(asked, today), asked["limit"], _place(asked["cursor"])
    fits, cases, read_so_far = _filter(asked), list[Case](), 0
    while read_so_far < _MOST_READ:
        opened = deps().store.caseload.page(hospital.id, wanted, after=after, limit=limit)
        for one in opened:
            after = one.place
            case = case_of(one, today=today, sensitive=caller().sees_sensitive_items())
            cases += [case] if fits(case) else []
            if len(cases) == limit:
                return cases, after
        if len(opened) < limit:
            return cases, None
        read_so_far += len(opened)
    return cases, after


def _wanted(asked: dict[str, Any], today: date) -> Wanted:
    return Wanted(
        since=today - _FOLLOWED,
        states=frozenset(asked.get("state", ())),
        leaving_from=asked.get("leaving_from"),
        leaving_until=asked.get("leaving_until"),
    )


def _filter(asked: dict[str, Any]) -> Callable[[Case], bool]:
    """What only the plan can tell, and only as far as the reader may know it."""
    readiness, waits_for = asked.get("readiness"), asked.get("waits_for")
    return lambda case: readiness in {None, case.readiness} and (waits_for is None or waits_for in case.waits)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place.leaving} {place.discharge}".encode()).decode()


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    try:
        leaving, _, discharge = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        return Place(date.fromisoformat(leaving).isoformat() if leaving else "", UUID(discharge))
    except ValueError:
        raise BadInput("cursor: Send the `next` of the page before, as it came.") from None
