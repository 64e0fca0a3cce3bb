"""Whether the plan that is now in the EHR is what it must be. Read back over plain HTTP, resource by resource."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_mappings import systems
from fhir_mappings.own_marks import is_own_name
from service.domain.plan import Plan
from service.domain.sensitivity import Labels, may_be_shared
from service.errors import EhrError
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient
from service.sandbox.landing import KINDS
from service.sandbox.mode import statement
from service.sandbox.vendor import HOUSES

_PROFILE: Final = f"{systems.US_CORE}us-core-careplan"
#: What patients' portals and proxies read.
_SHARED: Final = frozenset({"CarePlan", "ServiceRequest", "Goal"})
_PROPOSALS: Final = frozenset({"proposal", "plan"})

Json = dict[str, Any]


def problems(hospital: Hospital, patient: Inpatient, plan: Plan, *, vendor: str = "") -> tuple[str, ...]:
    """What is wrong with the plan in the EHR, in sentences; () when all is as it must be in an EHR of this vendor."""
    return (
        _on_lower_rungs(hospital, patient, plan, vendor) if vendor else _as_care_plan(hospital, patient, plan)
    )


def _on_lower_rungs(hospital: Hospital, patient: Inpatient, plan: Plan, vendor: str) -> tuple[str, ...]:
    """The plan is a document, beside it whatever else the vendor takes."""
    ours = {kind: hospital.ours(patient, kind) for kind in KINDS}
    everything = [one for found in ours.values() for one in found]
    return (
        *_about_types(ours, statement(vendor)),
        *_about_document(ours["DocumentReference"], ours["Communication"], HOUSES[vendor].attachments),
        *_about_requests(ours["ServiceRequest"]),
        *_about_needs(patient, plan),
        *_about_sensitivity([_readable(one) for one in everything], plan),
    )


def _about_types(ours: Mapping[str, list[Json]], listed: Json) -> Iterator[str]:
    """Nothing is where the vendor does not let it be, and what must be there is."""
    for resource in listed["rest"][0]["resource"]:
        kind = resource["type"]
        taken = any(one["code"] == "create" for one in resource["interaction"])
        if ours.get(kind) and not taken:
            yield f"The EHR holds a {kind} of ours, which it does not take."
        if kind == "ServiceRequest" and taken and not ours[kind]:
            yield "The EHR takes ServiceRequests and holds none of ours."


def _about_document(
    documents: list[Json], messages: list[Json], attachments: frozenset[str]
) -> Iterator[str]:
    if len(documents) != 1:
        yield f"The EHR holds {len(documents)} documents with the plan instead of one."
        return
    if documents[0].get("docStatus") != "preliminary":
        yield f"The document is {documents[0].get('docStatus')}, not preliminary: nobody has signed it."
    kinds = {content["attachment"].get("contentType") for content in documents[0].get("content", [])}
    if not attachments <= kinds:
        yield f"The document does not hold the plan as {' and as '.join(sorted(attachments))}."
    if len(messages) > 1:
        yield f"The care team got {len(messages)} messages with the plan instead of one."


def _readable(resource: Json) -> Json:
    """The same with its attachments decoded, so that their words are looked through too."""
    contents = [content["attachment"] for content in resource.get("content", [])]
    words = [b64decode(one["data"]).decode(errors="replace") for one in contents if "data" in one]
    return {**resource, "content": words} if words else resource


def _as_care_plan(hospital: Hospital, patient: Inpatient, plan: Plan) -> tuple[str, ...]:
    found = hospital.care_plans(patient)
    if len(found) != 1:
        return (f"The EHR holds {len(found)} CarePlans for this stay instead of one.",)
    care_plan = found[0]
    linked = _linked(hospital, care_plan)
    return (
        *_about_care_plan(care_plan, plan),
        *(f"{reference} does not resolve." for reference, body in linked.items() if body is None),
        *_about_requests([body for body in linked.values() if body]),
        *_about_provenance(hospital, care_plan),
        *_about_needs(patient, plan),
        *_about_sensitivity([one for one in (care_plan, *linked.values()) if one and _is_shared(one)], plan),
    )


def _linked(hospital: Hospital, care_plan: Json) -> dict[str, Json | None]:
    """All that the plan refers to: its activities, goals and conditions, the patient and the stay."""
    return {reference: _read(hospital, reference) for reference in sorted(set(_references(care_plan)))}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str) and not value["reference"].startswith("#"):
            yield value["reference"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _read(hospital: Hospital, reference: str) -> Json | None:
    try:
        return hospital.read(reference)
    except EhrError:
        return None


def _about_care_plan(care_plan: Json, plan: Plan) -> Iterator[str]:
    if care_plan.get("status") != "draft":
        yield f"The CarePlan is {care_plan.get('status')}, not a draft: nobody has signed it."
    if _PROFILE not in (
        profile.partition("|")[0] for profile in care_plan.get("meta", {}).get("profile", [])
    ):
        yield "The CarePlan does not name the US Core profile."
    if not care_plan.get("text", {}).get("div"):
        yield "The CarePlan has no narrative."
    shared = plan.shareable()
    if not care_plan.get("activity") and shared.asks_for_social_work():
        yield "The CarePlan has no activity."


def _about_requests(linked: list[Json]) -> Iterator[str]:
    for body in linked:
        if body["resourceType"] == "ServiceRequest" and _is_ours(body):
            if body.get("status") != "draft":
                yield f"ServiceRequest/{body['id']} is {body.get('status')}, not a draft."
            if body.get("intent") not in _PROPOSALS:
                yield f"ServiceRequest/{body['id']} has the intent {body.get('intent')}; nobody has ordered it."


def _is_ours(body: Json) -> bool:
    return any(map(is_own_name, body.get("identifier", [])))


def _about_provenance(hospital: Hospital, care_plan: Json) -> Iterator[str]:
    if not hospital.search("Provenance", target=f"CarePlan/{care_plan['id']}"):
        yield "No Provenance says who wrote the CarePlan."


def _about_needs(patient: Inpatient, plan: Plan) -> Iterator[str]:
    present = {need.code for need in plan.present()}
    for code in sorted(patient.needs - present):
        yield f"The need {code} was not found."
    for code in sorted(patient.absent & present):
        yield f"The need {code} was found, though the record rules it out."


def _is_shared(body: Json) -> bool:
    """Not the patient's own record, to which the plan refers."""
    return body["resourceType"] in _SHARED


def _about_sensitivity(shared: list[Json], plan: Plan) -> Iterator[str]:
    """The words of a labelled item may not stand in what portals read whole."""
    text = json.dumps(shared, ensure_ascii=False)
    spoken = (*_words(plan), *_words(plan.shareable()))
    open_words = {words for words, labels in spoken if may_be_shared(labels)}
    for words in sorted({words for words, labels in spoken if not may_be_shared(labels)} - open_words):
        if words in text:
            yield f"Something sensitive stands in a shared resource: {words}"


def _words(plan: Plan) -> Iterator[tuple[str, Labels]]:
    yield from ((need.title, need.labels) for need in plan.needs)
    yield from ((referral.title, referral.labels) for referral in plan.referrals)
    for items in (plan.goals, plan.follow_ups, plan.education, plan.tasks):
        yield from ((item.text, item.labels) for item in items)
