"""Our client before a real SMART server: tokens that end soon, and scopes that are less than we need."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.ehr_quirks import load_quirks
from config.tenants import Auth, Tenant
from service.ehr.client import Ehr
from service.ehr.smart import SmartCredentials
from service.errors import EhrRefused
from service.pipeline.finding import Area, Verdict
from service.pipeline.preflight_live import of_tenant
from tests.integration.smart_sandbox import Client, smart_sandbox
from tests.smart_keys import EC_KEY, OTHER_EC_KEY, RSA_KEY

SCOPES = "system/*.rs system/ServiceRequest.cruds"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """Its server knows us by two keys, gives tokens for two seconds, and lets us write ServiceRequests only."""
    clients = [Client("homeward", (EC_KEY,), SCOPES), Client("homeward-rsa", (RSA_KEY,), SCOPES)]
    with smart_sandbox(clients, tmp_path_factory.mktemp("smart"), token_seconds=2) as url:
        auth = Auth(kind="smart", client_id="homeward", keys=(EC_KEY,))
        yield Tenant(id="one", fhir_base_url=url, organization="Example Hospital", auth=auth)


@pytest.mark.parametrize(("client", "key"), [("homeward", EC_KEY), ("homeward-rsa", RSA_KEY)])
def test_both_algorithms_get_a_token(hospital, client, key):
    tenant = replace(hospital, auth=Auth(kind="smart", client_id=client, keys=(key,)))
    assert SmartCredentials(tenant).authorization().startswith("Bearer ey")


def test_a_key_that_is_not_registered_gets_none(hospital):
    auth = Auth(kind="smart", client_id="homeward", keys=(OTHER_EC_KEY,))
    with pytest.raises(EhrRefused, match=r"answered 401 \(invalid_client\)"):
        SmartCredentials(replace(hospital, auth=auth)).authorization()


def test_many_threads_read_on_while_tokens_end(hospital):
    ends = time.monotonic() + 3

    def read(ehr):
        count = 0
        while time.monotonic() < ends:
            with pytest.raises(EhrRefused) as caught:
                ehr.read("Patient/nobody")
            assert caught.value.status == 404
            count += 1
        return count

    with Ehr(hospital) as ehr, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, [ehr] * 4))


def test_preflight_says_which_scopes_are_missing_and_what_that_costs(hospital):
    found = of_tenant(hospital, load_quirks(), datetime.now(UTC))
    missing = {one.subject for one in found.findings if one.area is Area.SCOPES}
    assert {"CarePlan", "Goal", "Provenance"} <= missing
    assert not {"Patient", "ServiceRequest"} & missing
    written = {one.subject: one.verdict for one in found.findings if one.area is Area.WRITE}
    assert (written["ServiceRequest"], written["CarePlan"]) == (Verdict.READY, Verdict.DEGRADED)
    assert found.verdict is Verdict.DEGRADED
