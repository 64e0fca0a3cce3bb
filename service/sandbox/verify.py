"""Whether the plan that is now in the EHR is what it must be. Read back over plain HTTP, resource by resource."""

import json
from collections.abc import Iterator
from typing import Any, Final

from fhir_mappings import systems
from service.domain.plan import Plan
from service.domain.sensitivity import Labels, may_be_shared
from service.errors import EhrError
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient

_PROFILE: Final = f"{systems.US_CORE}us-core-careplan"
#: What patients' portals and proxies read.
_SHARED: Final = frozenset({"CarePlan", "ServiceRequest", "Goal"})
_PROPOSALS: Final = frozenset({"proposal", "plan"})

Json = dict[str, Any]


def problems(hospital: Hospital, patient: Inpatient, plan: Plan) -> tuple[str, ...]:
    """What is wrong with the plan in the EHR, in sentences; () when all is as it must be."""
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
        *_about_sensitivity([care_plan, *(body for body in linked.values() if body)], plan),
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
    if not care_plan.get("activity") and (plan.withholds() or shared.referrals or shared.follow_ups):
        yield "The CarePlan has no activity."


def _about_requests(linked: list[Json]) -> Iterator[str]:
    for body in linked:
        if body["resourceType"] == "ServiceRequest" and _is_ours(body):
            if body.get("status") != "draft":
                yield f"ServiceRequest/{body['id']} is {body.get('status')}, not a draft."
            if body.get("intent") not in _PROPOSALS:
                yield f"ServiceRequest/{body['id']} has the intent {body.get('intent')}; nobody has ordered it."


def _is_ours(body: Json) -> bool:
    return any(one.get("system") == systems.URI_IDENTIFIER for one in body.get("identifier", []))


def _about_provenance(hospital: Hospital, care_plan: Json) -> Iterator[str]:
    if not hospital.search("Provenance", target=f"CarePlan/{care_plan['id']}"):
        yield "No Provenance says who wrote the CarePlan."


def _about_needs(patient: Inpatient, plan: Plan) -> Iterator[str]:
    present = {need.code for need in plan.present()}
    for code in sorted(patient.needs - present):
        yield f"The need {code} was not found."
    for code in sorted(patient.absent & present):
        yield f"The need {code} was found, though the record rules it out."


def _about_sensitivity(shared: list[Json], plan: Plan) -> Iterator[str]:
    """The words of a labelled item may not stand in what portals read whole."""
    text = json.dumps([body for body in shared if body["resourceType"] in _SHARED], ensure_ascii=False)
    spoken = tuple(_words(plan))
    open_words = {words for words, labels in spoken if may_be_shared(labels)}
    for words in sorted({words for words, labels in spoken if not may_be_shared(labels)} - open_words):
        if words in text:
            yield f"Something sensitive stands in a shared resource: {words}"


def _words(plan: Plan) -> Iterator[tuple[str, Labels]]:
    yield from ((need.title, need.labels) for need in plan.needs)
    yield from ((referral.title, referral.labels) for referral in plan.referrals)
    for items in (plan.goals, plan.follow_ups, plan.education, plan.tasks):
        yield from ((item.text, item.labels) for item in items)
