"""What becomes of a card: kept once, honoured by the next plan, and never two orders for one service."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
import yaml

from config.directory_file import load_directory
from config.settings import load_settings
from fhir_mappings.bundle import carries
from fhir_mappings.inbound.trigger import trigger_from
from service import metrics
from service.app import create_app
from service.bootstrap import build_deps
from service.domain.audit import Event
from service.domain.caseload import Wanted
from service.domain.decision import Choice, Signer
from service.domain.discharge import Action, DischargeState, Trigger
from service.domain.offer import Answer, OfferKind
from service.domain.publication import WriteState
from service.domain.write_reason import WriteReason
from service.doors import cds_hooks
from service.pipeline import run
from service.pipeline.intake import intake
from service.pipeline.look import look
from service.pipeline.rounds import look_after_stays
from service.pipeline.sign import Act, sign
from service.sandbox.ehr import start_sandbox
from service.sandbox.inpatients import bundle_of, inpatients, load_inpatients
from tests import hooks
from tests.ehr_fixtures import LimitedEhr, create, put

TODAY = datetime.now(UTC).date()
USER = "Practitioner/arthur-attending"
DANA = Signer("Dana Example, MSW")
EVERYTHING = Wanted(since=date(2000, 1, 1))


@dataclass(frozen=True)
class Patient:
    """Who they are in the EHR at this address, and all that it holds of them at first."""

    id: str
    encounter: str
    url: str
    bundle: dict[str, Any]

    def call(self, **more: Any) -> dict[str, Any]:
        resources = [entry["resource"] for entry in self.bundle["entry"]]
        return hooks.call_for(resources, self.encounter, **more)


class Ward:
    """A patient whose stay is planned, in an EHR that takes no ServiceRequest from us unless `less` says otherwise."""

    def __init__(self, client: Any, deps: Any, ehr: LimitedEhr, patient: Patient) -> None:
        self.client, self.deps, self.ehr, self.patient = client, deps, ehr, patient

    def cards(self) -> Any:
        body = self.patient.call()
        return self.client.post("/cds-services/encounter-discharge", json=body).json["cards"]

    def suggestions(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The suggestions card, and its suggestions by label."""
        card = next(card for card in self.cards() if "suggestions" in card)
        return card, {one["label"]: one for one in card["suggestions"]}

    def tell(self, *entries: dict[str, Any]) -> Any:
        answer = self.client.post("/cds-services/encounter-discharge/feedback", json={"feedback": entries})
        return answer.status_code

    @property
    def discharge(self) -> Any:
        return self.deps.store.discharges.of_stay("one", self.patient.encounter)

    def work(self) -> None:
        """What the worker does with what is due."""
        if self.discharge.state is DischargeState.RECEIVED:
            run.plan_discharge(self.discharge.id, self.deps)
        if self.discharge.state is DischargeState.PLANNED:
            run.publish_discharge(self.discharge.id, self.deps)

    def state(self) -> DischargeState:
        """Where the discharge stands now."""
        return DischargeState(self.discharge.state)

    def discharge_order(self) -> dict[str, Any]:
        """An order to discharge the patient, as a doctor signs it."""
        return {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
            "subject": {"reference": f"Patient/{self.patient.id}"},
            "encounter": {"reference": self.patient.encounter},
        }

    def entry(self, identifier: str) -> Any:
        entries = self.deps.store.publications.entries(self.discharge.id)
        return next((entry for entry in entries if entry.draft.identifier == identifier), None)

    def orders(self, title: str) -> list[dict[str, Any]]:
        """The EHR's orders of this title for the patient."""
        with requests.Session() as session:
            session.trust_env = False
            query = {"patient": self.patient.id, "_count": "200"}
            found = session.get(f"{self.patient.url}/ServiceRequest", params=query, timeout=10).json()
        listed = [entry["resource"] for entry in found.get("entry", [])]
        return [one for one in listed if one.get("code", {}).get("text") == title]

    def order(self, resource: dict[str, Any]) -> None:
        """The EHR writes what its clinician took over."""
        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{self.patient.url}/ServiceRequest", json=resource, timeout=10).raise_for_status()


@pytest.fixture(scope="module", autouse=True)
def _time_enough() -> Iterator[None]:
    """A busy machine is not what these are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cds_hooks, "ANSWER_SECONDS", 20)
        yield


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, database_url) -> Iterator[tuple[str, Any, Any]]:
    """An EHR with its staff, and Homeward's settings and adapters for it."""
    folder = tmp_path_factory.mktemp("hospital")
    with start_sandbox(folder) as sandbox:
        next(iter(load_inpatients(sandbox.base_url, TODAY)))
        tenant = {"id": "one", "fhir_base_url": sandbox.base_url, "organization": "Example Hospital"}
        (folder / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}))
        settings = load_settings(
            {
                "HOMEWARD_DATABASE_URL": database_url,
                "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
                "HOMEWARD_OPEN_ACCESS": "on",
            }
        )
        deps = build_deps(settings)
        deps.store.directory.load("one", load_directory())
        yield sandbox.base_url, settings, deps
        deps.store.close()


@pytest.fixture
def ward(hospital) -> Iterator[Ward]:
    """A patient of this test alone: the first sample patient under another id."""
    url, settings, deps = hospital
    ehr = LimitedEhr(deps.tenants["one"], no_create=("ServiceRequest",))
    deps = replace(deps, ehr=lambda _tenant: ehr)
    made = Ward(create_app(settings, deps).test_client(), deps, ehr, _admitted(url))
    made.cards()
    made.work()
    yield made
    ehr.close()


def _admitted(url: str) -> Patient:
    sample = inpatients()[0]
    name = f"{sample.id}-{uuid4().hex[:8]}"
    bundle = json.loads(json.dumps(bundle_of(sample, TODAY)).replace(sample.id, name))
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, json=bundle, timeout=30).raise_for_status()
    return Patient(name, sample.encounter.replace(sample.id, name), url, bundle)


def said(card: str, outcome: str, at: str = "2099-01-01T12:00:00Z", **more: Any) -> dict[str, Any]:
    return {"card": card, "outcome": outcome, "outcomeTimestamp": at, **more}


def accepted(card: dict[str, Any], *suggestions: dict[str, Any]) -> dict[str, Any]:
    return said(card["uuid"], "accepted", acceptedSuggestions=[{"id": one["uuid"]} for one in suggestions])


def identifier(suggestion: dict[str, Any]) -> Any:
    return suggestion["actions"][0]["resource"]["identifier"][0]["value"]


def test_an_order_taken_over_is_adopted_and_never_sent_again(ward):
    card, suggestions = ward.suggestions()
    title, taken = next(iter(suggestions.items()))
    ward.order(taken["actions"][0]["resource"])
    assert ward.tell(accepted(card, taken)) == 200
    ward.ehr.less["no_create"] = ()  # even where we could write it now
    ward.work()
    assert len(ward.orders(title)) == 1
    entry = ward.entry(identifier(taken))
    assert entry is None or (entry.state, entry.reference) == (
        WriteState.LANDED,
        f"ServiceRequest/{ward.orders(title)[0]['id']}",
    )
    assert title not in {one["label"] for shown in ward.cards() for one in shown.get("suggestions", [])}


def test_an_order_that_lost_our_identifier_is_adopted_by_what_it_asks_for(ward):
    card, suggestions = ward.suggestions()
    title, taken = next(iter(suggestions.items()))
    copy = {name: part for name, part in taken["actions"][0]["resource"].items() if name != "identifier"}
    ward.order(copy)
    ward.tell(accepted(card, taken))
    ward.ehr.less["no_create"] = ()
    ward.work()
    assert len(ward.orders(title)) == 1
    plan = ward.deps.store.plans.latest(ward.discharge.id).plan
    assert [one.existing for one in plan.referrals if one.title == title] == [
        f"ServiceRequest/{ward.orders(title)[0]['id']}"
    ]


def test_what_was_taken_over_and_is_not_written_yet_waits_for_the_ehr(ward):
    card, suggestions = ward.suggestions()
    title, taken = next(iter(suggestions.items()))
    ward.tell(accepted(card, taken))
    ward.ehr.less["no_create"] = ()
    ward.work()
    assert ward.orders(title) == []
    assert "offered to a clinician" in ward.entry(identifier(taken)).problem


def test_what_is_offered_and_unanswered_is_not_written_beside_it(ward):
    _, suggestions = ward.suggestions()
    ward.ehr.less["no_create"] = ()
    card, _ = ward.suggestions()
    ward.tell(accepted(card, next(iter(suggestions.values()))))
    ward.work()
    assert all(ward.orders(title) == [] for title in suggestions)


def test_a_declined_suggestion_is_kept_with_its_reason_and_asked_for_no_more(ward):
    card, suggestions = ward.suggestions()
    reason = {"reason": {"code": "patient-declined"}, "userComment": "prefers her daughter's help"}
    assert ward.tell(said(card["uuid"], "overridden", overrideReason=reason)) == 200
    ward.work()
    assert not any("suggestions" in shown for shown in ward.cards())
    plan = ward.deps.store.plans.latest(ward.discharge.id).plan
    assert not {one.title for one in plan.referrals} & set(suggestions)
    declined = ward.deps.store.decisions.of(ward.discharge.id)
    assert len(declined) == len(suggestions)
    assert {(one.by.reference, one.reason) for one in declined} == {
        (USER, "patient-declined: prefers her daughter's help")
    }


def test_feedback_is_recorded_with_the_user_of_the_call_and_without_their_words(ward):
    card, suggestions = ward.suggestions()
    ward.tell(accepted(card, next(iter(suggestions.values()))))
    trail = ward.deps.store.audit.of(ward.discharge.id)
    recorded = [entry for entry in trail if entry.event is Event.CARD_ACCEPTED]
    assert {entry.actor for entry in recorded} == {f"cds-hooks {USER}"}
    assert len(recorded) == 2


def test_feedback_approves_nothing(ward):
    card, suggestions = ward.suggestions()
    ward.tell(accepted(card, *suggestions.values()))
    ward.work()
    assert ward.deps.store.decisions.of(ward.discharge.id) == ()
    assert ward.deps.store.plans.latest(ward.discharge.id).plan.decision_on("care-plan") is None


DOCTOR = {"reference": USER, "display": "Arthur Attending, MD"}


def signed(suggestion: dict[str, Any], requester: dict[str, str]) -> dict[str, Any]:
    """What the EHR makes of a suggestion that its clinician signs."""
    resource = suggestion["actions"][0]["resource"]
    kept = {name: part for name, part in resource.items() if name != "contained"}
    return kept | {"status": "active", "intent": "order", "requester": requester}


def test_an_order_signed_in_the_ehr_is_approved_by_its_signer_and_stands_as_it_is(ward):
    card, suggestions = ward.suggestions()
    title, taken = next(iter(suggestions.items()))
    ward.order(signed(taken, DOCTOR))
    ward.tell(accepted(card, taken))
    ward.work()  # which finds it signed
    ward.work()  # and has nothing more to do about it
    assert ward.discharge.state is DischargeState.PUBLISHED
    [made] = ward.deps.store.decisions.of(ward.discharge.id)
    entry = ward.entry(identifier(taken))
    assert (made.item, made.choice) == (entry.draft.key, Choice.APPROVED)
    assert (made.by.name, made.by.reference) == (DOCTOR["display"], USER)
    assert (entry.state, entry.reason) == (WriteState.THEIRS, WriteReason.SIGNED_THERE)
    [order] = ward.orders(title)
    assert (order["status"], order["requester"], order["meta"]["versionId"]) == ("active", DOCTOR, "1")
    [case] = [
        one
        for one in ward.deps.store.caseload.page("one", EVERYTHING, after=None, limit=100)
        if one.discharge.id == ward.discharge.id
    ]
    assert WriteState.THEIRS not in case.written


@pytest.mark.parametrize("told", [False, True], ids=["by the hourly round", "when the EHR tells of it"])
def test_a_draft_signed_in_the_ehr_is_found(ward, told):
    ward.ehr.less["no_create"] = ()
    ordered = create(ward.patient.url, ward.discharge_order())
    tenant = ward.deps.tenants["one"]
    trigger = trigger_from(ordered, tenant=tenant, door="subscription")
    assert trigger is not None
    intake(replace(trigger, hint=False), ward.deps)  # as it is taken in once the order has been read
    ward.work()
    entries = ward.deps.store.publications.entries(ward.discharge.id)
    ours = next(entry for entry in entries if entry.draft.key.startswith("referral:") and entry.reference)

    def notice() -> None:
        if told:
            look(ours.reference, tenant, ward.deps)
        else:
            look_after_stays(tenant, ward.deps)

    notice()
    assert ward.state() == DischargeState.PUBLISHED  # nothing was signed
    [order] = [
        one for one in ward.orders(ours.draft.body["code"]["text"]) if carries(one, ours.draft.identifier)
    ]
    kept = {name: part for name, part in order.items() if name != "contained"}
    put(ward.patient.url, kept, status="active", intent="order", requester=DOCTOR)
    notice()
    assert ward.state() == DischargeState.PLANNED
    ward.work()
    ward.work()
    assert [one.by.name for one in ward.deps.store.decisions.of(ward.discharge.id)] == [DOCTOR["display"]]
    notice()
    assert ward.state() == DischargeState.PUBLISHED  # and is not looked at for ever


def test_an_order_signed_by_nobody_is_nobodys_approval(ward):
    card, suggestions = ward.suggestions()
    taken = next(iter(suggestions.values()))
    ward.order(signed(taken, {"display": "Homeward"}))
    ward.tell(accepted(card, taken))
    ward.work()
    assert ward.deps.store.decisions.of(ward.discharge.id) == ()
    entry = ward.entry(identifier(taken))
    assert (entry.state, entry.reason) == (WriteState.THEIRS, WriteReason.CHANGED_BY_PERSON)


def test_what_was_declined_here_and_is_signed_there_stays_for_a_person(ward):
    card, suggestions = ward.suggestions()
    taken = next(iter(suggestions.values()))
    ward.order(signed(taken, DOCTOR))
    ward.tell(accepted(card, taken))
    key = ward.entry(identifier(taken)).draft.key
    sign(ward.discharge.id, Act(choice=Choice.DECLINED, item=key, reason="not wanted"), DANA, ward.deps)
    ward.work()
    assert [one.choice for one in ward.deps.store.decisions.of(ward.discharge.id)] == [Choice.DECLINED]


def test_a_signed_order_goes_on_hold_and_on_again_with_its_discharge(ward):
    card, suggestions = ward.suggestions()
    title, taken = next(iter(suggestions.items()))
    ward.order(signed(taken, DOCTOR))
    ward.tell(accepted(card, taken))
    ward.work()
    ward.work()
    intake(Trigger("one", ward.patient.encounter, Action.CANCEL, "rest"), ward.deps)
    run.withdraw_discharge(ward.discharge.id, ward.deps)
    assert [one["status"] for one in ward.orders(title)] == ["on-hold"]
    assert (
        ward.entry(identifier(taken)).state is WriteState.ON_HOLD
    )  # which waits for a person, unlike before
    intake(Trigger("one", ward.patient.encounter, Action.PLAN, "rest"), ward.deps)
    ward.work()
    assert [one["status"] for one in ward.orders(title)] == ["active"]
    assert len(ward.deps.store.decisions.of(ward.discharge.id)) == 1
    assert ward.entry(identifier(taken)).reason is WriteReason.SIGNED_THERE


def test_repeated_and_batched_feedback_changes_nothing_more(ward):
    card, suggestions = ward.suggestions()
    told = accepted(card, next(iter(suggestions.values())))
    assert ward.tell(told, told) == 200
    once = ward.discharge
    assert ward.tell(told) == 200
    assert ward.discharge == once
    answers = [one.answer for one in ward.deps.store.offers.of(once.id) if one.kind is OfferKind.SUGGESTION]
    assert answers.count(Answer.ACCEPTED) == 1


def test_the_later_answer_stands_whatever_comes_first(ward):
    card, suggestions = ward.suggestions()
    no = said(card["uuid"], "overridden", at="2099-01-02T12:00:00Z")
    ward.tell(no, accepted(card, next(iter(suggestions.values()))))
    stands = {one.answer for one in ward.deps.store.offers.of(ward.discharge.id) if one.key == "suggestions"}
    assert stands == {Answer.OVERRIDDEN}


def test_an_answer_from_a_clock_that_is_ahead_is_not_the_last_one_for_good(ward):
    card, _ = ward.suggestions()
    ward.tell(said(card["uuid"], "overridden", at="2099-01-02T12:00:00Z"))
    ward.tell(said(card["uuid"], "accepted", at=ward.deps.now().isoformat()))
    stands = {one.answer for one in ward.deps.store.offers.of(ward.discharge.id) if one.key == "suggestions"}
    assert stands == {Answer.ACCEPTED}


def test_an_overridden_blocker_is_not_raised_again_but_still_told(ward):
    ward.tell(*(said(card["uuid"], "overridden") for card in ward.cards() if card["indicator"] == "critical"))
    cards = ward.cards()
    assert not any(card["indicator"] == "critical" for card in cards)
    assert cards[0]["indicator"] in {"info", "warning"}


def test_cards_never_shown_are_counted_and_answered_as_any_other(ward):
    counter = metrics.HOOK_FEEDBACK.labels("unknown")
    before = counter._value.get()  # noqa: SLF001  prometheus_client has no reader
    assert ward.tell(said(str(uuid4()), "accepted"), said("not-a-uuid", "overridden")) == 200
    assert counter._value.get() == before + 2  # noqa: SLF001


def test_a_suggestion_of_another_stay_is_not_answered_with_this_card(ward):
    card, _ = ward.suggestions()
    before = ward.deps.store.offers.of(ward.discharge.id)
    told = said(card["uuid"], "accepted", acceptedSuggestions=[{"id": str(uuid4())}])
    assert ward.tell(told) == 200
    after = ward.deps.store.offers.of(ward.discharge.id)
    assert [one.answer for one in after if one.kind is OfferKind.SUGGESTION] == [
        one.answer for one in before if one.kind is OfferKind.SUGGESTION
    ]


def test_the_same_call_twice_is_one_discharge_with_one_plan_on_its_way(ward):
    ward.cards()
    known = ward.deps.store.discharges.latest("one", limit=1000)
    assert [one.encounter for one in known].count(ward.patient.encounter) == 1
    assert ward.discharge.round == 1


def test_nothing_of_the_call_is_kept_but_what_was_shown(ward):
    token = "a-token-for-this-call-only"
    lent = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/*.rs",
        "subject": "homeward",
    }
    body = ward.patient.call(fhirServer=ward.patient.url, fhirAuthorization=lent)
    answer = ward.client.post("/cds-services/encounter-discharge", json=body)
    assert answer.status_code == 200
    kept = [ward.deps.store.offers.of(ward.discharge.id), ward.deps.store.audit.of(ward.discharge.id)]
    assert token not in json.dumps(kept, default=str) + answer.text
