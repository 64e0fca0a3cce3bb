"""An EHR that takes no Bundle says so, in its statement and when it gets one."""

import json

from service.sandbox.mode import INSIDE
from service.sandbox.singles import Singles
from tests.unit.sandbox.layers import Behind, ask

_STATEMENT = {
    "resourceType": "CapabilityStatement",
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "batch"}, {"code": "transaction"}, {"code": "history-system"}],
        }
    ],
}
_BUNDLE = {"resourceType": "Bundle", "type": "batch", "entry": []}


def test_no_bundle_is_taken_and_the_statement_offers_none():
    behind = Behind(_STATEMENT)
    layer = Singles(behind)
    told = ask(layer, "GET", "metadata")
    assert told is not None
    assert json.loads(told.body)["rest"][0]["interaction"] == [{"code": "history-system"}]
    refused = ask(layer, "POST", "", _BUNDLE)
    assert refused is not None
    assert refused.status == 404
    assert len(behind.came) == 1


def test_the_hospital_itself_and_single_requests_go_through():
    behind = Behind()
    layer = Singles(behind)
    for address, headers in (("", INSIDE), ("Goal/1", {})):
        told = ask(layer, "POST" if not address else "GET", address, _BUNDLE, headers)
        assert told is not None
        assert told.status == 200
