"""Oracle Health: how its records are written (rows 16, 18, 19 and 20, and texts that stand in a Binary).

Sources: the examples and resource pages of cerner/fhir.cerner.com; see docs/ehr.md.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from service.sandbox.asgi import Told, fhir
from service.sandbox.respelling import respelled
from service.sandbox.written import parts
from service.sandbox.written.frame import (
    ANY,
    READS,
    Change,
    Json,
    Question,
    Refusal,
    Retelling,
    each_resource,
    resource_of,
    with_resource,
)
from service.sandbox.written.oracle_bodies import codes_of, listed, same_resource

_SEARCH: Final = frozenset({"search-type"})
_READ: Final = frozenset({"read"})
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})")
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_LOCAL: Final = "https://ehr.example.org/codeSet/{number}"
#: Concepts that are told without their standard coding, by the name of the element.
_UNMAPPED: Final[Mapping[str, str]] = {"Encounter": "type"}
_TEXT_IN_BINARY: Final[Mapping[str, str]] = {"DocumentReference": "DR", "Communication": "CM"}
_HOME: Final = frozenset({"home", "01", "1"})


def _retell_each(
    row: int, name: str, about: str, change: Callable[[Json], Json], types: frozenset[str] = ANY
) -> Retelling:
    """Every resource in an answer is told otherwise; one of another type than these is left as it is."""

    def changed(resource: Json) -> Json:
        return change(deepcopy(resource)) if not types or resource["resourceType"] in types else resource

    return Retelling(
        row=row,
        name=name,
        about=about,
        interactions=READS,
        retell=lambda _, told: each_resource(told, changed),
    )


def _put_local_codings_first(resource: Json) -> Json:
    name = f"{resource['resourceType']}/{resource.get('id')}"
    (found,) = respelled([resource], ("local codings first",), Random(name))  # noqa: S311  nothing is kept secret by it
    return found


def _tell_local_dispositions(resource: Json) -> Json:
    """Where somebody goes in the site's own code; home alone has the standard one beside it."""
    for concept in listed(resource.get("hospitalization", {}).get("dischargeDisposition")):
        codings = concept.get("coding", [])
        if codings and not codes_of(concept) & _HOME:
            shown = concept.get("text") or codings[0].get("display") or codings[0].get("code")
            local = {
                "system": _LOCAL.format(number=19),
                "code": "638672",
                "display": shown,
                "userSelected": True,
            }
            concept.update({"coding": [local], "text": shown})
    return resource


def _tell_what_is_unmapped(resource: Json) -> Json:
    """A coding with nothing but the reason why there is none, and the words beside it."""
    for concept in listed(resource.get(_UNMAPPED[resource["resourceType"]])):
        codings = concept.get("coding", [])
        shown = concept.get("text") or next(
            (coding["display"] for coding in codings if "display" in coding), ""
        )
        if shown:
            absent = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}
            concept.update({"coding": [absent], "text": shown})
    return resource


def _write_utc(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _write_utc(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_write_utc(part) for part in value]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        moment = datetime.fromisoformat(value).astimezone(UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def _cut_onset(resource: Json) -> Json:
    """The day by the clock of Greenwich: late in an American evening it is the next one."""
    for name in ("onsetDateTime", "abatementDateTime"):
        if _INSTANT.fullmatch(str(resource.get(name, ""))):
            resource[name] = datetime.fromisoformat(resource[name]).astimezone(UTC).date().isoformat()
    return resource


def _leave_activity_out(resource: Json) -> Json:
    return {name: part for name, part in resource.items() if name != "activity"}


def _tell_answers_locally(resource: Json) -> Json:
    """A form that is never complete, by the site's own names of form and questions."""
    resource.update(
        {"status": "in-progress", "questionnaire": "https://ehr.example.org/Questionnaire/social-history"}
    )
    _rename_items(listed(resource.get("item")))
    return resource


def _rename_items(items: list[Json]) -> None:
    for item in items:
        item["linkId"] = str(Random(str(item.get("linkId"))).randint(10_000, 99_999))  # noqa: S311
        _rename_items(listed(item.get("item")))


def _tell_concern_in_words(resource: Json) -> Json:
    if "health-concern" not in codes_of(resource.get("category")):
        return resource
    code = resource.get("code", {})
    shown = code.get("text") or next((coding.get("display") for coding in code.get("coding", [])), None)
    status = next(iter(codes_of(resource.get("clinicalStatus"))), "active")
    return (
        {**resource, "code": {"text": shown}, "clinicalStatus": {"text": status.title()}}
        if shown
        else resource
    )


# --- searches that find more or other than was asked for -----------------------------------------------


def _stays(question: Question) -> tuple[str, ...]:
    return tuple(f"Encounter/{value.rpartition('/')[2]}" for value in question.values("encounter"))


def _ask_for_the_patient(question: Question) -> Any:
    """The search without its stay: what belongs to it is sorted out in the answer."""
    return question.asked.with_query(
        (name, value) for name, value in question.asked.query if name.partition(":")[0] != "encounter"
    )


def _mix_in_problems(question: Question, told: Told) -> Told:
    """Of a search by stay: the diagnoses of this stay and all problems, no health concerns."""
    stays = [{"reference": stay} for stay in _stays(question)]
    answer = parts.searchset_of(told)
    if not stays or not answer:
        return told

    def belongs(entry: Mapping[str, Any]) -> bool:
        condition = entry.get("resource", {})
        categories = codes_of(condition.get("category"))
        of_stay = any(same_resource(condition.get("encounter"), stay) for stay in stays)
        return "health-concern" not in categories and (of_stay or "problem-list-item" in categories)

    return with_resource(
        told, {**answer, "entry": [entry for entry in answer.get("entry", []) if belongs(entry)]}
    )


def _is_only_read(resource: Mapping[str, Any]) -> bool:
    """Whether a patient was merged into another, or an encounter combined with another."""
    if resource.get("resourceType") == "Patient":
        return any(link.get("type") == "replaced-by" for link in listed(resource.get("link")))
    return resource.get("status") == "unknown" and "partOf" in resource


def _leave_merged_out(_: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    kept = [entry for entry in answer.get("entry", []) if not _is_only_read(entry.get("resource", {}))]
    return with_resource(told, {**answer, "entry": kept}) if answer else told


def _fail_over_bad_records(question: Question, told: Told) -> Told:
    """One record that lacks what FHIR requires fails the whole search: the switch "bad", a list of "Type/id"."""
    answer = resource_of(told)
    resources = [answer, *(entry.get("resource", {}) for entry in answer.get("entry", []))]
    bad = set(question.switches.get("bad", []))
    if not any(f"{found.get('resourceType')}/{found.get('id')}" in bad for found in resources):
        return told
    return Refusal(
        500, "required", "A required field of a stored record is missing.", severity="fatal"
    ).told()


# --- texts in a Binary ---------------------------------------------------------------------------------


def _binary_id(resource: Mapping[str, Any]) -> str:
    return f"{_TEXT_IN_BINARY[resource['resourceType']]}-{resource.get('id')}"


def _base_of(question: Question) -> str:
    host = question.asked.headers.get("host", "")
    return f"http://{host}/fhir/" if host else ""


def _point_at_binaries(question: Question, told: Told) -> Told:
    base = _base_of(question)

    def pointed(resource: Json) -> Json:
        if resource["resourceType"] not in _TEXT_IN_BINARY:
            return resource
        found = deepcopy(resource)
        for attachment in _attachments(found):
            if attachment.pop("data", None) is not None:
                attachment["url"] = f"{base}Binary/{_binary_id(found)}"
        return found

    return each_resource(told, pointed)


def _attachments(resource: Json) -> list[Json]:
    contents = [part.get("attachment") for part in listed(resource.get("content"))]
    payloads = [part.get("contentAttachment") for part in listed(resource.get("payload"))]
    return [attachment for attachment in (*contents, *payloads) if attachment]


def _home_of(question: Question) -> str:
    """The resource that holds the text of a Binary, "" for a Binary of its own."""
    prefix, _, logical_id = question.logical_id.partition("-")
    kind = next((kind for kind, short in _TEXT_IN_BINARY.items() if short == prefix), "")
    return f"{kind}/{logical_id}" if kind else ""


def _read_home(question: Question) -> Any:
    home = _home_of(question)
    return (
        question.asked.moved("GET", home).with_header("accept", "application/fhir+json")
        if home
        else question.asked
    )


def _tell_binary(question: Question, told: Told) -> Told:
    """The text itself for who accepts its type, a Binary for who accepts FHIR's JSON, 406 for others."""
    attachment = next(iter(_attachments(resource_of(told))), {}) if _home_of(question) else {}
    if not attachment:
        return told
    kind, accepted = attachment.get("contentType", ""), question.asked.headers.get("accept", "")
    if "application/fhir+json" in accepted:
        binary = {"resourceType": "Binary", "id": question.logical_id, "contentType": kind}
        return fhir({**binary, "data": attachment.get("data", "")})
    if kind.partition(";")[0] not in accepted:
        return Refusal(406, "not-supported", "The text is of another type than is accepted.").told()
    return replace(told, headers=(("content-type", kind),), body=b64decode(attachment.get("data", "")))


RECORDS: Final[Iterable[Change | Retelling]] = (
    Change(
        row=20,
        name="stay of a search for conditions",
        about="A search by stay finds its diagnoses and all problems of the patient.",
        types=frozenset({"Condition"}),
        interactions=_SEARCH,
        change=_ask_for_the_patient,
    ),
    Retelling(
        row=20,
        name="problems of any stay",
        about="A search by stay finds its diagnoses and all problems of the patient.",
        types=frozenset({"Condition"}),
        interactions=_SEARCH,
        retell=_mix_in_problems,
    ),
    Change(
        row=0,
        name="home of a Binary",
        about="The text of a document or a message is read as a Binary.",
        types=frozenset({"Binary"}),
        interactions=_READ,
        change=_read_home,
    ),
    Retelling(
        row=16,
        name="bad record",
        about="A stored record that lacks a required field fails the search.",
        interactions=READS,
        retell=_fail_over_bad_records,
    ),
    Retelling(
        row=17,
        name="merged and combined",
        about="A merged patient and a combined encounter are found by no search.",
        types=frozenset({"Patient", "Encounter"}),
        interactions=_SEARCH,
        retell=_leave_merged_out,
    ),
    _retell_each(
        18, "local codings", "A local coding comes first, the standard one second.", _put_local_codings_first
    ),
    _retell_each(
        18,
        "local dispositions",
        "A disposition other than home is told in a local code only.",
        _tell_local_dispositions,
        frozenset({"Encounter"}),
    ),
    _retell_each(
        18,
        "unmapped codings",
        "A coding that cannot be mapped has only the reason why it is absent.",
        _tell_what_is_unmapped,
        frozenset(_UNMAPPED),
    ),
    _retell_each(
        19, "onset", "Onset and abatement are cut to a GMT date.", _cut_onset, frozenset({"Condition"})
    ),
    _retell_each(19, "times", "Times are told in Z.", _write_utc),
    _retell_each(
        20, "care plans", "A CarePlan is told without activity.", _leave_activity_out, frozenset({"CarePlan"})
    ),
    _retell_each(
        20,
        "answers",
        "A response is in progress, with linkIds of the site.",
        _tell_answers_locally,
        frozenset({"QuestionnaireResponse"}),
    ),
    _retell_each(
        20,
        "health concerns",
        "A health concern may be text only.",
        _tell_concern_in_words,
        frozenset({"Condition"}),
    ),
    Retelling(
        row=0,
        name="text in a Binary",
        about="The text of a document or a message is told as a link to a Binary.",
        types=frozenset(_TEXT_IN_BINARY),
        interactions=READS,
        retell=_point_at_binaries,
    ),
    Retelling(
        row=0,
        name="Binary",
        about="A Binary is told as its own type or as FHIR's JSON.",
        types=frozenset({"Binary"}),
        interactions=_READ,
        retell=_tell_binary,
    ),
)
