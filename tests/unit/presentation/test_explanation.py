import json
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from fhir_mappings import systems
from service.cli import main
from service.domain.plan import Plan
from service.domain.sensitivity import Label
from service.errors import BadInput
from service.pipeline.assess import assess
from service.presentation.explanation import explanation_document, explanation_table, told_to
from service.store.plan_json import plan_from_json, plan_to_json
from tests.builders import TODAY, bundle, condition, encounter, fact, patient, planned, record
from tests.unit.pipeline.assess.shipped import CONTENT

SECRET = "I12.9"


def _plan() -> Plan:
    given = record(fact("I50.23", text="Heart failure"), fact(SECRET, labels=frozenset({Label.HIV})))
    made = assess(given, CONTENT, today=TODAY)
    return planned(about=given, explanations=made.explanations, risk_scores=made.risk_scores)


def _shown(plan: Plan, need: str = "") -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(explanation_table(plan, need))
    return capture.get()


def test_the_document_names_protocol_evidence_and_failed_conditions() -> None:
    needs = {one["need"]: one for one in explanation_document(_plan())["needs"]}
    there = needs["heart-failure-care"]
    assert there["verdict"] == "present"
    assert there["protocol"]["id"] == "heart-failure-care"
    assert there["present"]["evidence"][0]["reference"].startswith("Condition/")
    assert there["failed"] == []
    missing = needs["home-oxygen"]
    assert missing["verdict"] == "left_out"
    assert "in the last 2 days" in missing["failed"][-1]
    assert {part["truth"] for part in missing["present"]["parts"]} == {"false", "unknown"}


def test_each_point_of_a_score_is_explained() -> None:
    scores = {one["name"]: one for one in explanation_document(_plan())["risk_scores"]}
    parts = {part["name"]: part for part in scores["LACE"]["parts"]}
    assert parts["Comorbidity"]["points"] == 2
    assert parts["Comorbidity"]["evidence"][0]["code"] == "I50.23"
    assert sum(part["low"] for part in parts.values()) == scores["LACE"]["low"]


def test_one_need_alone_is_shown_with_its_whole_evaluation() -> None:
    shown = _shown(_plan(), "home-oxygen")
    assert "[unknown] any of" in shown
    assert "[false] diagnosis: ICD-10-CM Z99.81, J96.1" in shown
    assert "Heart failure" not in shown
    assert len(explanation_document(_plan(), "home-oxygen")["needs"]) == 1


def test_the_overview_says_why_not() -> None:
    shown = _shown(_plan())
    assert "Heart failure (I50.23)" in shown
    assert "not: diagnosis: ICD-10-CM Z99.81, J96.1" in shown
    assert "days in hospital" in shown


def _explained(**stay) -> tuple[dict[str, Any], str]:
    """What the command says of heart failure in a stay like this, as JSON and as the overview."""
    document = json.dumps(bundle(patient(), encounter(**stay), condition("c1", "I50.23"))).encode()
    told = []
    for options in (("heart-failure-care", "--format", "json"), ()):
        ran = CliRunner().invoke(
            main, ["explain", "-", *options, "--today", "2024-03-05"], input=document, prog_name="homeward"
        )
        assert ran.exit_code == 0
        told.append(ran.stdout)
    [need] = json.loads(told[0])["needs"]
    return need, " ".join(told[1].split())


def test_why_nothing_follows_where_others_take_the_care_over() -> None:
    hospice = {"coding": [{"system": systems.DISCHARGE_DISPOSITION, "code": "hosp"}]}
    need, overview = _explained(hospitalization={"dischargeDisposition": hospice})
    assert (need["verdict"], need["taken_over"]["truth"]) == ("present", "true")
    assert "osp" in need["taken_over"]["evidence"][0]["text"]
    assert "nothing follows, taken over" in overview
    need, overview = _explained()
    assert (need["verdict"], need["taken_over"]["truth"]) == ("present", "false")
    assert "taken over" not in overview


def test_a_need_that_no_protocol_has_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no such need"):
        explanation_document(_plan(), "nonsense")


def test_who_may_not_see_what_is_sensitive_is_not_told_of_it() -> None:
    plan = _plan()
    told = explanation_document(told_to(plan, sensitive=False))
    assert "intimate-partner-violence" not in {one["need"] for one in told["needs"]}
    assert SECRET not in json.dumps(told)
    assert "intimate-partner-violence" in {one["need"] for one in explanation_document(plan)["needs"]}


def test_an_explanation_comes_back_from_the_database_as_it_was() -> None:
    plan = _plan()
    again = plan_from_json(json.loads(json.dumps(plan_to_json(plan))))
    assert again.explanations == plan.explanations


def _explain(*options: str) -> tuple[int, str, str]:
    document = json.dumps(bundle(patient(), encounter(), condition("c1", "I50.23"))).encode()
    ran = CliRunner().invoke(
        main, ["explain", "-", *options, "--today", "2024-03-05"], input=document, prog_name="homeward"
    )
    return ran.exit_code, ran.stdout, ran.stderr


def test_the_command_explains_all_needs_or_one() -> None:
    code, shown, _ = _explain("--format", "json")
    assert code == 0
    assert {"present", "not_assessed", "left_out"} <= {one["verdict"] for one in json.loads(shown)["needs"]}
    assert "present: true" in _explain("heart-failure-care")[1]


def test_the_command_refuses_an_unknown_need_in_one_sentence() -> None:
    code, shown, said = _explain("Zelda")
    assert (code, shown) == (2, "")
    assert "homeward protocols list" in said
    assert "Zelda" not in said
