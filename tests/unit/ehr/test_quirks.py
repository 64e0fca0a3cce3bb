"""What the rules of config/vendors change for a server, and that they are matched and not asked for by name."""

from dataclasses import replace

import orjson
import pytest

from config.ehr_quirks import Effects, Preference, Quirk, ServerTest, load_quirks
from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service.domain.record import GapReason
from service.domain.write_reason import WriteReason
from service.domain.write_shape import AS_FHIR_HAS_IT
from service.ehr.capability import Capability, ResourceCapability, capability_from
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, how_to_find, step_for
from service.ehr.quirks import with_quirks
from service.ehr.writing import refusal_of, search_for
from tests.builders import draft_of
from tests.unit.ehr.odd_server import fhir, odd_server, statement

GOAL = ResourceCapability(
    frozenset({"create", "search-type"}), frozenset({"identifier"}), conditional_create=True
)
SERVER = Capability(
    batch=True, transaction=True, resources={"Goal": GOAL}, known_as="Example EHR / St Example"
)


def rule(*when, **then):
    return Quirk("one", "It does so.", "Its manual", when, Effects(**then))


def holds(*when):
    return bool(with_quirks(SERVER, [rule(*when)]).quirks)


@pytest.mark.parametrize(
    ("test", "held"),
    [
        (ServerTest(software=frozenset({"example ehr"})), True),
        (ServerTest(software=frozenset({"other", "st example"})), True),
        (ServerTest(software=frozenset({"exam"})), False),
        (ServerTest(offers=frozenset({"batch", "Goal?identifier", "Goal.create"})), True),
        (ServerTest(offers=frozenset({"batch", "Goal?patient"})), False),
        (ServerTest(lacks=frozenset({"Goal.delete", "CarePlan?category"})), True),
        (ServerTest(lacks=frozenset({"transaction"})), False),
        (ServerTest(software=frozenset({"example"}), lacks=frozenset({"batch"})), False),
    ],
)
def test_a_rule_holds_by_name_or_by_what_is_offered(test, held):
    assert holds(test) is held
    assert holds(ServerTest(software=frozenset({"nobody"})), test) is held


def test_a_rule_without_tests_holds_where_a_tenant_names_it():
    quirk = rule(prefer=Preference.REPRESENTATION)
    assert with_quirks(SERVER, [quirk]).prefer is Preference.MINIMAL
    assert with_quirks(SERVER, [quirk], named={"one"}).prefer is Preference.REPRESENTATION


def test_what_is_claimed_in_vain_is_not_offered():
    everywhere = ServerTest(offers=frozenset({"batch"}))
    changed = with_quirks(
        SERVER,
        [rule(everywhere, not_offered=frozenset({"transaction", "Goal.create"}), no_conditional_create=True)],
    )
    assert (changed.batch, changed.transaction) == (True, False)
    assert changed.of("Goal").interactions == {"search-type"}
    assert not changed.of("Goal").conditional_create


def test_rules_look_at_the_statement_and_not_at_one_another():
    first = rule(ServerTest(offers=frozenset({"batch"})), not_offered=frozenset({"batch"}))
    assert len(with_quirks(SERVER, [first, first]).quirks) == 2


@pytest.fixture(scope="module")
def vendors(vendor_statements):
    quirks = load_quirks()
    return {name: with_quirks(capability_from(said), quirks) for name, said in vendor_statements.items()}


def test_epic_wants_the_category_of_a_care_plan(vendors):
    epic = vendors["epic"]
    assert epic.left_out("CarePlan", ("patient",)) == {"category"}
    assert epic.left_out("CarePlan", ("patient", "category")) == frozenset()
    assert epic.left_out("Goal", ("patient",)) == frozenset()


def test_epic_is_asked_for_ours_among_the_patients_because_an_identifier_only_narrows(vendors):
    epic = replace(vendors["epic"], writes={})
    for kind in ("ServiceRequest", "DocumentReference", "Communication", "Condition"):
        assert how_to_find(epic, kind) == "a search by patient that compares what is found"
    body = {
        "resourceType": "DocumentReference",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}],
        "type": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]},
        "subject": {"reference": "Patient/7"},
    }
    search = search_for(draft_of("one", body), epic, {})
    assert search is not None
    assert search.parameters == (("patient", "7"), ("type", "http://loinc.org|18776-5"))


def test_oracle_health_is_known_by_its_own_parameters_where_it_names_no_software(vendors):
    oracle = vendors["oracle"]
    assert {quirk.id for quirk in oracle.quirks} == {
        "oracle-health-writes",
        "oracle-health-batches",
        "oracle-health-documents",
        "oracle-health-problems",
        "oracle-health-provenance",
        "oracle-health-messages",
        "oracle-health-searches",
        "oracle-health-dates",
    }
    assert oracle.shape("DocumentReference").attachments[0] == "text/html;charset=utf-8"
    assert oracle.shape("Goal") == AS_FHIR_HAS_IT
    assert (oracle.batch, oracle.writes_in_batch()) == (True, False)
    assert step_for(oracle, "DocumentReference").rung is Rung.SINGLES
    assert "batches for reading" in step_for(oracle, "DocumentReference").reason
    assert not oracle.transaction
    assert oracle.left_out("ServiceRequest", ("code", "_lastUpdated")) == {"patient"}


def test_a_resource_with_a_modifier_extension_is_not_sent_where_it_is_refused(vendors):
    plain = draft_of("one", {"resourceType": "Communication", "status": "completed"})
    inside = {"resourceType": "Communication", "payload": [{"modifierExtension": [{"url": "urn:x"}]}]}
    assert refusal_of(plain, vendors["oracle"]) is WriteReason.NONE
    assert refusal_of(draft_of("two", inside), vendors["oracle"]) is WriteReason.NO_MODIFIER_EXTENSIONS
    assert refusal_of(draft_of("two", inside), vendors["epic"]) is WriteReason.NONE


def searchset(path):
    return fhir(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [{"relation": "self", "url": path}],
            "entry": [],
        }
    )


def test_a_search_that_is_known_to_be_refused_is_not_sent():
    quirk = rule(
        ServerTest(offers=frozenset({"CarePlan?category"})),
        required_parameters={"CarePlan": frozenset({"category"})},
    )
    searches = [
        Search("CarePlan", (("patient", "7"),)),
        Search("CarePlan", (("patient", "7"), ("category", "assess-plan"))),
        Search("CarePlan", id="7"),
    ]
    with odd_server() as server:
        server.tell("GET", "/metadata", statement(CarePlan=("patient", "category")))
        asked = "/CarePlan?patient=7&category=assess-plan&_count=1000"
        server.tell("GET", asked, searchset(f"{server.url}{asked}"))
        server.tell("GET", "/CarePlan/7", fhir({"resourceType": "CarePlan", "id": "7"}))
        tenant = Tenant(id="t", fhir_base_url=server.url, organization="Example")
        with Ehr(tenant, quirks=[quirk]) as ehr:
            refused, answered, read = ehr.batch(searches)
        assert server.count("GET", "/CarePlan?patient=7") == 1
    assert [gap.reason for gap in refused.gaps] == [GapReason.NOT_OFFERED]
    assert "without category" in refused.gaps[0].detail
    assert answered.gaps == ()
    assert read.resources[0]["id"] == "7"


@pytest.mark.parametrize(
    ("named", "preferred"), [(set(), "return=minimal"), ({"one"}, "return=representation")]
)
def test_a_server_that_must_send_back_what_was_written_is_asked_to(named, preferred):
    goal = {"resourceType": "Goal", "id": "7"}
    with odd_server() as server:
        server.tell("GET", "/metadata", statement(Goal=("identifier",)))
        server.tell("POST", "/Goal", fhir(goal, 201))
        tenant = Tenant(id="t", fhir_base_url=server.url, organization="Example", quirks=frozenset(named))
        with Ehr(tenant, quirks=[rule(prefer=Preference.REPRESENTATION)]) as ehr:
            ehr.capability()
            assert ehr.create(goal).reference == "Goal/7"
        assert server.asked[-1].headers["Prefer"] == preferred
        assert orjson.loads(server.asked[-1].body) == goal
