import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from service.domain.assessment import Blocker, Disposition, Factor, NamedPlace, Outcome, Readiness, Verdict
from service.domain.community_service import Match, Matches
from service.domain.evidence import Certainty
from service.domain.plan import Plan
from service.domain.protocol import ProtocolRef, Review, Urgency
from service.domain.record import Gap, GapReason, Kind
from service.domain.risk import RiskScore
from service.domain.sensitivity import Label
from service.presentation.document import plan_document
from tests import builders as a

SCHEMA = json.loads(Path("docs/plan-document.schema.json").read_text())
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": []}
FOUND = Matches((("food-pantry", (a.match(), a.match("Other"))),))


def document(plan: Plan):
    """The document as a reader gets it, valid by its schema."""
    made = json.loads(json.dumps(plan_document(plan, bundle=BUNDLE)))
    jsonschema.validate(made, SCHEMA, format_checker=jsonschema.FormatChecker())
    return made


def test_the_document_has_the_keys_of_its_contract_in_its_order():
    assert list(document(a.planned())) == [
        "patient",
        "encounter",
        "today",
        "needs",
        "referrals",
        "goals",
        "follow_ups",
        "education",
        "programmes",
        "bedside_questions",
        "risk_scores",
        "boost_8p",
        "disposition",
        "readiness",
        "compliance",
        "gaps",
        "patient_instructions",
        "patient_instructions_language",
        "patient_instructions_form",
        "bundle",
    ]


def test_it_names_the_patient_the_stay_and_the_day():
    made = document(a.planned())
    assert (made["patient"], made["encounter"], made["today"]) == ("Patient/p1", "Encounter/e1", "2024-03-05")
    assert made["bundle"] == BUNDLE


def test_a_need_stands_with_its_state_labels_evidence_and_protocol():
    needs = (
        a.need(labels=frozenset({Label.SUD, Label.BH})),
        a.need("stress", present=False),
        a.need(evidence=(a.evidence(code=None, on=None),)),
    )
    first, second, third = document(a.planned(*needs))["needs"]
    assert first == {
        "code": "food-insecurity",
        "state": "present",
        "sensitive": ["BH", "SUD"],
        "evidence": [
            {
                "reference": "Condition/z59-41",
                "code": "Z59.41",
                "date": "2024-03-02",
                "text": "Invented finding Z59.41",
            }
        ],
        "protocol": {"id": "food-insecurity", "version": "1.0"},
    }
    assert (second["state"], second["sensitive"]) == ("not_assessed", [])
    assert (third["evidence"][0]["code"], third["evidence"][0]["date"]) == (None, None)


def test_doubt_haste_and_a_review_that_is_open_stand_with_the_need():
    doubtful = a.need(
        certainty=Certainty.CONFLICTED,
        urgency=Urgency.STAT,
        protocol=ProtocolRef("food-insecurity", "1.0", Review.PENDING),
        evidence=(a.evidence(certainty=Certainty.UNCERTAIN),),
    )
    (need,) = document(a.planned(doubtful))["needs"]
    assert (need["certainty"], need["urgency"], need["review"]) == ("conflicted", "stat", "pending")
    assert [one["certainty"] for one in need["evidence"]] == ["uncertain"]
    assert need["protocol"] == {"id": "food-insecurity", "version": "1.0"}


def test_a_referral_names_the_best_service_and_how_many_others_there_are():
    (referral,) = document(a.planned(a.need(interventions=a.interventions()), matches=FOUND))["referrals"]
    assert referral == {
        "need": "food-insecurity",
        "service": "food-pantry",
        "category": "food-insecurity",
        "priority": "routine",
        "due": "2024-03-08",
        "community_service": {
            "id": "example-pantry",
            "name": "Example Pantry",
            "organization": "Example Council",
            "phone": "555-0100",
            "distance_km": 3.2,
            "verified": "2024-01-31",
            "reasons": ["serves this ZIP code"],
            "alternatives": 1,
        },
    }


def test_a_service_of_unknown_distance_and_age_has_null_there():
    unknown = Match(a.match(verified=None).service, (), None)
    plan = a.planned(a.need(interventions=a.interventions()), matches=Matches((("food-pantry", (unknown,)),)))
    service = document(plan)["referrals"][0]["community_service"]
    assert (service["distance_km"], service["verified"]) == (None, None)


def test_a_referral_without_service_an_order_that_stands_and_a_second_need_are_said():
    there = a.fact("7", Kind.ORDER, text="Food pantry", reference="ServiceRequest/7")
    needs = (a.need(interventions=a.interventions()), a.need("stress", interventions=a.interventions()))
    (referral,) = document(a.planned(*needs, about=a.record(there)))["referrals"]
    assert referral["community_service"] is None
    assert referral["existing"] == "ServiceRequest/7"
    assert "existing_words" not in referral
    assert referral["also_for"] == ["stress"]


def test_visits_and_tasks_are_follow_ups_and_a_search_for_a_service_is_a_task():
    found = document(a.planned(a.need(interventions=a.interventions())))["follow_ups"]
    assert [(x["kind"], x["owner"], x["due"]) for x in found] == [
        ("visit or call", None, "2024-03-12"),
        ("task", "social worker", "2024-03-05"),
        ("task", "social worker", "2024-03-05"),
    ]
    assert found[2]["text"].startswith("No community service was found")


def test_goals_lessons_and_questions_name_their_need():
    made = document(a.planned(a.need(interventions=a.interventions()), a.need("stress", present=False)))
    assert made["goals"][0]["need"] == "food-insecurity"
    assert made["goals"][0]["target"] == "Asked again: yes"
    assert made["education"] == [{"need": "food-insecurity", "text": "How to use food pantry", "link": None}]
    assert made["bedside_questions"] == [{"need": "stress", "question": "How about stress?"}]


def test_a_score_with_a_missing_input_has_no_value_but_a_range():
    score = RiskScore("HOSPITAL", "2013", 3, 7, "low to high", None, ("sodium",))
    assert document(a.planned(risk_scores=(score,)))["risk_scores"] == [
        {
            "name": "HOSPITAL",
            "variant": "2013",
            "value": None,
            "low": 3,
            "high": 7,
            "band": "low to high",
            "missing": ["sodium"],
        }
    ]


def test_an_alert_about_the_destination_stands_first_among_its_factors():
    place = Disposition("snf", "SNF", (Factor("Barthel 40", "for", (a.evidence(),)),), "home", "Ordered home")
    found = document(a.planned(disposition=place))["disposition"]
    assert found["suggested"] == "snf"
    assert [(x["weighs"], x["text"]) for x in found["factors"]] == [
        ("alert", "Ordered home"),
        ("for", "Barthel 40"),
    ]


def test_a_place_that_is_named_stands_beside_the_suggestion():
    place = Disposition("", "", named=NamedPlace("snf", "Skilled nursing facility", "order"))
    assert document(a.planned(disposition=place))["disposition"] == {
        "suggested": None,
        "named": {"code": "snf", "display": "Skilled nursing facility", "by": "order"},
        "factors": [],
    }


def test_what_cannot_be_decided_is_null():
    assert document(a.planned(disposition=Disposition("", "")))["disposition"]["suggested"] is None
    bare = Plan("t", a.person(), a.stay(), a.TODAY, date(2024, 3, 5), Outcome.GOING_HOME, ())
    assert document(bare)["disposition"] == {"suggested": None, "factors": []}
    assert document(bare)["readiness"] == {"verdict": None, "blockers": []}


def test_a_blocker_says_what_clears_it():
    blocker = Blocker("oxygen", "Oxygen not arranged", "A delivery date", evidence=(a.evidence(),))
    made = document(a.planned(readiness=Readiness(Verdict.NOT_READY, (blocker,))))["readiness"]
    assert made["verdict"] == "not ready"
    assert made["blockers"][0]["clears"] == "A delivery date"


def test_a_gap_says_what_and_why():
    made = document(a.planned(about=a.record(gaps=(Gap("Coverage", GapReason.FOREIGN, "dropped", 3),))))
    assert made["gaps"] == [{"about": "Coverage", "reason": "foreign", "detail": "dropped", "count": 3}]


@pytest.mark.parametrize(
    ("outcome", "instructed"),
    [(Outcome.GOING_HOME, True), (Outcome.DIED, False), (Outcome.TRANSFERRED, False)],
)
def test_only_who_goes_home_has_instructions(outcome, instructed):
    made = document(a.planned(a.need(interventions=a.interventions()), outcome=outcome))
    assert bool(made["patient_instructions"]) is instructed


def test_the_same_plan_gives_the_same_bytes():
    first, second = (json.dumps(document(a.planned(a.need(interventions=a.interventions())))) for _ in "ab")
    assert first == second
