"""Decisions as they are committed, over the REST door and on the page, with a real database."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from config.settings import load_settings
from service.app import create_app
from service.bootstrap import Deps, build_deps
from service.domain.assessment import Blocker, Readiness
from service.domain.community_service import Matches
from service.domain.decision import Choice, Signer
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.sensitivity import Label
from service.doors.caller import Caller
from service.jobs import Task
from service.pipeline import run
from service.pipeline.intake import intake
from service.pipeline.sign import Act, sign, take_over, withdraw_proposals
from tests.builders import interventions, match, need, planned
from tests.unit.doors.keys import bearer, keys_file

_TENANTS = (
    "tenants:\n  - {id: demo, fhir_base_url: 'http://127.0.0.1:9/fhir', organization: Example Hospital}\n"
)
PANTRY = "referral:food-pantry"
ALL = ["plans:read", "plans:approve", "discharges:write"]


@dataclass
class Desk:
    """A published plan, the doors in front of it, and what publishing met."""

    deps: Deps
    client: FlaskClient
    open_client: FlaskClient
    discharge: UUID
    stay: str
    meanwhile: Any = None

    def ask(self, method: str, path: str, *, seen: Any = None, key: str = "dana", **more: Any) -> Any:
        headers = bearer(key) | ({"If-Match": f'"{seen}"'} if seen else {}) | more.pop("headers", {})
        url = f"/api/v1/discharges/{self.discharge}/{path}"
        return self.client.open(url, method=method, headers=headers, **more)

    def state(self) -> DischargeState:
        return self.deps.store.discharges.get(self.discharge).state

    def publish(self) -> None:
        """The job that a plan or a decision leaves behind."""
        run.publish_discharge(self.discharge, self.deps)


@pytest.fixture(scope="module")
def house(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, Deps]]:
    """The application with keys, the same with open access, and what both work with."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "tenants.yaml").write_text(_TENANTS)
    dana = {"key": "dana", "scopes": ALL, "role": "social-worker", "person": "Dana Example"}
    environ = {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
        "HOMEWARD_API_KEYS_FILE": str(
            keys_file(folder, dana=dana, program={"key": "program", "scopes": ALL})
        ),
    }
    known = load_settings(environ)
    deps = build_deps(known)
    opened = create_app(load_settings(environ | {"HOMEWARD_OPEN_ACCESS": "on"}), deps)
    yield create_app(known, deps), opened, deps
    deps.store.close()


@pytest.fixture
def blockers() -> tuple[Blocker, ...]:
    """What stands in the way of leaving; tests that want some name them."""
    return ()


@pytest.fixture
def desk(house, monkeypatch: pytest.MonkeyPatch, blockers: tuple[Blocker, ...]) -> Desk:
    """A plan of its own for each test, published to an EHR that takes everything."""
    closed, opened, deps = house
    found = Matches((("food-pantry", (match(), match("Other Pantry"))),))
    stay = f"Encounter/{uuid4()}"
    plan = planned(need(interventions=interventions()), matches=found, readiness=Readiness.of(blockers))
    plan = replace(plan, encounter=replace(plan.encounter, reference=stay))
    discharge = intake(Trigger("demo", stay, Action.PLAN, "rest"), deps)
    assert discharge is not None
    made = Desk(deps, closed.test_client(), opened.test_client(), discharge.id, stay)

    def publish(*_: Any) -> None:
        if made.meanwhile:
            once, made.meanwhile = made.meanwhile, None
            once()

    monkeypatch.setattr(run, "propose", lambda *_, **_cited: plan)
    monkeypatch.setattr(run, "publish_resources", publish)
    run.plan_discharge(discharge.id, deps)
    made.publish()
    return made


def test_a_decision_is_a_version_with_its_signature_and_is_published(desk):
    answer = desk.ask("POST", f"items/{PANTRY}/approve", seen=1)
    assert (answer.status_code, answer.headers["ETag"], answer.json["version"]) == (200, '"2"', 2)
    [item] = [item for item in answer.json["items"] if item["key"] == PANTRY]
    assert (item["state"], item["decided"]["by"]) == ("approved", "Dana Example")
    assert desk.state() is DischargeState.PLANNED
    desk.publish()
    assert desk.state() is DischargeState.PUBLISHED
    trail = [(entry.event, entry.actor) for entry in desk.deps.store.audit.of(desk.discharge)]
    assert ("approved", "Dana Example (key dana)") in trail
    assert not any("food" in entry.reference for entry in desk.deps.store.audit.of(desk.discharge))


def test_a_decision_made_while_publishing_is_published_as_well(desk):
    by = Signer("Dana Example")
    first, second = Act(choice=Choice.APPROVED, item=PANTRY), Act(choice=Choice.APPROVED)
    desk.meanwhile = lambda: sign(desk.discharge, second, by, desk.deps)
    sign(desk.discharge, first, by, desk.deps)
    desk.publish()
    assert desk.state() is DischargeState.PLANNED
    desk.publish()
    assert desk.state() is DischargeState.PUBLISHED
    published = [e.event for e in desk.deps.store.audit.of(desk.discharge) if e.event == "published"]
    assert len(published) == 2  # the first plan, and both decisions together


def test_a_decision_is_published_where_publishing_was_given_up(desk):
    by = Signer("Dana Example")
    sign(desk.discharge, Act(choice=Choice.APPROVED, item=PANTRY), by, desk.deps)
    run.give_up(desk.discharge, Task.PUBLISH, "An unexpected fault stopped this step.", desk.deps)
    assert desk.state() is DischargeState.FAILED
    sign(desk.discharge, Act(choice=Choice.APPROVED), by, desk.deps)
    assert desk.state() is DischargeState.PLANNED
    desk.publish()
    assert desk.state() is DischargeState.PUBLISHED


@pytest.mark.parametrize(("seen", "status"), [(None, 428), (7, 412), ('x", "1', 200)])
def test_nobody_signs_what_they_have_not_read(desk, seen, status):
    assert desk.ask("POST", f"items/{PANTRY}/approve", seen=seen).status_code == status


def test_a_star_names_no_version_that_anybody_has_read(desk):
    answer = desk.ask("POST", f"items/{PANTRY}/approve", headers={"If-Match": "*"})
    assert (answer.status_code, answer.json["type"]) == (428, "/docs#not-seen")


def test_two_who_read_the_same_version_do_not_both_decide(desk):
    assert desk.ask("POST", f"items/{PANTRY}/approve", seen=1).status_code == 200
    late = desk.ask("POST", f"items/{PANTRY}/decline", seen=1, json={"reason": "No"})
    assert late.status_code == 412
    assert late.json["type"] == "/docs#outdated"


def test_a_program_reads_and_never_decides(desk):
    assert desk.ask("GET", "plan", key="program").status_code == 200
    refused = desk.ask("POST", "plan/approve", key="program", seen=1)
    assert refused.status_code == 403
    assert "named clinician or social worker" in refused.json["detail"]


def test_a_program_is_refused_alike_whether_an_item_is_there_or_not(desk):
    """A 404 or a 422 would tell it of referrals that it may not know of."""
    for key in (PANTRY, "referral:counselling:private"):
        for seen in (None, 1):
            change = {"community_service": "no-such"}
            asked = desk.ask("PATCH", f"items/{key}", json=change, key="program", seen=seen)
            assert asked.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "items/referral:nothing/approve", None, 404),
        ("POST", f"items/{PANTRY}/reopen", None, 409),
        ("POST", f"items/{PANTRY}/decline", {}, 400),
        ("POST", f"items/{PANTRY}/decline", {"reason": "  "}, 400),
        ("POST", f"items/{PANTRY}/decline", {"reason": "x", "more": 1}, 400),
        ("PATCH", f"items/{PANTRY}", {}, 400),
        ("PATCH", f"items/{PANTRY}", {"due": "soon"}, 400),
        ("PATCH", f"items/{PANTRY}", {"due": "2024-03-04"}, 422),
        ("PATCH", f"items/{PANTRY}", {"community_service": "nowhere"}, 422),
        ("PATCH", "items/referral:nothing", {"community_service": "nowhere"}, 404),
        ("PATCH", "items/care-plan", {"text": "Another plan"}, 422),
    ],
)
def test_what_cannot_be_decided_is_refused_and_changes_nothing(desk, method, path, body, status):
    assert desk.ask(method, path, seen=1, json=body).status_code == status
    assert desk.deps.store.plans.newest(desk.discharge) == 1
    assert desk.deps.store.decisions.of(desk.discharge) == ()


def test_a_cancelled_discharge_waits_for_its_order(desk):
    intake(Trigger("demo", desk.stay, Action.CANCEL, "rest"), desk.deps)
    assert desk.ask("POST", "plan/approve", seen=1).status_code == 422


def test_before_there_is_a_plan_there_is_nothing_to_decide(desk):
    new = intake(Trigger("demo", "Encounter/e2", Action.PLAN, "rest"), desk.deps)
    assert new is not None
    desk.discharge = new.id
    assert desk.ask("GET", "plan").status_code == 404
    assert desk.ask("PATCH", f"items/{PANTRY}", seen=1, json={"community_service": "x"}).status_code == 404


def test_decisions_are_never_changed(desk):
    desk.ask("POST", f"items/{PANTRY}/approve", seen=1)
    with (
        psycopg.connect(desk.deps.settings.database_url) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        connection.execute("UPDATE decisions SET item = 'other'")


def test_the_same_request_with_the_same_key_is_done_once(desk):
    again = {"Idempotency-Key": f"click-{desk.discharge}"}
    answers = [desk.ask("POST", f"items/{PANTRY}/approve", seen=1, headers=again) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["ETag"] for answer in answers} == {'"2"'}
    assert len(desk.deps.store.decisions.of(desk.discharge)) == 1


def test_a_key_is_for_one_request_of_one_caller(desk):
    key = {"Idempotency-Key": f"click-{desk.discharge}"}
    assert desk.ask("POST", f"items/{PANTRY}/approve", seen=1, headers=key).status_code == 200
    assert desk.ask("POST", "plan/approve", seen=2, headers=key).status_code == 422
    assert desk.ask("POST", "plan/approve", seen=2, headers=key, key="program").status_code == 403
    assert desk.ask("POST", "plan/approve", seen=2, headers={"Idempotency-Key": "x" * 129}).status_code == 400


def test_a_refusal_leaves_the_key_free(desk):
    key = {"Idempotency-Key": f"click-{desk.discharge}"}
    assert desk.ask("POST", f"items/{PANTRY}/reopen", seen=1, headers=key).status_code == 409
    assert desk.ask("POST", f"items/{PANTRY}/reopen", seen=1, headers=key).status_code == 409


def test_a_repeat_while_the_first_still_runs_is_asked_to_wait(desk, monkeypatch):
    path = f"items/{PANTRY}/approve"
    key = {"Idempotency-Key": f"click-{desk.discharge}"}
    asked: list[Any] = []
    answers = desk.deps.store.answers
    kept = answers.keep

    def keep(*given: Any) -> None:
        asked.append(desk.ask("POST", path, seen=1, headers=key))
        kept(*given)

    monkeypatch.setattr(answers, "keep", keep)
    assert desk.ask("POST", path, seen=1, headers=key).status_code == 200
    assert (asked[0].status_code, asked[0].json["type"]) == (503, "/docs#still-running")


HIDDEN = Blocker("unsafe-home", "A partner is violent", "A safety plan", labels=frozenset({Label.SDV}))
CAVEAT = Blocker("stairs", "Stairs", "A ramp", blocks=False)
WHY = "Zebrafish: the sister takes her in"


@pytest.mark.parametrize("blockers", [(HIDDEN,)])
@pytest.mark.parametrize("path", [f"items/{PANTRY}/approve", "plan/approve"])
def test_approving_over_an_open_blocker_takes_a_reason_that_only_those_who_may_know_read(
    desk, path, monkeypatch
):
    for unsaid in (None, {}, {"reason": "  "}):
        refused = desk.ask("POST", path, seen=1, json=unsaid)
        assert refused.status_code in {400, 422}
        assert "partner" not in refused.text
    assert "say why" in desk.ask("POST", path, seen=1).json["detail"]
    assert desk.deps.store.decisions.of(desk.discharge) == ()
    answer = desk.ask("POST", path, seen=1, json={"reason": WHY})
    assert answer.status_code == 200
    made = desk.deps.store.decisions.of(desk.discharge)
    assert {one.reason for one in made} == {WHY}
    history = desk.ask("GET", "").json["history"]
    assert [line["what"] for line in history if line["what"].startswith("approved")] == [
        f"approved version 2: {WHY}"
    ]
    written = [entry.draft.body for entry in desk.deps.store.publications.entries(desk.discharge)]
    assert WHY not in str(written)
    assert not any(WHY in entry.reference for entry in desk.deps.store.audit.of(desk.discharge))
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    for door in ("", "plan", "explanation"):
        assert WHY not in desk.ask("GET", door).text


@pytest.mark.parametrize("blockers", [(CAVEAT,), ()])
def test_where_nothing_blocks_no_reason_is_asked_for(desk):
    assert desk.ask("POST", f"items/{PANTRY}/approve", seen=1).status_code == 200


@pytest.mark.parametrize("blockers", [(HIDDEN,)])
def test_declining_and_changing_over_a_blocker_ask_for_nothing_more(desk):
    change = {"text": "Groceries"}
    assert desk.ask("PATCH", f"items/{PANTRY}", seen=1, json=change).status_code == 200


@pytest.fixture
def page(desk):
    """The page in a browser that asks nobody for a credential, and what its forms carry."""

    def decide(path: str, **form: Any) -> Any:
        html = desk.open_client.get(f"/discharges/{desk.discharge}").text
        carried = {name: re.findall(rf'name="{name}" value="([^"]+)"', html)[0] for name in ("form", "seen")}
        sent = {name: value for name, value in ({"name": "Dana Example"} | carried | form).items() if value}
        headers = {"Accept": "text/html", "Sec-Fetch-Site": form.pop("site", "same-origin")}
        return desk.open_client.post(
            f"/discharges/{desk.discharge}/decisions{path}", data=sent, headers=headers
        )

    return decide


def test_a_form_signs_with_the_name_that_was_typed_and_leads_back_to_the_page(desk, page):
    answer = page(f"/{PANTRY}", choice="approved")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/discharges/{desk.discharge}?done=approved"
    shown = desk.open_client.get(answer.headers["Location"]).text
    assert 'role="status">Approved.' in shown
    assert "by Dana Example" in shown
    assert 'value="Dana Example"' in shown  # the next form begins with the name
    [made] = desk.deps.store.decisions.of(desk.discharge)
    assert (made.choice, made.by.name) == (Choice.APPROVED, "Dana Example")


def test_a_form_changes_only_what_differs(desk, page):
    answer = page(
        f"/{PANTRY}", choice="edited", text="Groceries", due="2024-03-08", community_service="other-pantry"
    )
    assert answer.status_code == 303
    [made] = desk.deps.store.decisions.of(desk.discharge)
    assert (made.edit.text, made.edit.due, made.edit.service.id) == ("Groceries", None, "other-pantry")


def test_a_declined_item_stands_apart_on_the_page_and_can_be_reopened(desk, page):
    page(f"/{PANTRY}", choice="declined", reason="Her brother cooks")
    shown = desk.open_client.get(f"/discharges/{desk.discharge}").text
    assert "Her brother cooks" in shown.split('id="declined"')[1]
    assert page(f"/{PANTRY}", choice="reopened").status_code == 303
    assert 'id="declined"' not in desk.open_client.get(f"/discharges/{desk.discharge}").text


def test_the_whole_plan_is_decided_by_a_form_too(desk, page):
    assert page("", choice="approved").status_code == 303
    assert desk.ask("GET", "plan").json["state"] == "approved"


@pytest.mark.parametrize("blockers", [(HIDDEN,)])
@pytest.mark.parametrize("item", ["", f"/{PANTRY}"])
def test_the_form_takes_a_reason_over_a_blocker_and_shows_it_on_the_page(desk, page, item):
    refused = page(item, choice="approved")
    assert refused.status_code == 422
    assert "say why" in refused.text
    assert page(item, choice="approved", reason=WHY).status_code == 303
    assert WHY in desk.open_client.get(f"/discharges/{desk.discharge}").text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        (f"/{PANTRY}", {"choice": "approved", "form": "forged"}, 403),
        (f"/{PANTRY}", {"choice": "approved", "form": ""}, 403),
        (f"/{PANTRY}", {"choice": "approved", "site": "cross-site"}, 403),
        (f"/{PANTRY}", {"choice": "approved", "name": ""}, 400),
        (f"/{PANTRY}", {"choice": "approved", "seen": "99"}, 412),
        (f"/{PANTRY}", {"choice": "approved", "seen": "one"}, 412),
        (f"/{PANTRY}", {"choice": "approved", "seen": "1" * 5000}, 412),
        (f"/{PANTRY}", {"choice": "signed"}, 400),
        (f"/{PANTRY}", {"choice": "declined"}, 400),
        (f"/{PANTRY}", {"choice": "edited", "due": "soon"}, 400),
        (f"/{PANTRY}", {"choice": "edited", "text": "x" * 501}, 400),
        (f"/{PANTRY}", {"choice": "edited"}, 422),
        ("/referral:nothing", {"choice": "edited", "text": "x"}, 404),
        ("", {"choice": "edited"}, 400),
    ],
)
def test_a_form_that_is_not_right_is_refused_and_changes_nothing(desk, page, path, form, status):
    assert page(path, **form).status_code == status
    assert desk.deps.store.decisions.of(desk.discharge) == ()


def test_a_form_that_is_too_large_is_refused(page):
    assert page(f"/{PANTRY}", choice="approved", text="x" * 20_000).status_code == 413


def test_who_may_not_decide_sees_no_form(desk):
    reader = desk.client.get(f"/discharges/{desk.discharge}", headers=bearer("program"))
    assert "<form" not in reader.text
    assert desk.client.get(f"/discharges/{desk.discharge}", headers=bearer("dana")).text.count("<form") > 3


def test_a_decision_about_a_plan_that_could_not_be_written_has_it_written_anew(desk):
    desk.ask("POST", f"items/{PANTRY}/approve", seen=1)
    run.give_up(desk.discharge, Task.PUBLISH, "An unexpected fault.", desk.deps)
    assert desk.state() is DischargeState.FAILED
    assert (
        desk.ask("POST", f"items/{PANTRY}/decline", seen=2, json={"reason": "She has one"}).status_code == 200
    )
    assert desk.state() is DischargeState.PLANNED
    assert desk.deps.store.discharges.get(desk.discharge).problem == ""
    desk.publish()
    assert desk.state() is DischargeState.PUBLISHED


def test_nothing_is_decided_about_a_discharge_whose_withdrawal_failed(desk):
    desk.client.post(f"/api/v1/discharges/{desk.discharge}/cancel", headers=bearer("dana"))
    run.give_up(desk.discharge, Task.WITHDRAW, "An unexpected fault.", desk.deps)
    assert desk.state() is DischargeState.FAILED
    assert desk.ask("POST", f"items/{PANTRY}/approve", seen=1).status_code == 422
    assert desk.state() is DischargeState.FAILED


@pytest.mark.parametrize("step", [Task.WITHDRAW, Task.PLAN])
def test_where_a_decision_would_not_be_written_none_is_taken(desk, step):
    """A person's, a signature given in the EHR and our own withdrawal: nothing is approved that nobody would write."""
    ways = {Task.WITHDRAW: Action.CANCEL, Task.PLAN: Action.REFRESH}
    intake(Trigger("demo", desk.stay, ways[step], "rest", told="moved"), desk.deps)
    run.give_up(desk.discharge, step, "An unexpected fault.", desk.deps)
    discharge = desk.deps.store.discharges.get(desk.discharge)
    assert discharge.state is DischargeState.FAILED
    before = desk.deps.store.plans.newest(desk.discharge)
    answer = desk.ask("POST", f"items/{PANTRY}/approve", seen=before)
    assert (answer.status_code, desk.state()) == (422, DischargeState.FAILED)
    shown = desk.client.get(f"/discharges/{desk.discharge}", headers=bearer("dana")).text
    assert 'class="decide"' not in shown
    assert answer.json["detail"] in html.unescape(shown)
    reader = desk.client.get(f"/discharges/{desk.discharge}", headers=bearer("program")).text
    assert answer.json["detail"] not in html.unescape(reader)
    if step is Task.WITHDRAW:
        assert take_over(desk.discharge, {PANTRY: Signer("Dana Example")}, desk.deps) == ()
        with desk.deps.store.begin() as unit:
            withdraw_proposals(discharge, {PANTRY}, "The stay after this one asks for it.", unit, desk.deps)
    assert desk.deps.store.plans.newest(desk.discharge) == before
    assert desk.state() is DischargeState.FAILED


def test_a_plan_that_was_proposed_anew_is_signed_anew_as_a_whole(desk, page, monkeypatch):
    assert desk.ask("POST", "plan/approve", seen=1).status_code == 200
    assert desk.ask("POST", "plan/approve", seen=2).status_code == 422
    desk.publish()
    signed = desk.deps.store.plans.latest(desk.discharge)
    assert signed.plan.signature(signed.created)
    assert "has changed since it was signed" not in desk.open_client.get(f"/discharges/{desk.discharge}").text

    changed = replace(signed.plan, decisions=(), needs=(*signed.plan.needs, need("transportation")))
    monkeypatch.setattr(run, "propose", lambda *_, **_cited: changed)
    intake(Trigger("demo", desk.stay, Action.PLAN, "rest", order="ServiceRequest/2"), desk.deps)
    run.plan_discharge(desk.discharge, desk.deps)
    desk.publish()
    proposed = desk.deps.store.plans.latest(desk.discharge)
    assert proposed.number > signed.number
    assert proposed.plan.signature(proposed.created) is None
    before = desk.deps.store.plans.standing_at(desk.discharge, signed.plan.decision_on("care-plan").at)
    assert before.number == signed.number

    assert "has changed since it was signed" in desk.open_client.get(f"/discharges/{desk.discharge}").text
    assert page("", choice="approved").status_code == 303
    anew = desk.deps.store.plans.latest(desk.discharge)
    assert anew.plan.signature(anew.created)
    assert "has changed since it was signed" not in desk.open_client.get(f"/discharges/{desk.discharge}").text
