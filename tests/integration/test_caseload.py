"""The caseload over REST: what is open in a hospital, what waits for a person, and what its reader may know of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from config.settings import load_settings
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.assessment import Blocker, Readiness, Verdict
from service.domain.decision import Choice
from service.domain.discharge import Discharge, DischargeState
from service.domain.plan import FollowUp, Plan
from service.domain.publication import WriteState
from service.domain.sensitivity import Label
from service.store import Store, open_engine
from service.store.plans import PlanVersion
from service.store.tables import publications
from tests import builders
from tests.unit.doors.keys import bearer, keys_file

TENANTS = """\
tenants:
  - {id: caseload, fhir_base_url: 'http://127.0.0.1:9/fhir', organization: Example Hospital}
  - {id: elsewhere, fhir_base_url: 'http://127.0.0.1:9/other', organization: Other Hospital}
"""
KEYS: dict[str, dict[str, Any]] = {
    "manager": {"key": "manager", "scopes": ["caseload:read"], "role": "manager", "tenants": ["caseload"]},
    "worker": {
        "key": "worker",
        "scopes": ["caseload:read"],
        "role": "social-worker",
        "tenants": ["caseload"],
    },
    "reader": {"key": "reader", "scopes": ["plans:read"], "tenants": ["caseload"]},
    "other": {"key": "other", "scopes": ["caseload:read"], "role": "manager", "tenants": ["elsewhere"]},
}
NOW = datetime.now(UTC)
TODAY = NOW.date()
BLOCKED = Readiness.of((Blocker("ride", "Nobody drives the patient home.", "A ride is booked"),))


@dataclass
class Hospital:
    client: FlaskClient
    store: Store
    database_url: str
    ids: dict[str, UUID] = field(default_factory=dict)

    def read(self, key: str = "worker", **asked: Any) -> dict[str, Any]:
        answer = self.ask(key, **asked)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json
        return told

    def ask(self, key: str = "worker", **asked: Any) -> Any:
        query = {"tenant": "caseload"} | asked
        return self.client.get("/api/v1/caseload", query_string=query, headers=bearer(key))

    def stays(self, key: str = "worker", **asked: Any) -> list[str]:
        return [case["encounter"].partition("/")[2] for case in self.read(key, **asked)["cases"]]

    def case(self, stay: str, key: str = "worker") -> dict[str, Any]:
        return next(one for one in self.read(key)["cases"] if one["encounter"] == f"Encounter/{stay}")

    def keep(self, stay: str, state: DischargeState, plan: Plan | None = None, problem: str = "") -> None:
        made = Discharge(uuid4(), "caseload", f"Encounter/{stay}", "", state, 1, NOW, NOW, problem)
        assert self.store.discharges.add(made)
        self.ids[stay] = made.id
        if plan is not None:
            drafts = [
                builders.draft_of(f"referral:{n}", {"resourceType": "ServiceRequest"}) for n in range(3)
            ]
            unique = [replace(one, identifier=f"urn:uuid:{uuid4()}") for one in drafts]
            self.store.publications.want(made.id, unique)
            self.store.plans.keep(made.id, PlanVersion(1, 1, NOW, plan))

    def write(self, stay: str, key: str, state: WriteState, *, labelled: bool = False) -> None:
        body: dict[str, Any] = {"resourceType": "ServiceRequest"} | (
            {"meta": {"security": [{}]}} if labelled else {}
        )
        engine = open_engine(self.database_url)
        with engine.begin() as connection:
            row = (publications.c.discharge_id == self.ids[stay]) & (publications.c.key == key)
            connection.execute(update(publications).where(row).values(state=state.value, body=body))
        engine.dispose()


def plan(days: int, **more: Any) -> Plan:
    made = builders.planned(
        builders.need(interventions=builders.interventions()), matches=builders.NO_MATCHES
    )
    quiet: dict[str, Any] = {"readiness": None, "follow_ups": ()}
    return replace(made, discharge_date=TODAY + timedelta(days=days), **quiet | more)


@pytest.fixture(scope="module")
def hospital(database_url: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("caseload")
    (folder / "tenants.yaml").write_text(TENANTS)
    known = load_settings(
        {
            "HOMEWARD_DATABASE_URL": database_url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_API_KEYS_FILE": str(keys_file(folder, **KEYS)),
        }
    )
    deps = build_deps(known)
    made = Hospital(create_app(known, deps).test_client(), store, database_url)
    made.keep("new", DischargeState.RECEIVED)
    made.keep("tomorrow", DischargeState.PUBLISHED, plan(1, readiness=BLOCKED))
    made.keep("today", DischargeState.PUBLISHED, _visited(plan(0, readiness=Readiness.of(()))))
    made.keep("secret", DischargeState.PUBLISHED, _secret(plan(2)))
    approved = (builders.decision("care-plan", Choice.APPROVED),)
    made.keep("decided", DischargeState.PUBLISHED, plan(3, decisions=approved))
    made.keep("failed", DischargeState.FAILED, plan(-90), "The EHR refused this.")
    made.keep("long ago", DischargeState.PUBLISHED, plan(-31))
    made.keep("unknown", DischargeState.PUBLISHED, plan(-60))
    made.write("unknown", "referral:0", WriteState.UNKNOWN)
    made.keep("held", DischargeState.CANCELLED, plan(5))
    made.write("held", "referral:0", WriteState.ON_HOLD)
    made.write("held", "referral:1", WriteState.THEIRS)
    made.keep("cancelled", DischargeState.CANCELLED, plan(4))
    for key, state in (
        ("referral:0", WriteState.WAITING),
        ("referral:1", WriteState.REFUSED),
        ("referral:2", WriteState.LANDED),
    ):
        made.write("tomorrow", key, state)
    made.write("secret", "referral:0", WriteState.REFUSED, labelled=True)
    made.write("secret", "referral:1", WriteState.WAITING, labelled=True)
    yield made
    deps.store.close()


def _visited(made: Plan) -> Plan:
    visit = FollowUp(
        "follow-up:visit", "n", "See the doctor", TODAY, TODAY - timedelta(days=1), made.needs[0].protocol
    )
    booked = replace(visit, key="follow-up:booked", existing="Appointment/1")
    later = replace(visit, key="follow-up:later", due=TODAY)
    return replace(made, follow_ups=(visit, booked, later))


def _secret(made: Plan) -> Plan:
    """All of it rests on what only the care team may know."""
    labels = frozenset({Label.SDV})
    referrals = tuple(replace(one, labels=labels) for one in made.referrals)
    needs = tuple(replace(one, labels=labels) for one in made.needs)
    told = Readiness.of((Blocker("safety", "There is no safe home.", "A shelter is found", labels=labels),))
    return replace(made, needs=needs, referrals=referrals, goals=(), readiness=told)


def test_the_caseload_is_what_is_open_by_the_day_of_leaving(hospital):
    assert hospital.stays() == ["new", "failed", "unknown", "today", "tomorrow", "secret", "decided", "held"]


def test_a_line_says_how_far_it_is_when_they_leave_and_what_waits(hospital):
    case = hospital.case("tomorrow")
    assert (case["state"], case["planned"]) == ("published", (TODAY + timedelta(days=1)).isoformat())
    assert (case["readiness"], case["decision"]) == (Verdict.NOT_READY, "proposed")
    assert case["patient"] == "Patient/p1"
    assert case["waits"]["unassigned"] == 1
    assert case["waits"]["undecided"] >= 2


def test_what_waits_in_the_ehr_is_counted_also_where_the_discharge_was_called_off(hospital):
    assert hospital.case("unknown")["waits"]["unknown-writes"] == 1
    assert hospital.case("held")["waits"] == {"holds": 1, "conflicts": 1}


def test_what_the_ehr_has_not_taken_is_counted_for_those_who_may_know_of_it(hospital):
    assert hospital.case("tomorrow")["unwritten"] == {"waiting": 1, "refused": 1}
    assert hospital.case("held")["unwritten"] == {"waiting": 1}
    assert hospital.case("secret", "worker")["unwritten"] == {"waiting": 2, "refused": 1}
    assert hospital.case("secret", "manager")["unwritten"] == {"waiting": 1}


def test_a_discharge_that_came_no_further_says_why(hospital):
    case = hospital.case("failed")
    assert (case["problem"], case["waits"]["failed"]) == ("The EHR refused this.", 1)


def test_a_visit_whose_last_day_has_passed_without_a_booking_is_overdue(hospital):
    assert hospital.case("today")["waits"]["overdue"] == 1
    assert "overdue" not in hospital.case("tomorrow")["waits"]


def test_what_is_decided_waits_no_more(hospital):
    before, after = hospital.case("tomorrow"), hospital.case("decided")
    assert after["decision"] == "approved"
    assert after["waits"]["undecided"] == before["waits"]["undecided"] - 1


def test_without_a_plan_there_is_nothing_to_tell_of_it(hospital):
    case = hospital.case("new")
    assert (case["patient"], case["planned"], case["readiness"], case["waits"]) == (None, None, None, {})


def test_to_whom_it_may_not_be_told_what_is_sensitive_counts_as_nothing(hospital):
    told, withheld = hospital.case("secret", "worker"), hospital.case("secret", "manager")
    assert (told["readiness"], withheld["readiness"]) == (Verdict.NOT_READY, None)
    assert told["waits"]["unassigned"] == 1
    assert "unassigned" not in withheld["waits"]
    assert "secret" not in hospital.stays("manager", waits_for="unassigned")
    assert "secret" not in hospital.stays("manager", readiness="not ready")
    assert "secret" in hospital.stays("worker", readiness="not ready")


@pytest.mark.parametrize(
    ("asked", "stays"),
    [
        ({"state": "failed"}, ["failed"]),
        ({"state": ["failed", "received"]}, ["new", "failed"]),
        ({"waits_for": "holds"}, ["held"]),
        ({"waits_for": "unknown-writes"}, ["unknown"]),
        ({"readiness": "ready"}, ["today"]),
        ({"leaving_from": TODAY.isoformat(), "leaving_until": TODAY.isoformat()}, ["today"]),
        ({"leaving_until": (TODAY - timedelta(days=1)).isoformat()}, ["failed", "unknown"]),
    ],
)
def test_filters_say_which_part_is_wanted(hospital, asked, stays):
    assert hospital.stays(**asked) == stays


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("asked", [{}, {"waits_for": "undecided"}, {"state": "published"}])
def test_pages_follow_each_other_without_a_gap_or_a_repeat(hospital, limit, asked):
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = hospital.read(limit=limit, **asked, **({"cursor": cursor} if cursor else {}))
        assert len(page["cases"]) <= limit
        found += [case["discharge"] for case in page["cases"]]
        cursor = page["next"]
    assert found == [case["discharge"] for case in hospital.read(**asked)["cases"]]


def test_a_rare_kind_of_line_is_looked_for_a_bounded_while(hospital, monkeypatch):
    monkeypatch.setattr("service.doors.caseload._MOST_READ", 2)
    page = hospital.read(limit=1, waits_for="holds")
    assert page["cases"] == []
    while page["next"] and not page["cases"]:
        page = hospital.read(limit=1, waits_for="holds", cursor=page["next"])
    assert [case["encounter"] for case in page["cases"]] == ["Encounter/held"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"limit": "0"}, "limit: This is 1 to 100."),
        ({"limit": "101"}, "limit: This is 1 to 100."),
        ({"limit": "many"}, "limit: "),
        ({"state": "gone"}, "state: 0: Must be one of"),
        ({"readiness": "maybe"}, "readiness: Must be one of"),
        ({"waits_for": "godot"}, "waits_for: Must be one of"),
        ({"leaving_from": "soon"}, "leaving_from: "),
        ({"cursor": "x"}, "cursor: Send the `next`"),
        ({"cursor": "AAAA"}, "cursor: Send the `next`"),
        ({"sort": "name"}, "Only these fields are accepted"),
    ],
)
def test_a_wrong_question_names_its_field(hospital, asked, says):
    answer = hospital.ask(**asked)
    assert answer.status_code == 400
    assert says in answer.json["detail"]


def test_the_hospital_must_be_named(hospital):
    answer = hospital.client.get("/api/v1/caseload", headers=bearer("worker"))
    assert (answer.status_code, "Name the hospital" in answer.json["detail"]) == (400, True)


def test_another_hospitals_caseload_does_not_exist(hospital):
    assert hospital.ask("other").status_code == 404
    assert hospital.ask("worker", tenant="elsewhere").status_code == 404
    assert hospital.read("other", tenant="elsewhere")["cases"] == []


def test_it_wants_its_scope(hospital):
    assert hospital.ask("reader").status_code == 403


def test_who_has_seen_it_is_told_that_nothing_has_changed(hospital):
    first = hospital.ask()
    again = hospital.client.get(
        "/api/v1/caseload",
        query_string={"tenant": "caseload"},
        headers=bearer("worker") | {"If-None-Match": first.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")
    assert hospital.ask("manager").headers["ETag"] != first.headers["ETag"]
