"""One answer about food, in the ways that records spell it: through forms and Observations, coded, in words, nested."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.evidence import Certainty
from service.domain.need import NeedState
from service.pipeline.assess import assess
from service.pipeline.assess.answers import is_declined
from tests.builders import ENCOUNTER, TODAY, concept, encounter, observation, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
PRESENT, NOT_ASSESSED = NeedState.PRESENT, NeedState.NOT_ASSESSED
WORRIED, RAN_OUT = "88122-7", "88123-5"
HVS = "http://forms.example/Questionnaire/hvs"
LOCAL = "https://ehr.example/nomenclature"
EXTENSION = {"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "asked-declined"}]}
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def _coding(code: str, display: str = "", system: str = systems.LOINC) -> Json:
    return {"system": system, "code": code} | ({"display": display} if display else {})


#: What is said, as value[x]: the need's state, and how an Observation or an answer of a form says it.
OFTEN: list[Json] = [
    {"valueCodeableConcept": concept("LA28397-0", systems.LOINC)},
    {"valueCodeableConcept": {"coding": [_coding("77", "Often true", LOCAL), _coding("LA28397-0")]}},
    {"valueCodeableConcept": {"coding": [_coding("77", "Often true", LOCAL)]}},
    {"valueCodeableConcept": {"coding": [_coding("LA28397-0", "", LOCAL)]}},
    {"valueCodeableConcept": {"coding": [{"code": "LA28397-0"}]}},
    {"valueCodeableConcept": {"coding": [_coding("77", "", LOCAL)], "text": "Often true"}},
    {"valueCodeableConcept": {"text": "Often true"}},
    {"valueCodeableConcept": {"text": "Sometimes true."}},
    {"valueCoding": _coding("LA28397-0")},
    {"valueCoding": _coding("77", "OFTEN TRUE", LOCAL)},
    {"valueCoding": _coding("77", "1 - Often true", LOCAL)},
    {"valueString": "Often true"},
    {"valueString": "often true"},
    {"valueString": " Often  true. "},
    {"valueString": "Often true (2)"},
    {"valueString": "2 - Often true"},
    {"valueCode": "Often true"},
]
YES: list[Json] = [
    {"valueBoolean": True},
    {"valueString": "Yes"},
    {"valueString": "Y"},
    {"valueString": "Yes, often"},
    {"valueCodeableConcept": concept("373066001", systems.SNOMED)},
    {"valueCodeableConcept": concept("LA33-6", systems.LOINC)},
    {"valueCodeableConcept": {"coding": [_coding("960439", "Yes", LOCAL)]}},
    {"valueInteger": 1},
]
NEVER: list[Json] = [
    {"valueCodeableConcept": concept("LA28398-8", systems.LOINC)},
    {"valueCodeableConcept": {"coding": [_coding("79", "Never true", LOCAL), _coding("LA28398-8")]}},
    {"valueCodeableConcept": {"coding": [_coding("79", "Never true", LOCAL)]}},
    {"valueCodeableConcept": {"text": "never true"}},
    {"valueCoding": _coding("LA28398-8")},
    {"valueString": "Never true"},
    {"valueString": "NEVER TRUE."},
    {"valueString": "0 - Never true"},
    {"valueCode": "Never true"},
]
NO: list[Json] = [
    {"valueBoolean": False},
    {"valueString": "No"},
    {"valueString": "Denies"},
    {"valueCodeableConcept": concept("373067005", systems.SNOMED)},
    {"valueCodeableConcept": {"coding": [_coding("960440", "No", LOCAL)]}},
    {"valueInteger": 0},
]
DECLINED: list[Json] = [
    {"valueString": "Declined"},
    {"valueString": "Patient refuses"},
    {"valueString": "I choose not to answer this question"},
    {"valueString": "Prefer not to say"},
    {"valueCodeableConcept": concept("LA30122-8", systems.LOINC)},
    {"valueCodeableConcept": {"coding": [_coding("88", "Patient refuses", LOCAL)]}},
    {"valueCodeableConcept": {"text": "Refused"}},
    {"valueCodeableConcept": concept("LA15775-2", systems.LOINC)},
    {"valueCodeableConcept": concept("ASKU", NULL_FLAVOR)},
    {"_valueCodeableConcept": EXTENSION},
    {"_valueString": EXTENSION},
]
SILENT: list[Json] = [
    {"valueString": "Unknown"},
    {"valueString": "Not asked"},
    {"valueCodeableConcept": concept("NASK", NULL_FLAVOR)},
    {},
]


def _observed(value: Json, number: str = WORRIED, **more: Any) -> list[Json]:
    return [observation(f"o{number}", number, None, **value, **more)]


def _local_first(value: Json, number: str = WORRIED) -> list[Json]:
    code = {"coding": [_coding("4711", "Food worry", LOCAL), _coding(number)]}
    return _observed(value, number, code=code)


def _component(value: Json, number: str = WORRIED) -> list[Json]:
    part = {"code": concept(number, systems.LOINC), **value}
    return [observation(f"o{number}", "88121-9", None, component=[part])]


def _answered(value: Json, number: str = WORRIED, **item: Any) -> Json:
    said = {**value}
    if concept_given := said.pop("valueCodeableConcept", None):
        codings = concept_given.get("coding")
        said |= (
            {"valueCoding": codings[-1]}
            if codings and "text" not in concept_given
            else {"valueCodeableConcept": concept_given}
        )
    return {"linkId": f"/{number}", "answer": [said] if said else [], **item}


def _form(*items: Json, number: str = WORRIED, **more: Any) -> list[Json]:
    given = {"status": "completed", "authored": "2024-03-02", "item": list(items), **more}
    return [resource("QuestionnaireResponse", f"q{number}", **given)]


def _plain(value: Json, number: str = WORRIED) -> list[Json]:
    return _form(_answered(value, number), number=number)


def _contained(value: Json, number: str = WORRIED) -> list[Json]:
    asked = {"linkId": "1.1", "code": [_coding(number)]}
    form = {"resourceType": "Questionnaire", "id": "f", "item": [{"linkId": "1", "item": [asked]}]}
    return _form(_answered(value, number, linkId="1.1"), number=number, contained=[form], questionnaire="#f")


def _beside(value: Json, number: str = WORRIED) -> list[Json]:
    asked = {"linkId": "1.1", "code": [_coding(number)]}
    form = {
        "resourceType": "Questionnaire",
        "id": f"f{number}",
        "url": f"{HVS}{number}",
        "version": "3",
        "item": [asked],
    }
    return [
        *_form(_answered(value, number, linkId="1.1"), number=number, questionnaire=f"{HVS}{number}|3"),
        form,
    ]


def _nested(value: Json, number: str = WORRIED) -> list[Json]:
    hidden = {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden", "valueBoolean": True}
        ]
    }
    below = {
        "linkId": "g",
        "item": [{"linkId": "h", "text": "Food", "item": [_answered(value, number, **hidden)]}],
    }
    return _form({"linkId": "a", "answer": [{"valueString": "x", "item": [below]}]}, number=number)


WAYS = [_observed, _local_first, _component, _plain, _contained, _beside, _nested]


def _food(*resources: Json) -> tuple[NeedState, bool]:
    """The state of food insecurity, and whether the record is a reason to ask for it."""
    built = build_record(
        [patient(), encounter(), *resources], encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions
    )
    needs = {need.code: need for need in assess(built, CONTENT, today=TODAY).needs}
    need = needs["food-insecurity"]
    return need.state, bool([evidence for evidence in need.evidence if not is_declined(evidence)])


def _both(way: Any, value: Json) -> list[Json]:
    return [*way(value, WORRIED), *way(value, RAN_OUT)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", OFTEN)
def test_often_true_is_the_need_however_it_is_spelt(way: Any, value: Json) -> None:
    assert _food(*way(value)) == (PRESENT, True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", NEVER)
def test_never_true_to_both_is_no_need_however_it_is_spelt(way: Any, value: Json) -> None:
    assert _food(*_both(way, value))[0] is NeedState.ABSENT
    assert _food(*way(value)) == (NOT_ASSESSED, False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", YES)
def test_a_bare_yes_is_a_reason_to_ask(way: Any, value: Json) -> None:
    assert _food(*way(value)) == (NOT_ASSESSED, True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [*NO, *DECLINED, *SILENT])
def test_a_bare_no_a_refusal_and_silence_decide_nothing(way: Any, value: Json) -> None:
    assert _food(*_both(way, value)) == (NOT_ASSESSED, False)


@pytest.mark.parametrize("way", [_observed, _local_first, _plain, _contained, _nested])
@pytest.mark.parametrize("value", DECLINED)
def test_a_refusal_is_told_to_who_would_ask_again(way: Any, value: Json) -> None:
    built = build_record(
        [patient(), encounter(), *way(value)], encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions
    )
    needs = {need.code: need for need in assess(built, CONTENT, today=TODAY).needs}
    assert "not answered" in needs["food-insecurity"].question


@pytest.mark.parametrize(
    "reason", ["asked-declined", "asked-unknown", "unknown", "masked", "not-asked", "error"]
)
def test_a_reason_for_no_value_is_no_negative(reason: str) -> None:
    absent = {"dataAbsentReason": concept(reason)}
    assert _food(*_observed(absent), *_observed(absent, RAN_OUT)) == (NOT_ASSESSED, False)


@pytest.mark.parametrize(
    ("status", "state"), [("in-progress", PRESENT), ("stopped", PRESENT), ("entered-in-error", NOT_ASSESSED)]
)
def test_an_unfinished_form_counts_and_a_mistaken_one_does_not(status: str, state: NeedState) -> None:
    given = _form(_answered(OFTEN[0]), status=status)
    assert _food(*given)[0] is state


def test_an_unfinished_form_is_uncertain() -> None:
    given = _form(_answered(OFTEN[0]), status="in-progress")
    built = build_record([patient(), encounter(), *given], encounter=ENCOUNTER, today=TODAY)
    needs = {need.code: need for need in assess(built, CONTENT, today=TODAY).needs}
    assert needs["food-insecurity"].certainty is Certainty.UNCERTAIN


@given(
    value=st.sampled_from([*OFTEN, *NEVER, *DECLINED]),
    depth=st.integers(0, 12),
    in_answers=st.booleans(),
    beside=st.integers(0, 3),
    local=st.booleans(),
)
def test_wrapping_and_hiding_changes_nothing(
    value: Json, depth: int, beside: int, *, in_answers: bool, local: bool
) -> None:
    item = _answered(value)
    for level in range(depth):
        below = [{"linkId": f"d{level}-{n}", "text": "Display only"} for n in range(beside)] + [item]
        wrapped = {"answer": [{"valueString": "see below", "item": below}]} if in_answers else {"item": below}
        item = {"linkId": f"g{level}", "text": "Group", **wrapped}
    address = {"questionnaire": f"{LOCAL}/Questionnaire/9"} if local else {}
    assert _food(*_form(item, **address)) == _food(*_plain(value))
