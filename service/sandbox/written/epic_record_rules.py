"""Epic's written rules about how a record looks, whom it keeps back, and what an app holds. Rows 33 to 36 and 39."""

from collections.abc import Callable
from random import Random
from typing import Final

from service.sandbox.asgi import Told, fhir
from service.sandbox.respelling import respelled
from service.sandbox.written import epic_records as records
from service.sandbox.written import parts
from service.sandbox.written.epic_issues import coded, refusal_of
from service.sandbox.written.frame import (
    ABOUT_ONE,
    READS,
    Entry,
    Json,
    Question,
    Retelling,
    Rule,
    each_resource,
    look_at_itself,
    resource_of,
    with_resource,
)

_SEARCH: Final = frozenset({"search-type"})
_READ: Final = frozenset({"read"})
_PATIENT: Final = frozenset({"Patient"})
_ENCOUNTER: Final = frozenset({"Encounter"})
_GONE, _NOT_FOUND, _MOVED = 410, 404, 301
_WHOSE: Final = ("patient", "subject", "beneficiary", "actor")
#: Switches: ids of patients behind break-the-glass, the app's scopes.
GLASS, SCOPES = "break_the_glass", "scopes"
#: The list of who is in hospital.
CENSUS: Final = "List/inpatients"
_IN_HOSPITAL: Final = "Encounter?status=in-progress&class=IMP&_count=1000"
_ITSELF: Final = Random(0)  # noqa: S311  these spellings draw nothing


def _each(change: Callable[[Json], Json]) -> Callable[[Question, Told], Told]:
    return lambda _, told: each_resource(told, change)


def _write_references_in_full(question: Question, told: Told) -> Told:
    base = parts.base_of(question.asked)
    return each_resource(told, lambda resource: records.with_full_references(resource, base))


def _leave_addresses_out(_: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    entries = [
        {name: part for name, part in entry.items() if name != "fullUrl"} for entry in answer.get("entry", [])
    ]
    return with_resource(told, {**answer, "entry": entries}) if entries else told


def _write_times_in_utc(resource: Json) -> Json:
    return respelled([resource], ("times in UTC",), _ITSELF)[0]


def _teams(question: Question) -> tuple[str, ...]:
    whose = [value.rpartition("/")[2] for name in ("patient", "subject") for value in question.values(name)]
    if question.interaction == "read":
        return (f"CareTeam?encounter=Encounter/{question.logical_id}&_count=50",)
    return tuple(f"CareTeam?patient={patient}&_count=50" for patient in whose[:1])


def _name_team(question: Question, told: Told) -> Told:
    teams = [team for search in _teams(question) for team in question.found_by(search)]
    return each_resource(told, lambda stay: records.with_team(stay, teams))


RECORDS: Final[tuple[Entry, ...]] = (
    Retelling(
        row=34,
        name="participants",
        about="Who treats is a participant of the stay.",
        types=_ENCOUNTER,
        interactions=READS,
        looks=_teams,
        retell=_name_team,
    ),
    Retelling(
        row=34,
        name="care teams",
        about="A care team of a stay has no staff.",
        types=frozenset({"CareTeam"}),
        interactions=READS,
        retell=_each(records.without_treatment_team),
    ),
    Retelling(
        row=34,
        name="local codes",
        about="Class and disposition of a stay are the site's own.",
        types=_ENCOUNTER,
        interactions=READS,
        retell=_each(records.with_local_codes),
    ),
    Retelling(
        row=0, name="times", about="Times are in UTC.", interactions=READS, retell=_each(_write_times_in_utc)
    ),
    Retelling(
        row=33,
        name="no metadata",
        about="Neither version nor time of change is told.",
        interactions=READS,
        retell=_each(records.without_versions),
    ),
    parts.without_version(33, READS, name="no version of what is read"),
    Retelling(
        row=33,
        name="no addresses",
        about="Entries have no fullUrl.",
        interactions=_SEARCH,
        retell=_leave_addresses_out,
    ),
    Retelling(
        row=33,
        name="references in full",
        about="References are absolute.",
        interactions=READS,
        retell=_write_references_in_full,
    ),
)


def _kept_back(question: Question) -> frozenset[str]:
    return frozenset(question.switches.get(GLASS, []))


def _look_behind_glass(question: Question) -> tuple[str, ...]:
    return tuple(look_at_itself(question)) if _kept_back(question) else ()


def _is_behind_glass(question: Question) -> bool:
    asked = {value.rpartition("/")[2] for name in _WHOSE for value in question.values(name)}
    asked |= {question.logical_id} if question.resource_type == "Patient" else set()
    asked |= {records.patient_of(question.stored), records.patient_of(question.body)}
    return bool(asked & _kept_back(question))


def _leave_glass_out(question: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    entries = answer.get("entry", [])
    shown = records.without_patients(entries, _kept_back(question))
    if len(shown) == len(entries):
        return told
    total = max(0, answer.get("total", len(entries)) - (len(entries) - len(shown)))
    return with_resource(told, {**answer, "total": total, "entry": shown})


def _redirect_merged(question: Question, told: Told) -> Told:
    survivor = records.replacement_of(resource_of(told))
    if not survivor:
        return told
    address = f"{parts.base_of(question.asked)}/Patient/{survivor.rpartition('/')[2]}"
    return refusal_of("4107", _MOVED).told().with_header("location", address)


def _code_absence(_: Question, told: Told) -> Told:
    numbers = {_GONE: "4103", _NOT_FOUND: "4102"}
    return refusal_of(numbers[told.status], told.status).told() if told.status in numbers else told


KEPT_BACK: Final[tuple[Entry, ...]] = (
    coded(
        "4130",
        Rule(
            row=35,
            name="break the glass",
            about="The record is behind break-the-glass.",
            looks=_look_behind_glass,
            refuses=_is_behind_glass,
            status=403,
        ),
    ),
    Retelling(
        row=35,
        name="others behind the glass",
        about="A search about nobody leaves records behind break-the-glass out.",
        interactions=_SEARCH,
        retell=_leave_glass_out,
    ),
    Retelling(
        row=35,
        name="merged patients",
        about="The read of a merged patient leads to the record that goes on.",
        types=_PATIENT,
        interactions=_READ,
        retell=_redirect_merged,
    ),
    Retelling(
        row=35,
        name="deleted",
        about="What was deleted is said to be so.",
        interactions=ABOUT_ONE,
        retell=_code_absence,
    ),
)


def _leave_other_groups_out(_: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    entries = [
        entry for entry in answer.get("entry", []) if records.is_employer_group(entry.get("resource", {}))
    ]
    return with_resource(told, {**answer, "total": len(entries), "entry": entries}) if answer else told


def _list_inpatients(question: Question, told: Told) -> Told:
    """The census, unless the hospital keeps a list of its own under this id."""
    if question.asked.path != CENSUS or told.status != _NOT_FOUND:
        return told
    patients = {bed["subject"]["reference"] for bed in question.found_by(_IN_HOSPITAL) if "subject" in bed}
    listed = {
        "resourceType": "List",
        "id": CENSUS.partition("/")[2],
        "status": "current",
        "mode": "working",
        "title": "Inpatients",
        "code": {"coding": [{"code": "patients"}]},
        "entry": [{"item": {"reference": patient}} for patient in sorted(patients)],
    }
    return fhir(listed)


GROUPS: Final[tuple[Entry, ...]] = (
    coded(
        "4102",
        Rule(
            row=36,
            name="employer groups",
            about="There is no such group: groups are those of employers.",
            types=frozenset({"Group"}),
            interactions=_READ,
            looks=look_at_itself,
            refuses=lambda question: bool(question.stored) and not records.is_employer_group(question.stored),
            status=_NOT_FOUND,
        ),
    ),
    Retelling(
        row=36,
        name="groups found",
        about="A search finds employer groups only.",
        types=frozenset({"Group"}),
        interactions=_SEARCH,
        retell=_leave_other_groups_out,
    ),
    Retelling(
        row=36,
        name="census",
        about="Who is in hospital is a List.",
        types=frozenset({"List"}),
        interactions=_READ,
        looks=lambda question: (_IN_HOSPITAL,) if question.asked.path == CENSUS else (),
        retell=_list_inpatients,
    ),
)


# --- what the app holds: row 39 -----------------------------------------------------------------------

_USUAL_SCOPES: Final = (
    "system/Condition.read",
    "system/Condition.write",
    "system/DocumentReference.read",
    "system/DocumentReference.write",
    "system/Encounter.read",
    "system/Patient.read",
)


def _tell_scopes_of_app(question: Question, told: Told) -> Told:
    granted = resource_of(told)
    if "access_token" not in granted:
        return told
    scopes = question.switches.get(SCOPES, _USUAL_SCOPES)
    return with_resource(told, {**granted, "scope": " ".join(scopes)})


GRANTS: Final[tuple[Entry, ...]] = (
    parts.withhold_apis(39, silent=True),
    Retelling(
        row=39,
        name="scopes of the app",
        about="A token has the app's scopes, spelled as in SMART v1, whatever was asked for.",
        types=frozenset({"auth"}),
        retell=_tell_scopes_of_app,
    ),
)
