"""The whole way with a strict EHR: its rest-hook tells a running Homeward of an order, and the plan comes to stand in it."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
import yaml

from service.errors import EhrRejected
from service.sandbox.homeward_process import free_port
from service.sandbox.hospital import ORGANIZATION, ORGANIZATION_REFERENCE, Hospital
from tests.processes import answers, running, wait_until

pytestmark = pytest.mark.hapi

SECRET = "invented-secret-of-the-subscription"


@pytest.fixture
def homeward(hapi, new_database, tmp_path):
    """A running Homeward's address."""
    bind = f"127.0.0.1:{free_port(0)}"
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    tenant = {
        "id": "strict",
        "fhir_base_url": hapi,
        "organization": ORGANIZATION,
        "organization_reference": ORGANIZATION_REFERENCE,
        "subscription_secret": f"file:{tmp_path / 'secret'}",
    }
    (tmp_path / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}))
    settings = {
        "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
        "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "HOMEWARD_BIND": bind,
        "HOMEWARD_PUBLIC_URL": f"http://{bind}",
        "HOMEWARD_OPEN_ACCESS": "on",
        "HOMEWARD_WEB_WORKERS": "1",
    }
    with running("serve", settings, tmp_path / "homeward.log"):
        wait_until(lambda: answers(f"http://{bind}/readyz"), "the start of Homeward", 120)
        yield f"http://{bind}"


def subscribed(hospital, endpoint):
    """HAPI checks a subscription in the background: it may still be requested when it is read back at once."""
    with suppress(EhrRejected):
        hospital.subscribe(endpoint, SECRET)
    [subscription] = hospital.search("Subscription")
    reference = f"Subscription/{subscription['id']}"
    wait_until(lambda: hospital.read(reference)["status"] == "active", "the subscription's activation")


def test_an_order_in_the_strict_server_becomes_a_plan_in_it(hapi, patients, homeward):
    hospital, stay = Hospital(hapi), patients[6]
    subscribed(hospital, f"{homeward}/subscriptions/strict")
    before = len(hospital.care_plans(stay))
    hospital.order_discharge(stay, datetime.now(UTC))
    wait_until(lambda: len(hospital.care_plans(stay)) > before, "the plan in the EHR", 120)
    assert {plan["status"] for plan in hospital.ours(stay, "CarePlan")} <= {"draft", "revoked"}
