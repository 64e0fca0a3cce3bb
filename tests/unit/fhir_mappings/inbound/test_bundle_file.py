from datetime import date
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.inbound import bundle_file
from fhir_mappings.inbound.bundle_file import MAX_DEPTH, choose_stay, read_bundle
from fhir_mappings.inbound.record import build_record
from service.errors import BadInput, NotAnInpatientStay, TooLarge, UnknownEncounter
from tests.builders import ENCOUNTER, TODAY, Json, bundle, concept, condition, encounter, patient, resource

U1, U2 = "0f5e1c0a-8e0b-4d8f-9b3d-000000000001", "0f5e1c0a-8e0b-4d8f-9b3d-000000000002"


def _read(*entries, kind="transaction"):
    return read_bundle(orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)}))


def _stay(number, start=None, **more):
    return encounter(number, period={"start": start} if start else None, **more)


# --- reading ------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["collection", "transaction", "searchset"])
def test_the_resources_of_a_bundle_come_in_its_order(kind):
    sent = [patient(), encounter(), condition("c1", "I50.9")]
    assert read_bundle(orjson.dumps(bundle(*sent, kind=kind))) == sent


def test_a_byte_order_mark_is_forgiven():
    assert read_bundle(b"\xef\xbb\xbf" + orjson.dumps(bundle(patient()))) == [patient()]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("https://EHR.example/fhir/Patient/p1", "Patient/p1"),
        ("https://ehr.example:443/fhir/Patient/p1/_history/3", "Patient/p1"),
        ("https://ehr.example/fhir/Patient/p1/", "Patient/p1"),
        ("https://ehr.example/fhir2/Patient/p1", "https://ehr.example/fhir2/Patient/p1"),
        ("http://ehr.example/fhir/Patient/p1", "http://ehr.example/fhir/Patient/p1"),
    ],
)
def test_a_base_that_the_file_uses_counts_however_a_reference_spells_it(reference, found):
    stay = encounter(subject={"reference": reference})
    _, read = read_bundle(orjson.dumps(bundle(patient(), stay, base="https://ehr.example/fhir")))
    assert read["subject"] == {"reference": found}


def test_references_by_uuid_become_type_and_id():
    stay = encounter(
        U2, subject={"reference": f"urn:uuid:{U1}"}, partOf=[{"x": [{"reference": f"urn:uuid:{U1}"}]}]
    )
    _, read = _read(
        {"fullUrl": f"urn:uuid:{U1}", "resource": {"resourceType": "Patient"}},
        {"fullUrl": f"urn:uuid:{U2}", "resource": stay},
    )
    assert read["subject"] == {"reference": f"Patient/{U1}"}
    assert read["partOf"] == [{"x": [{"reference": f"Patient/{U1}"}]}]


def test_a_full_url_that_differs_from_the_id_leads_to_the_id():
    url = "https://hub.example/r4/organization/Crossroads-1"
    _, read = _read(
        {"fullUrl": url, "resource": resource("Organization", "CNY", patient="")},
        {"resource": encounter(serviceProvider={"reference": url})},
    )
    assert read["serviceProvider"] == {"reference": "Organization/CNY"}


@pytest.mark.parametrize(
    ("reference", "read"),
    [
        ("http://ehr.example/fhir/Practitioner/7", "Practitioner/7"),  # not in the file, under its base
        ("http://ehr.example/fhir/Patient/p1/_history/3", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("http://other.example/fhir/Patient/p1", "http://other.example/fhir/Patient/p1"),
        ("Practitioner?identifier=http://npi|123", "Practitioner?identifier=http://npi|123"),
        (f"urn:uuid:{U1}", f"urn:uuid:{U1}"),
        ("#contained", "#contained"),
    ],
)
def test_only_references_within_the_file_s_own_base_become_relative(reference, read):
    found = read_bundle(orjson.dumps(bundle(patient(), encounter(x={"reference": reference}))))
    assert found[1]["x"] == {"reference": read}


@pytest.mark.parametrize(
    ("full_url", "number"),
    [
        (f"urn:uuid:{U1}", U1),
        ("http://ehr.example/fhir/Goal/g7", "g7"),
        ("http://ehr.example/fhir/goals/7", None),
        (None, "entry-1"),
    ],
)
def test_a_resource_without_an_id_gets_the_same_one_each_time(full_url, number):
    entry = {"fullUrl": full_url, "resource": {"resourceType": "Goal"}}
    (one,), (again,) = _read(entry), _read(entry)
    assert one == again
    assert one["id"] == number or (number is None and UUID(one["id"]).version == 5)


def test_an_entry_that_is_no_object_is_counted_as_unreadable():
    found = _read(
        {"resource": patient()},
        {"resource": encounter()},
        {"resource": "?"},
        {"request": {"method": "DELETE"}},
    )
    record = build_record(found, encounter=ENCOUNTER)
    assert [(gap.about, gap.count) for gap in record.gaps] == [("Resource", 1)]


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"", "send a FHIR Bundle as JSON"),
        (b'{"resourceType": "Bundle",\n "entry": [}', r"line 2, column 12"),
        (b"\xff\xfe", "send a FHIR Bundle as JSON"),
        (b"[" * 3000, "send a FHIR Bundle as JSON"),
        (b"[]", "Bundle of type collection"),
        (b'{"resourceType": "Patient"}', "Bundle of type collection"),
        (orjson.dumps(bundle(patient(), kind="document")), "send type collection"),
        (orjson.dumps(bundle(patient(), kind="message")), "send type collection"),
        (orjson.dumps(bundle(patient(), kind="history")), "send type collection"),
        (orjson.dumps({"resourceType": "Bundle"}), "send type collection"),
        (orjson.dumps({"resourceType": "Bundle", "type": []}), "send type collection"),
        (orjson.dumps(bundle()), "no entries"),
        (orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": "x"}), "no entries"),
        (orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{}]}), "no resources"),
    ],
)
def test_what_is_no_such_bundle_is_refused_with_the_remedy(data, remedy):
    with pytest.raises(BadInput, match=remedy):
        read_bundle(data)


def test_nesting_beyond_all_fhir_is_refused():
    deep: Json = {}
    for _ in range(MAX_DEPTH):
        deep = {"extension": [deep]}
    with pytest.raises(BadInput, match="levels"):
        _read({"resource": patient(x=deep)})


def test_a_bundle_that_is_too_large_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(bundle_file, "MAX_BYTES", 2**20)
    with pytest.raises(TooLarge, match="1 MB"):
        read_bundle(b" " * (2**20 + 1))


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_bad_input(data):
    with pytest.raises(BadInput):
        read_bundle(data)


# --- choosing the stay --------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["e1", "Encounter/e1", " e1 "])
def test_a_stay_is_named_with_or_without_its_type(name):
    assert choose_stay([patient(), encounter()], name, TODAY) == ENCOUNTER


def test_without_a_name_the_inpatient_stay_that_began_last_is_planned():
    stays = [
        _stay("old", "1971-08-14"),
        _stay("last", "2018-09-24T13:03:01Z"),
        _stay("middle", "2018-09-24T12:00:00Z"),
    ]
    visits = [_stay("visit", "2024-03-01", class_code="AMB"), _stay("ed", "2024-03-01", class_code="EMER")]
    assert choose_stay([patient(), *stays, *visits], None, TODAY) == "Encounter/last"


@pytest.mark.parametrize("code", ["IMP", "ACUTE", "NONAC", "SS", "OBSENC"])
def test_every_class_of_hospital_stay_is_planned(code):
    assert choose_stay([patient(), encounter(class_code=code)], None, TODAY) == ENCOUNTER


@pytest.mark.parametrize("sent", ["inpatient", "IMP", [concept("IMP")], concept("IMP"), {"code": "imp"}])
def test_a_class_is_known_however_it_was_sent(sent):
    assert choose_stay([patient(), encounter(**{"class": sent})], None, TODAY) == ENCOUNTER


def test_a_stay_without_a_start_that_is_over_counts_as_the_oldest():
    over = _stay("z", status="finished")
    assert choose_stay([patient(), _stay("a", "1950"), over], None, TODAY) == "Encounter/a"
    assert choose_stay([patient(), _stay("z")], None, TODAY) == "Encounter/z"


def test_a_stay_without_a_start_that_goes_on_counts_before_what_is_long_over():
    over = _stay("over", "2024-02-01", status="finished")
    on = _stay("on", status="in-progress")
    assert choose_stay([patient(), over, on], None, TODAY) == "Encounter/on"
    ended = {**on, "period": {"end": "2023-01-01"}}
    assert choose_stay([patient(), over, ended], None, TODAY) == "Encounter/over"


def test_a_stay_that_begins_after_the_day_of_planning_waits_for_those_that_have_begun():
    stays = [_stay("begun", "2024-03-01"), _stay("planned", "2024-04-01"), _stay("later", "2024-05-01")]
    assert choose_stay([patient(), *stays], None, TODAY) == "Encounter/begun"
    assert choose_stay([patient(), *stays[1:]], None, TODAY) == "Encounter/planned"


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_stay_that_did_not_take_place_is_planned_only_when_it_is_named(status):
    off = _stay("off", "2024-03-02", status=status)
    assert choose_stay([patient(), off, _stay("on", "2024-03-01")], None, TODAY) == "Encounter/on"
    assert choose_stay([patient(), off], "off", TODAY) == "Encounter/off"
    with pytest.raises(NotAnInpatientStay, match="name it"):
        choose_stay([patient(), off], None, TODAY)


def test_two_patients_need_a_named_stay():
    both = [patient(), patient("p2"), encounter()]
    with pytest.raises(BadInput, match=r"2 patients.*--encounter"):
        choose_stay(both, None, TODAY)
    assert choose_stay(both, "e1", TODAY) == ENCOUNTER


@pytest.mark.parametrize(
    ("resources", "name", "error"),
    [
        ([encounter()], None, BadInput),
        ([encounter()], "e1", BadInput),
        ([patient()], None, NotAnInpatientStay),
        ([patient(), encounter(class_code="AMB")], None, NotAnInpatientStay),
        ([patient(), encounter(class_code="AMB")], "e1", NotAnInpatientStay),
        ([patient(), encounter() | {"class": None}], "e1", NotAnInpatientStay),
        ([patient(), encounter()], "e2", UnknownEncounter),
        ([patient(), encounter()], "Patient/p1", UnknownEncounter),
    ],
)
def test_what_cannot_be_planned_is_refused_with_its_own_error(resources, name, error):
    with pytest.raises(error) as raised:
        choose_stay(resources, name, TODAY)
    assert type(raised.value) is error
    assert str(raised.value).endswith(".")


def test_a_day_far_in_the_past_or_future_is_no_harm():
    assert choose_stay([patient(), encounter()], None, date.min) == ENCOUNTER
    assert choose_stay([patient(), encounter()], None, date.max) == ENCOUNTER


FAR = "https://ehr.example/r4/"


def test_a_file_without_full_urls_may_name_its_patient_absolutely_throughout():
    sent = [patient(), encounter(subject={"reference": f"{FAR}Patient/p1"})]
    sent.append(condition("c1", "I50.9", subject={"reference": f"{FAR}Patient/p1/_history/2"}))
    found = _read(*({"resource": one} for one in sent))
    assert [one["subject"]["reference"] for one in found[1:]] == ["Patient/p1", "Patient/p1"]


@pytest.mark.parametrize("other", ["Patient/p1", "https://other.example/r4/Patient/p1"])
def test_an_absolute_reference_beside_another_way_to_name_the_patient_stays_somebody_else_s(other):
    sent = [patient(), encounter(subject={"reference": other})]
    sent.append(condition("c1", "I50.9", subject={"reference": f"{FAR}Patient/p1"}))
    found = _read(*({"resource": one} for one in sent))
    assert [one["subject"]["reference"] for one in found[1:]] == [other, f"{FAR}Patient/p1"]


def test_a_contact_that_names_its_stay_by_identifier_is_part_of_it():
    visit = {"system": "urn:x-visits", "value": "V1"}
    whole = _stay("whole", "2024-02-20", identifier=[visit])
    ward = _stay("ward", "2024-02-25", partOf={"identifier": visit})
    assert choose_stay([patient(), whole, ward], None, TODAY) == "Encounter/whole"
