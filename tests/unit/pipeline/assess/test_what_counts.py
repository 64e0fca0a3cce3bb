"""From FHIR JSON to judgement: every shape an instrument comes in, what counts as evidence, and what is only bad input."""

from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.assessment import Assessment
from service.domain.evidence import Certainty
from service.domain.need import Need, NeedState
from service.domain.record import GapReason
from service.domain.risk import RiskScore
from service.pipeline.assess import assess
from service.pipeline.assess.findings import Findings, collect
from service.sandbox.inpatients import Inpatient, bundle_of, inpatients
from tests.builders import ENCOUNTER, TODAY, concept, condition, encounter, observation, patient, resource
from tests.unit.pipeline.assess.shipped import CONTENT

Json = dict[str, Any]
PHQ9 = ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8"]
DAYS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
OFTEN, SOMETIMES, NEVER = "LA28397-0", "LA6729-3", "LA28398-8"
WORRIED, RAN_OUT = "88122-7", "88123-5"
NOW = "2024-03-02T10:00:00Z"


def _assessed(*resources: Json, who: Json | None = None) -> Assessment:
    given = [who or patient(), encounter(), *resources]
    read = build_record(given, encounter=ENCOUNTER, today=TODAY, asked=CONTENT.questions)
    return assess(read, CONTENT, today=TODAY)


def _findings(*resources: Json) -> Findings:
    made = build_record([patient(), encounter(), *resources], encounter=ENCOUNTER, today=TODAY)
    return collect(made, CONTENT, today=TODAY, site_language="en")


def _need(code: str, *resources: Json) -> Need | None:
    return next((need for need in _assessed(*resources).needs if need.code == code), None)


def _state(code: str, *resources: Json) -> str:
    need = _need(code, *resources)
    return str(need.state) if need else "left_out"


def _score(name: str, *resources: Json) -> RiskScore:
    return next(score for score in _assessed(*resources).risk_scores if score.name == name)


def _component(question: str, answer: str) -> Json:
    return {
        "code": concept(question, systems.LOINC),
        "valueCodeableConcept": concept(answer, systems.LOINC),
    }


def _form(*items: Json, **more: Any) -> Json:
    given = {
        "status": "completed",
        "authored": NOW,
        "encounter": {"reference": ENCOUNTER},
        "item": [*items],
    }
    return resource("QuestionnaireResponse", "q1", **{**given, **more})


def _asked(question: str, answer: str, *, as_link: bool) -> Json:
    key = {"linkId": f"/{question}"} if as_link else {"linkId": "1", "code": [_coding(question)]}
    return {**key, "answer": [{"valueCoding": _coding(answer)}]}


def _coding(code: str) -> Json:
    return {"system": systems.LOINC, "code": code}


_SUM = 11
_POINTS = (1, 1, 1, 1, 1, 2, 2, 2, 0)
_ANSWERS = [(question, DAYS[points]) for question, points in zip(PHQ9, _POINTS, strict=True)]
_SINGLE = [observation(f"o{n}", *pair) for n, pair in enumerate(_ANSWERS)]
_SHAPES: dict[str, list[Json]] = {
    "components": [observation("p", "44249-1", component=[_component(*pair) for pair in _ANSWERS])],
    "members": [
        observation("p", "44249-1", hasMember=[{"reference": f"Observation/{one['id']}"} for one in _SINGLE]),
        *_SINGLE,
    ],
    "single items": _SINGLE,
    "total only": [observation("t", "44261-6", _SUM, unit="{score}")],
    "form by link": [_form(*(_asked(*pair, as_link=True) for pair in _ANSWERS))],
    "form by code, nested": [
        _form({"linkId": "g", "item": [_asked(*pair, as_link=False) for pair in _ANSWERS]})
    ],
}


@pytest.mark.parametrize("shape", _SHAPES)
def test_an_instrument_is_read_in_every_shape(shape: str) -> None:
    score = _findings(*_SHAPES[shape]).scores["phq-9"]
    assert (score.low, score.high) == (_SUM, _SUM)
    assert _state("behavioral-health", *_SHAPES[shape]) == "present"


def test_a_form_and_observations_of_the_same_answers_count_once() -> None:
    both = [*_SHAPES["form by link"], *_SINGLE]
    assert _findings(*both).scores["phq-9"].low == _SUM


def test_a_total_that_disagrees_with_its_items_is_a_gap_and_the_items_stand() -> None:
    found = _assessed(*_SINGLE, observation("t", "44261-6", 20))
    assert GapReason.DISAGREES in {gap.reason for gap in found.gaps}
    assert _findings(*_SINGLE, observation("t", "44261-6", 20)).scores["phq-9"].low == _SUM


def test_the_same_item_twice_in_a_panel_with_the_same_answer_counts_once() -> None:
    twice = [_component(*pair) for pair in (_ANSWERS[0], *_ANSWERS)]
    score = _findings(observation("p", "44249-1", component=twice)).scores["phq-9"]
    assert (score.low, score.high) == (_SUM, _SUM)


def test_the_same_item_twice_in_a_panel_with_other_answers_is_a_range_and_conflicted() -> None:
    twice = [_component(PHQ9[0], DAYS[3]), *(_component(*pair) for pair in _ANSWERS)]
    found = _findings(observation("p", "44249-1", component=twice))
    assert (found.scores["phq-9"].low, found.scores["phq-9"].high) == (_SUM, _SUM + 2)
    assert found.answers[PHQ9[0]].conflicted


def test_an_incomplete_screen_is_a_range_and_not_negative() -> None:
    half = _SINGLE[:4]
    score = _findings(*half).scores["phq-9"]
    assert (score.low, score.high) == (4, 4 + 5 * 3)
    assert _state("behavioral-health", *half) != "absent"


@pytest.mark.parametrize(
    "declined",
    [
        {"dataAbsentReason": concept("asked-declined")},
        {"dataAbsentReason": concept("asked-unknown")},
        {"valueCodeableConcept": concept("LA30122-8", systems.LOINC)},
    ],
    ids=["declined", "unknown", "chose not to answer"],
)
def test_declined_is_not_negative(declined: Json) -> None:
    asked = observation("o", "93031-3", **declined)
    assert _state("food-insecurity", asked) == "not_assessed"


@pytest.mark.parametrize(("day", "state"), [("2022-03-05", "not_assessed"), ("2023-09-05", "present")])
def test_a_two_year_old_screen_is_history(day: str, state: str) -> None:
    asked = observation("o", WORRIED, OFTEN, effectiveDateTime=day, encounter=None)
    assert _state("food-insecurity", asked) == state


def test_the_latest_answer_wins() -> None:
    earlier = observation("a", WORRIED, OFTEN, effectiveDateTime="2024-03-01")
    later = [observation(name, asked, NEVER) for name, asked in (("b", WORRIED), ("c", RAN_OUT))]
    assert _state("food-insecurity", earlier, *later) == "absent"


def test_opposite_answers_of_one_day_are_shown_as_a_conflict() -> None:
    both = [observation("a", WORRIED, OFTEN), observation("b", WORRIED, NEVER)]
    need = _need("food-insecurity", *both)
    assert need is not None
    assert need.certainty is Certainty.CONFLICTED
    assert {one.reference for one in need.evidence} == {"Observation/a", "Observation/b"}


def test_a_diagnosis_against_a_negative_screen_is_conflicted() -> None:
    no = [observation(name, asked, NEVER) for name, asked in (("b", WORRIED), ("c", RAN_OUT))]
    need = _need("food-insecurity", condition("c1", "Z59.41"), *no)
    assert need is not None
    assert (need.state, need.certainty) == (NeedState.PRESENT, Certainty.CONFLICTED)


def test_a_screen_filed_as_a_laboratory_result_still_counts() -> None:
    filed = observation("o", "93031-3", "LA30125-1", category=[concept("laboratory")])
    assert _state("food-insecurity", filed) == "present"


def test_the_same_question_has_other_answers_in_another_instrument() -> None:
    """93030-5: "yes, it has kept me" is LA33-6 in AHC and LA30133-5 or LA30134-3 in PRAPARE."""
    for code in ("LA33-6", "LA30133-5", "LA30134-3"):
        assert _state("transportation-insecurity", observation("o", "93030-5", code)) == "present"
    assert _state("transportation-insecurity", observation("o", "93030-5", "LA32-8")) == "absent"


# --- what counts -------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["Z59.4", "Z59.41", "Z59.48", "z5941"])
def test_a_family_holds_its_parent_and_its_leaves(code: str) -> None:
    assert _state("food-insecurity", condition("c1", code)) == "present"


@pytest.mark.parametrize("code", ["Z59.5", "Z59", "Z94.1"])
def test_a_neighbour_is_not_of_the_family(code: str) -> None:
    assert _state("food-insecurity", condition("c1", code)) != "present"


@pytest.mark.parametrize(
    ("said", "state", "certainty"),
    [
        ({"verificationStatus": concept("refuted")}, "left_out", None),
        ({"verificationStatus": concept("entered-in-error")}, "left_out", None),
        ({"clinicalStatus": concept("resolved")}, "left_out", None),
        ({"clinicalStatus": concept("inactive")}, "left_out", None),
        ({"verificationStatus": concept("provisional")}, "present", Certainty.UNCERTAIN),
        ({"verificationStatus": concept("unconfirmed")}, "present", Certainty.UNCERTAIN),
        ({"verificationStatus": None, "clinicalStatus": None}, "present", Certainty.SUPPORTED),
    ],
)
def test_status_and_verification_decide_whether_a_diagnosis_counts(
    said: Json, state: str, certainty: Certainty | None
) -> None:
    need = _need("heart-failure-care", condition("c1", "I50.9", **said))
    assert (str(need.state) if need else "left_out") == state
    assert (need.certainty if need else None) is certainty


def test_snomed_alone_is_enough_and_so_is_a_descendant_that_the_set_lists() -> None:
    for code in ("733423003", "445281000124101"):
        assert _state("food-insecurity", condition("c1", code, system=systems.SNOMED)) == "present"


def test_words_alone_decide_nothing() -> None:
    said = condition("c1", "x", code={"text": "Food insecurity"})
    need = _need("food-insecurity", said)
    assert need is not None
    assert need.state is NeedState.NOT_ASSESSED
    assert [one.certainty for one in need.evidence] == [Certainty.UNCERTAIN]


def test_another_patient_s_diagnosis_never_counts() -> None:
    other = condition("c1", "I50.9") | {"subject": {"reference": "Patient/other"}}
    found = _assessed(other)
    assert "heart-failure-care" not in {need.code for need in found.present()}
    assert GapReason.FOREIGN in {gap.reason for gap in found.gaps}


def test_a_finding_answered_by_a_snomed_code_without_a_display_counts() -> None:
    said = observation("o", "71802-3", valueCodeableConcept=concept("32911000", systems.SNOMED))
    assert _state("homelessness", said) == "present"


# --- bad input ---------------------------------------------------------------------------------------
def test_a_code_sent_as_a_number_is_the_same_code() -> None:
    coding = {"system": systems.SNOMED, "code": 733423003}
    assert _state("food-insecurity", condition("c1", "x", code={"coding": [coding]})) == "present"


def test_a_code_without_a_system_is_known_by_its_form() -> None:
    assert _state("heart-failure-care", condition("c1", "I50.9", system="")) == "present"
    bare = observation("o", WORRIED, OFTEN) | {"code": {"coding": [{"code": WORRIED}]}}
    assert _state("food-insecurity", bare) == "present"


@pytest.mark.parametrize(
    ("value", "points"),
    [
        ({"valueQuantity": {"value": 11.9, "unit": "g/dL"}}, 1),
        ({"valueQuantity": {"value": 119, "unit": "g/L"}}, 1),
        ({"valueQuantity": {"value": 121, "unit": "g/L", "system": systems.UCUM, "code": "g/L"}}, 0),
        ({"valueString": "12.1 g/dL"}, 0),
        ({"valueString": "11.9 g/dL"}, 1),
        ({"valueString": "119 g/L"}, 1),
        ({"valueQuantity": {"value": "11.9", "unit": "gm/dl"}}, 1),
        ({"valueQuantity": {"value": 11.9, "unit": "g%"}}, 1),
        ({"valueQuantity": {"value": 12.1, "unit": "gms/dL"}}, 0),
    ],
    ids=str,
)
def test_hemoglobin_is_compared_in_its_own_unit(value: Json, points: int) -> None:
    parts = {part.name: part for part in _score("HOSPITAL", observation("o", "718-7", **value)).parts}
    assert parts["Hemoglobin at discharge"].points == points


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"value": 12.1}},
        {"valueQuantity": {"value": 12.1, "unit": "furlongs"}},
        {"valueQuantity": {"value": 12.1, "unit": "mmol/L"}},
        {"valueQuantity": {"value": 12, "unit": "g/dL", "comparator": "<"}},
        {"valueString": "low"},
        {"valueString": "< 7 g/dL"},
        {"valueQuantity": {"value": "NaN", "unit": "g/dL"}},
    ],
    ids=str,
)
def test_a_value_in_no_unit_we_know_is_no_value(value: Json) -> None:
    parts = {part.name: part for part in _score("HOSPITAL", observation("o", "718-7", **value)).parts}
    assert parts["Hemoglobin at discharge"].points is None


@pytest.mark.parametrize(("value", "unit"), [(-4, "g/dL"), (0, "g/dL")])
def test_a_measurement_that_cannot_be_is_not_taken(value: float, unit: str) -> None:
    parts = {
        part.name: part for part in _score("HOSPITAL", observation("o", "718-7", value, unit=unit)).parts
    }
    assert parts["Hemoglobin at discharge"].points is None


@pytest.mark.parametrize("total", [-3, 28, 1000])
def test_a_score_out_of_its_range_is_no_score(total: int) -> None:
    assert "phq-9" not in _findings(observation("t", "44261-6", total)).scores


def test_a_date_of_only_a_year_is_its_first_day() -> None:
    asked = observation("o", WORRIED, OFTEN, effectiveDateTime="2024", encounter=None)
    need = _need("food-insecurity", asked)
    assert need is not None
    assert need.evidence[0].on is not None
    assert need.evidence[0].on.isoformat() == "2024-01-01"


def test_a_year_only_date_is_too_old_once_its_first_day_is() -> None:
    asked = observation("o", WORRIED, OFTEN, effectiveDateTime="2023", encounter=None)
    assert _state("food-insecurity", asked) == "not_assessed"


@pytest.mark.parametrize("when", ["2024-04-01T00:00:00Z", "2031"])
def test_what_lies_in_the_future_does_not_count(when: str) -> None:
    asked = observation("o", WORRIED, OFTEN, effectiveDateTime=when)
    assert _state("food-insecurity", asked) == "not_assessed"
    late = condition("c1", "I50.9", onsetDateTime=when)
    assert _state("heart-failure-care", late) == "left_out"


@pytest.mark.parametrize(
    "broken",
    [
        {"code": 7},
        {"code": {"coding": "88122-7"}},
        {"code": {"coding": [None]}},
        {"valueCodeableConcept": [], "valueString": None},
        {"valueQuantity": {"value": {"nested": True}}},
        {"component": [{"code": None}, "text"]},
        {"component": {"code": {"coding": {"code": 88122}}}},
        {"effectiveDateTime": 2024},
        {"effectiveDateTime": "yesterday"},
        {"status": None},
        {"hasMember": "Observation/1"},
    ],
    ids=str,
)
def test_a_broken_observation_never_stops_the_rest(broken: Json) -> None:
    good = condition("c1", "I50.9")
    found = _assessed(good, observation("o", WORRIED, OFTEN) | broken)
    assert "heart-failure-care" in {need.code for need in found.present()}


# --- what nobody asks for ------------------------------------------------------------------------
@pytest.mark.parametrize("who", inpatients(), ids=lambda one: one.id)
def test_measurements_that_nobody_asks_for_change_nothing(who: Inpatient) -> None:
    sent = [entry["resource"] for entry in bundle_of(who, TODAY)["entry"]]
    stay = f"Encounter/{who.encounter.rpartition('/')[2]}"
    whole = build_record(sent, encounter=stay, today=TODAY)
    asked = build_record(sent, encounter=stay, today=TODAY, asked=CONTENT.questions)
    assert len(asked.observations) < len(whole.observations)
    found, expected = (assess(read, CONTENT, today=TODAY) for read in (asked, whole))
    assert replace(found, for_everybody=None) == replace(expected, for_everybody=None)
    assert found.for_everybody is not None
    assert expected.for_everybody is not None
    # What everybody may know is found in a record of its own, which holds what was read.
    assert found.for_everybody.assessment == expected.for_everybody.assessment


@pytest.mark.parametrize(
    "coding",
    [
        {"system": "urn:oid:1.2.3.4", "code": "77", "display": "Congestive heart failure"},
        {
            "system": "http://hl7.org/fhir/sid/icd-9-cm",
            "code": "428.0",
            "display": "Congestive heart failure",
        },
    ],
    ids=["a hospital's own code", "ICD-9-CM"],
)
def test_a_diagnosis_in_a_system_that_no_protocol_knows_is_as_good_as_its_words(coding: Json) -> None:
    need = _need("heart-failure-care", {**condition("c", "I50.9"), "code": {"coding": [coding]}})
    assert need
    assert (need.state, need.evidence[0].certainty) == ("not_assessed", Certainty.UNCERTAIN)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("Heart failure", "not_assessed"),
        ("Rule out heart failure", "not_assessed"),
        ("History of heart failure", "not_assessed"),
        ("No known heart failure", "left_out"),
        ("Family history of heart failure", "left_out"),
        ("Heart failure ruled out", "left_out"),
        ("Denies heart failure", "left_out"),
        ("Family hx heart failure", "left_out"),
        ("Fam hx: heart failure", "left_out"),
        ("Father with heart failure", "left_out"),
        ("Mother had heart failure", "left_out"),
        ("Heart failure screening negative", "left_out"),
        ("Heart failure screening", "left_out"),
        ("Screening for heart failure", "left_out"),
        ("Never heart failure", "left_out"),
        ("Non-heart failure dyspnea", "left_out"),
        ("Heart failure, lives with mother", "not_assessed"),
        ("Heart failure, HIV negative", "not_assessed"),
        ("Positive screening for heart failure", "not_assessed"),
        ("Heart failure screening positive", "not_assessed"),
        ("Heart failure, never admitted for it", "not_assessed"),
    ],
)
def test_words_that_say_there_is_none_or_speak_of_somebody_else_are_no_hint(words: str, state: str) -> None:
    assert _state("heart-failure-care", condition("c", "", code={"text": words})) == state


def test_a_lack_is_no_denial() -> None:
    found = _need("transportation-insecurity", condition("c", "", code={"text": "No transportation"}))
    assert found
    assert [one.text for one in found.evidence] == ["No transportation"]
