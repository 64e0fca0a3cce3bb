"""Procedures by ICD-10-PCS, CPT and HCPCS: which needs they raise, under every address, and which they do not."""

from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.pipeline.assess import assess
from tests.builders import ENCOUNTER, TODAY, encounter, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
PCS, CPT = "http://www.cms.gov/Medicare/Coding/ICD10", "http://www.ama-assn.org/go/cpt"
#: A need, the codes that raise it, and codes next to them that do not.
_TABLE: dict[str, tuple[list[str], list[str]]] = {
    "rehabilitation": (
        [
            "0SR90J9",
            "0SRB03A",
            "0SRR03Z",
            "0SRC0J9",
            "0SRD0JZ",
            "0SRT0J9",
            "0QS604Z",
            "0QS736Z",
            "0QH606Z",
            "0QR70JZ",
        ],
        ["0SP90JZ", "0SRF0JZ", "0RRJ0JZ", "0QS804Z", "0SG00A0"],
    ),
    "cardiac-rehabilitation": (
        ["02100Z9", "021209W", "027034Z", "02703ZZ", "02RF08Z", "02RF38Z", "02UG0JZ", "02QG0ZZ", "02YA0Z0"],
        ["021K0Z8", "0270", "02HK3JZ", "4A023N7", "B2111ZZ", "0JH606Z"],
    ),
    "amputation-care": (["0Y6H0Z2", "0Y6C0Z1", "0Y6N0Z9", "0Y6P0Z0", "0Y620ZZ"], ["0X6K0Z1", "0YU"]),
    "ostomy-care": (
        ["0D1B0Z4", "0D1N4Z4", "0D1L0Z4", "0T180ZD", "0T160ZC", "0T1B0ZD"],
        ["0D1B0ZH", "0DTN0ZZ", "0D160ZA", "0T160ZB", "0T9B30Z"],
    ),
    "enteral-nutrition": (
        ["0DH63UZ", "0DH64UZ", "0DH60UZ", "0DHA3UZ", "0D160Z4"],
        ["0DH67UZ", "0DH63DZ", "3E0G76Z"],
    ),
    "respiratory-support": (["0B110F4", "0B113Z4", "0B114F4"], ["0BH17EZ", "0B110D6", "5A1935Z", "0BP1XFZ"]),
    "dialysis-access": (
        ["5A1D70Z", "5A1D90Z", "5A1D00Z", "3E1M39Z"],
        ["5A1935Z", "3E1M38Z", "031C0AF", "0TY00Z0"],
    ),
    "maternal-newborn": (
        ["10D00Z0", "10D00Z1", "10D00Z2", "10E0XZZ", "10D07Z3", "10D07Z8"],
        ["10A07ZZ", "10D17ZZ", "0UT90ZZ", "10907ZC"],
    ),
    "oncology-navigation": (["3E03305", "3E04305"], ["3E0333Z", "3E03317"]),
    "stroke-rehabilitation": (["03CG3Z7", "03CG3ZZ"], ["03CK0ZZ", "3E03317"]),
}
_RAISED = [(need, code) for need, (codes, _) in _TABLE.items() for code in codes]
_NEAR = [(need, code) for need, (_, codes) in _TABLE.items() for code in codes]


def _needs(system: str, code: str, status: str = "completed") -> set[str]:
    done = resource(
        "Procedure",
        "x1",
        status=status,
        code={"coding": [{"system": "urn:oid:1.2.3", "code": "77"}, {"system": system, "code": code}]},
        encounter={"reference": ENCOUNTER},
        performedDateTime="2024-03-03",
    )
    read = build_record([patient(), encounter(), done], encounter=ENCOUNTER, today=TODAY)
    return {need.code for need in assess(read, CONTENT, today=TODAY).needs if need.state == "present"}


@pytest.mark.parametrize(("need", "code"), _RAISED)
def test_a_procedure_is_known_by_its_axes(need: str, code: str) -> None:
    assert need in _needs(PCS, code)


@pytest.mark.parametrize(("need", "code"), _NEAR)
def test_a_procedure_beside_it_is_not(need: str, code: str) -> None:
    assert need not in _needs(PCS, code)


@pytest.mark.parametrize(
    "system",
    [
        PCS,
        "http://hl7.org/fhir/sid/icd-10-pcs",
        "urn:oid:2.16.840.1.113883.6.4",
        "ICD-10-PCS",
        systems.ICD10CM,
    ],
)
def test_the_address_makes_no_difference(system: str) -> None:
    assert "rehabilitation" in _needs(system, "0sr90j9")


@pytest.mark.parametrize(
    ("need", "code"),
    [
        ("rehabilitation", "27447"),
        ("rehabilitation", "27130-RT"),
        ("rehabilitation", "27245"),
        ("maternal-newborn", "59510"),
        ("respiratory-support", "31600"),
        ("dialysis-access", "90935"),
        ("amputation-care", "27880"),
    ],
)
@pytest.mark.parametrize(
    "system", [CPT, "urn:oid:2.16.840.1.113883.6.12", "CPT-4", "urn:oid:2.16.840.1.113883.6.14"]
)
def test_cpt_is_read_under_its_addresses_with_modifiers(system: str, need: str, code: str) -> None:
    assert need in _needs(system, code)


def test_a_procedure_that_was_not_done_raises_nothing() -> None:
    assert "rehabilitation" in _needs(PCS, "0SR90J9")
    assert "rehabilitation" not in _needs(PCS, "0SR90J9", status="not-done")
    assert "rehabilitation" not in _needs(PCS, "0SR90J9", status="preparation")


def _evidence_in_words(words: str, code: Json | None = None) -> set[str]:
    coding = {"coding": [code | {"display": words}]} if code else {"text": words}
    done = resource("Procedure", "p1", status="completed", code=coding, encounter={"reference": ENCOUNTER})
    given = [patient(), encounter(), done | {"performedDateTime": "2024-03-01"}]
    found = assess(
        build_record(given, encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions), CONTENT, today=TODAY
    )
    return {need.code for need in found.needs if need.evidence}


@pytest.mark.parametrize("code", [None, {"system": "urn:oid:1.2.3", "code": "4711"}])
@pytest.mark.parametrize(
    ("need", "words"),
    [
        ("maternal-newborn", "Primary low transverse cesarean section"),
        ("maternal-newborn", "Spontaneous vaginal delivery"),
        ("amputation-care", "Left below-knee amputation"),
        ("amputation-care", "AKA, right"),
        ("respiratory-support", "Percutaneous tracheostomy"),
        ("enteral-nutrition", "PEG tube placement"),
        ("ostomy-care", "Creation of ileostomy"),
        ("rehabilitation", "ORIF hip fracture, left"),
        ("rehabilitation", "Total knee arthroplasty"),
    ],
)
def test_a_procedure_is_known_by_its_words(need: str, words: str, code: Json | None) -> None:
    assert need in _evidence_in_words(words, code)


@pytest.mark.parametrize("code", [None, {"system": "urn:oid:1.2.3", "code": "4711"}])
@pytest.mark.parametrize(
    ("need", "words"),
    [
        ("maternal-newborn", "Cesarean section declined"),
        ("maternal-newborn", "Repair of cesarean scar"),
        ("amputation-care", "Evaluation for below knee amputation"),
        ("amputation-care", "Amputation of finger"),
        ("respiratory-support", "Removal of tracheostomy tube"),
        ("respiratory-support", "Tracheostomy decannulation"),
        ("enteral-nutrition", "Gastrostomy tube removal"),
        ("ostomy-care", "Reversal of loop colostomy"),
        ("rehabilitation", "Consultation for knee replacement"),
    ],
)
def test_a_procedure_that_takes_away_or_only_talks_of_it_is_another(
    need: str, words: str, code: Json | None
) -> None:
    assert need not in _evidence_in_words(words, code)
