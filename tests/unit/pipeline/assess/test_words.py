"""A diagnosis none of whose codes is listed is read by its words: asked about where they speak of a need, and only there."""

from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.evidence import Certainty, Evidence
from service.domain.need import Need, NeedState
from service.domain.record import GapReason
from service.pipeline.assess import assess
from tests.builders import ENCOUNTER, TODAY, encounter, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
#: Well-formed, and in no list of ours.
UNLISTED = "999999999999108"
SNOMED, ICD10, ICD9 = systems.SNOMED, "http://hl7.org/fhir/sid/icd-10-de", "http://hl7.org/fhir/sid/icd-9-cm"
LOCAL = "urn:oid:1.2.840.114350.1.13.0.1.7.2.696871"


def _needs(*codings: Json, text: str = "") -> dict[str, str]:
    """The needs with evidence, and whether that decides them or is to be confirmed."""
    stated = resource(
        "Condition",
        "c1",
        clinicalStatus={"coding": [{"code": "active"}]},
        code={"coding": [*codings], **({"text": text} if text else {})},
        encounter={"reference": ENCOUNTER},
        recordedDate="2024-03-03",
    )
    read = build_record([patient(), encounter(), stated], encounter=ENCOUNTER, today=TODAY)
    found = assess(read, CONTENT, today=TODAY)
    return {need.code: _how_firm(need) for need in found.needs if need.evidence}


def _how_firm(need: Need) -> str:
    doubtful = {one.certainty for one in need.evidence} == {Certainty.UNCERTAIN}
    return "to confirm" if doubtful and need.state is NeedState.NOT_ASSESSED else str(need.state)


def _coding(system: str, code: str, display: str = "") -> Json:
    return {"system": system, "code": code, **({"display": display} if display else {})}


_SPOKEN = [
    ("Nonparalytic stroke (disorder)", "stroke-rehabilitation"),
    ("Cerebrovascular accident due to thrombus (disorder)", "stroke-rehabilitation"),
    ("Acute lacunar infarction", "stroke-rehabilitation"),
    ("Sequela of stroke (disorder)", "stroke-rehabilitation"),
    ("Single live birth (finding)", "maternal-newborn"),
    ("Deliveries by cesarean", "maternal-newborn"),
    ("Spontaneous abortion (disorder)", "maternal-newborn"),
    ("End stage renal failure on dialysis (disorder)", "dialysis-access"),
    ("Dependence on hemodialysis due to end stage renal disease", "dialysis-access"),
    ("Acute on chronic diastolic heart failure (disorder)", "heart-failure-care"),
    ("Acute non-ST segment elevation myocardial infarction", "cardiac-rehabilitation"),
    ("Malignant tumor of colon (disorder)", "oncology-navigation"),
    ("Diabetic ketoacidosis without coma due to type 1 diabetes mellitus", "diabetes-self-management"),
    ("Alzheimer's disease (disorder)", "dementia-care"),
    ("Paroxysmal atrial fibrillation (disorder)", "anticoagulation-monitoring"),
    ("Fracture of neck of femur (disorder)", "rehabilitation"),
    ("Colostomy present (finding)", "ostomy-care"),
    ("Tracheostomy present (finding)", "respiratory-support"),
    ("Below-knee amputation stump (finding)", "amputation-care"),
    ("Dependence on supplemental oxygen (finding)", "home-oxygen"),
    ("Severe recurrent major depression (disorder)", "behavioral-health"),
    ("Suicidal thoughts (finding)", "self-harm-risk"),
    ("History of suicide attempt (situation)", "self-harm-risk"),
    ("At risk of suicide (finding)", "self-harm-risk"),
    ("Victim of intimate partner abuse (finding)", "intimate-partner-violence"),
    ("Fear of partner violence", "intimate-partner-violence"),
    ("Opioid dependence (disorder)", "substance-use-treatment"),
    ("Heavy cigarette smoker (finding)", "tobacco-cessation"),
    ("Sheltered homelessness (finding)", "homelessness"),
    ("At risk of homelessness (finding)", "housing-instability"),
    ("Transport problem (finding)", "transportation-insecurity"),
    ("Severe food insecurity on U.S. scale", "food-insecurity"),
    ("At risk for falls (finding)", "fall-risk"),
    ("History of falling (situation)", "fall-risk"),
    ("Legal blindness (disorder)", "vision-rehabilitation"),
    ("Sensorineural hearing loss, bilateral", "hearing-communication"),
    ("Decubitus ulcer of sacrum", "wound-care"),
    ("Paraplegia (disorder)", "brain-injury-care"),
]


@pytest.mark.parametrize(("words", "need"), _SPOKEN)
@pytest.mark.parametrize("system", [SNOMED, ICD9, LOCAL, "http://id.who.int/icd/release/11/mms", ""])
def test_an_unlisted_code_of_any_system_is_asked_about_as_its_words_are(
    system: str, words: str, need: str
) -> None:
    assert _needs(_coding(system, UNLISTED, words)).get(need) == "to confirm"


@pytest.mark.parametrize(("words", "need"), _SPOKEN[:6])
def test_the_words_may_stand_in_the_text_or_at_any_coding(words: str, need: str) -> None:
    assert need in _needs(_coding(SNOMED, UNLISTED), text=words)
    assert need in _needs(_coding(LOCAL, "4711"), _coding(SNOMED, UNLISTED, words))


@pytest.mark.parametrize(
    ("words", "need"),
    [
        ("Acute stroke ruled out (situation)", "stroke-rehabilitation"),
        ("Family history of stroke (situation)", "stroke-rehabilitation"),
        ("FH: stroke", "stroke-rehabilitation"),
        ("Stroke in first degree relative", "stroke-rehabilitation"),
        ("Father had a stroke", "stroke-rehabilitation"),
        ("History of cerebrovascular accident (situation)", "stroke-rehabilitation"),
        ("H/O: stroke", "stroke-rehabilitation"),
        ("Increased risk of stroke", "stroke-rehabilitation"),
        ("Stroke prevention", "stroke-rehabilitation"),
        ("Heat stroke (disorder)", "stroke-rehabilitation"),
        ("No evidence of stroke", "stroke-rehabilitation"),
        ("Risk of homelessness", "homelessness"),
        ("At risk of becoming homeless", "homelessness"),
        ("Not homeless", "homelessness"),
        ("Fear of falling (finding)", "fall-risk"),
        ("No falls", "fall-risk"),
        ("Air hunger (finding)", "food-insecurity"),
        ("Diabetes insipidus (disorder)", "diabetes-self-management"),
        ("Gestational diabetes mellitus", "diabetes-self-management"),
        ("Prediabetes (finding)", "diabetes-self-management"),
        ("Old myocardial infarction (disorder)", "cardiac-rehabilitation"),
        ("Carcinoma in situ of cervix (disorder)", "oncology-navigation"),
        ("History of malignant neoplasm of breast (situation)", "oncology-navigation"),
        ("Screening for malignant neoplasm of colon", "oncology-navigation"),
        ("Fear of cancer", "oncology-navigation"),
        ("Ex-smoker (finding)", "tobacco-cessation"),
        ("Ex-cigarette smoker (finding)", "tobacco-cessation"),
        ("Former smoker", "tobacco-cessation"),
        ("Never smoked tobacco (finding)", "tobacco-cessation"),
        ("Non-smoker (finding)", "tobacco-cessation"),
        ("Passive smoker", "tobacco-cessation"),
        ("Alcohol dependence in remission (disorder)", "substance-use-treatment"),
        ("Color blindness (disorder)", "vision-rehabilitation"),
        ("Respiratory depression (disorder)", "behavioral-health"),
        ("ST segment depression (finding)", "behavioral-health"),
        ("Amputation of finger (disorder)", "amputation-care"),
        ("Subcutaneous emphysema (disorder)", "pulmonary-rehabilitation"),
        ("Pregnancy test negative", "maternal-newborn"),
        ("Heartburn (finding)", "wound-care"),
        ("Incarcerated inguinal hernia (disorder)", "incarceration-status"),
    ],
)
def test_words_that_only_look_like_a_need_bring_nothing(words: str, need: str) -> None:
    assert need not in _needs(_coding(SNOMED, UNLISTED, words))


@pytest.mark.parametrize(
    ("code", "words", "need"),
    [
        ("Z82.3", "Stroke in the family", "stroke-rehabilitation"),
        ("Z86.73", "Stroke without residual deficits", "stroke-rehabilitation"),
        ("Z13.1", "Diabetes mellitus", "diabetes-self-management"),
        ("F10.21", "Alcohol dependence", "substance-use-treatment"),
        ("E23.2", "Diabetes, of the other kind", "diabetes-self-management"),
        ("T67.01XA", "Stroke from heat", "stroke-rehabilitation"),
    ],
)
def test_a_code_of_icd_10_cm_outside_the_families_says_no_whatever_the_words_are(
    code: str, words: str, need: str
) -> None:
    assert need not in _needs(_coding(systems.ICD10CM, code, words))
    assert need not in _needs(_coding(SNOMED, UNLISTED, words), _coding(systems.ICD10CM, code))


@pytest.mark.parametrize("code", ["Z80.0", "Z82.3", "Z86.7", "Z03.8", "Z13.8"])
def test_history_family_and_screening_say_no_in_every_edition_of_icd_10(code: str) -> None:
    assert "stroke-rehabilitation" not in _needs(_coding(ICD10, code, "Stroke"))


@pytest.mark.parametrize("code", ["IMO0002", "R69", "Z78.9", "NOCODE"])
def test_a_code_that_says_nothing_leaves_it_to_the_words(code: str) -> None:
    assert "stroke-rehabilitation" in _needs(_coding(systems.ICD10CM, code, "Acute stroke"))


@pytest.mark.parametrize("code", ["I63.9", "I63.9 †", "i639", "I63.9!"])
@pytest.mark.parametrize(
    "system", [ICD10, "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://hl7.org/fhir/sid/icd-10"]
)
def test_other_editions_of_icd_10_are_read_by_the_same_families(system: str, code: str) -> None:
    assert _needs(_coding(system, code, "Hirninfarkt"))["stroke-rehabilitation"] == "present"


def test_the_code_that_decides_is_cited_wherever_it_stands() -> None:
    stated = resource(
        "Condition",
        "c1",
        clinicalStatus={"coding": [{"code": "active"}]},
        code={"coding": [_coding(LOCAL, "1"), _coding(SNOMED, UNLISTED), _coding(systems.ICD10CM, "I63.9")]},
        encounter={"reference": ENCOUNTER},
    )
    read = build_record([patient(), encounter(), stated], encounter=ENCOUNTER, today=TODAY)
    [need] = [
        need for need in assess(read, CONTENT, today=TODAY).needs if need.code == "stroke-rehabilitation"
    ]
    assert [one.code.code for one in need.evidence if one.code] == ["I63.9"]


def _gaps(*codings: Json, text: str = "") -> list[tuple[str, GapReason, int]]:
    stated = resource("Condition", "c1", code={"coding": [*codings], **({"text": text} if text else {})})
    read = build_record([patient(), encounter(), stated], encounter=ENCOUNTER, today=TODAY)
    return [(gap.about, gap.reason, gap.count) for gap in assess(read, CONTENT, today=TODAY).gaps]


def test_a_diagnosis_of_an_unlisted_code_and_no_words_is_a_gap() -> None:
    told = ("Condition", GapReason.UNREADABLE, 1)
    assert told in _gaps(_coding(SNOMED, UNLISTED))
    assert told in _gaps(_coding(LOCAL, "4711"))
    assert told not in _gaps(_coding(SNOMED, UNLISTED, "Acne"))
    assert told not in _gaps(_coding(SNOMED, UNLISTED), text="Acne")
    assert told not in _gaps(_coding(SNOMED, UNLISTED), _coding(systems.ICD10CM, "L70.0"))
    assert told not in _gaps(_coding(SNOMED, "733423003"))


def _observed(*codings: Json, **more: Any) -> list[tuple[str, Evidence]]:
    said = resource(
        "Observation",
        "o1",
        status="final",
        code={"coding": [*codings]},
        effectiveDateTime="2024-03-02T10:00:00Z",
        encounter={"reference": ENCOUNTER},
        **more,
    )
    read = build_record([patient(), encounter(), said], encounter=ENCOUNTER, today=TODAY)
    needs = assess(read, CONTENT, today=TODAY).needs
    return [(need.code, one) for need in needs for one in need.evidence if one.reference == "Observation/o1"]


@pytest.mark.parametrize(
    "first", [[], [_coding(LOCAL, "4711")], [_coding(LOCAL, "4711", "Vitals"), _coding("", "x")]]
)
def test_the_coding_that_is_asked_for_is_cited_wherever_it_stands(first: list[Json]) -> None:
    worried = _coding(systems.LOINC, "88122-7")
    answered = {
        "valueCodeableConcept": {"coding": [_coding(LOCAL, "1"), _coding(systems.LOINC, "LA28397-0")]}
    }
    [cited] = [one for need, one in _observed(*first, worried, **answered) if need == "food-insecurity"]
    assert cited.code is not None
    assert (cited.code.system, cited.code.code) == ("loinc", "88122-7")


@pytest.mark.parametrize("first", [[], [_coding(LOCAL, "4711")], [_coding(systems.LOINC, "71802-3")]])
def test_a_finding_may_be_any_coding_of_a_question(first: list[Json]) -> None:
    found = _observed(*first, _coding(SNOMED, "32911000", "Homeless"), valueBoolean=True)
    assert "homelessness" in {need for need, _ in found}
