"""What a person's decisions make of a plan is as conformant as the proposal was: orders, Gravity's Tasks, signatures.

The requester of the Tasks is the hospital by name: the guide asks for US Core 7 of an Organization that is referred to, and
the server has 6.1.
"""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from uuid import NAMESPACE_URL, uuid5

import orjson
import pytest
import requests

from fhir_mappings.inbound.bundle_file import read_bundle
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.restricted import restricted_resources
from service.commands.plan_file import plan_of
from service.domain.decision import Choice, Decision, Edit, Signer
from service.domain.plan import Referral
from service.domain.sensitivity import Label
from service.pipeline.decide import decidable, decide
from service.sandbox.inpatients import bundle_of

pytestmark = pytest.mark.hapi

WHO = Signer("Arthur Attending, MD", reference="Practitioner/arthur-attending")
AUTHOR = Author("Homeward", "Prairie Sample Hospital")
#: The heart failure patient: all kinds of referrals, the social ones first among her needs.
PATIENT = 0


def signed(plan, at):
    """Every item decided: of five one declined, of two referrals one with its provider chosen."""
    items = decidable(plan).items()
    made = [
        Decision(
            _act("chosen"), key, Choice.EDITED, WHO, at, "", Edit(service=item.community_services[0].service)
        )
        for key, item in items
        if isinstance(item, Referral) and item.community_services
    ][::2]
    for choice in (Choice.DECLINED, Choice.APPROVED):
        told = zip((key for key, _ in items), cycle("dapaa"), strict=False)
        made += [
            Decision(
                _act(choice), key, choice, WHO, at, "Her brother cooks" if choice is Choice.DECLINED else ""
            )
            for key, turn in told
            if (turn == "d") is (choice is Choice.DECLINED)
        ]
    return decide(plan, made)


def _act(name):
    return uuid5(NAMESPACE_URL, name)


def test_a_decided_plan_its_document_and_its_message_validate(hapi, patients, today):
    record = read_bundle(orjson.dumps(bundle_of(patients[PATIENT], today)))
    at = datetime.now(UTC).replace(microsecond=0)
    plan = signed(replace(plan_of(record, encounter=None, today=today), tenant="signed"), at)
    drafts = plan_resources(plan, author=AUTHOR, recorded=at)
    assert {"Task", "Goal", "ServiceRequest", "CarePlan", "Provenance"} == {
        one.resource_type for one in drafts
    }
    assert wrong_in(hapi, (*drafts, *lower_resources(plan, author=AUTHOR, recorded=at))) == {}


def test_restricted_resources_with_their_labels_validate(hapi, patients, today):
    lucia = next(one for one in patients if one.id.startswith("lucia"))
    record = read_bundle(orjson.dumps(bundle_of(lucia, today)))
    at = datetime.now(UTC).replace(microsecond=0)
    proposed = replace(plan_of(record, encounter=None, today=today), tenant="signed")
    plan = replace(signed(proposed, at), consented=frozenset(Label))
    drafts = restricted_resources(plan, author=AUTHOR, recorded=at)
    assert {"Goal", "ServiceRequest", "Provenance"} <= {one.resource_type for one in drafts}
    assert wrong_in(hapi, drafts) == {}


def wrong_in(hapi, drafts):
    """What the server's validator calls wrong, by key."""
    found: dict[str, list[str]] = {}
    with requests.Session() as session:
        session.trust_env = False
        for draft in drafts:
            url = f"{hapi}/{draft.resource_type}/$validate"
            outcome = session.post(url, json=draft.body, timeout=60).json()
            wrong = [one["diagnostics"] for one in outcome["issue"] if one["severity"] in {"error", "fatal"}]
            found |= {draft.key: wrong} if wrong else {}
    return found
