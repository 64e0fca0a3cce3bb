"""The same record in another legal spelling gives the same plan, and a reader that misses one is found."""

from random import Random

import pytest

from benchmarks import fuzz
from benchmarks.damage import DAMAGES
from benchmarks.fuzz import SPELLINGS, Kind, Outcome, bundle_of, original, outcome_of, sample_records
from fhir_mappings.inbound import codes, dates, values
from fhir_mappings.inbound.elements import items
from service.sandbox.respelling import RESPELLINGS


def _random() -> Random:
    return Random(7)  # noqa: S311  nothing is kept secret by it


_DAMAGES = tuple(Kind(damage.name, damage) for damage in DAMAGES)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda kind: kind.name)
def test_a_record_in_another_spelling_gives_the_same_plan(spelling):
    changed = [
        (patient, key)
        for patient, resources in sample_records().items()
        for key in differing(original(patient), outcome_of(bundle_of(spelling.mutate(resources, _random()))))
    ]
    assert changed == []


def differing(before: Outcome, after: Outcome) -> list[str]:
    """The parts of a plan that are not the same, or why there is none."""
    if before.meaning is None or after.meaning is None:
        return [after.refusal or after.crash]
    return [key for key, said in before.meaning.items() if after.meaning[key] != said]


@pytest.mark.parametrize("respelling", RESPELLINGS, ids=lambda one: one.name)
def test_a_respelling_rewrites_something_and_leaves_what_it_was_given(respelling):
    before = {patient: bundle_of(resources) for patient, resources in sample_records().items()}
    after = {
        patient: bundle_of(respelling(resources, _random()))
        for patient, resources in sample_records().items()
    }
    assert after != before
    assert {patient: bundle_of(resources) for patient, resources in sample_records().items()} == before


def test_damaged_records_are_planned_or_refused_with_a_sentence():
    tallies = fuzz.fuzz(16 * len(_DAMAGES), seed=3, kinds=_DAMAGES)
    assert list(fuzz.judge(tallies)) == []
    assert all(tally.planned + tally.refused == tally.tried for tally in tallies)


def test_damage_that_reaches_a_command_ends_in_a_plan_or_a_sentence():
    tally = fuzz.run_commands(3, seed=3)
    assert (tally.planned + tally.refused, tally.wrong) == (3, [])


def _number_alone(value):
    return float(value) if isinstance(value, int | float) else None


def _first_coding_only(value):
    listed = items(value)
    return items(listed[0].get("coding"))[:1] if listed and "coding" in listed[0] else listed[:1]


@pytest.mark.parametrize(
    ("module", "name", "fault", "spelling"),
    [
        pytest.param(
            codes, "_codings", _first_coding_only, "local codings first", id="the first coding alone"
        ),
        pytest.param(
            dates, "_on_clock", lambda found, _: found, "times by another clock", id="the written day"
        ),
        pytest.param(values, "number", _number_alone, "numbers as text", id="numbers that are numbers"),
    ],
)
def test_a_fault_planted_in_a_reader_is_found(monkeypatch, module, name, fault, spelling):
    before = {patient: original(patient) for patient in sample_records()}
    monkeypatch.setattr(module, name, fault)
    kind = next(one for one in SPELLINGS if one.name == spelling)
    found = [
        patient
        for patient, resources in sample_records().items()
        if differing(before[patient], outcome_of(bundle_of(kind.mutate(resources, _random()))))
    ]
    assert found
