"""The same diagnosis in ICD-10-CM and in SNOMED CT raises the same needs, with the same certainty."""

from typing import Any

import pytest

from service.domain.codes import Code, System
from service.domain.need import NeedState
from service.pipeline.assess import assess
from service.pipeline.assess.risk.charlson import categories_of
from tests.cases_reader import TODAY, read_record
from tests.unit.pipeline.assess.shipped import CONTENT

_RAISED = frozenset({NeedState.PRESENT})

#: ICD-10-CM, SNOMED CT, and one need that the diagnosis raises.
PAIRS = (
    ("I63.9", "111297002", "stroke-rehabilitation"),
    ("I63.9", "116288000", "stroke-rehabilitation"),
    ("I63.9", "422504002", "stroke-rehabilitation"),
    ("I63.9", "432504007", "stroke-rehabilitation"),
    ("I63.30", "195189003", "stroke-rehabilitation"),
    ("I63.40", "195190007", "stroke-rehabilitation"),
    ("I61.9", "274100004", "stroke-rehabilitation"),
    ("I60.9", "21454007", "stroke-rehabilitation"),
    ("I69.351", "442733008", "stroke-rehabilitation"),
    ("I21.3", "401303003", "cardiac-rehabilitation"),
    ("I21.4", "401314000", "cardiac-rehabilitation"),
    ("I21.19", "73795002", "cardiac-rehabilitation"),
    ("I50.20", "417996009", "heart-failure-care"),
    ("I50.30", "418304008", "heart-failure-care"),
    ("I50.23", "443253003", "heart-failure-care"),
    ("I50.33", "443344007", "heart-failure-care"),
    ("I50.42", "153941000119100", "heart-failure-care"),
    ("I11.0", "5148006", "heart-failure-care"),
    ("I48.0", "282825002", "anticoagulation-monitoring"),
    ("I48.19", "440059007", "anticoagulation-monitoring"),
    ("I48.3", "720448006", "anticoagulation-monitoring"),
    ("I26.99", "706870000", "anticoagulation-monitoring"),
    ("I82.409", "132281000119108", "anticoagulation-monitoring"),
    ("Z79.01", "711150003", "anticoagulation-monitoring"),
    ("J44.1", "195951007", "pulmonary-rehabilitation"),
    ("J44.0", "196001008", "pulmonary-rehabilitation"),
    ("J43.9", "87433001", "pulmonary-rehabilitation"),
    ("J84.112", "700250006", "pulmonary-rehabilitation"),
    ("J96.11", "428173007", "home-oxygen"),
    ("J96.21", "10672271000119100", "home-oxygen"),
    ("Z99.81", "931000119107", "home-oxygen"),
    ("Z99.11", "444932008", "respiratory-support"),
    ("Z93.0", "302108003", "respiratory-support"),
    ("N18.6", "46177005", "dialysis-access"),
    ("Z99.2", "105502003", "dialysis-access"),
    ("E11.10", "421750000", ""),
    ("G30.9", "26929004", "dementia-care"),
    ("F01.50", "429998004", "dementia-care"),
    ("G31.83", "80098002", "dementia-care"),
    ("G31.09", "230270009", "dementia-care"),
    ("F05", "2776000", "dementia-care"),
    ("S72.009A", "5913000", "rehabilitation"),
    ("S72.146A", "89820008", "rehabilitation"),
    ("J69.0", "422588002", "rehabilitation"),
    ("R26.89", "394616008", "rehabilitation"),
    ("R54", "404904002", "rehabilitation"),
    ("S06.0X0A", "62106007", "brain-injury-care"),
    ("S06.9X9A", "127295002", "brain-injury-care"),
    ("S06.5X0A", "262952002", "brain-injury-care"),
    ("G82.50", "11538006", "brain-injury-care"),
    ("L89.154", "1163224003", "wound-care"),
    ("L89.153", "1163222004", "wound-care"),
    ("L89.159", "225562005", "pressure-injury-risk"),
    ("E11.621", "1521000119100", "wound-care"),
    ("T20.30XA", "403192003", "wound-care"),
    ("H54.3", "193699007", "vision-rehabilitation"),
    ("H33.009", "19620000", "vision-rehabilitation"),
    ("H34.10", "38742007", "vision-rehabilitation"),
    ("H91.90", "15188001", "hearing-communication"),
    ("H90.5", "60700002", "hearing-communication"),
    ("C50.919", "254837009", "oncology-navigation"),
    ("C34.90", "254637007", "oncology-navigation"),
    ("C25.9", "372142002", "oncology-navigation"),
    ("C78.7", "94381002", "palliative-care"),
    ("C79.51", "94222008", "palliative-care"),
    ("R64", "238108007", "palliative-care"),
    ("G12.21", "86044005", "palliative-care"),
    ("I50.84", "67431000119105", "palliative-care"),
    ("F32.9", "370143000", "behavioral-health"),
    ("F33.1", "18818009", "behavioral-health"),
    ("F20.0", "64905009", "behavioral-health"),
    ("F25.9", "68890003", "behavioral-health"),
    ("F31.9", "13746004", "behavioral-health"),
    ("R45.851", "6471006", "self-harm-risk"),
    ("T14.91XA", "82313006", "self-harm-risk"),
    ("F11.20", "75544000", "substance-use-treatment"),
    ("F10.20", "66590003", "substance-use-treatment"),
    ("F10.231", "8635005", "substance-use-treatment"),
    ("F14.20", "31956009", "substance-use-treatment"),
    ("F19.20", "51339003", "substance-use-treatment"),
    ("F17.210", "65568007", "tobacco-cessation"),
    ("Z37.0", "169826009", "maternal-newborn"),
    ("O80", "177184002", "maternal-newborn"),
    ("O14.90", "398254007", "maternal-newborn"),
    ("O72.1", "47821001", "maternal-newborn"),
    ("O03.9", "17369002", "maternal-newborn"),
    ("O00.90", "34801009", "maternal-newborn"),
    ("Z37.1", "237364002", "maternal-newborn"),
    ("Z33.2", "57797005", "maternal-newborn"),
    ("Z59.00", "32911000", "homelessness"),
    ("Z59.41", "733423003", "food-insecurity"),
    ("Z59.82", "713458007", "transportation-insecurity"),
    ("Z56.0", "73438004", "employment-status"),
    ("Z60.4", "422650009", "social-connection"),
    ("Z65.1", "45361006", "incarceration-status"),
    ("Z65.3", "22268004", "legal-need"),
    ("Z55.0", "161138004", "personal-health-literacy"),
    ("Z55.9", "4506002", "educational-attainment"),
    ("Z63.6", "288231000119101", "dependant-care"),
    ("Z59.6", "424860001", "financial-insecurity"),
    ("Z91.148", "129834002", "medication-adherence"),
    ("R29.6", "279992002", "fall-risk"),
    ("W19.XXXA", "217082002", "fall-risk"),
    ("Z99.3", "105503008", "durable-medical-equipment"),
    ("Z74.01", "160685001", "functional-dependence"),
    ("R40.3", "24473007", "functional-dependence"),
    ("Z73.3", "73595000", "stress"),
)
#: ICD-10-CM, SNOMED CT, and the category of the Charlson index that both are of.
CATEGORIES = (
    ("I21.3", "401303003", "Myocardial infarction"),
    ("I25.2", "1755008", "Myocardial infarction"),
    ("I50.33", "443344007", "Congestive heart failure"),
    ("I73.9", "399957001", "Peripheral vascular disease"),
    ("I63.9", "111297002", "Cerebrovascular disease"),
    ("I69.351", "442733008", "Cerebrovascular disease"),
    ("G30.9", "26929004", "Dementia"),
    ("J44.1", "195951007", "Chronic pulmonary disease"),
    ("J45.909", "195967001", "Chronic pulmonary disease"),
    ("M06.9", "69896004", "Rheumatic disease"),
    ("K74.60", "19943007", "Mild liver disease"),
    ("B18.2", "128302006", "Mild liver disease"),
    ("E11.9", "44054006", "Diabetes without chronic complication"),
    ("E11.40", "368581000119106", "Diabetes with chronic complication"),
    ("G81.90", "50582007", "Hemiplegia or paraplegia"),
    ("N18.30", "433144002", "Renal disease"),
    ("N18.6", "46177005", "Moderate or severe renal disease"),
    ("C50.919", "254837009", "Any malignancy"),
    ("K72.10", "235886005", "Moderate or severe liver disease"),
    ("C79.51", "94222008", "Metastatic solid tumor"),
    ("B20", "62479008", "AIDS/HIV"),
)
#: Codes that name the same thing without being it: of the family, of the past, only thought of, of another place.
NEAR_MISSES = (
    ("275526006", "History of cerebrovascular accident"),
    ("161511000", "History of transient ischemic attack"),
    ("399211009", "History of myocardial infarction"),
    ("161502000", "History of myocardial infarct at age less than sixty"),
    ("161622006", "History of lower limb amputation"),
    ("429280009", "History of amputation of foot"),
    ("161621004", "History of upper limb amputation"),
    ("161744009", "Past pregnancy history of miscarriage"),
    ("85248005", "Bipolar disorder in remission"),
    ("63181006", "Paranoid schizophrenia in remission"),
    ("191821007", "Opioid dependence in remission"),
    ("191813001", "Chronic alcoholism in remission"),
    ("92691004", "Carcinoma in situ of prostate"),
    ("315268008", "Suspected prostate cancer"),
    ("162573006", "Suspected lung cancer"),
    ("391096007", "Family history of maternal hip fracture"),
    ("445121000124105", "Family history of paternal hip fracture"),
    ("714628002", "Prediabetes"),
    ("266948004", "Has a criminal record"),
)


def _raised(record: dict[str, Any]) -> dict[str, str]:
    assessment = assess(read_record(record), CONTENT, today=TODAY)
    return {need.code: str(need.certainty) for need in assessment.needs if need.state in _RAISED}


@pytest.mark.parametrize(("icd10cm", "snomed", "need"), PAIRS, ids=lambda value: value or "none")
@pytest.mark.parametrize(
    "placed", [{}, {"days_ago": "20"}, {"status": "resolved"}], ids=["stay", "list", "over"]
)
def test_the_same_diagnosis_raises_the_same_needs_in_both_systems(
    icd10cm: str, snomed: str, need: str, placed: dict[str, str]
) -> None:
    by_icd = _raised({"patient": {"age": "70"}, "conditions": [{"icd10cm": icd10cm, **placed}]})
    by_snomed = _raised({"patient": {"age": "70"}, "conditions": [{"snomed": snomed, **placed}]})
    assert by_snomed == by_icd
    if not placed and need:
        assert need in by_icd


def test_the_table_is_over_all_kinds_of_need() -> None:
    assert len(PAIRS) > 60
    with_codes = {need for _, _, need in PAIRS if need}
    assert len(with_codes) > 30


@pytest.mark.parametrize(("snomed", "name"), NEAR_MISSES, ids=lambda value: value)
def test_what_only_sounds_like_it_raises_nothing(snomed: str, name: str) -> None:
    assert name
    plain = _raised({"patient": {"age": "70"}})
    assert _raised({"patient": {"age": "70"}, "conditions": [{"snomed": snomed}]}) == plain


@pytest.mark.parametrize(("icd10cm", "snomed", "category"), CATEGORIES, ids=lambda value: value)
def test_the_same_diagnosis_is_of_the_same_charlson_category(
    icd10cm: str, snomed: str, category: str
) -> None:
    by_icd = categories_of([Code(System.ICD10CM, icd10cm)], CONTENT.comorbidities)
    by_snomed = categories_of([Code(System.SNOMED, snomed)], CONTENT.comorbidities)
    assert [one.name for one in by_snomed] == [one.name for one in by_icd]
    assert category in {one.name for one in by_icd}
