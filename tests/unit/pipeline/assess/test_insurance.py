"""From Coverage in every coding of payers to what it is worth, and to the duties that Medicare brings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.assessment import Assessment
from service.domain.checklist import Mark
from service.domain.expression import CoverageTest, Insured, Truth
from service.domain.need import Need, NeedState
from service.pipeline.assess import assess
from service.pipeline.assess.findings import Findings, collect
from service.pipeline.assess.insurance import covered
from tests.builders import ENCOUNTER, TODAY, concept, encounter, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
KEYS = (
    "coding",
    "text",
    "code",
    "system",
    "display",
    "language",
    "preferred",
    "reference",
    "identifier",
    "value",
    "name",
    "start",
)
ABSENT, PRESENT, ASKED = NeedState.ABSENT, NeedState.PRESENT, NeedState.NOT_ASSESSED
SOPT = ("https://nahdo.org/sopt", "http://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5")
X12 = "https://x12.org/codes/claim-filing-indicator-codes"


def policy(number: str = "c", /, **more: Any) -> Json:
    return resource("Coverage", number, **{"status": "active", "period": {"start": "2020-01-01"}, **more})


def typed(system: str, code: str, **more: Any) -> Json:
    return policy(type=concept(code, system), **more)


def named(name: str, **more: Any) -> Json:
    return policy(payor=[{"display": name}], **more)


def assessed(*coverages: Json) -> Assessment:
    given = [patient(), encounter(), *coverages]
    return assess(build_record(given, encounter=ENCOUNTER, today=TODAY), CONTENT, today=TODAY)


def insurance(*coverages: Json) -> Need:
    needs = assessed(*coverages).needs
    return next(need for need in needs if need.code == "health-insurance-coverage-status")


def _findings(*coverages: Json) -> Findings:
    record = build_record([patient(), encounter(), *coverages], encounter=ENCOUNTER, today=TODAY)
    return collect(record, CONTENT, today=TODAY, site_language="en")


def is_of(state: Insured, *coverages: Json) -> Truth:
    return covered(CoverageTest(state), _findings(*coverages)).truth


def message(*coverages: Json) -> Mark:
    found = assessed(*coverages).compliance
    return next(item.mark for item in found if item.key == "important-message")


@pytest.mark.parametrize("system", SOPT)
@pytest.mark.parametrize(
    ("code", "found", "medicare"),
    [
        ("1", ABSENT, True),
        ("111", ABSENT, True),
        ("1112", ABSENT, True),
        ("122", ASKED, True),
        ("141", ABSENT, True),
        ("2", ABSENT, False),
        ("211", ABSENT, False),
        ("24", ASKED, None),
        ("299", ASKED, None),
        ("311", ABSENT, False),
        ("3114", ABSENT, True),
        ("321", ABSENT, False),
        ("33", ASKED, None),
        ("343", ASKED, None),
        ("3712", ABSENT, False),
        ("42", ASKED, None),
        ("512", ABSENT, False),
        ("523", ASKED, True),
        ("561", ASKED, None),
        ("6", ABSENT, False),
        ("623", ASKED, True),
        ("71", ABSENT, False),
        ("81", PRESENT, False),
        ("82", PRESENT, False),
        ("821", PRESENT, False),
        ("83", ASKED, None),
        ("84", PRESENT, False),
        ("85", ASKED, None),
        ("95", ASKED, None),
        ("96", ASKED, None),
        ("99", ASKED, None),
        ("9999", ASKED, None),
    ],
)
def test_the_payment_typology_says_what_cover_is_worth(
    system: str, code: str, found: NeedState, *, medicare: bool | None
) -> None:
    assert insurance(typed(system, code)).state is found
    truth = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.UNKNOWN}[medicare]
    assert is_of(Insured.MEDICARE, typed(system, code)) is truth


@pytest.mark.parametrize(
    ("code", "found"),
    [
        *((code, ABSENT) for code in ("12", "16", "BL", "CH", "CI", "FI", "HM", "MA", "MC", "VA")),
        *((code, ASKED) for code in ("11", "17", "AM", "DS", "LM", "MB", "TV", "WC", "ZZ")),
        ("09", PRESENT),
    ],
)
def test_x12_says_what_cover_is_worth(code: str, found: NeedState) -> None:
    assert insurance(typed(X12, code)).state is found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        *(
            (code, ABSENT)
            for code in ("EHCPOL", "HIP", "PUBLICPOL", "SUBSIDIZ", "MCPOL", "HMO", "PPO", "POS", "MANDPOL")
        ),
        *(
            (code, ASKED)
            for code in ("DENTAL", "DRUGPOL", "VISPOL", "AUTOPOL", "WCBPOL", "HSAPOL", "CRIME", "LTC", "EAP")
        ),
        *((code, PRESENT) for code in ("CHAR", "pay")),
    ],
)
def test_v3_codes_say_what_cover_is_worth(code: str, found: NeedState) -> None:
    assert insurance(typed(systems.ACT_CODE, code)).state is found
    assert insurance(typed("", code)).state is found


def test_self_pay_is_none_in_either_release() -> None:
    assert insurance(typed("http://terminology.hl7.org/CodeSystem/coverage-selfpay", "pay")).state is PRESENT
    assert insurance(policy(kind="self-pay")).state is PRESENT
    assert insurance(policy(kind="insurance", insurer={"display": "Sample Mutual"})).state is ABSENT
    assert insurance(policy(payor=[{"reference": "Patient/p1"}])).state is PRESENT


REAL = (
    *(
        "Aetna",
        "Sample Mutual",
        "Blue Cross Blue Shield",
        "UnitedHealthcare",
        "Anthem Blue Cross VA",
        "Independence Blue Cross",
    ),
    *(
        "Medicare",
        "MEDICARE PART A AND B",
        "Medicare A/B",
        "AETNA MEDICARE HMO",
        "Humana Gold Plus",
        "Medicare Part A",
    ),
    *(
        "Medicaid",
        "Medi-Cal",
        "MassHealth",
        "TennCare",
        "BadgerCare Plus",
        "VA Medicaid",
        "TRICARE Prime",
        "Veterans Affairs",
    ),
    *(
        "VA",
        "CHAMPVA",
        "Aetna Medical and Dental",
        "Self-insured employer plan",
        "Pendleton Health Plan",
        "Cashmere Mutual",
    ),
    *(
        "Non-Medicare retiree PPO",
        "Medicare Advantage Prescription Drug",
        "Blue Shield Medical, Dental & Vision",
    ),
)
NONE = (
    *(
        "Self Pay",
        "SELF-PAY",
        "SELFPAY",
        "SP",
        "Uninsured",
        "No Insurance",
        "NO_INSURANCE",
        "Charity care",
        "No charge",
    ),
    *("Financial assistance", "Private pay", "Cash", "None", "Indigent", "Hill-Burton"),
)
PENDING = (
    *(
        "Medicaid Pending",
        "MEDICAID PENDING",
        "MCAL PENDING",
        "Pending Medi-Cal",
        "MCD PEND",
        "Medicaid applicant",
        "PENDING",
    ),
    *("Medicaid (application filed)", "SSI applied"),
)
LIMITED = (
    *(
        "Emergency Medicaid",
        "Medicaid - emergency services only",
        "Family planning only Medicaid",
        "Restricted Medi-Cal",
    ),
    *(
        "Medicare Part B only",
        "Delta Dental",
        "Dental only",
        "VSP Vision Service Plan",
        "Workers Comp",
        "Worker's Compensation",
    ),
    *(
        "Auto insurance",
        "Third party liability",
        "Crime Victims Compensation",
        "County Medical Services Program",
        "County jail",
    ),
    *(
        "Indian Health Service",
        "Ryan White",
        "Medigap Plan G",
        "Medicare Supplement",
        "Medicare Part D",
        "SilverScript PDP",
    ),
)
NOT_KNOWN = (
    "Unknown",
    "UNAVAILABLE / NO PAYER SPECIFIED / BLANK",
    "Other",
    "N/A",
    "Unspecified",
    "Not on file",
    "Foreign national",
    "Payer Unknown",
    "No Payer",
    "Bad debt",
    "Medicaid - Inactive",
    "Medicare (termed)",
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *((name, ABSENT) for name in REAL),
        *((name, PRESENT) for name in NONE),
        *((name, ASKED) for name in (*PENDING, *LIMITED, *NOT_KNOWN)),
    ],
)
def test_names_say_what_cover_is_worth(name: str, found: NeedState) -> None:
    by_organization = policy(
        payor=[{"reference": "#o"}], contained=[{"resourceType": "Organization", "id": "o", "name": name}]
    )
    for coverage in (
        named(name),
        policy(type={"text": name}),
        policy(type=concept("7", "urn:local", name)),
        by_organization,
    ):
        assert insurance(coverage).state is found
    assert is_of(Insured.PENDING, named(name)) is (Truth.TRUE if name in PENDING else Truth.FALSE)
    assert is_of(Insured.LIMITED, named(name)) is (Truth.TRUE if name in LIMITED else Truth.FALSE)


@pytest.mark.parametrize("name", [*PENDING, *LIMITED])
def test_what_is_asked_says_why(name: str) -> None:
    need = insurance(named(name))
    assert need.question
    assert need.evidence[0].text.startswith(name)
    assert f"(On record: {need.evidence[0].text}.)" in need.question
    assert "applied for" in need.evidence[0].text or "some care only" in need.evidence[0].text


@pytest.mark.parametrize(
    "coverage",
    [
        named("Medicare"),
        named("MEDICARE A & B"),
        named("Aetna Medicare HMO"),
        named("Humana Gold Plus"),
        named("Medicare Part B"),
        named("Medigap Plan G"),
        named("Railroad Medicare"),
        named("Dual Complete"),
        policy(type={"text": "Medicare (Part A/B)"}),
        policy(payor=[{"identifier": {"value": "Centers for Medicare and Medicaid Services"}}]),
        policy(payor=[{"display": "Sample Mutual"}], **{"class": [{"value": "Medicare"}]}),
        policy(payor=[{"display": "Sample Mutual"}], **{"class": [{"name": "CMS-MEDICARE", "value": "1"}]}),
        policy(
            type=concept("SUBSIDIZ", systems.ACT_CODE),
            payor=[
                {
                    "identifier": {
                        "system": "https://bluebutton.cms.gov/resources/variables/payer",
                        "value": "1",
                    }
                }
            ],
            **{"class": [{"value": "Medicare"}, {"value": "Part A"}]},
        ),
        policy(
            type=concept("SUBSIDIZ", systems.ACT_CODE),
            extension=[{"url": "https://bluebutton.cms.gov/resources/variables/ms_cd"}],
        ),
        typed(X12, "MA"),
        typed(X12, "16"),
    ],
)
def test_medicare_in_any_spelling_brings_its_message(coverage: Json) -> None:
    assert message(coverage) is Mark.OPEN
    assert message(coverage, named("Self pay", id="s")) is Mark.OPEN
    assert is_of(Insured.MEDICAID, coverage) is not Truth.TRUE or "Dual" in str(coverage)


@pytest.mark.parametrize(
    "name", ["Aetna", "Medicaid", "TRICARE", "Non-Medicare retiree PPO", "Anthem Blue Cross VA", "Self Pay"]
)
def test_other_payers_do_not(name: str) -> None:
    assert message(named(name)) is Mark.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("name", "military"),
    [
        ("VA", True),
        ("Veterans Affairs", True),
        ("TRICARE Prime", True),
        ("VA Medicaid", False),
        ("Anthem VA", False),
    ],
)
def test_the_forces_and_virginia_are_told_apart(name: str, *, military: bool) -> None:
    assert is_of(Insured.MILITARY, named(name)) is (Truth.TRUE if military else Truth.FALSE)


@pytest.mark.parametrize(
    ("coverages", "found"),
    [
        ([named("Self pay"), named("Medicare", id="b")], ABSENT),
        ([named("Self pay"), named("Medicaid Pending", id="b")], PRESENT),
        ([named("Self pay"), named("Delta Dental", id="b")], ASKED),
        ([named("Delta Dental"), named("Aetna", id="b")], ABSENT),
        ([named("Medicare Part D"), named("Medicare Part A", id="b")], ABSENT),
        (
            [
                named("Aetna", period={"start": "2020-01-01", "end": "2023-01-01"}),
                named("Delta Dental", id="b"),
            ],
            ASKED,
        ),
        ([named("Aetna", period={"start": "2020-01-01", "end": "2023-01-01"})], PRESENT),
        ([named("Aetna", status="cancelled")], PRESENT),
        ([named("Aetna", status="draft")], ASKED),
        ([named("Aetna", status="entered-in-error")], ASKED),
        ([named("Aetna", period={"start": "2024-04-01"})], ASKED),
        ([typed(SOPT[0], "1", payor=[{"display": "Self pay"}])], ASKED),
        ([typed(SOPT[0], "9999", payor=[{"display": "Blue Cross"}])], ABSENT),
        ([typed(SOPT[0], "5", payor=[{"display": "Unknown"}])], ABSENT),
        ([typed(SOPT[0], "5", payor=[{"reference": "Patient/p1"}])], ABSENT),
        ([policy(payor=[{"display": "Unknown"}], **{"class": [{"value": "0123-A"}]})], ASKED),
        ([named("Aetna", **{"class": [{"type": concept("rxgroup"), "value": "RX DRUG PLAN"}]})], ABSENT),
        ([policy(payor=[{"identifier": {"system": "urn:naic", "value": "60054"}}])], ASKED),
        ([], ASKED),
    ],
)
def test_several_insurances_are_weighed_together(coverages: list[Json], found: NeedState) -> None:
    assert insurance(*coverages).state is found


def test_a_payer_whose_name_gives_away_a_disease_or_a_crime_is_labelled() -> None:
    for name in ("HIV-AIDS program", "Substance use program"):
        assert insurance(named(name)).labels
    assert not insurance(named("Aetna")).labels


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "payor", "insurer", "class", "period", "kind", "status", "network"]), JUNK
    )
)
def test_no_shape_of_an_insurance_breaks_reading_it(elements: Json) -> None:
    assert (
        covered(CoverageTest(Insured.INSURED), _findings(resource("Coverage", "c", **elements))).truth
        in Truth
    )


@given(JUNK)
def test_no_shape_of_a_language_breaks_reading_it(communication: object) -> None:
    who = patient(communication=communication)
    record = build_record([who, encounter()], encounter=ENCOUNTER, today=TODAY)
    assert all(language.tag or language.text for language in record.patient.languages)


@pytest.mark.parametrize("name", ["Guarantor Self", "Selbstzahler"])
def test_who_pays_alone_has_no_insurance(name: str) -> None:
    assert insurance(named(name)).state is NeedState.PRESENT
