"""What is said of each product claims nothing that the ladder and the write shapes would not do, and leaves nothing out."""

import json
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest

from config.content import load_content
from config.ehr_quirks import load_quirks
from config.vendor_files import Topic, load_vendors
from service.domain.publication import Landing
from service.domain.write_shape import ProblemList
from service.ehr.ladder import Rung, step_for
from service.ehr.quirks import with_quirks
from service.pipeline.finding import Area
from service.pipeline.nominal_plan import nominal_drafts
from service.pipeline.preflight_bodies import of_bodies, of_vanished
from service.pipeline.preflight_landing import used_types
from service.pipeline.preflight_rules import broken_rules
from service.pipeline.preflight_vendor import NO_HOSPITAL, capability_of, of_vendor
from service.pipeline.publishing.ready import as_taken, facts_of, of_types

TODAY = date(2026, 12, 1)
QUIRKS = load_quirks()
VENDORS = load_vendors()
NATIVE = {"CarePlan", "Goal", "ServiceRequest", "Task", "Provenance"}
MADE_OF = {
    Landing.DOCUMENT: "DocumentReference",
    Landing.MESSAGE: "Communication",
    Landing.CONCERN: "Condition",
    Landing.CARE_PLAN: "CarePlan",
}
SIGNED = replace(NO_HOSPITAL, author_practitioner="Practitioner/7")
HOSPITALS = {
    "nothing said": NO_HOSPITAL,
    "an author": SIGNED,
    "problems": replace(SIGNED, problems=ProblemList.PROBLEM_LIST),
    "diagnoses": replace(SIGNED, problems=ProblemList.ENCOUNTER_DIAGNOSIS),
}
EACH = pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.id)
EACH_HOSPITAL = pytest.mark.parametrize("hospital", HOSPITALS.values(), ids=HOSPITALS)


@cache
def nominal():
    """The same for every hospital: in whose name a resource stands is settled when it is shaped."""
    return tuple(nominal_drafts(NO_HOSPITAL, load_content(), TODAY))


def capable(vendor, hospital):
    return capability_of(vendor, QUIRKS, hospital)


def landing(preflight):
    return [finding for finding in preflight.findings if finding.area is Area.LANDING]


@EACH
@EACH_HOSPITAL
def test_a_plan_lands_only_as_what_can_be_written_and_made_there(vendor, hospital):
    capability = capable(vendor, hospital)
    drafts = nominal()
    for row in landing(of_vendor(vendor, QUIRKS, TODAY, hospital)):
        rung = Landing(row.rung)
        kinds = {
            "the plan": "CarePlan",
            "each goal": "Goal",
            "each referral": "ServiceRequest",
            "each task": "Task",
            "who decided": "Provenance",
            "open needs": "Condition",
        }
        made_of = kinds[row.subject] if rung is Landing.RESOURCE else MADE_OF.get(rung)
        if made_of is None:
            continue
        assert step_for(capability, made_of).rung is not Rung.NOT_POSSIBLE
        # A task is made for an approved referral, and the nominal plan has none.
        if made_of != "Task":
            made = of_types(drafts, used_types(capability, hospital), capability, facts_of(hospital))
            native = [draft for draft in drafts if draft.resource_type in NATIVE - {"Provenance"}]
            assert made_of in {
                draft.resource_type for draft in (*made, *as_taken(native, capability, facts_of(hospital)))
            }


@EACH
@EACH_HOSPITAL
def test_what_goes_to_an_ehr_keeps_to_the_rules_that_are_written_of_it(vendor, hospital):
    capability = capable(vendor, hospital)
    drafts = nominal()
    written = frozenset(
        kind
        for kind in {draft.resource_type for draft in drafts} - {"Provenance"}
        if step_for(capability, kind).rung is not Rung.NOT_POSSIBLE
    )
    for draft in of_types(drafts, written, capability, facts_of(hospital)):
        assert broken_rules(draft.body, capability.shape(draft.resource_type)) == (), draft.resource_type


@EACH
def test_the_sentences_on_what_is_seen_speak_of_what_lands_and_of_nothing_else(vendor):
    lands = frozenset[str]()
    for hospital in HOSPITALS.values():
        preflight = of_vendor(vendor, QUIRKS, TODAY, hospital)
        lands |= used_types(capable(vendor, hospital), hospital)
        native = {"each task": "Task", "who decided": "Provenance"}
        lands |= {
            native[row.subject]
            for row in landing(preflight)
            if row.rung == "resource" and row.subject in native
        }
    said = frozenset[str]().union(*(note.types for note in vendor.notes if note.topic is Topic.SEES))
    # A provenance of a document is nothing that a clinician is shown.
    about = frozenset() if "CarePlan" in lands else {"Provenance"}
    assert said == lands - about


@EACH
def test_what_waits_for_a_signature_is_said_to_wait(vendor):
    for hospital in HOSPITALS.values():
        capability = capable(vendor, hospital)
        waits = [
            kind for kind in used_types(capability, hospital) if capability.shape(kind).waits_for_signature
        ]
        preflight = of_vendor(vendor, QUIRKS, TODAY, hospital)
        [sees] = [finding.said for finding in preflight.findings if finding.area is Area.CLINICIAN]
        assert ("once a person has signed" in sees) is bool(waits)


def test_who_decided_is_written_with_what_it_is_about():
    rows = {row.subject: row for row in landing(of_vendor(VENDORS["oracle-health"], QUIRKS, TODAY, SIGNED))}
    assert rows["who decided"].said == "A Provenance of its own. Written once a person has signed the plan."
    plain = {row.subject: row for row in landing(of_vendor(VENDORS["hapi"], QUIRKS, TODAY))}
    assert plain["who decided"].said == "A Provenance of its own."


@EACH
def test_a_type_that_is_not_written_names_its_reason_and_lands_nowhere(vendor):
    capability = capable(vendor, NO_HOSPITAL)
    preflight = of_vendor(vendor, QUIRKS, TODAY)
    for finding in preflight.findings:
        if finding.area is Area.WRITE and finding.rung == Rung.NOT_POSSIBLE:
            assert finding.said == step_for(capability, finding.subject).reason
            assert finding.subject not in used_types(capability, NO_HOSPITAL)


@pytest.mark.parametrize(
    ("vendor", "plan", "referral"),
    [
        ("epic", "document", "document"),
        ("oracle-health", "document", "document"),
        ("meditech", "message", "message"),
        ("athenahealth", "page", "page"),
        ("nextgen", "page", "page"),
        ("eclinicalworks", "page", "page"),
        ("canvas", "page", "page"),
        ("openemr", "page", "page"),
        ("openmrs", "page", "page"),
        ("hapi", "resource", "resource"),
        ("medplum", "resource", "resource"),
        ("aidbox", "resource", "resource"),
        ("microsoft", "resource", "resource"),
        ("google", "resource", "resource"),
        ("healthlake", "resource", "resource"),
        ("blaze", "resource", "resource"),
        ("spark", "resource", "resource"),
    ],
)
def test_where_a_plan_lands_by_what_is_publicly_written(vendor, plan, referral):
    rungs = {row.subject: row.rung for row in landing(of_vendor(VENDORS[vendor], QUIRKS, TODAY))}
    assert (rungs["the plan"], rungs["each referral"]) == (plan, referral)


def test_a_subscription_that_never_fires_is_not_waited_for():
    rows = {row.subject: row for row in of_vendor(VENDORS["blaze"], QUIRKS, TODAY).findings}
    assert rows["subscriptions"].said == "The EHR offers none."
    assert rows["polling"].verdict.value == "ready"


def test_a_server_that_searches_in_no_bundle_is_asked_one_by_one():
    capability = capability_of(VENDORS["google"], QUIRKS)
    assert not capability.bundles()
    assert capability.transaction
    assert capability.writes_in_batch()


def test_the_rules_of_products_touch_no_server_of_another_name():
    other = replace(capability_of(VENDORS["hapi"], QUIRKS), known_as="Example EHR", quirks=())
    assert with_quirks(other, QUIRKS).quirks == ()


def test_nothing_in_a_nominal_plan_names_a_patient():
    for draft in nominal():
        text = json.dumps(draft.body)
        assert "Patient/homeward-preflight" in text or draft.resource_type == "Provenance"
        assert "birthDate" not in text


class StubEhr:
    """Answers a $validate as told."""

    def __init__(self, outcome, tenant=NO_HOSPITAL):
        self.outcome, self.tenant, self.asked = outcome, tenant, []

    def answer_to(self, request):
        self.asked.append(request)
        return type("Answer", (), {"body": self.outcome})


def validated(outcome, vendor="hapi"):
    capability = capability_of(VENDORS[vendor], QUIRKS)
    ehr: Any = StubEhr(outcome)
    return ehr, {finding.subject: finding for finding in of_bodies(ehr, capability, nominal())}


def test_an_ehr_that_validates_is_asked_about_each_kind_and_nothing_else():
    ehr, rows = validated({"issue": [{"severity": "information", "code": "informational"}]})
    assert {row.verdict.value for row in rows.values()} == {"ready"}
    assert {request.path for request in ehr.asked} == {f"{kind}/$validate" for kind in rows}


@pytest.mark.parametrize(("code", "verdict"), [("required", "degraded"), ("not-found", "ready")])
def test_what_it_says_against_a_body_is_told_by_its_code(code, verdict):
    issue = {"severity": "error", "code": code, "diagnostics": "Nobody, food"}
    _, rows = validated({"issue": [issue]})
    assert {row.verdict.value for row in rows.values()} == {verdict}
    assert all("Nobody" not in row.said for row in rows.values())


def test_an_ehr_that_does_not_validate_is_held_against_what_is_written():
    ehr, rows = validated(None, "epic")
    assert ehr.asked == []
    assert set(rows) == {"DocumentReference"}
    assert rows["DocumentReference"].said.startswith("Ours keeps to what is written about it")


def test_what_an_ehr_did_not_keep_is_told_by_type():
    rows = list(
        of_vanished({"DocumentReference": frozenset({"identifier", "description"}), "Condition": {"note"}})
    )
    assert [row.subject for row in rows] == ["Condition kept", "DocumentReference kept"]
    assert rows[1].said.endswith("not there when it was read afterwards: description, identifier.")
    assert list(of_vanished({})) == []


def test_a_kind_that_nobody_may_send_is_told():
    _, rows = validated(None, "oracle-health")
    assert rows["Communication"].verdict.value == "degraded"
    assert rows["DocumentReference"].verdict.value == "ready"
