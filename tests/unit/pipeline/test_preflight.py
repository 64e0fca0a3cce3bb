"""What ops are told before go-live: from the vendors' own statements, and from servers that answer badly."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from config.content import load_content
from config.ehr_quirks import load_quirks
from config.tenants import Auth, Tenant, WritePolicy
from fhir_mappings.searches import READ_TYPES
from service.domain.hook_shape import HookShape, OrderCodes
from service.domain.preference_list import ListedOrder
from service.domain.write_shape import ProblemList
from service.ehr.capability import Capability, ResourceCapability, capability_from
from service.ehr.quirks import with_quirks
from service.ehr.scopes import WRITTEN_TYPES
from service.ehr.tls import Tls
from service.errors import EhrUnavailable
from service.pipeline import preflight_live
from service.pipeline.finding import Area, Preflight, Verdict
from service.pipeline.preflight import of_capability
from service.pipeline.preflight_live import of_tenant
from service.pipeline.preflight_orders import ORDER_CODES, suggestible_services
from service.pipeline.preflight_writes import of_links
from tests.strict_token_server import token_server
from tests.unit.ehr.odd_server import Told, fhir, odd_server, statement
from tests.vendor_statements import vendor_statements

TODAY = date(2024, 3, 5)
NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")
QUIRKS = load_quirks()


@pytest.fixture(scope="module")
def vendors():
    return {name: with_quirks(capability_from(said), QUIRKS) for name, said in vendor_statements().items()}


@pytest.fixture(scope="module")
def whole():
    """A server that does everything."""
    everything = ResourceCapability(
        frozenset({"read", "search-type", "create", "update"}),
        frozenset(
            {"patient", "identifier", "category", "date", "target", "_tag", "code", "_lastUpdated", "type"}
        ),
    )
    kinds = (*READ_TYPES, *WRITTEN_TYPES, "Subscription")
    return Capability(
        software="Example",
        fhir_version="4.0.1",
        batch=True,
        transaction=True,
        resources=dict.fromkeys(kinds, everything),
    )


def look(capability, tenant=HOSPITAL, granted=None):
    return Preflight("one", tuple(of_capability(capability, tenant, today=TODAY, granted=granted)))


def by(preflight, area):
    return {finding.subject: finding for finding in preflight.findings if finding.area is area}


def verdicts(preflight, area):
    return {subject: finding.verdict.value for subject, finding in by(preflight, area).items()}


def test_a_server_that_does_everything_is_ready(whole):
    found = look(whole)
    assert (found.verdict, found.verdict.exit_code) == (Verdict.READY, 0)
    assert by(found, Area.CLINICIAN)["sees"].said == (
        "In the patient's chart: a CarePlan, each goal, each referral as an order; as drafts."
    )


def test_every_read_and_every_write_has_its_row_and_its_reason(vendors, whole):
    for capability in (*vendors.values(), whole):
        found = look(capability)
        assert set(by(found, Area.READ)) == READ_TYPES
        assert set(by(found, Area.WRITE)) == set(WRITTEN_TYPES)
        assert all(finding.said.endswith(".") for finding in found.findings)
        assert all(finding.rung for finding in by(found, Area.WRITE).values())


@pytest.fixture
def orders_only(vendors):
    """An EHR that takes orders and documents and no CarePlan, as Epic's statement says without its written rules."""
    return replace(vendors["epic"], writes={})


def test_epic_is_degraded_no_care_plan_no_orders_but_a_note(vendors):
    found = look(vendors["epic"])
    assert (found.verdict, found.verdict.exit_code) == (Verdict.DEGRADED, 1)
    written = by(found, Area.WRITE)
    assert (written["CarePlan"].rung, written["CarePlan"].verdict) == ("not possible", Verdict.DEGRADED)
    assert written["ServiceRequest"].rung == "not possible"
    assert "suggestions on a card only" in written["ServiceRequest"].said
    assert written["DocumentReference"].rung == "singles"
    assert written["Condition"].rung == "not possible"
    wanted = by(look(replace(vendors["epic"], problems=ProblemList.PROBLEM_LIST)), Area.WRITE)
    assert wanted["Condition"].rung == "singles"
    unfit = by(look(replace(vendors["epic"], problems=ProblemList.ENCOUNTER_DIAGNOSIS)), Area.WRITE)
    assert unfit["Condition"].rung == "not possible"
    assert set(verdicts(found, Area.READ).values()) == {"ready"}
    assert by(found, Area.READ)["CarePlan"].said == "By patient and category."
    assert "epic-care-plan-by-category" in by(found, Area.QUIRK)
    sees = by(found, Area.CLINICIAN)["sees"]
    assert sees.said.startswith("No CarePlan; instead ")
    assert "once a person has signed it, the plan as a document" in sees.said


def test_an_ehr_that_takes_orders_and_no_care_plan_gets_each_referral_as_an_order(orders_only):
    found = look(orders_only)
    assert by(found, Area.WRITE)["ServiceRequest"].rung == "singles"
    said = by(found, Area.CLINICIAN)["sees"].said
    assert said.startswith("No CarePlan; instead each referral as an order, the plan as a document")


def test_whether_epic_finds_orders_without_a_patient_is_not_claimed(vendors):
    polling = by(look(vendors["epic"]), Area.TRIGGER)["polling"]
    assert polling.verdict is Verdict.DEGRADED
    assert polling.said.startswith("Unclear: /metadata does not say whether orders are found by code and")
    assert "homeward preflight TENANT" in polling.said
    with_census = look(vendors["epic"], replace(HOSPITAL, census_list="List/7"))
    assert verdicts(with_census, Area.TRIGGER)["polling"] == "ready"


def test_a_server_whose_statement_leaves_no_doubt_is_polled_by_code(whole):
    without = {kind: one for kind, one in whole.resources.items() if kind != "Subscription"}
    polling = by(look(replace(whole, resources=without)), Area.TRIGGER)["polling"]
    assert (polling.verdict.value, polling.said) == (
        "ready",
        "Orders are looked for by code and _lastUpdated.",
    )


def test_oracle_health_is_degraded_and_orders_come_by_hook_rest_or_census(vendors):
    found = look(vendors["oracle"])
    assert found.verdict is Verdict.DEGRADED
    assert verdicts(found, Area.WRITE)["ServiceRequest"] == "degraded"
    assert verdicts(found, Area.READ)["DeviceRequest"] == "degraded"
    assert by(found, Area.CONNECTION)["batch"].said == "One request asks many things."
    assert "CDS Hooks or REST" in by(found, Area.TRIGGER)["polling"].said
    with_census = look(vendors["oracle"], replace(HOSPITAL, census_list="List/7"))
    assert by(with_census, Area.TRIGGER)["polling"].said == (
        "Orders are looked for patient by patient over List/7."
    )


def test_a_server_that_lets_neither_patients_nor_stays_be_read_is_unusable(whole):
    for kind in ("Patient", "Encounter"):
        resources = {**whole.resources, kind: ResourceCapability(frozenset({"search-type"}))}
        found = look(replace(whole, resources=resources))
        assert verdicts(found, Area.READ)[kind] == "unusable"
        assert found.verdict.exit_code == 2


def test_another_fhir_version_is_unusable(whole):
    assert look(replace(whole, fhir_version="3.0.2")).verdict is Verdict.UNUSABLE


def test_a_server_that_takes_nothing_leaves_our_page(whole):
    reading = {
        kind: replace(one, interactions=one.interactions - {"create"})
        for kind, one in whole.resources.items()
    }
    found = look(replace(whole, resources=reading))
    assert by(found, Area.CLINICIAN)["sees"].said == (
        "Nothing in the chart: a CDS Hooks card and Homeward's page."
    )
    assert found.verdict is Verdict.DEGRADED


@pytest.mark.parametrize("policy", [WritePolicy.OFF, WritePolicy.SHADOW])
def test_what_the_policy_does_not_write_is_no_lack(vendors, policy):
    found = look(vendors["epic"], replace(HOSPITAL, write_policy=policy))
    assert set(verdicts(found, Area.WRITE).values()) == {"ready"}
    assert f"the write policy is {policy}" in by(found, Area.CLINICIAN)["sees"].said


def test_under_full_the_clinician_sees_what_was_approved(whole):
    sees = by(look(whole, replace(HOSPITAL, write_policy=WritePolicy.FULL)), Area.CLINICIAN)["sees"]
    assert "active once approved" in sees.said


@pytest.mark.parametrize(
    ("granted", "verdict", "missing"),
    [
        ("system/*.cruds", Verdict.READY, set()),
        ("system/*.read system/*.write", Verdict.READY, set()),
        ("system/*.rs", Verdict.DEGRADED, {*WRITTEN_TYPES, "Subscription"}),
        (
            "system/CarePlan.cruds",
            Verdict.UNUSABLE,
            {*READ_TYPES, *WRITTEN_TYPES, "Subscription"} - {"CarePlan"},
        ),
    ],
)
def test_a_missing_scope_is_a_finding(whole, granted, verdict, missing):
    found = look(whole, granted=granted)
    assert found.verdict is verdict
    assert set(by(found, Area.SCOPES)) == (missing or {"all"})
    assert all("registered" in by(found, Area.SCOPES)[kind].said for kind in missing)


def test_what_is_not_granted_is_not_promised_to_the_clinician(whole):
    found = look(whole, granted="system/*.rs system/ServiceRequest.cu system/DocumentReference.cu")
    assert by(found, Area.CLINICIAN)["sees"].said == (
        "No CarePlan; instead each referral as an order, the plan as a document, as drafts; the whole plan on "
        "Homeward's page."
    )
    assert by(found, Area.WRITE)["CarePlan"].rung == "not possible"
    assert by(found, Area.WRITE)["DocumentReference"].verdict is Verdict.READY
    subscriptions = by(found, Area.TRIGGER)["subscriptions"]
    assert (subscriptions.verdict, subscriptions.said) == (
        Verdict.DEGRADED,
        "Offered, but not granted to us.",
    )
    assert by(look(whole, granted="system/*.rs"), Area.CLINICIAN)["sees"].said.startswith(
        "Nothing in the chart"
    )


def test_each_write_says_how_it_is_changed_afterwards(whole):
    ways = {"": "says nothing of versions", "no-version": "keeps no versions", "versioned-update": "If-Match"}
    for versioning, said in ways.items():
        resources = {kind: replace(one, versioning=versioning) for kind, one in whole.resources.items()}
        assert said in by(look(replace(whole, resources=resources)), Area.WRITE)["CarePlan"].said
    once = replace(
        whole.resources["ServiceRequest"], interactions=frozenset({"read", "search-type", "create"})
    )
    fixed = look(replace(whole, resources={**whole.resources, "ServiceRequest": once}))
    row = by(fixed, Area.WRITE)["ServiceRequest"]
    assert (row.verdict, row.rung) == (Verdict.DEGRADED, "transaction")
    assert "neither changed nor withdrawn by us: a person must" in row.said


def test_what_stands_lower_is_told_to_be_needed_only_where_it_is(vendors, whole, orders_only):
    assert "Not needed" in by(look(whole), Area.WRITE)["DocumentReference"].said
    taken = by(look(orders_only), Area.WRITE)
    assert [
        "Not needed" in taken[kind].said for kind in ("DocumentReference", "Communication", "Condition")
    ] == [
        False,
        True,
        True,
    ]
    assert "Not needed" not in by(look(vendors["oracle"]), Area.WRITE)["Condition"].said


def test_under_full_orders_become_active_also_where_there_is_no_care_plan(vendors, orders_only):
    full = replace(HOSPITAL, write_policy=WritePolicy.FULL)
    assert (
        "as drafts, the orders active once approved;"
        in by(look(orders_only, full), Area.CLINICIAN)["sees"].said
    )
    assert "active" not in by(look(vendors["oracle"], full), Area.CLINICIAN)["sees"].said


def test_only_what_the_server_offers_must_be_granted(orders_only):
    found = look(orders_only, granted="system/*.rs system/ServiceRequest.cu system/DocumentReference.cu")
    assert set(by(found, Area.SCOPES)) == {"Communication", "Condition"}
    assert by(found, Area.WRITE)["Condition"].said == "Offered, but not granted to us."


# --- asking the server ----------------------------------------------------------------------------
@pytest.fixture
def server():
    with odd_server() as running:
        running.tell("GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",)))
        yield running


def ask(server, **more):
    given = {"connect_timeout_seconds": 0.5, "read_timeout_seconds": 1.0, **more}
    return of_tenant(
        replace(HOSPITAL, fhir_base_url=f"{server.url}/fhir", **given), QUIRKS, NOW, sleep=lambda _: None
    )


@pytest.mark.parametrize(
    ("status", "verdict"), [(404, "ready"), (200, "ready"), (401, "unusable"), (403, "unusable")]
)
def test_whether_the_credential_is_taken_is_tried_with_nobody(server, status, verdict):
    nobody = "/fhir/Patient/homeward-preflight"
    server.tell(
        "GET", nobody, Told(status) if status != 200 else fhir({"resourceType": "Patient", "id": "x"})
    )
    found = ask(server, auth=Auth(kind="bearer", secret="invented"))
    assert verdicts(found, Area.AUTH) == {"bearer": verdict}
    searched = {"/fhir/Encounter?patient=homeward-preflight"} if verdict == "ready" else set()
    assert {one.path for one in server.asked} == {"/fhir/metadata", nobody} | searched
    assert {one.method for one in server.asked} == {"GET"}


def test_an_ehr_that_gives_no_answer_has_not_taken_our_credential(server):
    server.tell("GET", "/fhir/Patient/homeward-preflight", Told(503, headers={"Retry-After": "99"}))
    found = by(ask(server, auth=Auth(kind="bearer", secret="invented")), Area.AUTH)["bearer"]
    assert found.verdict is Verdict.DEGRADED
    assert found.said == "Unclear whether the EHR takes our credential. GET Patient: the EHR answered 503."


def _no_orders(asked):
    links = [{"relation": "self", "url": f"http://127.0.0.1{asked.path}"}]
    return fhir({"resourceType": "Bundle", "type": "searchset", "link": links})


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (None, "ready", "Orders are looked for by code and authored; tried."),
        (Told(400), "degraded", "Tried without a patient, by code and authored: GET ServiceRequest:"),
        (Told(503, headers={"Retry-After": "99"}), "degraded", "Tried without a patient"),
    ],
)
def test_how_orders_are_looked_for_is_tried_with_a_code_that_cannot_be(server, answer, verdict, said):
    metadata = statement(Patient=("_id",), Encounter=("patient",), ServiceRequest=("code", "authored"))
    server.tell("GET", "/fhir/metadata", metadata)
    server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
    server.decide = lambda asked: (answer or _no_orders(asked)) if "ServiceRequest" in asked.path else None
    polling = by(ask(server), Area.TRIGGER)["polling"]
    assert polling.verdict == verdict
    assert polling.said.startswith(said)
    [asked] = [one.path for one in server.asked if "ServiceRequest?" in one.path]
    assert "code=urn%3Ahomeward%7Cpreflight" in asked
    assert "patient" not in asked


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "Creating a Goal is not granted to our client"),
        (401, "Creating a Goal is not granted to our client"),
        (405, "Creating a Goal is listed, and is not there (405)."),
        (404, "Creating a Goal is listed, and is not there (404)."),
        (400, ""),
        (422, ""),
        (503, "Unclear: POST Goal: the EHR answered 503."),
    ],
)
def test_what_our_registration_lacks_is_tried_without_any_resource(server, status, said):
    server.tell(
        "GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",), Goal=("identifier",))
    )
    server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
    server.tell("POST", "/fhir/Goal", Told(status, headers={"Retry-After": "99"} if status == 503 else {}))
    found = by(ask(server), Area.REGISTRATION)
    posted = [one for one in server.asked if one.method == "POST"]
    assert {(one.path, one.body) for one in posted} == {("/fhir/Goal", b"")}
    if said:
        assert found["Goal create"].verdict is Verdict.DEGRADED
        assert found["Goal create"].said.startswith(said)
    else:
        assert set(found) == {"all"}


def test_a_hospital_that_writes_nothing_is_not_tried_with_a_create(server):
    server.tell(
        "GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",), Goal=("identifier",))
    )
    server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
    ask(server, write_policy=WritePolicy.SHADOW)
    assert {one.method for one in server.asked} == {"GET"}


@pytest.mark.parametrize(("status", "lacks"), [(403, True), (401, True), (400, False), (404, False)])
def test_a_search_that_our_registration_lacks_is_named(server, status, lacks):
    server.tell(
        "GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",), Condition=("patient",))
    )
    server.tell("GET", "/fhir/Patient/homeward-preflight", Told(404))
    server.decide = lambda asked: Told(status) if asked.path.startswith("/fhir/Condition?") else None
    assert ("Condition search" in by(ask(server), Area.REGISTRATION)) is lacks


def test_a_server_that_does_not_answer_is_unusable_and_nothing_more_is_said():
    found = of_tenant(HOSPITAL, QUIRKS, NOW, sleep=lambda _: None)
    assert [finding.subject for finding in found.findings] == ["TLS", "reachable"]
    assert found.verdict.exit_code == 2


def test_a_login_page_is_no_ehr(server):
    server.tell("GET", "/fhir/metadata", Told(200, b"<html>"))
    assert "HTML" in by(ask(server), Area.CONNECTION)["reachable"].said


def test_the_granted_scopes_of_a_real_token_are_compared():
    with token_server(granted="system/Patient.rs") as server:
        server.odd.tell("GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",)))
        found = of_tenant(server.tenant(), QUIRKS, NOW, sleep=lambda _: None)
    assert verdicts(found, Area.AUTH) == {"smart": "ready"}
    assert by(found, Area.SCOPES)["Encounter"].said.startswith("Not granted: system/Encounter.rs.")
    assert found.verdict is Verdict.UNUSABLE


def test_a_refused_client_is_told_and_does_not_hide_the_rest():
    with token_server() as server:
        server.odd.tell("GET", "/fhir/metadata", statement(Patient=("_id",), Encounter=("patient",)))
        server.answer = Told(400, b'{"error": "invalid_client"}')
        found = of_tenant(server.tenant(), QUIRKS, NOW, sleep=lambda _: None)
    said = by(found, Area.AUTH)["smart"].said
    assert said.startswith("The token request: the server answered 400 (invalid_client). Check client_id")
    assert "/.well-known/jwks.json" in said
    assert by(found, Area.CLINICIAN)["sees"].said.startswith("Nothing, until the EHR takes our credential")
    assert verdicts(found, Area.READ)["Patient"] == "ready"
    assert found.verdict is Verdict.UNUSABLE


@pytest.mark.parametrize(
    ("tls", "verdict", "said"),
    [
        (
            Tls("TLSv1.3", datetime(2025, 3, 5, tzinfo=UTC)),
            "ready",
            "TLSv1.3; its certificate ends on 2025-03-05.",
        ),
        (Tls("TLSv1.2", datetime(2024, 3, 15, tzinfo=UTC)), "degraded", "ends on 2024-03-15"),
        (EhrUnavailable("Its certificate does not hold: expired."), "unusable", "does not hold: expired"),
    ],
)
def test_tls_is_told(monkeypatch, tls, verdict, said):
    def shaken(*_, **__):
        if isinstance(tls, Exception):
            raise tls
        return tls

    monkeypatch.setattr(preflight_live, "tls_of", shaken)
    found = of_tenant(
        replace(HOSPITAL, fhir_base_url="https://127.0.0.1:9/fhir"), QUIRKS, NOW, sleep=lambda _: None
    )
    assert verdicts(found, Area.CONNECTION)["TLS"] == verdict
    assert said in by(found, Area.CONNECTION)["TLS"].said


@pytest.mark.parametrize(
    ("address", "team", "said"),
    [
        ("https://homeward.example", "CareTeam/7", {"link": Verdict.READY}),
        ("https://homeward.example", "", {"link": Verdict.READY, "messages": Verdict.READY}),
        ("", "CareTeam/7", {"link": Verdict.DEGRADED}),
    ],
)
def test_it_says_whether_charts_link_to_us_and_that_a_message_to_nobody_is_not_sent(address, team, said):
    findings = list(of_links(address, replace(HOSPITAL, social_work_reference=team)))
    assert {finding.subject: finding.verdict for finding in findings} == said
    assert "HOMEWARD_PUBLIC_URL" in findings[0].said or address in findings[0].said


KEYED = HookShape(order_codes=OrderCodes.PREFERENCE_LIST, order_system="urn:example:list")
SERVICES = ("food-pantry", "wic", "social-work-follow-up")


def order_codes(capability, *named, policy=WritePolicy.DRAFT):
    table = {service: ListedOrder(f"{number}") for number, service in enumerate(named)}
    tenant = replace(HOSPITAL, preference_list=table, write_policy=policy)
    return of_capability(capability, tenant, today=TODAY, services=lambda: SERVICES)


@pytest.mark.parametrize(
    ("named", "verdict", "said"),
    [
        ((), "degraded", "0 of 3 services have an order of the hospital"),
        (("wic",), "degraded", "1 of 3 services"),
        (SERVICES, "ready", "All 3 services"),
    ],
)
def test_where_orders_go_by_key_the_services_without_one_are_named(whole, named, verdict, said):
    found = by(Preflight("one", tuple(order_codes(replace(whole, hooks=KEYED), *named))), Area.WRITE)
    row = found[ORDER_CODES]
    assert (row.verdict, row.said[: len(said)]) == (verdict, said)
    listed = row.said.rpartition(": ")[2] if verdict == "degraded" else ""
    assert all((service in listed) is (service not in named) for service in SERVICES)


def test_elsewhere_no_service_needs_an_order_of_the_hospital(whole):
    def asked_for_nothing():
        raise AssertionError("the content is not needed")

    found = of_capability(whole, HOSPITAL, today=TODAY, services=asked_for_nothing)
    assert ORDER_CODES not in {finding.subject for finding in found}


def test_where_nothing_is_written_none_is_asked_for(whole):
    found = order_codes(replace(whole, hooks=KEYED), policy=WritePolicy.SHADOW)
    [row] = [finding for finding in found if finding.subject == ORDER_CODES]
    assert row.verdict is Verdict.READY


def test_what_is_sensitive_by_itself_needs_no_order_as_no_card_ever_suggests_it():
    services = suggestible_services(load_content())
    assert {"food-pantry", "home-health-nursing", "social-work-follow-up"} <= services
    assert services.isdisjoint({"violence-advocacy", "substance-use-treatment", "crisis-support"})
