from datetime import UTC, date, datetime

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.encounter import REASON, encounter, is_undated
from fhir_mappings.inbound.encounter_class import class_code
from service.domain.codes import Code, System
from service.domain.record import Participant
from tests import builders
from tests.builders import concept


def _read(today=None, **more):
    return encounter(builders.encounter(**more), {"Location/l": {"name": "Ward 4"}}, today=today)


def test_a_stay_is_read_with_its_class_times_and_people():
    found = _read(
        type=[concept("32485007", systems.SNOMED)],
        reasonCode=[{"text": "short of breath"}],
        priority=concept("EM", "act-priority"),
        serviceType={"text": "Oncology"},
        identifier=[{"system": "urn:x", "value": "1"}],
        partOf={"reference": "Encounter/e0"},
        participant=[
            {
                "type": [concept("ATND")],
                "individual": {"reference": "Practitioner/d", "display": "Dr Testdoctor"},
            },
            {"individual": "nobody"},
        ],
        location=[{"location": {"reference": "Location/l"}}, {"location": {"reference": "Location/x"}}],
        hospitalization={
            "dischargeDisposition": concept("home", systems.DISCHARGE_DISPOSITION),
            "admitSource": concept("emd"),
        },
    )
    assert (found.reference, found.status, found.class_code) == ("Encounter/e1", "in-progress", "IMP")
    assert found.start == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert found.end is None
    assert found.types == (Code(System.SNOMED, "32485007"),)
    assert found.reasons == ((Code(System.TEXT, "short of breath"),),)
    assert found.service_type == (Code(System.TEXT, "Oncology"),)
    assert [code.code for code in found.priority + found.admit_source] == ["EM", "emd"]
    assert found.disposition == (Code(System.DISPOSITION, "home"),)
    assert found.participants == (Participant("ATND", "Practitioner/d", "Dr Testdoctor"),)
    assert found.locations == ("Ward 4", "Location/x")
    assert found.part_of == "Encounter/e0"
    assert found.identifiers == ("urn:x|1",)


def test_diagnoses_name_their_use_and_the_reason_is_one_of_them():
    diagnosis = [
        {"condition": {"reference": "Condition/a"}, "use": concept("DD")},
        {"condition": {"reference": "Condition/b"}},
        {"condition": {}},
    ]
    found = _read(diagnosis=diagnosis, reasonReference=[{"reference": "Condition/c"}])
    assert found.diagnoses == (("Condition/a", "DD"), ("Condition/b", ""), ("Condition/c", REASON))


def test_the_names_that_r5_gave_to_elements_are_read():
    found = _read(
        period=None,
        actualPeriod={"start": "2024-03-02", "end": "2024-03-04"},
        admission={"dischargeDisposition": concept("snf", systems.DISCHARGE_DISPOSITION)},
        reason=[{"value": [{"concept": concept("I50.9", systems.ICD10CM)}]}],
        diagnosis=[{"condition": [{"reference": {"reference": "Condition/a"}}]}],
        participant=[{"actor": {"reference": "Practitioner/d"}}],
    )
    assert (found.start, found.end) == (datetime(2024, 3, 2, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC))
    assert found.disposition == (Code(System.DISPOSITION, "snf"),)
    assert found.reasons == ((Code(System.ICD10CM, "I50.9"),),)
    assert found.diagnoses == (("Condition/a", ""),)
    assert found.participants == (Participant("", "Practitioner/d"),)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"system": systems.ACT_CODE, "code": "IMP"}, "IMP"),
        ({"code": " imp "}, "IMP"),
        (concept("ACUTE", systems.ACT_CODE), "ACUTE"),
        ([concept("OBSENC", systems.ACT_CODE)], "OBSENC"),
        ("inpatient", "IMP"),
        ("AMB", "AMB"),
        (["IMP"], "IMP"),
        ([None, "IMP"], "IMP"),
        ({"code": "4", "display": "Inpatient"}, "IMP"),
        ({"code": 4, "display": "Lab visit"}, "4"),
        ({"display": "inpatient encounter"}, "IMP"),
        ({"text": "emergency"}, "EMER"),
        ({}, ""),
        (None, ""),
        (5, ""),
        ([], ""),
    ],
)
def test_a_class_is_read_however_it_was_sent(sent, code):
    assert class_code({"class": sent}) == code


def test_an_end_after_the_day_of_planning_has_not_come():
    period = {"start": "2024-03-01", "end": "2024-03-08T10:00:00Z"}
    assert _read(date(2024, 3, 7), period=period).end is None
    assert _read(date(2024, 3, 8), period=period).end == datetime(2024, 3, 8, 10, tzinfo=UTC)
    assert _read(period=period).end


def test_a_period_that_cannot_be_read_is_told():
    assert is_undated({"period": {"start": "?"}})
    assert is_undated({"period": {"start": "0001-01-01T00:00:00Z"}})
    assert is_undated({"period": "2024"})
    assert not is_undated({"period": {"start": "2024"}})
    assert not is_undated({})
