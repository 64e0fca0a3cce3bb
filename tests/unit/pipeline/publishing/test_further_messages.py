"""A message that can never be changed is a chain as a note is: a further one for each change, and one when the plan is off."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.further import called_off_resources
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.message import MESSAGE_KEY
from service.domain.publication import LedgerEntry, WriteState
from service.pipeline.publishing.chain import extend
from tests.builders import interventions, need, planned

AT = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
AUTHOR = Author("Homeward", "Example Hospital", "", social_work_reference="Practitioner/example")
PLAN = planned(need("food-insecurity", interventions=interventions()))


def message(plan=PLAN):
    drafts = lower_resources(plan, author=AUTHOR, recorded=AT)
    return next(draft for draft in drafts if draft.key == MESSAGE_KEY)


def called_off():
    drafts = called_off_resources(PLAN, "The discharge was called off.", author=AUTHOR, recorded=AT)
    return {draft.key: draft for draft in drafts}


@pytest.fixture
def sent():
    """The message as it stands in the EHR; when it was sent is told by the message alone."""
    draft = message()
    return LedgerEntry(
        draft, WriteState.LANDED, draft.digest, reference="Communication/1", sent_digest=draft.digest
    )


def words_of(draft):
    [payload] = draft.body["payload"]
    return " ".join(payload["contentString"].split())


def test_a_changed_plan_is_told_in_a_further_message_that_names_the_one_before(sent):
    changed = message(planned(need("transportation-insecurity", interventions=interventions())))
    chain = extend(MESSAGE_KEY, [sent], changed, None, UTC)
    assert chain.new is not None
    assert chain.new.key == f"{MESSAGE_KEY}:2"
    assert "Replaces the discharge plan of 5 March 2024, 14:30." in words_of(chain.new)
    assert extend(MESSAGE_KEY, [sent], message(), None, UTC).new is None


def test_a_plan_that_is_off_is_told_to_those_who_got_it_and_to_nobody_else(sent):
    off = called_off()[MESSAGE_KEY]
    chain = extend(MESSAGE_KEY, [sent], None, off, UTC)
    assert chain.new is not None
    words = words_of(chain.new)
    assert "The discharge plan of 5 March 2024, 14:30 no longer holds." in words
    assert "The discharge was called off." in words
    assert chain.new.body["recipient"] == sent.draft.body["recipient"]
    assert extend(MESSAGE_KEY, [], None, off, UTC).new is None


def test_there_is_no_message_to_nobody():
    alone = replace(AUTHOR, social_work_reference="")
    unknown = replace(PLAN, care_team=(), for_everybody=None)
    drafts = called_off_resources(unknown, "It is off.", author=alone, recorded=AT)
    assert [draft.resource_type for draft in drafts] == ["DocumentReference"]
