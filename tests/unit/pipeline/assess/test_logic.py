"""Three-valued logic, and what each leaf makes of a record."""

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.codes import Code, System
from service.domain.evidence import Certainty
from service.domain.expression import (
    AllOf,
    AnyOf,
    AtLeast,
    CoverageTest,
    Expression,
    Insured,
    NoneOf,
    PatientTest,
    RelatedTest,
    RiskTest,
    StayTest,
    Truth,
    leaves,
)
from service.domain.record import Coverage, Kind, Language, Record, RelatedPerson
from service.pipeline.assess.findings import Findings, collect
from service.pipeline.assess.logic import evaluate, holds
from tests.builders import PATIENT, TODAY, answer, fact, person, record, stay
from tests.unit.pipeline.assess.shipped import CONTENT

YES, NO, OPEN = PatientTest(age_at_least=18), PatientTest(age_below=18), PatientTest(veteran=True)
OF_TRUTH = {Truth.TRUE: YES, Truth.FALSE: NO, Truth.UNKNOWN: OPEN}
TRUTHS = st.lists(st.sampled_from(list(Truth)), min_size=1, max_size=5)


def _findings(given: Record | None = None, site_language: str = "en") -> Findings:
    return collect(given or record(), CONTENT, today=TODAY, site_language=site_language)


def _truth(expression: Expression, given: Record | None = None) -> Truth:
    return evaluate(expression, _findings(given)).truth


def _parts(truths: list[Truth]) -> tuple[Expression, ...]:
    return tuple(OF_TRUTH[truth] for truth in truths)


@given(TRUTHS)
def test_any_is_the_greatest_and_all_the_least_of_its_parts(truths: list[Truth]) -> None:
    values = [truth.value for truth in truths]
    assert _truth(AnyOf(_parts(truths))).value == max(values)
    assert _truth(AllOf(_parts(truths))).value == min(values)


@given(TRUTHS)
def test_none_is_the_opposite_of_any(truths: list[Truth]) -> None:
    assert _truth(NoneOf(_parts(truths))).value == 2 - _truth(AnyOf(_parts(truths))).value


@given(TRUTHS, st.integers(1, 5))
def test_at_least_counts_what_is_true_and_what_could_be(truths: list[Truth], count: int) -> None:
    true = truths.count(Truth.TRUE)
    possible = true + truths.count(Truth.UNKNOWN)
    expected = Truth.TRUE if true >= count else Truth.UNKNOWN if possible >= count else Truth.FALSE
    assert _truth(AtLeast(count, _parts(truths))) is expected


@given(TRUTHS)
def test_the_order_of_parts_does_not_matter(truths: list[Truth]) -> None:
    backwards = truths[::-1]
    for combinator in (AnyOf, AllOf, NoneOf):
        assert _truth(combinator(_parts(truths))) is _truth(combinator(_parts(backwards)))


def test_leaves_are_found_at_any_depth() -> None:
    deep = AnyOf((AllOf((YES, NoneOf((NO,)))), AtLeast(1, (OPEN,))))
    assert leaves(deep) == (YES, NO, OPEN)


def test_an_expression_that_is_not_given_holds() -> None:
    assert holds(None, _findings())
    assert not holds(OPEN, _findings())


# --- the person ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("age", "test", "expected"),
    [
        (18, PatientTest(age_at_least=18), Truth.TRUE),
        (17, PatientTest(age_at_least=18), Truth.FALSE),
        (17, PatientTest(age_below=18), Truth.TRUE),
        (18, PatientTest(age_below=18), Truth.FALSE),
        (18, PatientTest(age_at_least=18, sex="male"), Truth.FALSE),
        (None, PatientTest(age_at_least=18), Truth.UNKNOWN),
        (None, PatientTest(age_at_least=18, sex="male"), Truth.FALSE),
    ],
)
def test_age_and_sex_are_asked_together(age: int | None, test: PatientTest, expected: Truth) -> None:
    born = None if age is None else TODAY.replace(year=TODAY.year - age)
    assert _truth(test, record(patient=person(birth_date=born))) is expected


def test_an_unknown_sex_is_unknown() -> None:
    assert _truth(PatientTest(sex="male"), record(patient=person(sex=""))) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("languages", "site", "expected"),
    [
        ((Language("es", preferred=True), Language("en")), "en", Truth.TRUE),
        ((Language("en-US", preferred=True),), "en", Truth.FALSE),
        ((Language("pt-BR"),), "pt", Truth.FALSE),
        ((Language("Haitian Creole", "Haitian Creole"),), "en", Truth.TRUE),
        ((Language("es"), Language("en")), "en", Truth.UNKNOWN),
        ((), "en", Truth.UNKNOWN),
    ],
)
def test_the_preferred_language_is_compared_with_the_sites(
    languages: tuple[Language, ...], site: str, expected: Truth
) -> None:
    findings = _findings(record(patient=person(languages=languages)), site)
    result = evaluate(PatientTest(foreign_language=True), findings)
    assert result.truth is expected
    assert bool(result.evidence) is bool(languages)


@pytest.mark.parametrize(
    ("flag", "expected"), [(True, Truth.TRUE), (False, Truth.FALSE), (None, Truth.UNKNOWN)]
)
def test_an_interpreter_and_a_veteran_are_told_or_unknown(*, flag: bool | None, expected: Truth) -> None:
    given = record(patient=person(interpreter=flag, veteran=flag))
    assert _truth(PatientTest(interpreter=True), given) is expected
    assert _truth(PatientTest(veteran=True), given) is expected


# --- coverage, stay, people ----------------------------------------------------------------------
def _coverage(number: int = 1, **more: Any) -> Coverage:
    return Coverage(f"Coverage/{number}", **{"status": "active", "payor": "Testcare", **more})


YESTERDAY = TODAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("coverages", "uninsured"),
    [
        ((), Truth.UNKNOWN),
        ((_coverage(status="entered-in-error"),), Truth.UNKNOWN),
        ((_coverage(),), Truth.FALSE),
        ((_coverage(status="cancelled"),), Truth.TRUE),
        ((_coverage(status="cancelled", start=YESTERDAY, end=YESTERDAY),), Truth.TRUE),
        ((_coverage(status="cancelled", start=YESTERDAY, end=TODAY),), Truth.FALSE),
        ((_coverage(status="draft"),), Truth.UNKNOWN),
        ((_coverage(end=YESTERDAY),), Truth.TRUE),
        ((_coverage(end=TODAY),), Truth.FALSE),
        ((_coverage(start=TODAY + timedelta(days=1)),), Truth.UNKNOWN),
        ((_coverage(payor="Self Pay"),), Truth.TRUE),
        ((_coverage(payor="NO_INSURANCE"),), Truth.TRUE),
        ((_coverage(payor="", types=(Code("", "81"),)),), Truth.TRUE),
        ((_coverage(payor="Self-pay"), _coverage(2)), Truth.FALSE),
    ],
)
def test_the_uninsured_have_only_self_pay_or_what_has_ended(
    coverages: tuple[Coverage, ...], uninsured: Truth
) -> None:
    given = record(coverages=coverages)
    assert _truth(CoverageTest(Insured.UNINSURED), given) is uninsured
    assert _truth(CoverageTest(Insured.INSURED), given).value == 2 - uninsured.value


@pytest.mark.parametrize(
    ("insurance", "military"),
    [
        ({"payor": "Department of Veterans Affairs"}, Truth.TRUE),
        ({"payor": "CHAMPVA"}, Truth.TRUE),
        ({"types": (Code(System.SOPT, "3211", "VA direct care"),)}, Truth.TRUE),
        ({"types": (Code(System.SOPT, "311", "TRICARE"),)}, Truth.TRUE),
        ({"payor": "", "types": (Code(System.SOPT, "33", "Indian Health Service"),)}, Truth.UNKNOWN),
        ({"types": (Code(System.SOPT, "512", "PPO"),)}, Truth.FALSE),
        ({"payor": "Medicare Part A"}, Truth.FALSE),
    ],
)
def test_the_insurance_of_who_served_and_their_families_is_known(
    insurance: dict[str, Any], military: Truth
) -> None:
    assert _truth(CoverageTest(Insured.MILITARY), record(coverages=(_coverage(**insurance),))) is military


def test_medicare_and_medicaid_are_known_by_name_or_typology() -> None:
    named = record(coverages=(_coverage(payor="Medicare Part A"),))
    typed = record(coverages=(_coverage(types=(Code(System.SOPT, "2111", "HMO"),)),))
    assert _truth(CoverageTest(Insured.MEDICARE), named) is Truth.TRUE
    assert _truth(CoverageTest(Insured.MEDICAID), named) is Truth.FALSE
    assert _truth(CoverageTest(Insured.MEDICAID), typed) is Truth.TRUE
    ended = evaluate(
        CoverageTest(Insured.UNINSURED), _findings(record(coverages=(_coverage(end=YESTERDAY),)))
    )
    assert [one.text for one in ended.evidence] == ["Testcare (not in force)"]


def test_the_stay_is_asked_for_class_disposition_source_and_length() -> None:
    given = record(
        encounter=stay(disposition=(Code(System.DISPOSITION, "home"),), admit_source=(Code("", "emd"),))
    )
    assert _truth(StayTest(classes=frozenset({"IMP"}), days_at_least=4), given) is Truth.TRUE
    assert _truth(StayTest(days_at_least=5), given) is Truth.FALSE
    assert _truth(StayTest(dispositions=frozenset({"snf"})), given) is Truth.FALSE
    assert _truth(StayTest(admit_sources=frozenset({"emd"})), given) is Truth.TRUE
    assert _truth(StayTest(days_at_least=1), record(encounter=stay(start=None))) is Truth.UNKNOWN
    assert (
        evaluate(StayTest(dispositions=frozenset({"home"})), _findings(given)).evidence[0].text
        == "Going to: home"
    )


def test_someone_is_there_while_active() -> None:
    sister = RelatedPerson("RelatedPerson/1", (Code("", "SIS", "sister"),))
    gone = RelatedPerson("RelatedPerson/2", (Code("", "FTH"),), end=YESTERDAY)
    given = record(related_persons=(sister, gone))
    assert _truth(RelatedTest(), given) is Truth.TRUE
    assert _truth(RelatedTest(frozenset({"SIS"})), given) is Truth.TRUE
    assert _truth(RelatedTest(frozenset({"FTH"})), given) is Truth.FALSE
    assert _truth(RelatedTest()) is Truth.FALSE


def test_a_risk_score_nobody_worked_out_is_unknown() -> None:
    assert _truth(RiskTest("LACE", at_least=10)) is Truth.UNKNOWN


# --- what counts ---------------------------------------------------------------------------------
HEART_FAILURE = next(p.present for p in CONTENT.protocols if p.ref.id == "heart-failure-care")
WOUND = next(p.present for p in CONTENT.protocols if p.ref.id == "wound-care")
STROKE = next(p.present for p in CONTENT.protocols if p.ref.id == "stroke-rehabilitation")


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({}, Certainty.SUPPORTED),
        ({"status": ""}, Certainty.SUPPORTED),
        ({"status": "recurrence"}, Certainty.SUPPORTED),
        ({"verification": "provisional"}, Certainty.UNCERTAIN),
        ({"verification": "unconfirmed"}, Certainty.UNCERTAIN),
        ({"verification": "differential"}, Certainty.UNCERTAIN),
        ({"status": "resolved"}, None),
        ({"status": "inactive"}, None),
        ({"status": "remission"}, None),
        ({"verification": "refuted"}, None),
        ({"verification": "entered-in-error"}, None),
        ({"ended": YESTERDAY}, None),
        ({"ended": TODAY + timedelta(days=9), "status": "resolved"}, Certainty.SUPPORTED),
        ({"began": date(2030, 1, 1)}, None),
        ({"began": TODAY + timedelta(days=1)}, Certainty.SUPPORTED),
    ],
)
def test_a_diagnosis_counts_by_its_status_verification_and_dates(
    said: dict[str, Any], counts: Certainty | None
) -> None:
    result = evaluate(HEART_FAILURE, _findings(record(fact("I50.9", **said))))
    assert result.truth is (Truth.TRUE if counts else Truth.FALSE)
    assert [one.certainty for one in result.evidence] == ([counts] if counts else [])


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({}, Truth.TRUE),
        ({"encounter": ""}, Truth.TRUE),
        ({"encounter": "", "began": date(2020, 1, 1)}, Truth.FALSE),
        ({"encounter": "Encounter/other"}, Truth.FALSE),
        ({"encounter": "", "began": None}, Truth.FALSE),
        ({"status": "resolved", "ended": date(2024, 3, 4)}, Truth.TRUE),
        ({"status": "resolved"}, Truth.FALSE),
        ({"status": "resolved", "ended": date(2023, 3, 4)}, Truth.FALSE),
    ],
)
def test_a_diagnosis_of_the_stay_is_linked_or_dated_within_it(said: dict[str, Any], counts: Truth) -> None:
    assert _truth(STROKE, record(fact("I63.9", **said))) is counts


def test_a_diagnosis_the_stay_names_is_of_the_stay() -> None:
    old = fact("I63.9", encounter="", began=date(2020, 1, 1))
    named = record(old, encounter=stay(diagnoses=((old.reference, "DD"),)))
    assert _truth(STROKE, named) is Truth.TRUE


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", Truth.TRUE),
        ("completed", Truth.TRUE),
        ("draft", Truth.FALSE),
        ("revoked", Truth.FALSE),
        ("entered-in-error", Truth.FALSE),
        ("do-not-perform", Truth.FALSE),
    ],
)
def test_an_order_counts_unless_it_is_void_or_a_draft(status: str, expected: Truth) -> None:
    pump = (Code(System.HCPCS, "E2402", "Negative pressure wound therapy pump"),)
    assert _truth(WOUND, record(fact("x", Kind.ORDER, status=status, codes=pump))) is expected


def test_the_latest_answer_to_a_question_tells_the_finding() -> None:
    smoking = (Code(System.LOINC, "72166-2"),)
    was = answer("72166-2", None, codes=smoking, answers=(Code(System.SNOMED, "77176002", "Smoker"),))
    now = answer(
        "72166-2",
        None,
        codes=smoking,
        answers=(Code(System.SNOMED, "8517006", "Ex-smoker"),),
        at=was.at and was.at + timedelta(days=1),
        reference="Observation/now",
    )
    tobacco = next(p for p in CONTENT.protocols if p.ref.id == "tobacco-cessation")
    assert _truth(tobacco.present, record(was)) is Truth.TRUE
    assert _truth(tobacco.present, record(was, now)) is not Truth.TRUE


def test_all_truth_tables_of_two_parts_are_kleenes() -> None:
    for one, other in product(Truth, repeat=2):
        assert _truth(AllOf(_parts([one, other]))).value == min(one.value, other.value)


def test_evidence_names_resource_code_day_and_words() -> None:
    (cited,) = evaluate(HEART_FAILURE, _findings(record(fact("I50.9", text="Heart failure")))).evidence
    assert (cited.reference, cited.code, cited.on, cited.text) == (
        "Condition/i50-9",
        Code(System.ICD10CM, "I50.9"),
        date(2024, 3, 1),
        "Heart failure",
    )
    assert PATIENT == "Patient/p1"
