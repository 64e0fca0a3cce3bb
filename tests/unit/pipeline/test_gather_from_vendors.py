"""A stay read from servers that answer as vendors do: the same facts as from a plain one, with the gaps that each leaves."""

from collections.abc import Iterator
from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest

from config.tenants import Tenant
from service.domain.record import GapReason
from service.ehr.client import Ehr
from service.pipeline.gather import gather
from tests.builders import Json, condition, encounter, observation, patient
from tests.unit.ehr.odd_server import Asked, OddServer, Told, fhir, odd_server, statement

TODAY = date(2024, 3, 5)
STAY = "Encounter/e1"
EPIC = "urn:oid:1.2.840.114350.1.13.861.1.7.2.657369"
HELD = [
    condition("c1", "I50.9"),
    condition("c2", "N18.6"),
    observation("o1", "71802-3", category=[{"coding": [{"code": "survey"}]}]),
]
OFFERED = statement(
    Condition=("patient", "category", "clinical-status"),
    Observation=("patient", "category", "date"),
    Coverage=("patient", "status"),
)


def outcome(severity, code, epic=""):
    coding = [{"system": EPIC, "code": epic}] if epic else []
    issue = {"severity": severity, "code": code, "details": {"coding": coding, "text": "Nobody reads this."}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


class Vendor:
    """Answers searches for what it holds; each vendor adds and leaves out what it does."""

    def __init__(self, server: OddServer, held=HELD) -> None:
        self.server, self.held = server, held
        self.also: list[Json] = []
        self.when_empty: list[Json] = []
        self.told: str | None = None
        self.fails_on = ""

    def __call__(self, asked: Asked) -> Told | None:
        address = urlsplit(asked.path)
        kind, wanted = address.path.strip("/"), dict(parse_qsl(address.query))
        if "patient" not in wanted:
            return None
        found = [held for held in self.held if held["resourceType"] == kind and _is_wanted(held, wanted)]
        if any(held["id"] == self.fails_on for held in found):
            return fhir(outcome("fatal", "required"), 500)
        link = asked.path if self.told is None else self.told
        entries = [{"resource": held} for held in (*found, *(self.also if found else self.when_empty))]
        links = [{"relation": "self", "url": link}] if link else []
        return fhir({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries})


def _is_wanted(held: Json, wanted: dict[str, str]) -> bool:
    categories = {coding["code"] for category in held.get("category", []) for coding in category["coding"]}
    states = {coding["code"] for coding in held.get("clinicalStatus", {}).get("coding", [])}
    asked = [("category", categories), ("clinical-status", states)]
    return all(name not in wanted or set(wanted[name].split(",")) & values for name, values in asked)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with odd_server() as server:
        server.tell("GET", "/metadata", OFFERED)
        server.tell("GET", f"/{STAY}", fhir(encounter()))
        server.tell("GET", "/Patient/p1", fhir(patient()))
        running = Vendor(server)
        server.decide = running
        yield running


def read(vendor: Vendor):
    """The record, and the gaps of what is offered at all."""
    tenant = Tenant(id="t", fhir_base_url=vendor.server.url, organization="Example")
    with Ehr(tenant, sleep=lambda _: None) as ehr:
        record = gather(STAY, ehr, today=TODAY)
    found = {fact.reference for fact in record.facts} | {answer.reference for answer in record.observations}
    gaps = {(gap.about, gap.reason) for gap in record.gaps if gap.reason is not GapReason.NOT_OFFERED}
    assert "Nobody reads this" not in str(record.gaps)
    return found, gaps


ALL = {"Condition/c1", "Condition/c2", "Observation/o1"}


def test_epics_warnings_beside_every_answer_leave_nothing_out_and_no_gap(vendor):
    vendor.also = [outcome("warning", "processing", "4119")]
    vendor.when_empty = [outcome("warning", "processing", "4101"), *vendor.also]
    assert read(vendor) == (ALL, set())


def test_oracles_suppressed_results_are_a_gap_beside_those_it_gives(vendor):
    vendor.also = [outcome("warning", "suppressed")]
    assert read(vendor) == (ALL, {("Condition", GapReason.INCOMPLETE), ("Observation", GapReason.INCOMPLETE)})


@pytest.mark.parametrize("told", ["", "https://ehr.example.org/fhir/_snapshot?id=27e5683a&start=0&_count=20"])
def test_without_a_self_link_that_says_anything_all_is_used_with_a_doubt(vendor, told):
    vendor.told = told
    found, gaps = read(vendor)
    assert found == ALL
    assert gaps == {(kind, GapReason.UNCERTAIN) for kind in ("Condition", "Observation", "Coverage")}


def test_a_parameter_that_was_not_honoured_is_a_doubt_about_that_search_alone(vendor):
    vendor.held = HELD[:2]
    vendor.also = [outcome("warning", "not-supported")]
    assert read(vendor) == ({"Condition/c1", "Condition/c2"}, {("Condition", GapReason.UNCERTAIN)})


def test_one_bad_record_takes_no_other_with_it(vendor):
    bad = condition("bad", "E11.9", clinicalStatus={"coding": [{"code": "resolved"}]})
    vendor.held, vendor.fails_on = [*HELD, bad], "bad"
    assert read(vendor) == (ALL, {("Condition", GapReason.INCOMPLETE)})
