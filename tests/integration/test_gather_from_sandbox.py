"""Reading a stay's record from a real FHIR server."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import requests

from fhir_mappings.bundle import Search
from fhir_mappings.inbound.references import subject_of
from service.domain.record import GapReason
from service.errors import EhrUnavailable, NotAnInpatientStay, UnknownEncounter
from service.pipeline.gather import gather
from service.sandbox.inpatients import inpatients
from tests.ehr_fixtures import LimitedEhr, create

TODAY = datetime.now(UTC).date()


@pytest.fixture
def round_trips(monkeypatch):
    """Every request of our client, as "METHOD last part of the path"."""
    seen = []
    send = requests.Session.send

    def counted(session, request, **options):
        if request.headers["User-Agent"] == "homeward":
            seen.append(" ".join([request.method, *urlsplit(request.url).path.split("/")[2:3]]))
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", counted)
    return seen


@pytest.fixture
def stay(tenant, patient):
    """A stay of two days of the test's own patient."""
    return admit(tenant, patient, "IMP")


def admit(tenant, patient, kind):
    start = datetime.now(UTC) - timedelta(days=2)
    stay = {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"code": kind},
        "subject": {"reference": patient},
        "period": {"start": start.isoformat(timespec="seconds")},
    }
    return f"Encounter/{create(tenant.fhir_base_url, stay)['id']}"


def lab(tenant, patient, on):
    given = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": patient},
        "effectiveDateTime": on.isoformat(),
        "valueQuantity": {"value": 12.1, "code": "g/dL"},
    }
    return create(tenant.fhir_base_url, given)["id"]


def test_a_whole_record_takes_three_round_trips(ehr, round_trips):
    record = gather(inpatients()[0].encounter, ehr, today=TODAY)
    assert round_trips == ["GET Encounter", "GET metadata", "POST"]
    assert {"Patient", "Condition", "Observation", "Coverage", "MedicationRequest"} <= record.types_read
    assert record.gaps == ()


def test_the_same_record_is_read_with_and_without_batches(ehr, tenant):
    stay = inpatients()[0].encounter
    with LimitedEhr(tenant, batch=False, transaction=False) as single:
        assert gather(stay, single, today=TODAY) == gather(stay, ehr, today=TODAY)


def test_pages_are_followed(ehr, patient, stay, tenant, monkeypatch, round_trips):
    monkeypatch.setattr("service.ehr.client.PAGE_SIZE", 2)
    ids = {lab(tenant, patient, TODAY - timedelta(days=day)) for day in range(5)}
    record = gather(stay, ehr, today=TODAY)
    assert {seen.reference for seen in record.observations} == {f"Observation/{each}" for each in ids}
    assert round_trips == ["GET Encounter", "GET metadata", "POST", "GET Observation", "GET Observation"]


def test_labs_of_years_ago_are_not_fetched(ehr, patient, stay, tenant):
    recent = lab(tenant, patient, TODAY - timedelta(days=300))
    lab(tenant, patient, TODAY - timedelta(days=500))
    record = gather(stay, ehr, today=TODAY)
    assert [seen.reference for seen in record.observations] == [f"Observation/{recent}"]


def test_a_medicine_that_stands_in_a_resource_of_its_own_comes_along(ehr, patient, stay, tenant):
    rxnorm = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "855332"}
    medicine = create(tenant.fhir_base_url, {"resourceType": "Medication", "code": {"coding": [rxnorm]}})
    request = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": f"Medication/{medicine['id']}"},
        "subject": {"reference": patient},
    }
    create(tenant.fhir_base_url, request)
    [fact] = gather(stay, ehr, today=TODAY).facts
    assert [code.code for code in fact.codes] == ["855332"]


def test_a_search_that_the_ehr_does_not_offer_is_a_gap(tenant, stay):
    class WithoutGoals(LimitedEhr):
        def capability(self):
            known = super().capability()
            return replace(known, resources={k: v for k, v in known.resources.items() if k != "Goal"})

    with WithoutGoals(tenant) as ehr:
        [gap] = gather(stay, ehr, today=TODAY).gaps
    assert (gap.about, gap.reason) == ("Goal", GapReason.NOT_OFFERED)


def test_a_parameter_that_the_ehr_ignores_brings_no_other_patients_and_a_gap(tenant):
    """The statement promises what the server does not keep: it answers with everybody's."""
    everybody = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "Patient/other"}}
    create(tenant.fhir_base_url, everybody)

    class Boastful(LimitedEhr):
        def capability(self):
            known = super().capability()
            return replace(known, resources={**known.resources, "Basic": known.of("Condition")})

    with Boastful(tenant) as ehr:
        [result] = ehr.batch([Search("Basic", (("patient", "1"),))])
    assert {subject_of(resource) for resource in result.resources} <= {""}
    assert result.gaps[0].reason is GapReason.UNCERTAIN


def test_an_unknown_encounter_is_said_so(ehr):
    with pytest.raises(UnknownEncounter):
        gather("Encounter/not-there", ehr, today=TODAY)


def test_an_outpatient_visit_has_no_discharge_to_plan(ehr, tenant, patient):
    with pytest.raises(NotAnInpatientStay):
        gather(admit(tenant, patient, "AMB"), ehr, today=TODAY)


def test_an_ehr_that_is_away_is_worth_another_try(tenant):
    with (
        LimitedEhr(replace(tenant, fhir_base_url="http://127.0.0.1:9/fhir")) as away,
        pytest.raises(EhrUnavailable),
    ):
        gather("Encounter/1", away, today=date(2024, 3, 5))
