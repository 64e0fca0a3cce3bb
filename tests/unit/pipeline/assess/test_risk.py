"""Risk scores against the oracle's published and derived examples, and what a missing input does to them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.codes import Code, System
from service.domain.content import Content
from service.domain.record import Encounter, Fact, Kind, Record
from service.domain.risk import RiskScore, ScorePart
from service.domain.sensitivity import Label
from service.pipeline.assess import assess
from service.pipeline.assess.risk.charlson import categories_of, charlson_index, lace_comorbidity
from service.pipeline.assess.risk.hospital import admission_points
from service.pipeline.assess.risk.hospital import stay_points as hospital_stay_points
from service.pipeline.assess.risk.lace import comorbid_points, stay_points, visit_points
from tests.builders import ADMITTED, ENCOUNTER, TODAY, answer, fact, person, record, stay

ORACLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "data" / "risk_score_oracle.json").read_text()
)
LACE = [row for row in ORACLE if row["score"] == "LACE"]
HOSPITAL = [row for row in ORACLE if row["score"] == "HOSPITAL-2013"]
CHARLSON = [row for row in ORACLE if row["score"] == "CHARLSON"]
#: Conditions that make each LACE comorbidity sum of the oracle.
COMORBID = {0: ["I10"], 1: ["I21.4"], 2: ["I50.9"], 3: ["M05.79"], 4: ["B20"], 5: ["I50.9", "M05.79"]}


def _name(row: dict[str, Any]) -> str:
    return str(row["name"])


def _scores(given: Record, content: Content, today: date = TODAY) -> dict[str, RiskScore]:
    return {score.name: score for score in assess(given, content, today=today).risk_scores}


def _visit(number: int, class_code: str, began: datetime, **more: Any) -> Encounter:
    ended = began + timedelta(hours=4)
    return Encounter(f"Encounter/v{number}", "finished", class_code, began, ended, **more)


def _visits(class_code: str, count: int) -> tuple[Encounter, ...]:
    """An old visit to a clinic, so that visits are known, and as many of this class."""
    old = _visit(0, "AMB", ADMITTED - timedelta(days=900))
    return (old, *(_visit(n + 1, class_code, ADMITTED - timedelta(days=20 + n)) for n in range(count)))


@pytest.mark.parametrize(("years", "scored"), [(6, False), (17, False), (18, True)])
def test_the_scores_of_adults_are_not_for_children(years: int, content: Content, *, scored: bool) -> None:
    child = person(birth_date=date(TODAY.year - years, 1, 1))
    assessment = assess(record(patient=child), content, today=TODAY)
    assert bool(assessment.risk_scores) is scored
    open_points = [
        one.text for one in assessment.disposition.factors if one.text.startswith("Daily function")
    ]
    assert bool(open_points) is scored


@pytest.mark.parametrize("row", LACE, ids=_name)
def test_lace_is_what_the_oracle_says(row: dict[str, Any], content: Content) -> None:
    given = row["in"]
    planned = stay(
        end=ADMITTED + timedelta(days=given["los_days"]),
        priority=(Code("", "EM" if given["acute"] else "EL"),),
    )
    conditions = [fact(code) for code in COMORBID[given["cci"]]]
    full = record(*conditions, encounter=planned, encounters=_visits("EMER", given["ed_6mo"]))
    score = _scores(full, content)["LACE"]
    assert (score.value, score.low, score.high) == (row["expect"],) * 3
    assert score.band == row["band"]
    assert score.missing == ()


@pytest.mark.parametrize("row", HOSPITAL, ids=_name)
def test_hospital_is_what_the_oracle_says(row: dict[str, Any], content: Content) -> None:
    given = row["in"]
    done = "completed" if given["procedure"] else "not-done"
    full = record(
        fact("38102005", Kind.PROCEDURE, system=System.SNOMED, status=done),
        answer("718-7", given["hgb_g_dl"], unit="g/dL"),
        answer("2951-2", given["na_mmol_l"], unit="mmol/L"),
        encounter=stay(
            end=ADMITTED + timedelta(days=given["los_days"]),
            priority=(Code("", "EM" if given["urgent"] else "EL"),),
            service_type=(Code(System.TEXT, "Medical oncology" if given["oncology"] else "Surgery"),),
        ),
        encounters=_visits("IMP", given["admissions_12mo"]),
    )
    score = _scores(full, content, TODAY + timedelta(days=30))["HOSPITAL"]
    assert (score.value, score.band, score.variant) == (row["expect"], row["band"], "2013")


@pytest.mark.parametrize("row", CHARLSON, ids=_name)
def test_charlson_categories_and_weights_are_what_the_oracle_says(
    row: dict[str, Any], content: Content
) -> None:
    codes = [Code(System.ICD10CM, code) for code in row["in"]["icd10cm"]]
    found = categories_of(codes, content.comorbidities)
    assert {one.name for one in found} == set(row["categories"])
    assert lace_comorbidity(found) == row["lace_cci"]
    assert comorbid_points(lace_comorbidity(found)) == row["lace_C_points"]
    assert (
        charlson_index(codes, content.comorbidities) == row["pycomorb_charlson"]["Charlson Comorbidity Index"]
    )


def test_the_point_tables_hold_at_their_edges() -> None:
    assert [stay_points(days) for days in (0, 1, 2, 3, 4, 6, 7, 13, 14, 90)] == [0, 1, 2, 3, 4, 4, 5, 5, 7, 7]
    assert [comorbid_points(weights) for weights in (0, 3, 4, 18)] == [0, 3, 5, 5]
    assert [visit_points(visits) for visits in (0, 4, 5)] == [0, 4, 4]
    assert [admission_points(count) for count in (0, 1, 5, 6)] == [0, 2, 2, 5]
    assert [hospital_stay_points(days) for days in (4, 5)] == [0, 2]


def test_a_record_without_diagnoses_and_visits_gives_a_range(content: Content) -> None:
    score = _scores(record(), content)["LACE"]
    assert score.value is None
    assert (score.low, score.high) == (4, 16)
    assert score.missing == ("Acuity of admission", "Comorbidity", "Emergency visits")
    assert score.band == "low to high"


def test_a_count_of_zero_stands_where_something_of_its_kind_is_known(content: Content) -> None:
    elective = stay(priority=(Code("", "EL"),))
    known = record(fact("I10"), encounter=elective, encounters=_visits("EMER", 0))
    assert _scores(known, content)["LACE"].value == 4


def test_a_stay_without_a_beginning_has_no_known_length(content: Content) -> None:
    scores = _scores(record(fact("I10"), encounter=stay(start=None), encounters=_visits("EMER", 0)), content)
    assert scores["LACE"].missing == ("Length of stay", "Acuity of admission")
    assert "Length of stay" in scores["HOSPITAL"].missing


def test_the_visit_that_led_to_the_stay_is_no_earlier_visit_and_makes_it_acute(content: Content) -> None:
    index = _visit(1, "EMER", ADMITTED - timedelta(hours=6))
    score = _scores(record(fact("I10"), encounters=(index,)), content)["LACE"]
    assert {part.name: part.points for part in score.parts}["Emergency visits"] == 0
    assert {part.name: part.points for part in score.parts}["Acuity of admission"] == 3


@pytest.mark.parametrize(
    ("visit", "counts"),
    [
        (_visit(1, "EMER", ADMITTED - timedelta(days=183)), 1),
        (_visit(1, "EMER", ADMITTED - timedelta(days=185)), 0),
        (_visit(1, "EMER", ADMITTED + timedelta(days=2)), 0),
        (_visit(1, "EMER", ADMITTED - timedelta(days=9), part_of=ENCOUNTER), None),
        (replace(_visit(1, "EMER", ADMITTED - timedelta(days=9)), status="cancelled"), 0),
        (replace(_visit(1, "EMER", ADMITTED), start=None), 0),
    ],
)
def test_emergency_visits_count_for_six_months(
    visit: Encounter, counts: int | None, content: Content
) -> None:
    score = _scores(record(fact("I10"), encounters=(visit,)), content)["LACE"]
    assert {part.name: part.points for part in score.parts}["Emergency visits"] == counts


@pytest.mark.parametrize(
    ("stayed", "points"),
    [
        ({"priority": (Code("", "UR", "urgent"),)}, 3),
        ({"priority": (Code("", "EL", "elective"),)}, 0),
        ({"priority": (Code("", "x", "Non-urgent"),)}, 0),
        ({"admit_source": (Code("", "emd"),)}, 3),
        ({"types": (Code(System.SNOMED, "183452005"),)}, 3),
        ({"types": (Code(System.SNOMED, "8715000"),)}, 0),
        ({"admit_source": (Code("", "gp", "General practitioner referral"),)}, 0),
        ({"priority": (Code("", "9", "Information not available"),)}, None),
        ({"admit_source": (Code(System.TEXT, "Emergency Room"),)}, 3),
        ({"admit_source": (Code("urn:oid:1.2.3", "7", "ED"),)}, 3),
        ({"admit_source": (Code("http://fhir.de/CodeSystem/dgkev/Aufnahmeanlass", "N"),)}, 3),
        ({"admit_source": (Code("http://fhir.de/CodeSystem/dgkev/Aufnahmeanlass", "E", "Einweisung"),)}, 0),
        ({"admit_source": (Code("urn:oid:1.2.3", "N", "Nursing home"),)}, 0),
        ({"admit_source": (Code(System.TEXT, "Non-emergency transfer"),)}, 0),
        ({"admit_source": (Code("urn:oid:1.2.3", "31042"),)}, None),
        ({"admit_source": (Code("", "UNK", "unknown"),)}, None),
        ({"priority": (Code(System.TEXT, "Unknown"),)}, None),
        ({}, None),
    ],
)
def test_an_unplanned_admission_is_told_by_priority_source_or_type(
    stayed: dict[str, Any], points: int | None, content: Content
) -> None:
    score = _scores(record(fact("I10"), encounter=stay(**stayed)), content)["LACE"]
    assert {part.name: part.points for part in score.parts}["Acuity of admission"] == points


@pytest.mark.parametrize(
    ("value", "unit"), [(11, "mg/dL"), (110, "g/dL"), (7, "mmol/L")], ids=["too low", "too high", "molar"]
)
def test_a_hemoglobin_that_nobody_can_have_or_read_is_missing_and_says_that_it_is_there(
    content: Content, value: float, unit: str
) -> None:
    score = _scores(record(answer("718-7", value, unit=unit)), content)["HOSPITAL"]
    assert "Hemoglobin at discharge" in score.missing
    (part,) = [one for one in score.parts if one.name == "Hemoglobin at discharge"]
    assert part.explanation.startswith("The record holds a hemoglobin, but none")


def test_hemoglobin_in_grams_per_litre_is_converted_and_without_a_unit_not_used(content: Content) -> None:
    litres = _scores(record(answer("718-7", 110, unit="g/L")), content)["HOSPITAL"]
    assert {part.name: part.points for part in litres.parts}["Hemoglobin at discharge"] == 1
    bare = _scores(record(answer("718-7", 11)), content)["HOSPITAL"]
    assert "Hemoglobin at discharge" in bare.missing


def test_the_last_value_before_leaving_is_taken(content: Content) -> None:
    day = datetime(2024, 3, 1, 9, tzinfo=UTC)
    first = answer("2951-2", 128, unit="mmol/L", at=day, reference="Observation/first")
    last = answer("2951-2", 139, unit="mmol/L", at=day + timedelta(days=2), reference="Observation/last")
    score = _scores(record(last, first), content)["HOSPITAL"]
    assert {part.name: part.points for part in score.parts}["Sodium at discharge"] == 0


_ED = replace(_visit(1, "EMER", ADMITTED - timedelta(hours=14)), end=ADMITTED - timedelta(hours=1))
_CLINIC = _visit(2, "AMB", ADMITTED - timedelta(hours=20))
_EARLIER = _visit(3, "IMP", ADMITTED - timedelta(days=200))
_WARD = replace(_visit(4, "IMP", ADMITTED), part_of=ENCOUNTER)


@pytest.mark.parametrize(
    ("made", "counts"),
    [
        ({"at": ADMITTED}, True),
        ({"at": ADMITTED, "encounter": ""}, True),
        ({"at": None}, True),
        ({"at": ADMITTED + timedelta(days=1), "encounter": _WARD.reference}, True),
        # A laboratory's own contact, or one that did not come along: the day lies in the stay.
        ({"at": ADMITTED + timedelta(days=1), "encounter": _CLINIC.reference}, True),
        ({"at": ADMITTED + timedelta(days=1), "encounter": "Encounter/not-here"}, True),
        # What led to the stay began it.
        ({"at": ADMITTED - timedelta(hours=12), "encounter": _ED.reference}, True),
        ({"at": ADMITTED - timedelta(hours=12), "encounter": ""}, True),
        ({"at": ADMITTED - timedelta(days=2), "encounter": ENCOUNTER}, True),
        ({"at": ADMITTED - timedelta(hours=12), "encounter": _CLINIC.reference}, False),
        ({"at": ADMITTED - timedelta(days=2), "encounter": ""}, False),
        ({"at": ADMITTED - timedelta(days=200), "encounter": ""}, False),
        ({"at": ADMITTED - timedelta(days=200), "encounter": _EARLIER.reference}, False),
        ({"at": datetime(2005, 7, 5, tzinfo=UTC), "encounter": ""}, False),
        ({"at": None, "encounter": ""}, False),
        ({"at": None, "encounter": _EARLIER.reference}, False),
        ({"at": ADMITTED + timedelta(days=30)}, False),
    ],
)
def test_only_what_was_measured_in_this_stay_is_the_blood_at_discharge(
    made: dict[str, Any], counts: object, content: Content
) -> None:
    measured = answer("718-7", 11, unit="g/dL", **made), answer("2951-2", 128, unit="mmol/L", **made)
    visits = (_ED, _CLINIC, _EARLIER, _WARD)
    score = _scores(record(*measured, encounters=visits), content)["HOSPITAL"]
    points = {part.name: part.points for part in score.parts}
    expected = 1 if counts else None
    assert (points["Hemoglobin at discharge"], points["Sodium at discharge"]) == (expected, expected)
    assert {"Hemoglobin at discharge", "Sodium at discharge"} & set(score.missing) == (
        set() if counts else {"Hemoglobin at discharge", "Sodium at discharge"}
    )


def test_contacts_within_a_stay_are_no_further_stay_or_visit(content: Content) -> None:
    earlier = _visit(1, "IMP", ADMITTED - timedelta(days=90))
    wards = [
        replace(_visit(n, "IMP", ADMITTED - timedelta(days=90 - n)), part_of=earlier.reference)
        for n in (2, 3)
    ]
    own = [replace(_visit(n, "IMP", ADMITTED), part_of=ENCOUNTER) for n in (4, 5)]
    deeper = replace(_visit(6, "EMER", ADMITTED - timedelta(days=2)), part_of="Encounter/v4")
    lost = [
        replace(_visit(n, "IMP", ADMITTED - timedelta(days=30)), part_of="Encounter/lost") for n in (7, 8)
    ]
    known = record(fact("I10"), encounters=(earlier, *wards, *own, deeper, *lost))
    scores = _scores(known, content)
    hospital = {part.name: part for part in scores["HOSPITAL"].parts}
    assert hospital["Admissions in the year before"].explanation == "2 in the 12 months before"
    lace = {part.name: part.points for part in scores["LACE"].parts}
    assert (lace["Emergency visits"], lace["Acuity of admission"]) == (0, 3)


def test_a_procedure_before_the_stay_is_none_of_it(content: Content) -> None:
    earlier = fact("38102005", Kind.PROCEDURE, system=System.SNOMED, encounter="", began=date(2020, 1, 1))
    score = _scores(record(earlier), content)["HOSPITAL"]
    assert {part.name: part.points for part in score.parts}["Procedure in the stay"] == 0


def test_snomed_diagnoses_make_comorbidities_too(content: Content) -> None:
    score = _scores(record(fact("88805009", system=System.SNOMED)), content)["LACE"]
    assert {part.name: part.points for part in score.parts}["Comorbidity"] == 2


def test_frailty_is_scored_from_75_years_of_age(content: Content) -> None:
    old = person(birth_date=date(1945, 1, 1))
    young = _scores(record(fact("F03.90"), patient=person(birth_date=date(1950, 1, 1))), content)
    assert "HFRS" not in young
    assert "HFRS" not in _scores(record(fact("F03.90"), patient=person(birth_date=None)), content)
    # Dementia 2.1, hemiplegia 4.4, fall 3.2, and a second code of one group adds nothing.
    diagnoses = [fact(code) for code in ("F03.90", "F03.91", "G81.91", "W19.XXXA")]
    score = _scores(record(*diagnoses, patient=old), content)["HFRS"]
    assert (score.value, score.band) == (9.7, "intermediate")
    unread = _scores(record(fact("88805009", system=System.SNOMED), patient=old), content)["HFRS"]
    assert (unread.value, unread.low, unread.high, unread.band) == (None, 0, 173.2, "low to high")


def test_a_score_carries_the_labels_of_what_it_rests_on(content: Content) -> None:
    scores = _scores(record(fact("B20")), content)
    assert scores["LACE"].labels == {Label.HIV}
    assert scores["HOSPITAL"].labels == frozenset()


def test_a_diagnosis_that_nobody_understands_leaves_comorbidity_open(content: Content) -> None:
    known, local = fact("I50.9"), fact("4711", system="https://ehr.example/problems", text="Local diagnosis")
    lace = _scores(record(known, local), content)["LACE"]
    (part,) = (part for part in lace.parts if part.name == "Comorbidity")
    assert (part.points, part.low < part.high) == (None, True)
    assert part.explanation == "1 diagnosis was not understood."
    assert part.evidence


def _comorbidity(content: Content, *facts: Fact, **more: Any) -> ScorePart:
    score = _scores(record(*facts, **more), content)["LACE"]
    return next(part for part in score.parts if part.name == "Comorbidity")


@pytest.mark.parametrize(
    ("reason", "leaves_open"),
    [
        ((Code(System.TEXT, "Chest pain"),), False),
        ((Code(System.TEXT, "snf_reason"),), False),
        ((Code("https://ehr.example/reasons", "17", "Chest pain"),), False),
        ((Code(System.SNOMED, "29857009", "Chest pain"),), False),
    ],
)
def test_a_reason_of_the_stay_leaves_no_list_of_diagnoses_open(
    reason: tuple[Code, ...], content: Content, *, leaves_open: bool
) -> None:
    part = _comorbidity(content, fact("I50.9"), encounter=stay(reasons=(reason,)))
    assert (part.points is None) is leaves_open


@pytest.mark.parametrize(
    ("diagnosis", "leaves_open"),
    [
        (fact("4711", system="https://ehr.example/problems", text="Local diagnosis"), True),
        (fact("IMO0002", text="COPD"), True),
        (fact("R69", text="Illness"), True),
        (fact("4711", system="", text="No known problems"), False),
        (fact("4711", system="", text="No active problems."), False),
        (fact("4711", system="", text="Family history of stroke"), False),
        (fact("4711", system="", text="No evidence of pneumonia, COPD"), True),
        (fact("4711", system="", text="No known allergies but heart failure"), True),
        (fact("88805009", system=System.SNOMED), False),
        (fact("I10"), False),
    ],
)
def test_only_a_diagnosis_that_nobody_can_understand_leaves_comorbidity_open(
    diagnosis: Fact, content: Content, *, leaves_open: bool
) -> None:
    assert (_comorbidity(content, fact("I50.9"), diagnosis).points is None) is leaves_open


def test_frailty_of_a_mixed_list_is_a_range(content: Content) -> None:
    old = person(birth_date=date(1940, 1, 1))
    coded, other = fact("F03.90"), fact("88805009", system=System.SNOMED)
    known = _scores(record(coded, patient=old), content)["HFRS"]
    mixed = _scores(record(coded, other, patient=old), content)["HFRS"]
    assert (known.value, known.missing) == (2.1, ())
    # One diagnosis is at most one group more; dementia (F00, 7.1) is the heaviest.
    assert (mixed.low, mixed.high, mixed.value) == (2.1, 9.2, None)
    assert mixed.missing == ("Frailty diagnoses",)
    two = _scores(record(coded, other, fact("73211009", system=System.SNOMED), patient=old), content)["HFRS"]
    assert two.high > mixed.high
    reason = stay(reasons=((Code(System.TEXT, "Chest pain"),),))
    assert _scores(record(coded, patient=old, encounter=reason), content)["HFRS"].missing == ()


def test_a_procedure_after_the_stay_is_none_of_it(content: Content) -> None:
    ended = stay(end=ADMITTED + timedelta(days=3))
    for days, points in ((2, 1), (3, 1), (4, 0), (20, 0)):
        done = fact(
            "38102005",
            Kind.PROCEDURE,
            system=System.SNOMED,
            encounter="",
            began=(ADMITTED + timedelta(days=days)).date(),
        )
        score = _scores(record(done, encounter=ended), content, TODAY + timedelta(days=30))["HOSPITAL"]
        assert {part.name: part.points for part in score.parts}["Procedure in the stay"] == points
