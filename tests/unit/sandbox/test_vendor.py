"""What the vendors' statements do not list is not done; what their people do inside is."""

import json

import pytest

from service.sandbox.asgi import Told
from service.sandbox.mode import INSIDE, VENDORS, statement
from service.sandbox.vendor import Vendor
from tests.unit.sandbox.layers import Behind, ask


class Played:
    """A vendor's rules in front of a server that would take everything."""

    def __init__(self, vendor):
        self.behind = Behind()
        self.layer = Vendor(self.behind, vendor)

    def ask(self, *request) -> Told:
        told = ask(self.layer, *request)
        assert told is not None
        return told

    def status(self, *request):
        return self.ask(*request).status

    def told(self, *request):
        return json.loads(self.ask(*request).body)


@pytest.fixture
def epic():
    return Played("epic-like")


@pytest.fixture
def oracle():
    return Played("oracle-like")


@pytest.fixture(params=VENDORS)
def vendor(request):
    return Played(request.param)


def batch(*requests, kind="batch"):
    entries = [{"request": {"method": method, "url": url}} for method, url in requests]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@pytest.mark.parametrize("name", VENDORS)
def test_metadata_is_the_vendors_own_statement(name):
    assert Played(name).told("GET", "metadata") == statement(name)


def test_a_type_that_is_not_listed_is_not_there(vendor):
    for kind in ("Subscription", "Basic", "Nonsense"):
        assert vendor.status("GET", kind) == 404
    assert vendor.behind.came == []


def test_what_a_type_does_not_offer_is_refused_as_the_vendor_does(epic, oracle):
    for kind in ("CarePlan", "Goal"):
        assert epic.status("POST", kind, {"resourceType": kind}) == 405
        assert oracle.status("POST", kind, {"resourceType": kind}) == 405
    assert oracle.status("PUT", "ServiceRequest/1", {"resourceType": "ServiceRequest"}) == 405
    assert epic.status("DELETE", "ServiceRequest/1") == 405
    assert epic.status("GET", "Provenance?target=Patient/1") == 405
    assert epic.behind.came == oracle.behind.came == []


def test_what_is_listed_reaches_the_ehr(epic):
    assert epic.status("GET", "ServiceRequest?patient=1&identifier:of-type=2") == 200
    assert [path for _, path, _, _ in epic.behind.came] == ["/fhir/ServiceRequest"]


def test_a_search_parameter_that_is_not_listed_is_refused(oracle):
    assert oracle.status("GET", "Communication?patient=1") == 400
    assert oracle.status("GET", "DocumentReference?identifier=1") == 400
    assert oracle.status("GET", "Condition?patient=1&_count=5") == 400


def test_a_form_is_searched_by_the_same_rules(epic):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert epic.status("POST", "Observation/_search?patient=1", {}, form) == 400


def test_epic_wants_a_category_of_care_plans(epic):
    assert epic.status("GET", "CarePlan?patient=1") == 400
    assert epic.status("GET", "CarePlan?patient=1&category=assess-plan") == 200
    assert epic.status("GET", "CarePlan?_id=1") == 200


def test_epic_takes_no_search_by_identifier_alone(epic):
    for kind in ("ServiceRequest", "DocumentReference", "Communication", "Condition"):
        assert epic.status("GET", f"{kind}?identifier=urn:uuid:1") == 400
        assert epic.status("GET", f"{kind}?patient=1&identifier=urn:uuid:1") == 200


def test_only_who_lists_it_brings_other_resources_along(epic, oracle):
    question = "MedicationRequest?patient=1&_include=MedicationRequest:medication"
    assert epic.status("GET", question) == 200
    assert oracle.status("GET", question) == 400


def test_epic_takes_no_bundle(epic):
    for kind in ("batch", "transaction"):
        assert epic.status("POST", "", batch(("GET", "Condition?patient=1"), kind=kind)) == 405


def test_oracle_takes_a_batch_of_reads_and_answers_in_its_order(oracle):
    asked = batch(
        ("GET", "Condition?patient=1"),
        ("GET", "Communication?patient=1"),
        ("GET", "Patient/1"),
    )
    told = oracle.told("POST", "", asked)
    statuses = [entry["response"]["status"][:3] for entry in told["entry"]]
    assert statuses == ["200", "400", "200"]
    assert [path for _, path, _, _ in oracle.behind.came] == ["/fhir/Condition", "/fhir/Patient/1"]


def test_oracle_refuses_a_batch_that_writes_as_a_whole(oracle):
    assert oracle.status("POST", "", batch(("GET", "Patient/1"), ("POST", "Provenance"))) == 422
    assert oracle.behind.came == []


def test_oracle_takes_no_transaction(oracle):
    assert oracle.status("POST", "", batch(("GET", "Patient/1"), kind="transaction")) == 422
    assert oracle.behind.came == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("epic-like", "AllergyIntolerance"),
        ("meditech-like", "Communication"),
        ("athena-like", "QuestionnaireResponse"),
    ],
)
def test_a_condition_on_a_create_is_overlooked(name, kind):
    vendor = Played(name)
    assert vendor.status("POST", kind, {"resourceType": kind}, {"If-None-Exist": "identifier=1"}) == 200
    [(_, _, headers, _)] = vendor.behind.came
    assert "if-none-exist" not in headers


TAKEN = {
    "meditech-like": {"Communication": {"create"}, "QuestionnaireResponse": {"create", "update"}},
    "athena-like": {"QuestionnaireResponse": {"create"}},
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_two_that_mostly_read_take_nothing_else(name):
    vendor = Played(name)
    for kind in (resource["type"] for resource in statement(name)["rest"][0]["resource"]):
        taken = TAKEN[name].get(kind, set())
        body = {"resourceType": kind}
        assert (vendor.status("POST", kind, body) == 200) == ("create" in taken), kind
        assert (vendor.status("PUT", f"{kind}/1", body) == 200) == ("update" in taken), kind
        assert vendor.status("DELETE", f"{kind}/1") == vendor.status("PATCH", f"{kind}/1", body) == 405
    for kind in ("Consent", "DeviceRequest"):
        assert vendor.status("GET", f"{kind}?patient=1") == 404


def test_meditech_gives_tasks_provenance_and_texts_by_id_only():
    meditech = Played("meditech-like")
    for kind in ("Task", "Provenance", "Binary"):
        assert meditech.status("GET", f"{kind}/1") == 200
        assert meditech.status("GET", f"{kind}?_id=1") == 405


def test_athena_has_neither_tasks_nor_messages():
    for kind in ("Task", "Communication"):
        assert Played("athena-like").status("GET", f"{kind}/1") == 404


def test_the_hospitals_own_side_is_bound_by_no_rule(vendor):
    assert vendor.status("POST", "Subscription", {"resourceType": "Subscription"}, INSIDE) == 200
    assert vendor.status("GET", "CarePlan?encounter=1", None, INSIDE) == 200


def test_a_refusal_is_an_outcome_that_names_no_value(epic):
    told = epic.told("GET", "Condition?code=Testperson")
    assert told["resourceType"] == "OperationOutcome"
    assert "Testperson" not in json.dumps(told)
