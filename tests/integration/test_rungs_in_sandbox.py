"""A plan on the lower rungs of a real FHIR server that is believed to offer what the big vendors offer."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from config.tenants import Tenant
from fhir_mappings.narrative import SOCIAL_WORK_TITLE
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from service.domain.decision import SOCIAL_WORK
from service.domain.plan import Plan
from service.domain.publication import Draft, Landing, LedgerEntry, WriteState
from service.domain.write_shape import ProblemList
from service.ehr.capability import Capability
from service.ehr.client import Ehr, Written
from service.errors import WriteUnknown
from service.pipeline.publishing.publish import Way, publish, withdraw
from tests.builders import MemoryLedger, interventions, need, planned
from tests.ehr_fixtures import AUTHOR, create, put, search
from tests.vendors import vendor

RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)
WRITTEN = ("CarePlan", "Goal", "ServiceRequest", "DocumentReference", "Communication", "Condition")


class BelievedEhr(Ehr):
    """The sandbox, believed to be another; loses the answers to the first creates of the types in `losing`."""

    def __init__(self, tenant: Tenant, believed: Capability, losing: Sequence[str] = ()) -> None:
        super().__init__(tenant, sleep=lambda _: None)
        # What the server does with a batch of writes is not what this is about.
        self.believed = replace(believed, batch=False)
        self.losing = list(losing)

    def capability(self) -> Capability:
        return self.believed

    def create(self, resource: dict[str, Any], *, if_none_exist: str = "") -> Written:
        written = super().create(resource, if_none_exist=if_none_exist)
        if resource["resourceType"] in self.losing:
            self.losing.remove(resource["resourceType"])
            raise WriteUnknown("POST: sent, and no answer came.")
        return written


@pytest.fixture
def plan(tenant, patient) -> Plan:
    stay = create(
        tenant.fhir_base_url,
        {
            "resourceType": "Encounter",
            "status": "in-progress",
            "class": {"code": "IMP"},
            "subject": {"reference": patient},
        },
    )
    made = planned(need(evidence=(), interventions=interventions()))
    return replace(
        made,
        tenant=tenant.id,
        patient=replace(made.patient, reference=patient),
        encounter=replace(made.encounter, reference=f"Encounter/{stay['id']}", end=None),
    )


def drafts_of(plan: Plan) -> tuple[Draft, ...]:
    return plan_resources(plan, author=AUTHOR, recorded=RECORDED)


def lower_of(plan: Plan) -> Callable[[], Sequence[Draft]]:
    return partial(lower_resources, plan, author=AUTHOR, recorded=RECORDED)


def counts(ehr: Ehr, patient: str) -> dict[str, int]:
    found = {kind: len(of(ehr, kind, patient)) for kind in WRITTEN}
    return {kind: number for kind, number in found.items() if number}


def of(ehr: Ehr, kind: str, patient: str) -> list[dict[str, Any]]:
    """All of a type, but for the neutral request for social work that stands in every plan."""
    found = search(ehr.tenant.fhir_base_url, f"{kind}?subject={patient}")
    return [one for one in found if one.get("code", {}).get("text") != SOCIAL_WORK_TITLE]


def referral_row(ledger: MemoryLedger) -> LedgerEntry:
    [row] = [
        row
        for row in ledger.entries()
        if row.draft.resource_type == "ServiceRequest" and row.draft.key != SOCIAL_WORK
    ]
    return row


def rungs(ledger: MemoryLedger) -> dict[str, Landing]:
    return {row.draft.resource_type: row.rung for row in ledger.entries()}


def stated(name: str) -> Capability:
    """A vendor by its statement alone, without its written rules: what other EHRs offer as well."""
    return replace(vendor(name), writes={})


def signed(plan: Plan) -> Way:
    """Publishing once a person has signed all that the plan says."""
    return Way(author=AUTHOR, recorded=RECORDED, at=RECORDED, lower=lower_of(plan), is_signed=lambda _: True)


def test_orders_and_no_care_plan_are_the_requests_and_the_plan_as_a_document_each_once(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, stated("epic-like")) as ehr:
        for _ in range(2):
            publish(ledger, ehr, lower_of(plan))
            assert counts(ehr, patient) == {"ServiceRequest": 1, "DocumentReference": 1}
        [document] = of(ehr, "DocumentReference", patient)
    words = base64.b64decode(document["content"][0]["attachment"]["data"]).decode()
    assert document["docStatus"] == "preliminary"
    assert plan.referrals[0].title in words
    assert plan.goals[0].text in words
    assert rungs(ledger)["CarePlan"] is rungs(ledger)["Goal"] is Landing.DOCUMENT
    assert rungs(ledger)["ServiceRequest"] is Landing.RESOURCE


def test_epic_gets_a_signed_note_once_and_no_order(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, vendor("epic-like")) as ehr:
        publish(ledger, ehr, lower_of(plan))
        assert counts(ehr, patient) == {}
        for _ in range(2):
            publish(ledger, ehr, way=signed(plan))
            assert counts(ehr, patient) == {"DocumentReference": 1}
        [document] = of(ehr, "DocumentReference", patient)
    assert (document["docStatus"], "author" in document) == ("final", False)
    [part] = document["content"]
    assert part["attachment"]["contentType"] == "text/plain"
    words = " ".join(base64.b64decode(part["attachment"]["data"]).decode().split())
    for item in (*plan.referrals, *plan.goals):
        assert getattr(item, "title", "") in words
    assert rungs(ledger)["ServiceRequest"] is Landing.DOCUMENT


def test_oracle_gets_the_document_and_the_problem_each_with_its_own_provenance(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    hospital = replace(tenant, author_practitioner=practitioner(tenant), problems=ProblemList.PROBLEM_LIST)
    believed = replace(vendor("oracle-like"), problems=hospital.problems)
    with BelievedEhr(hospital, believed) as ehr:
        for _ in range(2):
            publish(ledger, ehr, way=signed(plan))
            assert counts(ehr, patient) == {"DocumentReference": 1, "Condition": 1}
        [document] = of(ehr, "DocumentReference", patient)
        [problem] = of(ehr, "Condition", patient)
        for written in (document, problem):
            name = f"{written['resourceType']}/{written['id']}"
            [source] = search(tenant.fhir_base_url, f"Provenance?target={name}")
            assert [part["reference"] for part in source["target"]] == [name]
    assert [part["attachment"]["contentType"] for part in document["content"]] == ["text/html;charset=utf-8"]
    assert document["author"] == [{"reference": hospital.author_practitioner}]
    assert "identifier" not in document
    assert problem["code"]["coding"][0]["code"] == "Z59.41"


def practitioner(tenant: Tenant) -> str:
    made = create(tenant.fhir_base_url, {"resourceType": "Practitioner", "name": [{"text": "Dana Example"}]})
    return f"Practitioner/{made['id']}"


@pytest.mark.parametrize("name", ["epic-like", "oracle-like"])
def test_a_lost_answer_makes_no_second_copy_whether_or_not_the_identifier_is_searched(
    tenant, plan, patient, name
):
    ledger = MemoryLedger(*drafts_of(plan))
    lost = ("ServiceRequest", "DocumentReference", "Condition")
    with BelievedEhr(tenant, stated(name), losing=lost) as ehr:
        for _ in range(4):
            try:
                publish(ledger, ehr, lower_of(plan))
                break
            except WriteUnknown:
                continue
        assert set(counts(ehr, patient).values()) == {1}
    made = [row for row in ledger.entries() if row.draft.resource_type in lost and row.reference]
    assert {row.state for row in made} == {WriteState.LANDED}


def test_what_may_or_may_not_be_ours_is_a_persons_and_not_sent_again(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, stated("oracle-like")) as ehr:
        ledger.want_also(lower_of(plan)())
        [document, *_] = lower_of(plan)()
        ledger.sending([document.key])
        # It has neither our identifier nor the second at which it was made, nor a text that could end with our reference.
        body = {name: part for name, part in document.body.items() if name != "identifier"}
        words = {"contentType": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
        create(
            tenant.fhir_base_url,
            {**body, "date": "2024-03-05T12:00:07Z", "content": [{"attachment": words}]},
        )
        publish(ledger, ehr, lower_of(plan))
        assert counts(ehr, patient)["DocumentReference"] == 1
    assert ledger.state(document.key) is WriteState.UNKNOWN
    assert "a person must look" in ledger.rows[document.key].problem


def test_a_copy_without_our_identifier_but_with_all_we_said_is_ours(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, stated("oracle-like")) as ehr:
        ledger.want_also(lower_of(plan)())
        [document, *_] = lower_of(plan)()
        ledger.sending([document.key])
        body = {name: part for name, part in document.body.items() if name != "identifier"}
        create(tenant.fhir_base_url, body)
        publish(ledger, ehr, lower_of(plan))
        assert counts(ehr, patient)["DocumentReference"] == 1
    assert ledger.rows[document.key].reference


def test_where_nothing_is_taken_the_plan_stands_on_our_page(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, Capability()) as ehr:
        publish(ledger, ehr, lower_of(plan))
        assert counts(ehr, patient) == {}
    assert set(rungs(ledger).values()) == {Landing.PAGE}


# --- plans that change ------------------------------------------------------------------------------
def on_a_later_day(plan: Plan, days: int = 1) -> Plan:
    """The same plan, made later: everything that counts from today moves along."""
    later = timedelta(days=days)

    def moved(day: date) -> date:
        return day + later

    return replace(
        plan,
        today=moved(plan.today),
        discharge_date=moved(plan.discharge_date),
        referrals=tuple(replace(one, due=moved(one.due)) for one in plan.referrals),
        goals=tuple(replace(one, start=moved(one.start), due=moved(one.due)) for one in plan.goals),
        follow_ups=tuple(
            replace(one, not_before=moved(one.not_before), due=moved(one.due)) for one in plan.follow_ups
        ),
        tasks=tuple(replace(one, due=moved(one.due)) for one in plan.tasks),
    )


@pytest.mark.parametrize("name", ["", "epic-like", "oracle-like"])
def test_the_same_plan_made_on_a_later_day_rewrites_nothing(tenant, plan, patient, ehr, name):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, stated(name) if name else ehr.capability()) as server:
        publish(ledger, server, lower_of(plan))
        before = {kind: of(server, kind, patient) for kind in WRITTEN}
        ledger.want(drafts_of(on_a_later_day(plan)))
        publish(ledger, server, lower_of(on_a_later_day(plan)))
        assert {kind: of(server, kind, patient) for kind in WRITTEN} == before


def test_once_the_patient_has_left_the_days_are_what_they_are(plan, patient, ehr):
    ledger = MemoryLedger(*drafts_of(plan))
    publish(ledger, ehr)
    later = on_a_later_day(plan)
    left = datetime.combine(later.discharge_date, RECORDED.timetz())
    ledger.want(drafts_of(replace(later, encounter=replace(later.encounter, end=left))))
    publish(ledger, ehr)
    [request] = of(ehr, "ServiceRequest", patient)
    assert request["authoredOn"] == later.today.isoformat()


def without_referrals(plan: Plan) -> Plan:
    return replace(plan, referrals=())


def test_what_is_no_longer_wanted_is_revoked_with_the_reason_and_wanted_again_it_is_a_draft(
    ehr, plan, patient
):
    ledger = MemoryLedger(*drafts_of(plan))
    publish(ledger, ehr)
    ledger.want(drafts_of(without_referrals(plan)))
    for _ in range(2):
        publish(ledger, ehr)
        [request] = of(ehr, "ServiceRequest", patient)
        assert request["status"] == "revoked"
        assert "no longer proposes this" in request["note"][-1]["text"]
        assert f"ServiceRequest/{request['id']}" not in str(of(ehr, "CarePlan", patient)[0]["activity"])
    ledger.want(drafts_of(plan))
    publish(ledger, ehr)
    [request] = of(ehr, "ServiceRequest", patient)
    assert request["status"] == "draft"
    assert not any("no longer" in note["text"] for note in request["note"])


def test_what_a_person_took_up_stays_though_the_plan_no_longer_proposes_it(ehr, tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    publish(ledger, ehr)
    put(tenant.fhir_base_url, of(ehr, "ServiceRequest", patient)[0], status="active")
    ledger.want(drafts_of(without_referrals(plan)))
    publish(ledger, ehr)
    assert of(ehr, "ServiceRequest", patient)[0]["status"] == "active"
    row = referral_row(ledger)
    assert row.state is WriteState.THEIRS
    assert "a person has taken it up" in row.problem


@pytest.mark.parametrize("change", [{"status": "active"}, {"status": "revoked"}, {"priority": "stat"}])
def test_what_a_person_did_is_recorded_though_the_plan_says_the_same_as_before(
    ehr, tenant, plan, patient, change
):
    ledger = MemoryLedger(*drafts_of(plan))
    publish(ledger, ehr)
    theirs = put(tenant.fhir_base_url, of(ehr, "ServiceRequest", patient)[0], **change)
    ledger.want(drafts_of(plan))
    publish(ledger, ehr)
    assert of(ehr, "ServiceRequest", patient)[0]["meta"]["versionId"] == theirs["meta"]["versionId"]
    row = referral_row(ledger)
    assert (row.state, row.problem[:8]) == (WriteState.THEIRS, "A person")


class UnversionedEhr(BelievedEhr):
    """A server that tells no versions, as some do."""

    def batch(self, requests):
        results = super().batch(requests)
        return [
            replace(
                result,
                resources=tuple({k: v for k, v in one.items() if k != "meta"} for one in result.resources),
            )
            for result in results
        ]


def test_without_versions_a_persons_words_are_not_overwritten_either(tenant, ehr, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    capability = replace(ehr.capability(), transaction=False)
    with UnversionedEhr(tenant, capability) as server:
        publish(ledger, server)
        for key, row in ledger.rows.items():
            ledger.rows[key] = replace(row, etag="")
        put(tenant.fhir_base_url, of(server, "Goal", patient)[0], description={"text": "Theirs"})
        changed = replace(plan, goals=tuple(replace(one, text="Ours") for one in plan.goals))
        ledger.want(drafts_of(changed))
        publish(ledger, server)
        assert of(server, "Goal", patient)[0]["description"]["text"] == "Theirs"
    assert WriteState.THEIRS in {row.state for row in ledger.entries()}


def test_a_document_is_superseded_when_the_discharge_is_called_off(tenant, plan, patient):
    ledger = MemoryLedger(*drafts_of(plan))
    with BelievedEhr(tenant, stated("oracle-like")) as ehr:
        publish(ledger, ehr, lower_of(plan))
        withdraw(ledger, ehr, author=AUTHOR, recorded=RECORDED)
        [document] = of(ehr, "DocumentReference", patient)
        [concern] = of(ehr, "Condition", patient)
    assert document["status"] == "superseded"
    assert "cancelled or delayed" in document["description"]
    assert concern["clinicalStatus"]["coding"][0]["code"] == "inactive"
