import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from service.domain.assessment import Blocker, Outcome, Readiness, Verdict
from service.domain.discharge import DischargeState
from service.domain.publication import LedgerEntry, WriteState
from service.domain.record import Gap, GapReason
from service.domain.sensitivity import Label
from service.doors import guard
from service.doors.guard import Caller, Role
from tests import builders
from tests.builders import draft_of

SECRET_NEED = "Intimate partner violence"


class Outline(HTMLParser):
    """Tags with their attributes, and which were left open."""

    VOID = frozenset({"meta", "link", "br", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"<{tag}> closes something else"

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def page(client, doubles, plan):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    return client.get(f"/discharges/{made.id}").text


@pytest.fixture
def sensitive_page(client, doubles, plan):
    need = replace(plan.needs[0], title=SECRET_NEED, labels=frozenset({Label.SDV}))
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = replace(plan, needs=(need, *plan.needs[1:]))
    return lambda: client.get(f"/discharges/{made.id}").text


def test_the_page_shows_what_a_clinician_needs(page, plan):
    assert plan.patient.name in page
    for need in plan.needs:
        assert need.title in page
    for referral in plan.referrals:
        assert referral.title in page
    for goal in plan.goals:
        assert goal.text in page
    for visit in plan.follow_ups:
        assert visit.text in page
    for question in plan.bedside_questions:
        assert question.question in page
    assert "What happened when" in page


def test_the_page_can_be_read_by_a_screen_reader(page):
    outline = Outline(page)
    assert outline.open == []
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("main")) == len(outline.all("h1")) == 1
    assert len(outline.all("table")) == len(outline.all("caption"))
    assert all("scope" in header for header in outline.all("th"))
    names = [attributes["id"] for _, attributes in outline.found if "id" in attributes]
    assert len(names) == len(set(names))
    for section in outline.all("section"):
        assert section["aria-labelledby"] in names


def test_the_page_takes_nothing_from_elsewhere_and_runs_nothing(page):
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert not re.search(r"\son\w+=|style=", page)


def test_the_title_gives_no_name_away(page, plan):
    assert plan.patient.name not in page.split("</title>")[0]


def test_sensitive_needs_stand_apart_and_are_marked(sensitive_page):
    before, _, marked = sensitive_page().partition('<section class="sensitive unprinted"')
    assert SECRET_NEED not in before
    assert SECRET_NEED in marked


def test_words_of_a_gap_are_read_by_who_may_read_all_and_are_not_printed(client, doubles, plan, monkeypatch):
    read = Gap("Observation", GapReason.NOT_UNDERSTOOD, "look", said=("Mood: so-so",))
    hidden = Gap("Condition", GapReason.UNREADABLE, "look at it", labels=frozenset({Label.BH}))
    made = doubles.keep()
    doubles.store.planned[made.id] = replace(plan, gaps=(read, hidden))
    before, _, rest = client.get(f"/discharges/{made.id}").text.partition(
        '<section class="sensitive unprinted"'
    )
    secret, _, after = rest.partition("</section>")
    assert "Condition: unreadable" in secret
    assert "Condition: unreadable" not in before + after
    assert '<span class="unprinted">Mood: so-so</span>' in after
    monkeypatch.setattr(Caller, "sees_sensitive_items", lambda _self: False)
    told = client.get(f"/discharges/{made.id}").text
    assert "Observation: not understood" in told
    assert "so-so" not in told
    assert "Condition: unreadable" not in told


def test_one_verdict_of_the_whole_plan_stands_at_the_top_for_who_may_know_all(client, doubles, plan):
    secret = Blocker(
        "c-ssrs",
        "High risk of self-harm",
        "A psychiatrist has seen the patient",
        labels=frozenset({Label.BH}),
    )
    made = doubles.keep()
    doubles.store.planned[made.id] = replace(plan, readiness=Readiness(Verdict.NOT_READY, (secret,)))
    before, _, marked = client.get(f"/discharges/{made.id}").text.partition(
        '<section class="sensitive unprinted"'
    )
    verdict = re.search('<p class="verdict unprinted">(.*?)</p>', before, re.DOTALL)
    assert verdict
    assert "not ready (1 blocker)" in verdict[1]
    assert "1 of them in the sensitive part" in verdict[1]
    assert "High risk of self-harm" not in before
    assert "High risk of self-harm" in marked


def test_a_caller_whose_role_is_unknown_does_not_see_them(sensitive_page, monkeypatch):
    monkeypatch.setattr(guard.Caller, "sees_sensitive_items", lambda _self: False)
    text = sensitive_page()
    assert SECRET_NEED not in text
    assert "What is sensitive, if there is any, is shown to clinicians and social workers only." in text
    assert "the verdict stands on the plan&#39;s page, for the care team" in text


def test_what_is_sensitive_is_opened_deliberately_and_not_printed(sensitive_page, client):
    _, _, marked = sensitive_page().partition('<section class="sensitive unprinted"')
    hidden = marked.partition("<details>")[2]
    assert SECRET_NEED not in marked.partition("<details>")[0]
    assert SECRET_NEED in hidden
    with client.get("/static/homeward.css") as answer:
        style = answer.text
    _, _, printed = style.partition("@media print")
    assert re.search(r"details, \.unprinted { display: none; }", printed)


@pytest.mark.parametrize("blocks", [True, False])
def test_the_forms_ask_why_something_is_approved_over_an_open_blocker(client, doubles, plan, blocks):
    blocker = Blocker("x", "No oxygen", "A delivery date", blocks=blocks)
    made = doubles.keep()
    doubles.store.planned[made.id] = replace(plan, readiness=Readiness.of((blocker,)))
    text = client.get(f"/discharges/{made.id}").text
    assert ("Why approve all the same?" in text) is blocks


@pytest.mark.parametrize(("role", "sees"), [(Role.CLINICIAN, True), (Role.EHR, False), (Role.ANYONE, False)])
def test_only_clinicians_see_sensitive_items(role, sees):
    assert Caller("somebody", role).sees_sensitive_items() is sees


def test_what_the_record_says_is_shown_as_text_and_never_as_markup(client, doubles, plan):
    made = doubles.keep()
    doubles.store.planned[made.id] = replace(
        plan, patient=replace(plan.patient, name="<script>alert(1)</script>")
    )
    text = client.get(f"/discharges/{made.id}").text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_page_leads_to_what_was_written_to_the_ehr(client, doubles, plan):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = plan
    draft = draft_of("care-plan", {"resourceType": "CarePlan"})
    doubles.store.written[made.id] = (LedgerEntry(draft, WriteState.LANDED, "", "CarePlan/7", 'W/"1"'),)
    assert 'href="http://127.0.0.1:9/fhir/CarePlan/7"' in client.get(f"/discharges/{made.id}").text


def test_before_there_is_a_plan_the_page_says_so(client, doubles):
    assert "being prepared" in client.get(f"/discharges/{doubles.keep().id}").text


def test_what_a_person_must_look_at_is_said(client, doubles):
    made = doubles.keep(state=DischargeState.FAILED, problem="The EHR refused this.")
    assert "The EHR refused this." in client.get(f"/discharges/{made.id}").text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (DischargeState.FAILED, "When what is named here is put right"),
        (DischargeState.CANCELLED, "the discharge was called off"),
    ],
)
def test_where_no_plan_will_come_by_itself_nobody_is_told_to_wait(client, doubles, state, said):
    text = client.get(f"/discharges/{doubles.keep(state=state).id}").text
    assert said in text
    assert "being prepared" not in text


@pytest.mark.parametrize("outcome", [Outcome.DIED, Outcome.TRANSFERRED])
def test_who_does_not_go_home_has_no_needs_of_going_home_on_the_page(client, doubles, outcome):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    needs = [
        builders.need(interventions=builders.interventions()),
        builders.need("transport", present=False),
        builders.need("self-harm-risk", labels=frozenset({Label.BH})),
    ]
    doubles.store.planned[made.id] = builders.planned(*needs, outcome=outcome)
    text = client.get(f"/discharges/{made.id}").text
    assert "no going-home plan is made" in text
    for gone in ("Invented finding", "At a glance", "Not assessed", "Sensitive: not in"):
        assert gone not in text


def test_the_index_lists_the_discharges_of_all_tenants(client, doubles):
    made = doubles.keep()
    text = client.get("/").text
    assert f"/discharges/{made.id}" in text
    assert "Prairie Sample Hospital" in text


def test_an_empty_index_says_how_to_begin(client):
    assert "No discharge has been asked for yet" in client.get("/").text


def test_a_browser_is_told_of_a_problem_on_a_page(client):
    answer = client.get("/nowhere", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "<h1>Not Found</h1>" in answer.text


def test_what_is_perhaps_ordered_is_told_in_the_orders_words_and_can_be_approved(client, doubles, plan):
    made = doubles.keep()
    asked = replace(
        plan.referrals[0], existing="ServiceRequest/7", existing_words="Pantry <b>x</b>, 2024-03-01"
    )
    doubles.store.planned[made.id] = replace(plan, referrals=(asked,))
    text = client.get(f"/discharges/{made.id}").text
    assert "perhaps ordered already: Pantry &lt;b&gt;x&lt;/b&gt;, 2024-03-01" in text
    assert f"Approve: {asked.title}" in text
    doubles.store.planned[made.id] = replace(plan, referrals=(replace(asked, existing_words=""),))
    text = client.get(f"/discharges/{made.id}").text
    assert "already ordered: ServiceRequest/7" in text
    assert f"Approve: {asked.title}" not in text
