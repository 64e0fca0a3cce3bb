import pytest

from fhir_mappings.bundle import (
    Reply,
    Search,
    Update,
    carries,
    finder,
    if_none_exist,
    link,
    resources_in,
    responses,
    search_batch,
    transaction_bundle,
    write_batch,
)
from fhir_mappings.systems import OWN_IDENTIFIER
from service.domain.publication import Draft
from tests.builders import draft_of

GOAL = draft_of("goal", {"resourceType": "Goal"})
PROVENANCE = draft_of("provenance", {"resourceType": "Provenance"})
NAMELESS = Draft("x", "Goal", "urn:uuid:1", "urn:uuid:2", {"resourceType": "Goal"})


def test_searches_become_a_batch_of_gets():
    bundle = search_batch(
        [Search("Patient", id="7"), Search("Goal", (("patient", "7"), ("category", "a|b")))]
    )
    assert bundle["type"] == "batch"
    assert [entry["request"] for entry in bundle["entry"]] == [
        {"method": "GET", "url": "Patient/7"},
        {"method": "GET", "url": "Goal?patient=7&category=a%7Cb"},
    ]


def test_a_draft_is_created_only_where_its_identifier_is_not_there_yet():
    [entry] = transaction_bundle([GOAL])["entry"]
    assert entry["fullUrl"] == GOAL.full_url
    assert entry["resource"] == GOAL.body
    assert entry["request"] == {
        "method": "POST",
        "url": "Goal",
        "ifNoneExist": f"identifier={OWN_IDENTIFIER}|{GOAL.identifier},urn:ietf:rfc:3986|{GOAL.identifier}",
    }


def test_a_provenance_which_has_no_identifier_is_known_by_its_tag():
    name = PROVENANCE.identifier
    assert if_none_exist(PROVENANCE) == f"_tag={OWN_IDENTIFIER}|{name},urn:ietf:rfc:3986|{name}"


def test_a_draft_without_a_name_is_created_without_condition():
    assert finder(NAMELESS) == ("", "")
    assert transaction_bundle([NAMELESS])["entry"][0]["request"] == {"method": "POST", "url": "Goal"}


def test_updates_come_after_creates_and_name_their_version():
    bundle = write_batch(
        [GOAL], [Update("a", "CarePlan/3", {"id": "3"}, 'W/"2"'), Update("b", "Goal/4", {}, "")]
    )
    assert bundle["type"] == "batch"
    assert [entry["request"] for entry in bundle["entry"][1:]] == [
        {"method": "PUT", "url": "CarePlan/3", "ifMatch": 'W/"2"'},
        {"method": "PUT", "url": "Goal/4"},
    ]


def test_an_update_names_itself_in_full_where_the_base_is_known():
    [entry] = transaction_bundle([], [Update("a", "CarePlan/3", {}, "")], base="http://e/r4")["entry"]
    assert entry["fullUrl"] == "http://e/r4/CarePlan/3"


def test_a_bare_version_is_taken_for_the_etag_it_means():
    [reply] = responses({"entry": [{"response": {"status": "201", "etag": "1"}}]})
    assert reply.etag == 'W/"1"'


def test_replies_are_read_in_their_order():
    written, refused, odd = responses(
        {
            "entry": [
                {
                    "response": {
                        "status": "201 Created",
                        "location": "http://e/r4/Goal/9/_history/1",
                        "etag": 'W/"1"',
                    }
                },
                {"response": {"status": "422", "outcome": {"resourceType": "OperationOutcome"}}},
                {"response": "no object", "resource": 7},
            ]
        }
    )
    assert (written.ok, written.reference, written.etag) == (True, "Goal/9", 'W/"1"')
    assert (refused.ok, refused.status, refused.outcome) == (False, 422, {"resourceType": "OperationOutcome"})
    assert odd == Reply(0)


def test_without_a_location_the_resource_says_where_it_is():
    assert Reply(200, {"resourceType": "Goal", "id": "9"}).reference == "Goal/9"
    assert Reply(200).reference == ""


@pytest.mark.parametrize("bundle", [{}, {"entry": None}, {"entry": {}}, {"entry": [7, {"resource": "text"}]}])
def test_a_bundle_without_proper_entries_holds_nothing(bundle):
    assert resources_in(bundle) == []


def test_outcomes_are_not_resources():
    bundle = {"entry": [{"resource": {"resourceType": "OperationOutcome"}}, {"resource": GOAL.body}]}
    assert resources_in(bundle) == [GOAL.body]


@pytest.mark.parametrize("url", [None, 7, {}])
def test_a_link_that_is_no_text_is_none(url):
    assert link({"link": [{"relation": "next", "url": url}]}, "next") == ""


def test_links_are_found_by_their_relation():
    bundle = {"link": [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]}
    assert (link(bundle, "next"), link(bundle, "previous"), link({}, "self")) == ("b", "", "")


def test_ours_are_told_by_identifier_or_tag():
    assert carries(GOAL.body, GOAL.identifier)
    assert carries(PROVENANCE.body, PROVENANCE.identifier)
    assert not carries(GOAL.body, PROVENANCE.identifier)
    assert not carries({"meta": "odd", "identifier": "odd"}, GOAL.identifier)
