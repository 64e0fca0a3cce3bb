"""Sensitive referrals as resources of their own: labelled, only with consent, and unknown to everything else."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.restricted import restricted_resources
from service.domain.community_service import Matches
from service.domain.sensitivity import Label
from tests import builders as a

AUTHOR = Author("Homeward", "Example Hospital", "")
RECORDED = datetime(2024, 3, 5, 12, tzinfo=UTC)
SDV = frozenset({Label.SDV})
BOTH = frozenset({Label.SDV, Label.BH})
CODES = {"R", "SDV"}


def plan(consented=SDV, /):
    """A plan with an open need, one labelled SDV, and one labelled SDV and BH."""
    needs = (
        a.need(interventions=a.interventions()),
        a.need("partner-violence", labels=SDV, interventions=a.interventions("violence-advocacy")),
        a.need("self-harm-risk", labels=BOTH, interventions=a.interventions("crisis-support")),
    )
    shelters = (a.match("Secret House", labels=BOTH), a.match("Open Door", labels=SDV))
    proposed = a.planned(*needs, matches=Matches((("violence-advocacy", shelters),)))
    return replace(proposed, consented=consented)


def restricted(proposed):
    return restricted_resources(proposed, author=AUTHOR, recorded=RECORDED)


def labels_of(draft):
    return {coding["code"] for coding in draft.body["meta"]["security"]}


def test_without_consent_there_is_none():
    assert restricted(plan(frozenset())) == ()
    assert restricted(plan(frozenset({Label.BH}))) == ()


def test_what_the_patient_agreed_to_becomes_resources_that_carry_their_labels():
    drafts = restricted(plan())
    assert [draft.resource_type for draft in drafts] == ["Goal", "ServiceRequest", "Provenance"]
    assert all(labels_of(draft) == CODES for draft in drafts)
    assert all(draft.is_restricted for draft in drafts)


def test_what_needs_a_further_consent_stays_out_with_its_words():
    told = json.dumps([draft.body for draft in restricted(plan())])
    assert "Violence advocacy" in told
    assert "Open Door" in told
    assert "risis" not in told
    assert "self-harm" not in told
    assert "Secret House" not in told


def test_with_every_consent_each_carries_its_own_labels():
    proposed = plan(BOTH)
    labels = {item.key: item.labels for item in (*proposed.referrals, *proposed.goals)}
    drafts = [draft for draft in restricted(proposed) if draft.resource_type != "Provenance"]
    assert len(drafts) == len([one for one in labels.values() if one]) == 4
    assert all(labels_of(draft) == {"R", *map(str, labels[draft.key])} for draft in drafts)


def test_the_shared_resources_are_the_same_as_without_consent():
    def shared(consented):
        drafts = plan_resources(plan(consented), author=AUTHOR, recorded=RECORDED)
        return [draft.body for draft in drafts]

    assert shared(BOTH) == shared(frozenset())


def test_nothing_shared_links_to_what_is_restricted():
    proposed = plan(BOTH)
    shared = json.dumps([draft.body for draft in plan_resources(proposed, author=AUTHOR, recorded=RECORDED)])
    assert not [draft.key for draft in restricted(proposed) if draft.full_url in shared]


def test_what_a_person_signed_has_a_provenance_with_labels_of_its_own():
    proposed = plan()
    referral = next(one for one in proposed.referrals if one.need == "partner-violence")
    signed = replace(proposed, decisions=(a.decision(referral.key),))
    drafts = {draft.key: draft for draft in restricted(signed)}
    request = drafts[referral.key].body
    assert (request["status"], request["intent"]) == ("active", "order")
    [act] = [draft for key, draft in drafts.items() if key.startswith("restricted-signature:")]
    assert {"reference": drafts[referral.key].full_url} in act.body["target"]
    [task] = [draft for draft in drafts.values() if draft.resource_type == "Task"]
    assert labels_of(act) == labels_of(task) == CODES
    open_ones = plan_resources(signed, author=AUTHOR, recorded=RECORDED)
    assert not {draft.identifier for draft in open_ones} & {draft.identifier for draft in drafts.values()}


def test_evidence_that_says_more_than_was_agreed_to_is_not_cited():
    cited = a.evidence("T74.11", reference="Condition/agreed", labels=SDV)
    further = a.evidence("F32.9", reference="Condition/further", labels=BOTH)
    need = a.need(
        "partner-violence",
        labels=SDV,
        evidence=(cited, further),
        interventions=a.interventions("violence-advocacy"),
    )
    proposed = a.planned(need)
    agreed = replace(
        proposed,
        consented=SDV,
        referrals=tuple(replace(one, labels=SDV) for one in proposed.referrals),
        goals=tuple(replace(one, labels=SDV) for one in proposed.goals),
    )
    told = json.dumps([draft.body for draft in restricted(agreed)])
    assert "Condition/agreed" in told
    assert "Condition/further" not in told
