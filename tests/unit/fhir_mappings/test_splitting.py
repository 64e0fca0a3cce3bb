from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from fhir_mappings.bundle import Search
from fhir_mappings.searches import READ_TYPES
from fhir_mappings.splitting import parts_of

TODAY = date(2024, 3, 5)


def offering(*names):
    return SimpleNamespace(searches=lambda _, name: name in names)


def search(kind="Encounter", **parameters):
    return Search(
        kind, (("patient", "7"), *((name.replace("0", "-"), value) for name, value in parameters.items()))
    )


def added(parts):
    """What each part asks beside the patient."""
    return [[pair for pair in part.parameters if pair[0] != "patient"] for part in parts]


def test_what_names_one_resource_or_is_offered_no_division_stays_whole():
    assert parts_of(Search("Patient", id="7"), offering("status", "date"), TODAY) == ()
    assert parts_of(search(), offering("patient"), TODAY) == ()


def test_alternatives_are_asked_one_by_one():
    parts = parts_of(search("Observation", category="survey,sdoh"), offering(), TODAY)
    assert added(parts) == [[("category", "survey")], [("category", "sdoh")]]


def test_a_status_goes_before_a_date_because_every_resource_has_one():
    parts = parts_of(search(), offering("status", "date"), TODAY)
    assert ("status", "finished") in added(parts)[0]
    assert all(part.parameters[0] == ("patient", "7") for part in parts)
    assert "entered-in-error" not in str(parts)


def test_the_same_status_is_not_asked_for_twice():
    parts = parts_of(search(status="finished"), offering("status", "date"), TODAY)
    assert all(name == "date" for part in added(parts) for name, _ in part[1:])


def test_oracles_conditions_are_divided_by_category_and_then_by_clinical_status():
    offered = offering("patient", "category", "clinical-status", "code", "encounter")
    first = parts_of(search("Condition"), offered, TODAY)
    assert added(first)[0] == [("category", "encounter-diagnosis")]
    second = parts_of(first[0], offered, TODAY)
    assert ("clinical-status", "active") in second[0].parameters
    assert parts_of(second[0], offered, TODAY) == ()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Observation", "date"),
        ("Condition", "recorded-date"),
        ("MedicationRequest", "authoredon"),
        ("Goal", "_lastUpdated"),
    ],
)
def test_without_a_status_the_types_own_date_divides(kind, name):
    spans = added(parts_of(search(kind), offering(name), TODAY))
    assert spans[0] == [(name, "ge2024-02-04")]
    assert spans[1] == [(name, "ge2023-12-06"), (name, "lt2024-02-04")]
    assert [bound[:2] for _, bound in spans[-1]] == ["lt"]


def test_spans_keep_within_the_day_from_which_was_asked():
    spans = added(parts_of(search("Observation", date="ge2023-02-03"), offering("date"), TODAY))
    assert spans[-1] == [("date", "ge2023-02-03"), ("date", "lt2023-03-06")]
    assert len(spans) == 4


def test_spans_leave_no_day_out_and_have_none_twice():
    days = [TODAY - timedelta(days=number) for number in range(2000)]
    spans = [dict(_bounds(part)) for part in added(parts_of(search("Observation"), offering("date"), TODAY))]
    for day in days:
        within = [
            one for one in spans if one.get("ge", day) <= day < one.get("lt", TODAY + timedelta(days=1))
        ]
        assert len(within) == 1


def _bounds(part):
    return [(bound[:2], date.fromisoformat(bound[2:])) for _, bound in part]


def test_a_span_is_halved_down_to_a_day_and_then_no_more():
    part, halvings = search("Observation", date="ge2024-02-04"), 0
    while narrower := parts_of(part, offering("date"), TODAY):
        part, halvings = narrower[0], halvings + 1
        assert len(narrower) == 2
    assert halvings == 5
    assert added([part]) == [[("date", "ge2024-03-05")]]


@pytest.mark.parametrize("bound", ["2024", "eq2024-01-01", "gezelda", "ge"])
def test_a_date_that_cannot_be_read_is_not_divided(bound):
    assert parts_of(search("Observation", date=bound), offering("date"), TODAY) == ()


def test_every_type_that_is_read_can_be_divided_by_something():
    everything = SimpleNamespace(searches=lambda *_: True)
    for kind in READ_TYPES - {"Patient"}:
        assert len(parts_of(search(kind), everything, TODAY)) > 1, kind
