"""Preflight asks EHRs that keep to their vendors' written rules: what it tries is not stored, and its bodies pass."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests

from config.content import load_content
from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from config.vendor_files import load_vendors
from service.pipeline.finding import Area
from service.pipeline.nominal_plan import nominal_drafts
from service.pipeline.preflight_live import of_tenant
from service.pipeline.preflight_vendor import of_vendor
from service.sandbox.ehr import start_sandbox
from service.sandbox.mode import INSIDE, mode_of

QUIRKS = load_quirks()
PRODUCTS = {
    "epic-like": "epic",
    "oracle-like": "oracle-health",
    "meditech-like": "meditech",
    "athena-like": "athenahealth",
}
KINDS = (
    "CarePlan",
    "Goal",
    "ServiceRequest",
    "Task",
    "Provenance",
    "DocumentReference",
    "Communication",
    "Condition",
)


def held(base_url: str) -> dict[str, int]:
    """How many of each kind the EHR holds, seen from inside."""
    answers = {
        kind: requests.get(f"{base_url}/{kind}?_summary=count", headers=dict(INSIDE), timeout=10).json()
        for kind in KINDS
    }
    return {kind: answer["total"] for kind, answer in answers.items()}


@pytest.mark.parametrize("mode", PRODUCTS)
def test_a_vendors_ehr_is_told_about_as_the_product_is_and_nothing_is_written(mode, tmp_path):
    now = datetime.now(UTC)
    content = load_content()
    with start_sandbox(tmp_path, mode=mode_of(f"{mode},written")) as playing:
        tenant = Tenant(
            id="vendors",
            fhir_base_url=playing.base_url,
            organization="Example Hospital",
            author_practitioner="Practitioner/7",
        )
        before = held(playing.base_url)
        found = of_tenant(tenant, QUIRKS, now, drafts=lambda today: nominal_drafts(tenant, content, today))
        assert held(playing.base_url) == before
    product = of_vendor(load_vendors()[PRODUCTS[mode]], QUIRKS, now.date(), replace(tenant, id="none"))
    for area in (Area.LANDING, Area.CLINICIAN):
        live, told = (
            {row.subject: (row.rung, row.said) for row in one.findings if row.area is area}
            for one in (found, product)
        )
        assert live == told
    registration = {row.subject: row.said for row in found.findings if row.area is Area.REGISTRATION}
    assert set(registration) == {"all"}
    bodies = {row.subject: row.verdict.value for row in found.findings if row.area is Area.BODY}
    assert set(bodies.values()) <= {"ready"}


@pytest.mark.parametrize("mode", ["epic-like", "oracle-like"])
def test_what_the_registration_lacks_is_named_though_the_statement_lists_it(mode, tmp_path):
    lacking = {"lacking": ["DocumentReference.create", "Condition.search-type"]}
    with start_sandbox(tmp_path, mode=mode_of(f"{mode},written")) as playing:
        switched = requests.put(
            f"{playing.base_url}/sandbox/switches", json=lacking, headers=dict(INSIDE), timeout=10
        )
        assert switched.status_code == requests.codes.ok
        tenant = Tenant(id="vendors", fhir_base_url=playing.base_url, organization="Example Hospital")
        found = of_tenant(tenant, QUIRKS, datetime.now(UTC))
    rows = {row.subject: row for row in found.findings if row.area is Area.REGISTRATION}
    assert set(rows) == {"Condition search", "DocumentReference create"}
    assert all("is not granted to our client" in row.said for row in rows.values())
