"""What a changed order or stay asks for, however its status and class are written."""

from dataclasses import replace
from typing import Any

import pytest

from config.tenants import Tenant
from fhir_mappings import systems
from fhir_mappings.inbound.trigger import trigger_from
from service.domain.discharge import Action
from tests.builders import Json, concept, encounter, resource

HOSPITAL = Tenant(id="t", fhir_base_url="", organization="Example")
EAGER = replace(HOSPITAL, plan_at_admission=True)
V2_INPATIENT = {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "I"}
LOCAL = {"system": "urn:example", "code": "1"}
WHOLE = {"reference": "Encounter/whole"}


def classed(sent: Any, **more: Any) -> Json:
    """A stay with this class."""
    return encounter(**{"class": sent, **more})


def action(resource, tenant=HOSPITAL):
    found = trigger_from(resource, tenant=tenant, door="subscription")
    return found and found.action


@pytest.mark.parametrize(
    ("stay", "asks", "asks_at_admission"),
    [
        (encounter(), Action.REFRESH, Action.PLAN),
        (classed(V2_INPATIENT), Action.REFRESH, Action.PLAN),
        (classed([concept("IMP", systems.ACT_CODE)]), Action.REFRESH, Action.PLAN),
        (encounter(status="on-hold"), Action.REFRESH, Action.PLAN),
        (encounter(status="completed"), Action.REFRESH, Action.REFRESH),
        (encounter(status="unknown"), Action.REFRESH, Action.PLAN),
        (
            encounter(status="unknown", period={"start": "2024-03-01", "end": "2024-03-04"}),
            Action.REFRESH,
            Action.REFRESH,
        ),
        (encounter(status="cancelled"), Action.CANCEL, Action.CANCEL),
        (encounter(class_code="AMB"), None, None),
        (classed(LOCAL), None, None),
        (encounter(status="planned"), None, None),
        # Merged into another stay, it has lost class and period: it is looked at again if it is being planned.
        (
            classed({}, status="unknown", partOf=WHOLE, period=None),
            Action.REFRESH,
            Action.REFRESH,
        ),
    ],
)
def test_a_stay_asks_by_its_status_and_class(stay, asks, asks_at_admission):
    assert action(stay) is asks
    assert action(stay, EAGER) is asks_at_admission


def test_a_hospitals_own_class_is_a_stay_where_it_says_so():
    named = replace(EAGER, encounter_classes={"urn:example|1": "IMP"})
    assert action(classed(LOCAL), named) is Action.PLAN


@pytest.mark.parametrize(
    ("status", "intent", "asks"),
    [
        ("active", "order", Action.PLAN),
        ("Active", "order", Action.PLAN),
        ("revoked", "order", Action.CANCEL),
        ("draft", "order", None),
        ("active", "proposal", None),
        ("active", "Plan", None),
        (None, "order", None),
    ],
)
def test_an_order_asks_by_its_status_and_intent(status, intent, asks):
    code = concept("58000006", systems.SNOMED)
    order = resource(
        "ServiceRequest",
        "s",
        status=status,
        intent=intent,
        code=code,
        encounter={"reference": "Encounter/e1"},
    )
    assert action(order) is asks
