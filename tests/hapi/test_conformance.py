"""Everything that Homeward writes is valid R4, US Core and Gravity; what the validator warns about has a reason."""

import re
from collections import Counter
from pathlib import Path

import pytest
import requests

from service.domain.discharge import Action
from service.domain.publication import WriteState
from tests.hapi.published import MODES, Published, published

pytestmark = pytest.mark.hapi

PAGE = Path(__file__).parents[2] / "docs" / "hapi.md"
#: | `Goal.description` | `Terminology_TX_Code_ValueSet_Ext` | why |
_ROW = re.compile(r"^\| `([A-Za-z.]+)` \| `([A-Za-z_0-9:/.#-]+)` \| .{20,} \|$", re.MULTILINE)
_INDEX = re.compile(r"\[\d+\]|\.(?:ofType|resolve)\(.*?\)")


@pytest.fixture(scope="module")
def plans(hapi, patients, database_url, tmp_path_factory):
    with published(hapi, database_url, tmp_path_factory.mktemp("published"), patients) as done:
        yield done


@pytest.fixture(scope="module")
def issues(plans):
    return {mode: validated(plans, mode) for mode in MODES}


@pytest.fixture(scope="module")
def withdrawn(plans, patients, issues):
    """The same after half of the discharges were called off and a quarter ordered anew."""
    assert issues  # read before anything is withdrawn
    for mode in MODES:
        for number, patient in enumerate(patients[:6]):
            plans.ask(mode, patient, Action.CANCEL, "")
            if number % 2:
                plans.ask(mode, patient, Action.PLAN, "ServiceRequest/2")
    return {mode: validated(plans, mode) for mode in MODES}


def validated(plans: Published, mode: str):
    """The validator's issues about everything of ours: (severity, element, kind, what it says)."""
    found = []
    for resource in plans.resources(mode):
        kind = resource["resourceType"]
        outcome = requests.post(f"{plans.base_url}/{kind}/$validate", json=resource, timeout=60).json()
        found += [
            (issue["severity"], *_place(issue, kind), issue["diagnostics"]) for issue in outcome["issue"]
        ]
    return found


def _place(issue, kind):
    element = _INDEX.sub("", (issue.get("expression") or issue.get("location") or [kind])[0])
    codings = issue.get("details", {}).get("coding", [{}])
    return element.replace("/f:", "."), codings[0].get("code", "none")


def serious(issues):
    return [issue for issue in issues if issue[0] in {"error", "fatal"}]


def warned(issues):
    return Counter((element, kind) for severity, element, kind, _ in issues if severity == "warning")


@pytest.mark.parametrize("mode", MODES)
def test_the_strict_server_took_everything_that_was_sent(plans, mode):
    for entry in plans.entries(mode):
        assert entry.state is not WriteState.REFUSED, entry.problem
        assert not entry.is_doubtful, entry.problem


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("full", {"CarePlan", "Goal", "ServiceRequest", "Provenance"}),
        ("epic-like", {"DocumentReference"}),
        ("oracle-like", {"DocumentReference"}),
    ],
)
def test_each_kind_of_ehr_gets_what_it_takes(plans, mode, kinds):
    there = {resource["resourceType"] for resource in plans.resources(mode)}
    assert there >= kinds
    if mode != "full":
        assert not there & {"CarePlan", "Goal"}


@pytest.mark.parametrize("mode", MODES)
def test_everything_written_validates_without_an_error(issues, mode):
    assert serious(issues[mode]) == []


@pytest.mark.parametrize("mode", MODES)
def test_everything_validates_after_it_was_withdrawn_and_taken_up_again(withdrawn, mode):
    assert serious(withdrawn[mode]) == []


def test_every_kind_of_warning_is_listed_with_a_reason_and_no_other_is(issues, withdrawn):
    seen: Counter[tuple[str, str]] = Counter()
    for found in (*issues.values(), *withdrawn.values()):
        seen += warned(found)
    listed = set(_ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert set(seen) == listed
