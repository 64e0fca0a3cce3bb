"""A notice in the chart, where a person's words keep out how the plan stands now."""

import base64
import copy
import json
from datetime import UTC, datetime

import pytest

from fhir_mappings.likeness import Likeness, likeness
from fhir_mappings.merge import merge
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.lower import lower_resources
from fhir_mappings.outbound.notice import NOTICE_KEYS, further_notice, keeps_verdict_out, notice_resources
from fhir_mappings.outbound.reference_line import reference_of, references_in_text
from fhir_mappings.withdrawal import retire
from service.domain.assessment import Readiness, Verdict
from service.domain.sensitivity import Label
from tests.builders import interventions, need, planned
from tests.ehr_fixtures import AUTHOR
from tests.written_bodies import SENT, reword

NOW = datetime(2024, 3, 6, 9, tzinfo=UTC)
PAGE = "https://homeward.example/discharges/1"


def usual(**more):
    return planned(need(interventions=interventions()), **more)


def made(plan, author=AUTHOR):
    return {draft.key: draft for draft in notice_resources(plan, page=PAGE, author=author, recorded=NOW)}


def words(draft):
    if draft.resource_type == "Communication":
        return [draft.body["payload"][0]["contentString"]]
    return [base64.b64decode(part["attachment"]["data"]).decode() for part in draft.body["content"]]


@pytest.mark.parametrize("key", NOTICE_KEYS)
def test_it_says_that_the_plan_in_the_chart_is_older_and_where_the_newer_one_is(key):
    for text in words(made(usual())[key]):
        assert "older than the one on Homeward's page" in " ".join(text.split())
        assert PAGE in text
        assert "roposal, not signed" not in text
        assert "PROPOSAL" not in text


@pytest.mark.parametrize("key", NOTICE_KEYS)
def test_a_notice_ends_with_a_reference_and_a_further_one_with_its_own(key):
    first = made(usual())[key]
    for draft in (first, further_notice(first, 2)):
        for text in words(draft):
            assert references_in_text(text) == {reference_of(draft.identifier)}


def test_it_says_how_the_newer_plan_stands_in_the_words_of_the_plan():
    ready, not_ready = (
        made(usual(readiness=Readiness(verdict))) for verdict in (Verdict.READY, Verdict.NOT_READY)
    )
    for key in NOTICE_KEYS:
        assert all("Readiness: " in text for text in words(ready[key]))
        assert ready[key].identifier == not_ready[key].identifier


def test_nothing_sensitive_is_in_it():
    secret = need("alcohol-use", labels=frozenset({Label.ETH}), interventions=interventions("detox"))
    told = planned(need(interventions=interventions()), secret)
    for draft in made(told).values():
        said = json.dumps(draft.body) + "".join(words(draft))
        assert "lcohol" not in said
        assert "etox" not in said


def test_it_is_not_taken_for_the_plan_where_an_ehr_keeps_no_identifiers():
    plans = {draft.key: draft for draft in lower_resources(usual(), author=AUTHOR, recorded=NOW)}
    notices = made(usual())
    for plan_key, notice_key in (("plan-document", "notice-document"), ("plan-message", "notice-message")):
        bare = {name: part for name, part in notices[notice_key].body.items() if name != "identifier"}
        assert likeness(bare, plans[plan_key]) is Likeness.OTHER


def test_the_same_plan_needs_no_second_notice():
    later = notice_resources(usual(), page=PAGE, author=AUTHOR, recorded=replace_day(NOW))
    assert [draft.digest for draft in later] == [draft.digest for draft in made(usual()).values()]


def replace_day(moment):
    return moment.replace(day=moment.day + 1)


def test_it_is_superseded_when_chart_and_plan_agree_again():
    body = made(usual())["notice-document"].body
    over = retire(body, body | {"id": "5"}, author=Author("Homeward", "Example Hospital"), recorded=NOW)
    assert over is not None
    assert over.body["status"] == "superseded"


@pytest.mark.parametrize(
    ("key", "element", "value", "is_kept_out"),
    [
        ("care-plan", "text", {"status": "additional", "div": "<div>Hers</div>"}, True),
        ("care-plan", "title", "Going home", False),
        ("care-plan", "status", "active", False),
        (
            "plan-document",
            "content",
            [{"attachment": {"contentType": "text/plain", "data": "SGVycw=="}}],
            True,
        ),
        ("plan-message", "payload", [{"contentString": "Hers"}], True),
        ("referral:rides", "text", {"status": "additional", "div": "<div>Hers</div>"}, False),
    ],
)
def test_it_is_needed_while_a_persons_words_keep_the_verdict_out(key, element, value, is_kept_out):
    current = copy.deepcopy(SENT[key]) | {"id": "9", element: value}
    ours = reword(SENT[key])
    first = merge(SENT[key], ours, current)
    assert keeps_verdict_out(ours["resourceType"], first.kept_out) is is_kept_out
    # It stays needed while nothing more changes, and no longer than the person's words stand.
    second = merge(first.said, ours, first.body)
    assert keeps_verdict_out(ours["resourceType"], second.kept_out) is is_kept_out
    given_back = merge(first.said, ours, first.body | {element: SENT[key][element]})
    assert not keeps_verdict_out(ours["resourceType"], given_back.kept_out)
