"""Reading from a server that does not let us, or says odd things."""

from collections.abc import Iterator
from datetime import date
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from config.conventions import Conventions
from config.tenants import Tenant
from fhir_mappings import systems
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.errors import BadInput, EhrRefused, EhrUnavailable, NotAnInpatientStay, NotShown
from service.pipeline.gather import gather
from tests.builders import Json, condition, encounter, patient, resource
from tests.unit.ehr.odd_server import OddServer, Told, fhir, odd_server, statement

TODAY = date(2024, 3, 5)
STAY = "Encounter/e1"


def searchset(path, *resources):
    return fhir(
        {
            "resourceType": "Bundle",
            "link": [{"relation": "self", "url": path}],
            "entry": [{"resource": one} for one in resources],
        }
    )


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as running:
        running.tell("GET", "/metadata", statement(Condition=("patient",), Goal=("patient",)))
        running.tell("GET", f"/{STAY}", fhir(encounter()))
        running.tell("GET", "/Patient/p1", fhir(patient()))
        for kind in ("Condition", "Goal"):
            path = f"/{kind}?patient=p1&_count=1000"
            running.tell("GET", path, searchset(path))
        yield running


@pytest.fixture
def ehr(server: OddServer) -> Iterator[Ehr]:
    with Ehr(
        Tenant(id="t", fhir_base_url=server.url, organization="Example"), sleep=lambda _: None
    ) as client:
        yield client


def gaps_of(record, about):
    return [gap for gap in record.gaps if gap.about == about]


def test_a_refused_search_is_a_gap_and_the_rest_is_read(server, ehr):
    server.tell("GET", "/Goal?patient=p1&_count=1000", Told(403))
    path = "/Condition?patient=p1&_count=1000"
    server.tell("GET", path, searchset(path, condition("c1", "I50.9")))
    record = gather(STAY, ehr, today=TODAY)
    assert [fact.reference for fact in record.facts] == ["Condition/c1"]
    assert [gap.reason for gap in gaps_of(record, "Goal")] == [GapReason.REFUSED]


def test_what_cannot_be_asked_is_a_gap(ehr):
    record = gather(STAY, ehr, today=TODAY)
    assert [gap.reason for gap in gaps_of(record, "Coverage")] == [GapReason.NOT_OFFERED]
    assert gaps_of(record, "Condition") == []


def test_resources_of_another_patient_are_dropped_and_counted(server, ehr):
    path = "/Condition?patient=p1&_count=1000"
    mine, other = condition("c1", "I50.9"), condition("c2", "I50.9", patient="Patient/p2")
    server.tell("GET", path, searchset(path, mine, other))
    record = gather(STAY, ehr, today=TODAY)
    assert [fact.reference for fact in record.facts] == ["Condition/c1"]
    assert [gap.count for gap in record.gaps if gap.reason is GapReason.FOREIGN] == [1]


def test_a_stay_that_may_not_be_read_is_refused(server, ehr):
    server.tell("GET", f"/{STAY}", Told(403))
    with pytest.raises(EhrRefused):
        gather(STAY, ehr, today=TODAY)


def test_a_patient_who_may_not_be_read_leaves_no_record(server, ehr):
    server.tell("GET", "/Patient/p1", Told(403))
    with pytest.raises(NotShown, match="patient of this stay") as caught:
        gather(STAY, ehr, today=TODAY)
    assert (caught.value.reference, caught.value.is_absent) == ("Patient/p1", False)


def test_a_patient_who_cannot_be_read_now_is_worth_another_try(server, ehr):
    server.tell("GET", "/Patient/p1", Told(503))
    with pytest.raises(EhrUnavailable):
        gather(STAY, ehr, today=TODAY)


def test_a_stay_of_nobody_cannot_be_planned(server, ehr):
    server.tell("GET", f"/{STAY}", fhir(encounter(subject=None)))
    with pytest.raises(BadInput, match="names no patient"):
        gather(STAY, ehr, today=TODAY)


@pytest.mark.parametrize("period", [None, "2024", {"start": "2024-03-01"}, {"end": "soon"}, {"end": "2024"}])
def test_a_stay_whose_end_cannot_be_read_is_looked_at_from_today(server, ehr, period):
    server.tell("GET", "/metadata", statement(Observation=("patient", "date")))
    server.tell("GET", f"/{STAY}", fhir(encounter(period=period)))
    gather(STAY, ehr, today=TODAY)
    [asked] = [one.path for one in server.asked if one.path.startswith("/Observation")]
    assert "date=ge2023-02-03" in asked


def test_a_stay_of_long_ago_is_looked_at_from_its_own_end(server, ehr):
    server.tell("GET", "/metadata", statement(Observation=("patient", "date")))
    past = {"start": "2019-03-01T08:00:00Z", "end": "2019-03-05T08:00:00Z"}
    server.tell("GET", f"/{STAY}", fhir(encounter(period=past)))
    gather(STAY, ehr, today=TODAY)
    [asked] = [one.path for one in server.asked if one.path.startswith("/Observation")]
    assert "date=ge2018-02-02" in asked


FORM = "http://forms.example/Questionnaire/hvs"


def _answered(address):
    coded = {"system": systems.LOINC, "code": "LA28397-0"}
    return resource(
        "QuestionnaireResponse",
        "q1",
        status="completed",
        authored="2024-03-02",
        questionnaire=address,
        item=[{"linkId": "1.1", "answer": [{"valueCoding": coded}]}],
    )


def _form():
    item = {"linkId": "1.1", "code": [{"system": systems.LOINC, "code": "88122-7"}]}
    return {"resourceType": "Questionnaire", "id": "f", "url": FORM, "item": [item]}


def _tell_of_form(server, address):
    offered = statement(QuestionnaireResponse=("patient",), Questionnaire=("url",))
    server.tell("GET", "/metadata", offered)
    path = "/QuestionnaireResponse?patient=p1&_count=1000"
    server.tell("GET", path, searchset(path, _answered(address)))


def test_a_form_is_read_where_answers_name_their_questions_only_by_it(server, ehr):
    _tell_of_form(server, "Questionnaire/f")
    server.tell("GET", "/Questionnaire/f", fhir(_form()))
    (answer,) = gather(STAY, ehr, today=TODAY).observations
    assert answer.codes[0].code == "88122-7"


def test_a_form_is_found_by_its_address_and_its_host_is_not_called(server, ehr):
    _tell_of_form(server, FORM)
    path = f"/Questionnaire?url={quote(FORM, safe='')}&_count=1000"
    server.tell("GET", path, searchset(path, _form()))
    (answer,) = gather(STAY, ehr, today=TODAY).observations
    assert answer.codes[0].code == "88122-7"


def test_a_form_that_cannot_be_read_is_a_gap_and_its_answers_stay(server, ehr):
    _tell_of_form(server, "Questionnaire/f")
    server.tell("GET", "/Questionnaire/f", Told(404))
    record = gather(STAY, ehr, today=TODAY)
    assert [gap.reason for gap in gaps_of(record, "Questionnaire")] == [GapReason.REFUSED]
    assert [answer.codes[0].code for answer in record.observations] == ["1.1"]


EPIC = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
UNNAMED: Json = {"class": {"system": EPIC, "code": "1"}}


@pytest.mark.parametrize(
    "sent",
    [
        {"system": EPIC, "code": "1", "display": "Inpatient"},
        {"code": "imp"},
        {"code": "inpatient"},
        [{"coding": [{"code": "7"}]}, {"coding": [{"system": systems.ACT_CODE, "code": "IMP"}]}],
        {"coding": [{"system": "urn:example", "code": "7"}, {"code": "ACUTE"}]},
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "I"},
    ],
)
def test_a_stay_is_known_by_its_class_as_at_every_other_door(server, ehr, sent):
    server.tell("GET", f"/{STAY}", fhir(encounter(**{"class": sent})))
    assert gather(STAY, ehr, today=TODAY).encounter.reference == STAY


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"code": "AMB"}, "not an inpatient stay"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "O"}, "not an inpatient stay"),
        ({"system": EPIC, "code": "1"}, "encounter_classes"),
        (None, "has no class"),
    ],
)
def test_what_is_no_stay_is_refused_with_the_remedy(server, ehr, sent, said):
    server.tell("GET", f"/{STAY}", fhir(encounter(**{"class": sent})))
    with pytest.raises(NotAnInpatientStay, match=said):
        gather(STAY, ehr, today=TODAY)


def test_a_hospital_says_what_its_own_classes_mean(server, ehr):
    server.tell("GET", f"/{STAY}", fhir(encounter(**UNNAMED)))
    named = Conventions(encounter_classes={"1": "IMP"})
    assert gather(STAY, ehr, today=TODAY, conventions=named).encounter.class_code == "IMP"


def _part(number, whole, /, **more):
    return encounter(number, partOf={"reference": f"Encounter/{whole}"}, **more)


def test_the_record_of_a_contact_is_that_of_the_stay_around_it(server, ehr):
    server.tell("GET", "/Encounter/ward", fhir(_part("ward", "department", class_code="IMP")))
    server.tell("GET", "/Encounter/department", fhir(_part("department", "e1")))
    assert gather("Encounter/ward", ehr, today=TODAY).encounter.reference == STAY


def test_an_encounter_that_was_merged_leads_to_the_stay_that_remains(server, ehr):
    nothing = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
    gone = _part("gone", "e1", status="unknown", subject=nothing, period=None, **{"class": nothing})
    server.tell("GET", "/Encounter/gone", fhir(gone))
    assert gather("Encounter/gone", ehr, today=TODAY).encounter.reference == STAY
    server.tell("GET", f"/{STAY}", Told(404))
    with pytest.raises(NotAnInpatientStay, match=STAY):
        gather("Encounter/gone", ehr, today=TODAY)


def test_a_part_whose_stay_may_not_be_read_is_read_itself(server, ehr):
    server.tell("GET", f"/{STAY}", Told(403))
    server.tell("GET", "/Encounter/ward", fhir(_part("ward", "e1")))
    assert gather("Encounter/ward", ehr, today=TODAY).encounter.reference == "Encounter/ward"


def test_a_circle_of_parts_is_read_once(server, ehr):
    server.tell("GET", "/Encounter/a", fhir(_part("a", "b")))
    server.tell("GET", "/Encounter/b", fhir(_part("b", "a")))
    assert gather("Encounter/a", ehr, today=TODAY).encounter.reference == "Encounter/a"
    assert len([one for one in server.asked if one.path.startswith("/Encounter/")]) == 2


@pytest.mark.parametrize(
    "end", ["2024-03-05T02:30:00Z", "2024-03-04T21:30:00-05:00", "2024-03-05T11:30:00+09:00"]
)
def test_a_stay_ends_on_the_hospitals_day_however_its_end_is_written(server, ehr, end):
    over = encounter(status="finished", period={"start": "2024-03-01T08:00:00Z", "end": end})
    server.tell("GET", f"/{STAY}", fhir(over))
    there = Conventions(zone=ZoneInfo("America/New_York"))
    stay = gather(STAY, ehr, today=TODAY, conventions=there).encounter
    assert stay.end is not None
    assert stay.end.date() == date(2024, 3, 4)


MRN = {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "example-mrn-7"}


def test_a_stay_that_names_its_patient_by_number_is_read_where_the_number_is_one_persons(server, ehr):
    known = patient(identifier=[MRN])
    server.tell("GET", "/metadata", statement(Condition=("patient",), Patient=("identifier",)))
    server.tell("GET", f"/{STAY}", fhir(encounter(subject={"identifier": MRN})))
    server.tell("GET", "/Patient/p1", fhir(known))
    asked = "/Patient?identifier=urn%3Aoid%3A2.16.840.1.113883.19.5%7Cexample-mrn-7&_count=1000"
    server.tell("GET", asked, searchset(asked, known))
    assert gather(STAY, ehr, today=TODAY).patient.reference == "Patient/p1"
    server.tell("GET", asked, searchset(asked, known, patient("p2", identifier=[MRN])))
    with pytest.raises(BadInput, match="names no patient"):
        gather(STAY, ehr, today=TODAY)


def test_absolute_references_to_this_server_count_however_it_is_spelt(server, ehr):
    path = "/Condition?patient=p1&_count=1000"
    base = server.url.replace("http", "HTTP")
    mine = condition("c1", "I50.9", subject={"reference": f"{base}/Patient/p1/_history/2"})
    server.tell("GET", path, searchset(path, mine))
    assert [fact.reference for fact in gather(STAY, ehr, today=TODAY).facts] == ["Condition/c1"]
