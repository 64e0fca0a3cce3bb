import json
import re
from dataclasses import replace

from fhir_mappings import systems
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.cards import (
    OVERRIDE_CODES,
    OrderKeys,
    Place,
    Reader,
    blocker_key,
    plan_cards,
    preparing_card,
)
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.validate import validate
from service.domain.assessment import Blocker, Outcome, Readiness
from service.domain.record import Gap, GapReason
from service.domain.sensitivity import Label
from tests import builders

DANA = "Practitioner/dana"
PLACE = Place(
    "https://homeward.example.org",
    "https://homeward.example.org/discharges/7",
    '{"discharge":"7"}',
    "https://homeward.example.org/launch",
)
NO_RIDE = Blocker("no-ride", "Nobody drives the patient home.", "A ride is booked")
#: The same on every card: what may be withheld counts in it.
VERDICT = "the verdict stands on the plan's page, for the care team"
WATCH = Blocker("watch", "The scales are broken", "New scales are at home", blocks=False)


def cards(plan, **more):
    return [one.card for one in plan_cards(plan, PLACE, **more)]


def plan_of(*needs, **more):
    return builders.planned(*(needs or (builders.need(interventions=builders.interventions()),)), **more)


def drafts(plan):
    made = plan_resources(plan, author=Author("Homeward", "Example"), recorded=builders.ADMITTED)
    return [one for one in made if one.resource_type == "ServiceRequest"], {one.key: one for one in made}


def test_the_summary_counts_what_is_open():
    [card] = cards(plan_of(readiness=Readiness.of((WATCH,))))
    assert card["summary"] == f"Discharge: 1 need; {VERDICT}"
    assert "New scales are at home" in card["detail"]
    assert card["indicator"] == "warning"


def test_a_patient_without_open_points_is_information():
    [card] = cards(builders.planned())
    assert card["summary"] == f"Discharge: no open need found; {VERDICT}"
    assert card["indicator"] == "info"


def test_every_blocker_is_a_critical_card_and_what_is_watched_is_not():
    plan = plan_of(readiness=Readiness.of((NO_RIDE, WATCH)))
    [summary, blocker] = cards(plan)
    assert blocker["indicator"] == "critical"
    assert blocker["summary"] == "Before leaving: Nobody drives the patient home."
    assert "Cleared by:** A ride is booked" in blocker["detail"]
    assert "The scales are broken" in summary["detail"]
    assert "1 point to settle" in summary["summary"]


def test_a_blocker_set_aside_is_told_in_the_summary_only():
    plan = plan_of(readiness=Readiness.of((NO_RIDE,)))
    [summary] = cards(plan, reader=Reader(DANA, {blocker_key(NO_RIDE, DANA)}))
    assert "Set aside by you" in summary["detail"]
    assert "Nobody drives the patient home" in summary["detail"]


def test_what_one_reader_set_aside_the_next_one_sees():
    plan = plan_of(readiness=Readiness.of((NO_RIDE,)))
    [_, blocker] = cards(plan, reader=Reader("Practitioner/arthur", {blocker_key(NO_RIDE, DANA)}))
    assert blocker["indicator"] == "critical"


def test_a_blocker_set_aside_comes_back_with_new_evidence():
    again = replace(NO_RIDE, evidence=(builders.evidence(),))
    plan = plan_of(readiness=Readiness.of((again,)))
    [_, blocker] = cards(plan, reader=Reader(DANA, {blocker_key(NO_RIDE, DANA)}))
    assert blocker["indicator"] == "critical"


def test_a_sensitive_blocker_is_on_no_card():
    secret = Blocker("secret", "Partner waits outside", "Safe", labels=frozenset({Label.VIO}))
    told = json.dumps(cards(plan_of(readiness=Readiness.of((secret,)))))
    assert "Partner" not in told
    assert "critical" not in told


def test_a_need_that_is_withheld_leaves_neutral_words():
    need = builders.need("substance-use", labels=frozenset({Label.SUD}))
    [card] = cards(plan_of(need))
    assert "Social work follow-up before and after discharge" in card["detail"]
    assert "ubstance" not in json.dumps(card)


def test_what_is_offered_is_a_whole_order_without_loose_links():
    plan = plan_of()
    offered, by_key = drafts(plan)
    suggestions = cards(plan, offered=offered)[-1]
    assert suggestions["selectionBehavior"] == "any"
    suggestion, _neutral = suggestions["suggestions"]
    [action] = suggestion["actions"]
    assert action["type"] == "create"
    assert action["description"].startswith("Create a draft order: ")
    assert "extension" not in action["resource"]
    goal = next(one for key, one in by_key.items() if key.startswith("goal:"))
    written = cards(plan, offered=offered, written={goal.full_url: "Goal/7"})[-1]
    linked = written["suggestions"][0]["actions"][0]["resource"]["extension"]
    assert linked == [{"url": systems.PERTAINS_TO_GOAL, "valueReference": {"reference": "Goal/7"}}]


def test_an_order_by_its_key_is_one_action_with_that_coding_and_nothing_of_ours():
    plan = plan_of()
    offered, _ = drafts(plan)
    keys = OrderKeys("urn:example:list", {offered[0].key: "4711"})
    card = cards(plan, offered=offered, reader=Reader("Practitioner/7", order_keys=keys))[-1]
    assert card["selectionBehavior"] == "any"
    [suggestion] = card["suggestions"]  # the other has no key
    assert suggestion["uuid"]
    [action] = suggestion["actions"]
    assert action["description"].startswith(f"Create a draft order: {suggestion['label']}")
    assert action["resource"] == {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "code": {"coding": [{"system": "urn:example:list", "code": "4711"}]},
        "subject": offered[0].body["subject"],
    }
    validate(action["resource"])
    assert re.fullmatch("[A-Za-z0-9]{1,100}", card["source"]["topic"]["code"])


def test_without_any_key_there_is_no_card_of_suggestions():
    plan = plan_of()
    offered, _ = drafts(plan)
    nothing = Reader(order_keys=OrderKeys("urn:example:list", {}))
    assert all("suggestions" not in card for card in cards(plan, offered=offered, reader=nothing))


def test_cards_and_suggestions_have_the_same_ids_on_every_call():
    plan = plan_of(readiness=Readiness.of((NO_RIDE,)))
    offered, _ = drafts(plan)
    once, again = plan_cards(plan, PLACE, offered=offered), plan_cards(plan, PLACE, offered=offered)
    assert once == again
    ids = [one.id for one in once] + [identity for one in once for identity in one.suggested]
    assert len(set(ids)) == len(ids) == 5


def test_who_died_has_no_needs_and_no_blockers():
    [card] = cards(plan_of(outcome=Outcome.DIED, readiness=Readiness.of((NO_RIDE,))))
    assert card["summary"].startswith("No discharge home is planned")
    assert "Needs" not in card["detail"]


def test_a_record_cannot_write_markup_into_a_card():
    evil = builders.evidence("Z59.41", text="<script>x</script> [c](https://evil.example)")
    [card] = cards(plan_of(builders.need(evidence=(evil,))))
    assert "<script>" not in card["detail"]
    assert r"\[c\](https:\//evil.example)" in card["detail"]


def test_the_links_lead_to_our_page_with_its_context():
    [card] = cards(plan_of())
    assert card["links"] == [
        {"label": "Open in Homeward", "url": PLACE.launch, "type": "smart", "appContext": PLACE.context},
        {"label": "Open the discharge plan", "url": PLACE.page, "type": "absolute"},
    ]


def test_an_ehr_that_does_not_open_our_page_gets_no_link_by_which_it_would():
    [shown] = plan_cards(plan_of(), replace(PLACE, launch=""))
    assert [link["type"] for link in shown.card["links"]] == ["absolute"]


def test_every_reason_to_set_a_card_aside_is_coded():
    [card] = cards(plan_of())
    assert {reason["code"] for reason in card["overrideReasons"]} == OVERRIDE_CODES
    assert {reason["system"] for reason in card["overrideReasons"]} == {systems.OVERRIDE_REASONS}


def test_a_plan_that_is_being_prepared_leads_to_its_page():
    card = preparing_card("example", builders.ENCOUNTER, PLACE).card
    assert card["links"][-1]["url"] == PLACE.page
    assert "overrideReasons" not in card


def test_an_instruments_name_is_on_no_card():
    gap = Gap("HARK", GapReason.DISAGREES, "the total is not the sum")
    [card] = cards(replace(plan_of(), gaps=(gap,)))
    assert "HARK" not in json.dumps(card)
    assert "Could not be read" in card["detail"]
