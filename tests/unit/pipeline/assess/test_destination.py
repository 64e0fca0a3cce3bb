"""Where the patient goes, in every spelling that records have for it, and what only looks like one."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.assessment import Assessment, Outcome
from service.domain.codes import Code, System
from service.domain.record import Encounter
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from service.pipeline.assess.destination import read_destination, unread_place
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT

TABLES = Path(__file__).parents[4] / "config" / "terminology"
NUBC = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
GERMAN = "http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle"
#: What a hospital numbers for itself; only its words count.
LOCAL = "urn:oid:1.2.840.114350.1.13.999.2.7.10.698084.18888"
UB04 = sorted(
    (code, place) for place in CONTENT.dispositions for code in place.ub04 if place.display != "Other"
)


def _assessed(disposition: Any, *more: a.Json) -> Assessment:
    given: a.Json = {"hospitalization": {"dischargeDisposition": disposition}}
    resources = [a.patient(), a.encounter(**given), *more]
    return assess(build_record(resources, encounter=a.ENCOUNTER, today=a.TODAY), CONTENT, today=a.TODAY)


def _going_to(disposition: Any, *more: a.Json) -> str:
    return _assessed(disposition, *more).disposition.ordered


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8") as table:
        yield from csv.DictReader(table)


# --- codes --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "spelled",
    [
        lambda code: a.concept(code, NUBC),
        lambda code: a.concept(code, "http://www.nubc.org/patient-discharge"),
        lambda code: a.concept(code, "http://terminology.hl7.org/CodeSystem/v2-0112"),
        lambda code: a.concept(code, "http://hl7.org/fhir/v2/0112"),
        lambda code: a.concept(code, "urn:oid:2.16.840.1.113883.6.301.5"),
        lambda code: a.concept(code, "https://bluebutton.cms.gov/resources/variables/ptnt_dschrg_stus_cd"),
        lambda code: a.concept(code, "http://hl7.org/fhir/discharge-disposition"),
        lambda code: a.concept(code.lstrip("0"), NUBC),
        lambda code: {"coding": [{"system": NUBC, "code": int(code)}]},
        a.concept,
        lambda code: a.concept(code.lstrip("0")),
        lambda code: {"coding": [{"code": int(code)}]},
        lambda code: {"text": code},
        lambda code: {"system": NUBC, "code": code},
        lambda code: [a.concept(code, NUBC)],
        lambda code: {"coding": [{"system": LOCAL, "code": "987"}, {"system": NUBC, "code": code}]},
    ],
)
def test_a_bills_code_for_a_place_is_read_in_every_way_it_is_sent(spelled: Any) -> None:
    for code, place in UB04:
        assert _going_to(spelled(code)) == place.code, code


@pytest.mark.parametrize(
    "system", ["", systems.DISCHARGE_DISPOSITION, "http://hl7.org/fhir/discharge-disposition"]
)
def test_a_fhir_code_for_a_place_is_read_with_any_of_its_systems_and_without(system: str) -> None:
    for place in CONTENT.dispositions:
        assert _going_to(a.concept(place.code, system)) == place.code
        assert _going_to(a.concept(place.code.upper(), system)) == place.code


def test_every_further_code_of_the_table_is_read_as_the_table_says() -> None:
    for row in _rows("disposition_codes.csv"):
        system = {"snomed": systems.SNOMED, "ub04": NUBC}.get(row["system"], row["system"])
        place = _assessed(a.concept(row["code"], system)).disposition
        assert (place.ordered, place.unread) == (row["place"], ""), row


def test_the_german_extension_for_the_reason_of_the_discharge_is_read() -> None:
    def german(code: str) -> a.Json:
        first = {"url": "ErsteUndZweiteStelle", "valueCoding": {"system": GERMAN, "code": code}}
        third = {
            "url": "DritteStelle",
            "valueCoding": {
                "system": "http://fhir.de/CodeSystem/dkgev/EntlassungsgrundDritteStelle",
                "code": "1",
            },
        }
        whole = {"url": "http://fhir.de/StructureDefinition/Entlassungsgrund", "extension": [first, third]}
        return {"extension": [whole]}

    assert [_going_to(german(code)) for code in ("01", "04", "09", "10", "11", "13")] == [
        "",
        "aadvice",
        "rehab",
        "snf",
        "hosp",
        "psy",
    ]
    assert [_assessed(german(code)).outcome for code in ("07", "06")] == [Outcome.DIED, Outcome.TRANSFERRED]


def test_a_number_of_the_hospitals_own_says_nothing_without_its_words() -> None:
    assert _assessed(a.concept("1", LOCAL)).disposition.unread == "1"
    assert _assessed(a.concept("20", LOCAL)).outcome is Outcome.GOING_HOME
    assert _going_to(a.concept("1", LOCAL, "Skilled Nursing Facility")) == "snf"
    assert _going_to(a.concept("20", LOCAL, "Home or Self Care")) == "home"
    assert _going_to(a.concept("20", LOCAL, text="Hospice/Home")) == "hosp"


def test_any_coding_may_decide_and_one_that_says_more_makes_another_exact() -> None:
    known, local = {"system": NUBC, "code": "51"}, {"system": LOCAL, "code": "8", "display": "Hospice"}
    for codings in ([known, local], [local, known]):
        named = _assessed({"coding": codings, "text": "Hospice - Medical Facility"}).disposition.named
        assert named
        assert (named.code, named.display, named.facility) == ("hosp", "Hospice in a facility", True)
    vague = {"system": systems.DISCHARGE_DISPOSITION, "code": "other-hcf"}
    assert _going_to({"coding": [vague], "text": "Skilled Nursing Facility (SNF)"}) == "snf"
    assert _assessed({"coding": [vague], "text": "LTACH"}).outcome is Outcome.GOING_HOME
    other = {"system": systems.DISCHARGE_DISPOSITION, "code": "oth"}
    assert _going_to({"coding": [other], "text": "Assisted living"}) == "long"
    assert _assessed({"coding": [other], "text": "Example Villa"}).disposition.unread == "Example Villa"


def test_codings_that_contradict_each_other_decide_nothing_and_are_told() -> None:
    home, nursing = {"system": NUBC, "code": "01"}, {"system": systems.DISCHARGE_DISPOSITION, "code": "snf"}
    for said in ({"coding": [home, nursing]}, {"coding": [home], "text": "Skilled nursing facility"}):
        assessment = _assessed(said)
        place = assessment.disposition
        assert (place.ordered, place.named, place.unread) == ("", None, "")
        assert (
            "home and skilled nursing facility" in place.alert
            or "skilled nursing facility and home" in place.alert
        )
        assert "disposition-mismatch" in {blocker.key for blocker in assessment.readiness.blockers}
    psychiatric = {"coding": [home, {"system": NUBC, "code": "65"}]}
    assert Label.PSY in _assessed(psychiatric).disposition.labels


# --- words --------------------------------------------------------------------------------------
def test_every_line_of_the_words_is_read_alone_with_a_number_and_as_a_sentence() -> None:
    for row in _rows("disposition_words.csv"):
        words = row["words"]
        for said in (words, words.upper(), f"01 - {words}", f"Discharged/transferred to {words}"):
            for code in (Code(System.TEXT, said), Code(LOCAL, "77", said)):
                read = read_destination(Encounter(a.ENCOUNTER, disposition=(code,)), CONTENT)
                place = read.place.code if read.place else ""
                assert (place, unread_place(read)) == (row["place"], ""), said


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("DISCHARGED TO HOME OR SELF CARE (ROUTINE DISCHARGE)", "home"),
        ("Home w/ Home Health", "home"),
        ("Home-Health Care Svc w/Plan Acute Hosp Re-admit", "home"),
        ("D/C'd home with daughter", "home"),
        (
            "Skilled Nursing Facility (SNF) with Medicare Certification in Anticipation of Covered Skilled Care",
            "snf",
        ),
        ("SNF: SNF-Skilled Nursing Facility", "snf"),
        ("Discharge to nursing home (procedure)", "snf"),
        ("Skilled Nursing Facility w/Plan Acute Hosp Re-admit", "snf"),
        ("Hospice - Medical Facility (Certified) Providing Hospice Level of Care", "hosp"),
        ("HOSP-MED FAC: HOSPICE - MEDICAL FACILITY", "hosp"),
        ("Disch/Trans to a distinct psych unit/hospital", "psy"),
        (
            "Inpatient Rehabilitation Facility (IRF) including Rehabilitation Distinct Part Units of a Hospital",
            "rehab",
        ),
        ("Medicaid Cert Nursing Facility", "long"),
        ("Facility w/ Custodial/Supportive Care", "long"),
        ("AMA: Against Medical Advice", "aadvice"),
        ("Left w/o being seen after triage", "aadvice"),
        ("Women\u2019s shelter", "alt-home"),
        ("Daughter's home", "alt-home"),
        ("Entlassung nach Hause", "home"),
        ("Entlassung in eine Pflegeeinrichtung", "snf"),
    ],
)
def test_a_hospitals_words_name_a_place(words: str, place: str) -> None:
    assert _going_to({"text": words}) == place


@pytest.mark.parametrize(
    "words",
    [
        "Hospice declined",
        "Rehab declined",
        "SNF - refused",
        "No hospice",
        "discharge home vs SNF",
        "Home or SNF",
        "SNF / Rehab",
        "Home (lives with wife, hospice discussed)",
        "Home oxygen 2 L",
        "Home health declined",
        "Not expired",
        "expiration pending",
        "Death imminent",
        "Home, wife deceased",
        "Home; insurance authorization expired",
        "SNF authorization expired",
        "Mother died",
        "Rehab before home",
        "Example Home Depot",
        "Psychiatrist to see first",
        "Amazing Grace",
        "Home " * 60,
    ],
)
def test_words_that_say_more_than_one_place_are_shown_and_decide_nothing(words: str) -> None:
    for concept in ({"text": words}, a.concept("4", LOCAL, words), words):
        assessment = _assessed(concept)
        place = assessment.disposition
        assert (place.ordered, place.named, assessment.outcome) == ("", None, Outcome.GOING_HOME)
        assert place.unread.startswith(words.strip()[:40])
        assert [gap.about for gap in assessment.gaps if "place" in gap.detail] == ["Encounter"]


@pytest.mark.parametrize("words", ["Still a patient", "Unknown", "Not Available", "TBD", "None"])
def test_who_is_not_leaving_yet_has_no_place_and_nothing_unread(words: str) -> None:
    place = _assessed({"text": words}).disposition
    assert (place.ordered, place.named, place.unread, place.alert) == ("", None, "", "")


@pytest.mark.parametrize(
    "bad", [None, 1, "", [], {}, {"coding": "x"}, {"coding": [None, 3]}, {"text": [5]}, [[]], True]
)
def test_a_disposition_of_no_shape_is_no_place_and_no_failure(bad: Any) -> None:
    assert _going_to(bad) == ""


# --- what asks for a place ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "hospice",
    [
        a.concept("50", NUBC),
        a.concept("hosp", systems.DISCHARGE_DISPOSITION),
        a.concept("428361000124107", systems.SNOMED),
        a.concept("428371000124100", systems.SNOMED),
        a.concept("3", LOCAL, "Hospice/Home"),
        {"text": "Home Hospice"},
        {"text": "Hospice - Medical Facility"},
    ],
)
def test_a_protocol_that_asks_for_a_place_is_met_by_any_spelling_of_it(hospice: Any) -> None:
    assessment = _assessed(hospice, a.condition("c1", "I50.9"))
    assert "hospice" in {need.code for need in assessment.present()}
    billed = _assessed(a.concept("50", NUBC), a.condition("c1", "I50.9"))
    assert {need.code for need in assessment.needs} == {need.code for need in billed.needs}


def test_a_code_with_a_planned_readmission_is_asked_for_by_the_code_without() -> None:
    stay = Encounter(a.ENCOUNTER, disposition=(Code(System.UB04, "83"),))
    assert read_destination(stay, CONTENT).codes() == {"snf", "83", "03"}


# --- orders -------------------------------------------------------------------------------------
def _order(*details: Any, number: str = "discharge") -> a.Json:
    code = a.concept("58000006", systems.SNOMED, "Patient discharge")
    given: a.Json = {
        "status": "active",
        "intent": "order",
        "code": code,
        "encounter": {"reference": a.ENCOUNTER},
    }
    return a.resource("ServiceRequest", number, **given, authoredOn="2024-03-04", orderDetail=list(details))


@pytest.mark.parametrize(
    ("detail", "place"),
    [
        (a.concept("snf", systems.DISCHARGE_DISPOSITION), "snf"),
        (a.concept("03", NUBC), "snf"),
        (a.concept("306694006", systems.SNOMED), "snf"),
        (a.concept("12", LOCAL, "Skilled Nursing Facility"), "snf"),
        ({"text": "Discharge to SNF"}, "snf"),
        ({"text": "Home w/ Home Health"}, "home"),
        (a.concept("428361000124107", systems.SNOMED), "hosp"),
        ({"text": "by car"}, ""),
        ({"text": "Home oxygen 2 L"}, ""),
        ({"text": "Hospice consult"}, ""),
        ({"text": "2"}, ""),
        (a.concept("1"), ""),
        (a.concept("hosp"), ""),
        (a.concept("91251008", systems.SNOMED, "Physical therapy"), ""),
        ({"text": "SNF - refused"}, ""),
    ],
)
def test_an_order_says_where_to_in_any_spelling_and_its_other_details_say_nothing(
    detail: Any, place: str
) -> None:
    assessment = _assessed(None, _order({"text": "with walker"}, detail))
    named = assessment.disposition.named
    assert (named.code if named else "", assessment.disposition.unread) == (place, "")
    assert named is None or named.by == "order"


def test_two_places_in_one_order_are_told_as_a_disagreement() -> None:
    assessment = _assessed(None, _order({"text": "Home"}, {"text": "SNF"}))
    assert assessment.disposition.named is None
    assert assessment.disposition.alert.startswith("The order names ")
