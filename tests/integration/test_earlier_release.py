"""A plan that an earlier release published, met by this one: found, not doubled, brought up to date."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings import systems
from fhir_mappings.own_marks import own_identifier
from service.domain.publication import Draft, WriteState
from service.pipeline.publishing.publish import publish
from tests.builders import MemoryLedger
from tests.ehr_fixtures import LimitedEhr, in_ehr, plan_for

KINDS = ("Goal", "ServiceRequest", "CarePlan", "Provenance")
WAYS: tuple[dict[str, bool], ...] = (
    {},
    {"transaction": False},
    {"transaction": False, "batch": False},
    {"transaction": False, "batch": False, "conditional_create": False},
)


def as_then(drafts: Sequence[Draft]) -> list[Draft]:
    """The same drafts as the earlier release made them."""
    return [replace(draft, body=_renamed(draft.body)) for draft in drafts]


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part) for part in value]
    return systems.URI_IDENTIFIER if value == systems.OWN_IDENTIFIER else value


def counts(ehr: LimitedEhr, patient: str) -> dict[str, int]:
    found = in_ehr(ehr, patient)
    return {kind: len(found[kind]) for kind in KINDS}


@pytest.mark.parametrize("less", WAYS)
def test_a_plan_of_the_earlier_release_is_found_by_a_ledger_that_knows_nothing(tenant, patient, less):
    with LimitedEhr(tenant, **less) as ehr:
        publish(MemoryLedger(*as_then(plan_for(patient))), ehr)
        ledger = MemoryLedger(*plan_for(patient))
        publish(ledger, ehr)
        assert {row.state for row in ledger.entries()} == {WriteState.LANDED}
        assert counts(ehr, patient) == dict.fromkeys(KINDS, 1)


@pytest.mark.parametrize("less", WAYS)
def test_a_plan_of_the_earlier_release_is_updated_in_place_and_keeps_its_first_name(tenant, patient, less):
    with LimitedEhr(tenant, **less) as ehr:
        ledger = MemoryLedger(*as_then(plan_for(patient)))
        publish(ledger, ehr)
        ledger.want(plan_for(patient, goal="Eats every day"))
        publish(ledger, ehr)
        assert counts(ehr, patient) == dict.fromkeys(KINDS, 1)
        [goal] = in_ehr(ehr, patient)["Goal"]
        assert goal["description"]["text"] == "Eats every day"
        name = plan_for(patient)[0].identifier
        former = {"system": systems.URI_IDENTIFIER, "value": name}
        assert sorted(goal["identifier"], key=str) == sorted([own_identifier(name), former], key=str)
