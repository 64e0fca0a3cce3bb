from datetime import date

from fhir_mappings import systems
from fhir_mappings.inbound.coverage import coverage
from service.domain.codes import Code, System
from tests.builders import concept, resource


def _read(**more):
    return coverage(
        resource("Coverage", "c", status="active", **more), {"Organization/o": {"name": "Medicaid"}}
    )


def test_an_insurance_has_type_payer_and_period():
    found = _read(
        type=concept("PUBLICPOL", systems.ACT_CODE),
        payor=[{"reference": "Organization/o"}],
        period={"start": "2024-01-01", "end": "2024-12"},
    )
    assert found
    assert (found.reference, found.status, found.payor) == ("Coverage/c", "active", "Medicaid")
    assert found.types == (Code(System.ACT_CODE, "PUBLICPOL"),)
    assert (found.start, found.end) == (date(2024, 1, 1), date(2024, 12, 31))


def test_the_name_of_the_plan_stands_in_for_a_payer():
    found = _read(payor=[{"reference": "Organization/x"}], **{"class": [{"name": "Gold Plan"}]})
    assert found
    assert found.payor == "Gold Plan"


def test_a_type_may_be_words_only():
    found = _read(type={"text": "Medicare (Part A/B)"})
    assert found
    assert found.types == (Code(System.TEXT, "Medicare (Part A/B)"),)


def test_an_insurance_that_says_nothing_is_not_understood():
    assert _read(type=5, payor="x") is None
