"""Every time in a record is read by the hospital's clock, however its offset was written."""

import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from config.conventions import Conventions
from config.tenants import Tenant
from fhir_mappings import systems
from fhir_mappings.inbound.bundle_file import choose_stay, read_bundle
from fhir_mappings.inbound.encounter import told_of_stay
from fhir_mappings.inbound.record import build_record
from service.commands.plan_file import bundle_of, plan_of
from service.presentation.document import plan_document
from service.sandbox.inpatients import bundle_of as bundle_of_inpatient
from service.sandbox.inpatients import inpatients
from tests.builders import ENCOUNTER, Json, concept, encounter, observation, patient, resource

NEW_YORK = ZoneInfo("America/New_York")
CHICAGO = ZoneInfo("America/Chicago")
TODAY = date(2026, 12, 2)
#: 21:30 on the last of November in New York, when it is December in UTC already.
EVENING = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
HERE = date(2026, 11, 30)
OFFSETS = [0, -5, 9, 5.5, -11, 14]
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


def written(hours: float, when: datetime = EVENING) -> str:
    found = when.astimezone(timezone(timedelta(hours=hours))).isoformat()
    return found.replace("+00:00", "Z")


def rewritten(value, hours):
    """The same JSON with every time written by another offset."""
    if isinstance(value, dict):
        return {key: rewritten(item, hours) for key, item in value.items()}
    if isinstance(value, list):
        return [rewritten(item, hours) for item in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        return written(hours, datetime.fromisoformat(value))
    return value


def of_every_kind(evening: str) -> list[Json]:
    """A resource of every type that is dated, by every element that dates it."""
    period = {"start": evening, "end": evening}
    dated: list[tuple[str, Json, str]] = [
        ("Condition", {"code": concept("I10", systems.ICD10CM)}, "onsetDateTime"),
        ("Condition", {"code": concept("I10", systems.ICD10CM)}, "recordedDate"),
        ("Procedure", {"code": {"text": "Example"}}, "performedDateTime"),
        ("MedicationRequest", {"medicationCodeableConcept": {"text": "Example"}}, "authoredOn"),
        ("ServiceRequest", {"code": {"text": "Example"}}, "authoredOn"),
        ("ServiceRequest", {"code": {"text": "Example"}}, "occurrenceDateTime"),
        ("DeviceRequest", {"codeCodeableConcept": {"text": "Example"}}, "authoredOn"),
        ("Appointment", {"participant": [{"actor": {"reference": "Patient/p1"}}]}, "start"),
        ("AllergyIntolerance", {"code": {"text": "Example"}}, "recordedDate"),
        ("DocumentReference", {"type": {"text": "Example"}}, "date"),
        ("Consent", {"scope": {"text": "Example"}}, "dateTime"),
        ("Goal", {"description": {"text": "Example"}}, "startDate"),
        ("CarePlan", {"title": "Example"}, "created"),
        ("Observation", {"code": {"text": "Example"}, "valueString": "yes"}, "effectiveDateTime"),
        ("Observation", {"code": {"text": "Example"}, "valueString": "yes"}, "effectiveInstant"),
        ("Observation", {"code": {"text": "Example"}, "valueString": "yes"}, "issued"),
        (
            "QuestionnaireResponse",
            {"item": [{"linkId": "1", "answer": [{"valueString": "yes"}]}]},
            "authored",
        ),
    ]
    of_periods: list[tuple[str, Json, str]] = [
        ("Condition", {"code": concept("I10", systems.ICD10CM)}, "onsetPeriod"),
        ("Procedure", {"code": {"text": "Example"}}, "performedPeriod"),
        ("CareTeam", {"name": "Example"}, "period"),
        ("CarePlan", {"title": "Example"}, "period"),
        ("Observation", {"code": {"text": "Example"}, "valueString": "yes"}, "effectivePeriod"),
        ("Encounter", {"class": {"code": "EMER"}, "status": "finished"}, "period"),
        ("Coverage", {"type": {"text": "Example"}}, "period"),
        ("RelatedPerson", {"name": [{"text": "Example"}]}, "period"),
    ]
    named = [(kind, {**more, name: evening}) for kind, more, name in dated]
    named += [(kind, {**more, name: period}) for kind, more, name in of_periods]
    return [resource(kind, f"r{number}", **more) for number, (kind, more) in enumerate(named)]


def read(hours: float, conventions: Conventions):
    over = encounter(status="finished", period={"start": "2026-11-25T10:00:00Z", "end": written(hours)})
    read_from = [patient(), over, *of_every_kind(written(hours))]
    return build_record(read_from, encounter=ENCOUNTER, today=TODAY, conventions=conventions)


@pytest.mark.parametrize("hours", OFFSETS)
def test_every_date_of_every_resource_is_a_day_in_the_hospitals_zone(hours):
    record = read(hours, Conventions(zone=NEW_YORK))
    days = {(fact.reference, fact.began) for fact in record.facts}
    days |= {(one.reference, one.at and one.at.date()) for one in record.observations}
    days |= {(one.reference, one.start and one.start.date()) for one in record.encounters}
    days |= {(one.reference, one.start) for one in (*record.coverages, *record.related_persons)}
    days |= {(one.reference, one.end) for one in (*record.coverages, *record.related_persons)}
    assert len({reference for reference, _ in days}) == len(of_every_kind(""))
    assert {found for _, found in days} == {HERE}
    assert record.encounter.end is not None
    assert record.encounter.end.date() == HERE
    assert repr(record) == repr(read(0, Conventions(zone=NEW_YORK)))


def test_where_nobody_has_named_the_zone_it_is_the_offset_of_the_stay():
    stay = encounter(status="finished", period={"start": "2026-11-25T10:00:00-05:00", "end": written(0)})
    seen = observation("o1", "718-7", 11, unit="g/dL", effectiveDateTime=written(0))
    record = build_record([patient(), stay, seen], encounter=ENCOUNTER, today=TODAY)
    assert record.encounter.end is not None
    assert record.encounter.end.date() == HERE
    assert [one.at and one.at.date() for one in record.observations] == [HERE]
    bare = {**stay, "period": {"start": "2026-11-25T10:00:00", "end": "2026-12-01"}}
    undated = build_record([patient(), bare, seen], encounter=ENCOUNTER, today=TODAY)
    assert [one.at and one.at.date() for one in undated.observations] == [HERE + timedelta(days=1)]


@pytest.mark.parametrize("hours", OFFSETS)
def test_a_death_and_an_order_are_of_the_hospitals_day_and_a_birth_is_never_moved(hours):
    born = {"birthDate": "1956-05-01", "deceasedDateTime": written(hours)}
    discharge = resource(
        "ServiceRequest",
        "s",
        status="active",
        intent="order",
        code=concept("58000006", systems.SNOMED),
        encounter={"reference": ENCOUNTER},
        occurrenceDateTime=written(hours),
    )
    stay = encounter(period={"start": "2026-11-25T10:00:00Z"})
    for zone in (NEW_YORK, ZoneInfo("Pacific/Kiritimati")):
        there = EVENING.astimezone(zone).date()
        for today in (there - timedelta(days=1), there):
            record = build_record(
                [patient(**born), stay, discharge],
                encounter=ENCOUNTER,
                today=today,
                conventions=Conventions(zone=zone),
            )
            assert record.patient.deceased is (today == there)
            assert record.patient.birth_date == date(1956, 5, 1)
            assert record.encounter.planned_end == there


@pytest.mark.parametrize("hours", OFFSETS)
def test_what_is_told_of_a_stay_does_not_change_with_the_spelling_of_its_end(hours):
    period = {"start": "2026-11-25T10:00:00Z", "end": written(hours)}
    assert told_of_stay(encounter(period=period)) == told_of_stay(
        encounter(period={**period, "end": written(0)})
    )
    later = {**period, "end": written(hours, EVENING + timedelta(minutes=1))}
    assert told_of_stay(encounter(period=period)) != told_of_stay(encounter(period=later))
    assert told_of_stay(encounter(period={"end": "2026-12-01"})) != told_of_stay(
        encounter(period={"end": "2026-11-30"})
    )


def test_the_stay_that_began_last_is_chosen_by_the_hospitals_calendar():
    ahead = encounter("tomorrow", period={"start": "2026-12-01T02:30:00Z"})
    begun = encounter("today", period={"start": "2026-11-29T10:00:00Z"})
    both = [patient(), begun, ahead]
    assert choose_stay(both, None, HERE, Conventions(zone=NEW_YORK)) == "Encounter/tomorrow"
    assert choose_stay(both, None, HERE) == "Encounter/today"


def test_a_hospital_that_names_its_zone_is_read_by_it():
    named = Tenant(id="t", fhir_base_url="", organization="", time_zone=NEW_YORK)
    assert named.conventions.zone is NEW_YORK
    assert Tenant(id="t", fhir_base_url="", organization="").conventions.zone is None


@pytest.mark.parametrize("name", [one.id for one in inpatients()][:4])
def test_one_instant_gives_one_plan_however_its_offset_is_written(name):
    inpatient = next(one for one in inpatients() if one.id == name)
    sent = bundle_of_inpatient(inpatient, TODAY)

    def document(hours):
        resources = read_bundle(json.dumps(rewritten(sent, hours)).encode())
        plan = plan_of(resources, encounter=inpatient.encounter, today=TODAY, zone=CHICAGO)
        return json.dumps(plan_document(plan, bundle=bundle_of(plan), zone=CHICAGO))

    first, *others = [document(hours) for hours in OFFSETS]
    assert all(other == first for other in others)
