"""CDS Hooks 2.0: what a clinician is told while they discharge a patient, at once or not at all wrong.

Every answer comes within half a second. What cannot be known by then is planned behind it; a fault of ours is an error,
never an empty list of cards.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import orjson
from flask import Response, abort, g, request

from config.settings import WEB_THREADS
from config.tenants import Tenant
from fhir_mappings.inbound.draft_order import discharges, is_of_another, named_stay, order_status, stay_of
from fhir_mappings.inbound.logical import names_in, with_literals
from fhir_mappings.inbound.open_stay import open_stay
from fhir_mappings.inbound.references import reference_of, subject_of
from fhir_mappings.inbound.whole_stay import find_whole_stay
from fhir_mappings.outbound.cards import Place, Shown
from fhir_mappings.prefetch import ENCOUNTER, FULL, REQUIRED, SHORT, prefetched
from fhir_mappings.references import own_reference
from fhir_mappings.servers import is_same_server, localized, may_name_in_full
from fhir_mappings.shared_server import neighbours_of
from service import clock
from service.domain.claims import Unclaimed
from service.doors.body import json_body
from service.doors.guard import guarded_by
from service.doors.hook_calls import (
    ENCOUNTER_DISCHARGE,
    ORDER_SIGN,
    PATIENT_VIEW,
    HookCall,
    read_call,
)
from service.doors.hook_feedback import read_feedback
from service.doors.hook_jwt import ehr_signed, signed_for
from service.doors.hook_services import SERVICES
from service.doors.schemas.blueprint import Blueprint, Problem
from service.doors.schemas.hooks import FEEDBACK, ORDERS, STAY, Cards, Services, call_of
from service.doors.wiring import deps, settings
from service.errors import BadInput, MissingPrefetch, NotAllowed, NoTime
from service.pipeline.consult import Consultation, NobodysStay
from service.pipeline.consulted_record import Question
from service.pipeline.feedback import take_feedback
from service.pipeline.in_time import THINKING, InTime, TooLate
from service.pipeline.whose_stay import find_hospital

cds_hooks = Blueprint(
    "cds-hooks",
    __name__,
    url_prefix="/cds-services",
    description="CDS Hooks 2.0: discharge planning inside the EHR's own screens.",
)

#: The specification asks for about half a second; the way back takes some of it.
ANSWER_SECONDS: Final = 0.45
#: As many as calls can be here at once: none waits for another that only waits for the EHR.
_ANSWERS: Final = InTime(WEB_THREADS, "hook-answers")


def _problem(status: int, description: str) -> Any:
    return cds_hooks.alt_response(
        status, schema=Problem, content_type="application/problem+json", description=description
    )


_SIGNED: Final[list[dict[str, list[str]]]] = [{"hook": []}]
_bad_call = _problem(400, "The call is malformed; the detail says what to change.")
_unsigned = _problem(401, "No JWT of an EHR known here, or one that does not hold.")
_another = _problem(403, "fhirServer is not the EHR of the tenant that the call is signed for.")
_unknown_stay = _problem(404, "The EHR does not have this encounter.")
_merged = _problem(409, "The patient was merged into another or is no longer in use.")
_unmet = _problem(412, "A required prefetch is missing and could not be read in time.")
_large = _problem(413, "The body is too large.")
_not_json = _problem(415, "The body is not application/json.")
_later = _problem(503, "Not possible now; call again.")


@cds_hooks.get("")
@cds_hooks.doc(security=_SIGNED)
@cds_hooks.response(200, Services, description="The services, with what each wants prefetched.")
@_unsigned
@_later
@guarded_by(ehr_signed)
def discovery() -> Response:
    """Discover the services."""
    return _json({"services": [service.described() for service in SERVICES.values()]})


@cds_hooks.post(f"/{ENCOUNTER_DISCHARGE}")
@cds_hooks.doc(security=_SIGNED, requestBody=call_of(ENCOUNTER_DISCHARGE, FULL, **STAY))
@cds_hooks.response(200, Cards, description="Cards; none for a visit that is no hospital stay.")
@_bad_call
@_unsigned
@_another
@_unknown_stay
@_merged
@_unmet
@_large
@_not_json
@_later
@guarded_by(ehr_signed)
def encounter_discharge() -> Response:
    """A patient is being discharged."""
    return _answer(_of_discharge)


def _of_discharge(until: float) -> Consultation | NobodysStay | None:
    call, hospital = _call(ENCOUNTER_DISCHARGE)
    return _consultation(call, hospital, FULL, call.encounter, until)


@cds_hooks.post(f"/{ORDER_SIGN}")
@cds_hooks.doc(security=_SIGNED, requestBody=call_of(ORDER_SIGN, SHORT, **ORDERS))
@cds_hooks.response(200, Cards, description="Cards; none where no discharge is ordered.")
@_bad_call
@_unsigned
@_another
@_unknown_stay
@_merged
@_unmet
@_large
@_not_json
@_later
@guarded_by(ehr_signed)
def order_sign() -> Response:
    """Orders are being signed; only one to discharge the patient concerns us."""
    return _answer(_of_signing)


def _of_signing(until: float) -> Consultation | NobodysStay | None:
    call, hospital = _call(ORDER_SIGN)
    known = (call.prefetch.get(key) for key in REQUIRED)
    names = names_in(resource for resource in known if isinstance(resource, dict))
    orders = [with_literals(order, names) for order in call.orders]
    order = next(
        (draft_order for draft_order in orders if discharges(draft_order, hospital.order_codes)), None
    )
    if order is None:
        return None
    if subject_of(order) != call.patient:
        raise BadInput("The discharge order in context.draftOrders is not for context.patientId.")
    if any(is_of_another(draft_order, call.patient) for draft_order in orders):
        raise BadInput("context.draftOrders holds an order for another patient than context.patientId.")
    stay = _stay(call, order)
    # An order that is signed already has a name of its own; a draft's may be gone when it is.
    signed = own_reference(order) if order_status(order) == "active" else ""
    return _consultation(call, hospital, SHORT, stay, until, signed)


@cds_hooks.post(f"/{PATIENT_VIEW}")
@cds_hooks.doc(security=_SIGNED, requestBody=call_of(PATIENT_VIEW, FULL, ("encounterId",), **STAY))
@cds_hooks.response(
    200, Cards, description="Cards; none where there is no plan and no discharge is prepared."
)
@_bad_call
@_unsigned
@_another
@_unknown_stay
@_merged
@_unmet
@_large
@_not_json
@_later
@guarded_by(ehr_signed)
def patient_view() -> Response:
    """A chart is open. Only an EHR's own trigger for a discharge plans it; else the plan that there is is shown."""
    return _answer(_of_view)


def _of_view(until: float) -> Consultation | NobodysStay | None:
    call, hospital = _call(PATIENT_VIEW)
    if not call.encounter and (stay := open_stay(call.prefetch, call.patient, hospital.conventions)):
        sent = {**call.prefetch, ENCOUNTER: stay}
        call = replace(call, encounter=reference_of(stay), prefetch=sent)
    if not call.encounter and call.is_discharge:
        raise MissingPrefetch(
            "Which stay ends is not told: send context.encounterId, or the patient's one open stay as prefetch.encounter or among "
            "prefetch.encounters."
        )
    return _consultation(call, hospital, FULL, call.encounter, until) if call.encounter else None


@cds_hooks.post("/<string:service>/feedback")
@cds_hooks.doc(security=_SIGNED, requestBody=FEEDBACK)
@cds_hooks.alt_response(200, description="Taken in; cards that were never shown are counted.")
@_bad_call
@_unsigned
@_problem(404, "There is no such service.")
@_large
@_not_json
@_later
@guarded_by(ehr_signed)
def feedback(service: str) -> Response:
    """Tell what became of cards. It is no signature: approval needs a signed order, our API or our page."""
    if service not in SERVICES:
        abort(HTTPStatus.NOT_FOUND)
    told = read_feedback(_sent())
    known = deps().tenants
    signed = known.get(signed_for() or "")
    # A card is of the hospital whose stay it was about, which may be another of the same EHR.
    tenants = (
        [signed.id, *(neighbour.id for neighbour in neighbours_of(signed, known.values()))]
        if signed
        else list(known)
    )
    take_feedback(tenants, told, deps())
    return _json({})


@cds_hooks.after_request
def _let_browsers_in(response: Response) -> Response:
    """CORS for the configured origins; a browser of any other keeps the answer to itself."""
    origin = request.headers.get("Origin", "")
    response.vary.add("Origin")
    if origin in settings().hook_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, WWW-Authenticate, X-Request-Id"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _call(hook: str) -> tuple[HookCall, Tenant]:
    """The checked call and its tenant; references that name the EHR in full are made relative."""
    body = _sent()
    call = read_call(body, hook)
    hospital = _tenant(call)
    if may_name_in_full(request.get_data()):
        call = read_call(localized(body, hospital.fhir_base_url), hook)
    return call, hospital


def _sent() -> Any:
    if request.mimetype not in {"application/json", "application/fhir+json"}:
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return json_body()


def _tenant(call: HookCall) -> Tenant:
    """The tenant that signed, whose EHR fhirServer must be; unsigned, in the demo, the one whose EHR it is."""
    tenants = deps().tenants
    candidates = [tenants[signed_for()]] if signed_for() else list(tenants.values())
    named = [
        candidate
        for candidate in candidates
        if not call.fhir_server or is_same_server(call.fhir_server, candidate.fhir_base_url)
    ]
    if len(named) == 1:
        return named[0]
    if not call.fhir_server:
        raise BadInput("Send fhirServer, so that it is known for which hospital this is.")
    raise NotAllowed("fhirServer is not the EHR that this deployment knows for the caller.")


def _stay(call: HookCall, order: Mapping[str, Any]) -> str:
    named = stay_of(order)
    if "://" in named_stay(order):  # what is on the tenant's own server was made relative before
        raise NotAllowed("The discharge order names a stay on another FHIR server than the caller's.")
    if call.encounter and named not in {"", call.encounter}:
        raise BadInput("The discharge order names another encounter than context.encounterId.")
    if not (call.encounter or named):
        raise BadInput("Send context.encounterId, or name the stay in the discharge order's encounter.")
    return call.encounter or named


def _answer(asked: Callable[[float], Consultation | NobodysStay | None]) -> Response:
    """The cards of what is asked, none where nothing is, in time or not at all."""
    left = ANSWER_SECONDS - (clock.machine_seconds() - g.began)
    request.get_data()  # however slowly it comes, nobody else waits for it, and it takes none of the time to answer
    until = clock.machine_seconds() + left
    begun: list[Consultation | NobodysStay] = []

    def cards() -> tuple[Shown, ...]:
        with THINKING.one(until):
            if (consultation := asked(until)) is None:
                return ()
            begun.append(consultation)
            return consultation.cards()

    try:
        shown = _ANSWERS.run(cards, until)
    except TooLate:
        if not begun:
            raise NoTime from None
        shown = begun[0].preparing()
    if left <= 0:  # who asked has gone; what was begun goes on and is there for the next call
        raise NoTime
    return _json({"cards": [shown_card.card for shown_card in shown]})


def _consultation(
    call: HookCall,
    hospital: Tenant,
    templates: Mapping[str, str],
    stay: str,
    until: float,
    order: str = "",
) -> Consultation | NobodysStay | None:
    """The question as that of the hospital whose stay it is, whichever of those that share the EHR the call was signed for."""
    sent = prefetched(call.prefetch, templates, patient=call.patient, encounter=stay)
    encounter = find_whole_stay(stay, sent.resources, hospital.conventions)
    whose = find_hospital(encounter, order, hospital, deps(), seen=_stays_in(sent.resources))
    if isinstance(whose, Unclaimed) and not call.is_discharge:
        return None
    if isinstance(whose, Unclaimed):
        return NobodysStay(hospital.id, encounter, whose.reason, _place_in(settings().public_url, hospital))
    hospital = whose
    question = Question(
        tenant=hospital,
        patient=call.patient,
        encounter=encounter,
        user=call.user,
        prefetched=sent,
        until=until,
        order=order,
        only_looks=not call.is_discharge,
        token=call.token,
    )
    return Consultation(question, deps(), _place_in(settings().public_url, hospital))


def _stays_in(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [resource for resource in resources if resource.get("resourceType") == "Encounter"]


def _place_in(home: str, hospital: Tenant) -> Any:
    launch = f"{home}/launch" if hospital.launch else ""

    def place(discharge: UUID) -> Place:
        context = orjson.dumps({"discharge": str(discharge)}).decode()
        return Place(home, f"{home}/discharges/{discharge}", context, launch)

    return place


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), content_type="application/json")
