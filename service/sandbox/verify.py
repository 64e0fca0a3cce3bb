"""Whether the chart of a patient shows the plan as it must be there: read from inside the EHR, resource by resource."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from fhir_mappings import systems
from fhir_mappings.narrative import headline
from service.domain.plan import Plan
from service.domain.sensitivity import Labels, may_be_shared
from service.errors import EhrError
from service.sandbox.chart import Chart, ChartEntry, holds, read_texts
from service.sandbox.forms import FORMS, Form
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient
from service.sandbox.mode import FULL

_PROFILE: Final = f"{systems.US_CORE}us-core-careplan"
_PROPOSALS: Final = frozenset({"proposal", "plan"})
_SIGNED_STATUSES: Final = frozenset({"final", "amended"})

Json = dict[str, Any]


class Moment(StrEnum):
    """How far people have come with a plan."""

    PROPOSED = "proposed"
    SIGNED = "signed"
    CALLED_OFF = "called off"


#: By moment, the statuses that the plan and its orders may have as resources of their own.
_STATUSES: Final = {
    Moment.PROPOSED: frozenset({"draft"}),
    Moment.SIGNED: frozenset({"active"}),
    Moment.CALLED_OFF: frozenset({"revoked", "on-hold"}),
}


def problems(
    hospital: Hospital, patient: Inpatient, plan: Plan, *, kind: str = FULL, moment: Moment = Moment.PROPOSED
) -> tuple[str, ...]:
    """What is wrong with the plan in the EHR, in sentences; () when all is as it must be in this kind of EHR at this moment."""
    form, chart = FORMS[kind], hospital.chart(patient)
    as_it_stands = (
        _as_care_plan(hospital, chart, plan, moment)
        if form.keeps_resources
        else _in_words(chart, form, plan, moment)
    )
    return (
        *_about_types(chart, form),
        *as_it_stands,
        *_about_needs(patient, plan),
        *_about_sensitivity(chart, plan),
    )


def plan_words(plan: Plan) -> list[str]:
    """What a plan says to everybody: the verdict, the needs, and each item."""
    shared = plan.shareable()
    items = (words for words, _ in _words_of_items(shared))
    return list(dict.fromkeys((headline(shared).strip(), *(need.title for need in shared.present()), *items)))


def missing_words(text: str, plan: Plan) -> list[str]:
    """What of it a text does not say."""
    return [words for words in plan_words(plan) if not holds(text, words)]


def says_off(text: str) -> bool:
    """Return True if a text says that a discharge was called off."""
    return any(holds(text, words) for words in ("called off", "no longer holds"))


def _about_types(chart: Chart, form: Form) -> Iterator[str]:
    """Nothing is where the vendor takes nothing."""
    for kind in sorted({entry.kind for entry in chart.entries} - form.types):
        yield f"The EHR holds a {kind} of ours, which it does not take."


def _in_words(chart: Chart, form: Form, plan: Plan, moment: Moment) -> Iterator[str]:
    """The plan is a note or a message, and where neither is taken nothing."""
    if not form.holder:
        return
    standing = chart.standing(form.holder)
    if moment is Moment.PROPOSED:
        yield from _before_signature(standing)
    elif moment is Moment.CALLED_OFF:
        newest = chart.newest(form.holder)
        if newest is not None and not says_off(newest.text):
            yield f"The newest {form.holder} does not say that the discharge was called off."
    elif len(standing) != 1:
        yield f"The EHR holds {len(standing)} {form.holder} with the plan instead of one."
    else:
        yield from _after_signature(standing[0], form, plan)


def _before_signature(standing: tuple[ChartEntry, ...]) -> Iterator[str]:
    if len(standing) > 1:
        yield f"The EHR holds {len(standing)} {standing[0].kind} before anybody has signed."
    for entry in standing:
        if entry.resource.get("docStatus") in _SIGNED_STATUSES:
            yield f"The note is {entry.resource['docStatus']}, and nobody has signed it."


def _after_signature(entry: ChartEntry, form: Form, plan: Plan) -> Iterator[str]:
    missing = missing_words(entry.text, plan)
    if missing:
        yield f"The {entry.kind} does not say {len(missing)} of what was signed, such as: {missing[0]}"
    status = entry.resource.get("docStatus", "final")
    if status not in _SIGNED_STATUSES:
        yield f"The note is {status}, though it was signed."
    kinds = {part["attachment"].get("contentType", "") for part in entry.resource.get("content", ())}
    if form.attachment and kinds != {form.attachment}:
        yield f"The note is kept as {', '.join(sorted(kinds))}, not as {form.attachment}."
    wide = [line for line in entry.text.splitlines() if form.columns and len(line) > form.columns]
    if [line for line in wide if " " in line.strip()]:  # an address is one word, however long
        yield f"The note has {len(wide)} lines of more than {form.columns} columns."


def _as_care_plan(hospital: Hospital, chart: Chart, plan: Plan, moment: Moment) -> Iterator[str]:
    found = chart.of("CarePlan")
    if len(found) != 1:
        yield f"The EHR holds {len(found)} CarePlans for this stay instead of one."
        return
    [care_plan] = [entry.resource for entry in found]
    linked = _linked(hospital, care_plan)
    yield from _about_care_plan(care_plan, plan, moment)
    yield from (f"{reference} does not resolve." for reference, body in linked.items() if body is None)
    yield from _about_requests(chart, moment)
    if not hospital.search("Provenance", target=f"CarePlan/{care_plan['id']}"):
        yield "No Provenance says who wrote the CarePlan."


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


def _about_care_plan(care_plan: Json, plan: Plan, moment: Moment) -> Iterator[str]:
    if care_plan.get("status") not in _STATUSES[moment]:
        yield f"The CarePlan is {care_plan.get('status')}, though the plan is {moment}."
    if _PROFILE not in (
        profile.partition("|")[0] for profile in care_plan.get("meta", {}).get("profile", [])
    ):
        yield "The CarePlan does not name the US Core profile."
    if not care_plan.get("text", {}).get("div"):
        yield "The CarePlan has no narrative."
    if not care_plan.get("activity") and plan.shareable().asks_for_social_work():
        yield "The CarePlan has no activity."


def _about_requests(chart: Chart, moment: Moment) -> Iterator[str]:
    for entry in chart.of("ServiceRequest"):
        status, intent = entry.resource.get("status"), entry.resource.get("intent")
        if status not in _STATUSES[moment]:
            yield f"{entry.reference} is {status}, though the plan is {moment}."
        if moment is Moment.PROPOSED and intent not in _PROPOSALS:
            yield f"{entry.reference} has the intent {intent}; nobody has ordered it."


def _about_needs(patient: Inpatient, plan: Plan) -> Iterator[str]:
    present = {need.code for need in plan.present()}
    for code in sorted(patient.needs - present):
        yield f"The need {code} was not found."
    for code in sorted(patient.absent & present):
        yield f"The need {code} was found, though the record rules it out."


def _about_sensitivity(chart: Chart, plan: Plan) -> Iterator[str]:
    """The words of a labelled item may not stand in what portals read whole."""
    shared = [entry for entry in chart.entries if not entry.resource.get("meta", {}).get("security")]
    text = "\n".join(
        words for entry in shared for words in (*read_texts(entry.resource), *_strings(entry.resource))
    )
    spoken = (*_words(plan), *_words(plan.shareable()))
    open_words = {words for words, labels in spoken if may_be_shared(labels)}
    for words in sorted({words for words, labels in spoken if not may_be_shared(labels)} - open_words):
        if words in text:
            yield f"Something sensitive stands in a shared resource: {words}"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _words(plan: Plan) -> Iterator[tuple[str, Labels]]:
    yield from ((need.title, need.labels) for need in plan.needs)
    yield from _words_of_items(plan)


def _words_of_items(plan: Plan) -> Iterator[tuple[str, Labels]]:
    yield from ((referral.title, referral.labels) for referral in plan.referrals)
    for items in (plan.goals, plan.follow_ups, plan.education, plan.tasks):
        yield from ((item.text, item.labels) for item in items)
