import json
from datetime import UTC, datetime

import pytest

from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.bindings import SDOH_DOMAINS
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.shared import device_draft
from fhir_mappings.outbound.validate import validate
from service.domain.codes import Code, System
from service.domain.protocol import GoalTemplate, Interventions
from service.errors import InvalidResource
from tests import builders as a


def made(kind):
    goal = GoalTemplate("x", "Eats", 3, Code(System.LOINC, "1"), "every day")
    need = a.need(interventions=a.interventions(goals=(goal,)))
    plan = a.planned(need)
    author = Author("Homeward", "X", tenant="example")
    drafts = [
        *plan_resources(plan, author=author, recorded=datetime(2024, 3, 5, tzinfo=UTC)),
        device_draft(author),
    ]
    body = next(draft.body for draft in drafts if draft.resource_type == kind)
    return json.loads(json.dumps(body))


def at(body, path, value):
    """The body with one element replaced; a path of names and list positions."""
    *way, last = path
    place = body
    for step in way:
        place = place[step]
    place[last] = value
    return body


@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "ServiceRequest", "Provenance"])
def test_what_we_write_is_valid_and_stays_as_it_is(kind):
    body = made(kind)
    assert validate(body) == made(kind)


BROKEN = {
    "wrong type": ("CarePlan", ["title"], {"a": 1}, "CarePlan.title (string_type)"),
    "wrong date": ("CarePlan", ["created"], "5 March", "CarePlan.created (value_error)"),
    "unknown element": ("Goal", ["zelda"], "x", "Goal.zelda (extra_forbidden)"),
    "status": ("CarePlan", ["status"], "pending", "CarePlan.status (required binding)"),
    "intent": ("ServiceRequest", ["intent"], "wish", "ServiceRequest.intent (required binding)"),
    "priority": ("ServiceRequest", ["priority"], "soon", "ServiceRequest.priority (required binding)"),
    "lifecycle": ("Goal", ["lifecycleStatus"], "new", "Goal.lifecycleStatus (required binding)"),
    "us core narrative": (
        "CarePlan",
        ["text", "status"],
        "extensions",
        "CarePlan.text.status (required binding)",
    ),
    "device": ("Device", ["status"], "on", "Device.status (required binding)"),
    "activity": (
        "CarePlan",
        ["activity", 2, "detail", "status"],
        "planned",
        "CarePlan.activity.detail.status (required binding)",
    ),
    "ele-1": ("Goal", ["note"], [], "Goal (ele-1)"),
    "dom-3": (
        "ServiceRequest",
        ["contained"],
        [{"resourceType": "Device", "id": "author"}],
        "ServiceRequest (dom-3)",
    ),
    "ref-1": ("ServiceRequest", ["requester"], {"reference": "#nobody"}, "ServiceRequest (dom-3)"),
    "per-1": ("CarePlan", ["period", "end"], "2024-01-01", "CarePlan (per-1)"),
    "cpl-3": ("CarePlan", ["activity", 0, "detail"], {"status": "not-started"}, "CarePlan (cpl-3)"),
    "gol-1": ("Goal", ["target"], [{"detailString": "x"}], "Goal (gol-1)"),
    "assess-plan": ("CarePlan", ["category"], [{"text": "x"}], "CarePlan (us-core-careplan:AssessPlan)"),
    "on behalf of": (
        "Provenance",
        ["agent"],
        [{"who": {"reference": "Device/1"}}],
        "Provenance (us-core-provenance-1)",
    ),
    "sdoh": (
        "ServiceRequest",
        ["category", 1, "coding", 0, "code"],
        "hunger",
        "ServiceRequest (SDOHCC-ValueSetSDOHCategory)",
    ),
    "script": (
        "CarePlan",
        ["text", "div"],
        f'<div xmlns="{systems.XHTML}"><script>x</script></div>',
        "CarePlan (txt-1)",
    ),
    "event handler": (
        "CarePlan",
        ["text", "div"],
        f'<div xmlns="{systems.XHTML}"><p onclick="x">x</p></div>',
        "CarePlan (txt-1)",
    ),
    "not xml": ("CarePlan", ["text", "div"], "<div><p>", "CarePlan (txt-1)"),
}


@pytest.mark.parametrize(("kind", "path", "value", "problem"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named_by_path_and_rule(kind, path, value, problem):
    with pytest.raises(InvalidResource) as error:
        validate(at(made(kind), path, value))
    assert problem in str(error.value)


def test_a_failure_never_quotes_what_was_in_the_resource():
    body = made("CarePlan")
    body |= {"title": {"Zelda": "Testperson"}, "created": "born 1950", "subject": {"reference": ["Zelda"]}}
    with pytest.raises(InvalidResource) as error:
        validate(body)
    assert "Zelda" not in str(error.value)
    assert "1950" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_a_resource_without_narrative_is_valid():
    body = made("Goal")
    del body["text"]
    assert validate(body)


def test_gravity_has_24_categories():
    assert len(SDOH_DOMAINS) == 24
    assert "homelessness" in SDOH_DOMAINS


def test_a_need_with_no_interventions_still_makes_a_valid_plan():
    plan = a.planned(a.need(interventions=Interventions()))
    kinds = [
        draft.resource_type
        for draft in plan_resources(
            plan, author=Author("Homeward", "X"), recorded=datetime(2024, 3, 5, tzinfo=UTC)
        )
    ]
    assert kinds == ["ServiceRequest", "CarePlan", "Provenance"]
