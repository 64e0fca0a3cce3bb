"""What Homeward wrote is a clinician's to change: who signs it takes our author out, and the strict server still takes it."""

from typing import Any, Final

import pytest
import requests

from tests.hapi.published import MODES, Published, published

pytestmark = pytest.mark.hapi

Json = dict[str, Any]

CLINICIAN: Final = {"reference": "Practitioner/arthur-attending", "display": "Arthur Attending, MD"}
#: By type, where it says who made it or asked for it. A Provenance must name somebody (agent is 1..*).
AUTHORS: Final = {
    "CarePlan": "author",
    "Goal": "expressedBy",
    "ServiceRequest": "requester",
    "DocumentReference": "author",
    "Communication": "sender",
    "Condition": "asserter",
    "Task": "requester",
    "Provenance": "agent",
}
_LISTS: Final = frozenset({"DocumentReference"})


@pytest.fixture(scope="module")
def plans(hapi, patients, database_url, tmp_path_factory):
    with published(hapi, database_url, tmp_path_factory.mktemp("published"), patients[:2]) as done:
        yield done


@pytest.fixture(scope="module")
def of_each_type(plans) -> dict[str, Json]:
    """One of ours of each type that is written in any kind of EHR."""
    found = [resource for mode in MODES for resource in plans.resources(mode)]
    return {resource["resourceType"]: resource for resource in found}


def test_every_type_is_known_here(of_each_type):
    assert of_each_type.keys() <= AUTHORS.keys()
    # Documents wait for a signature, which nobody gives here.
    assert {"CarePlan", "Goal", "ServiceRequest", "Provenance"} <= of_each_type.keys()


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_a_clinician_who_takes_our_author_out_is_not_refused(plans, of_each_type, way):
    refused = {}
    for kind, ours in of_each_type.items():
        changed = without_us(ours) if way == "removed" and kind != "Provenance" else by_a_clinician(ours)
        answer = put(plans, changed)
        if not answer.ok:
            refused[kind] = (
                answer.status_code,
                [issue.get("diagnostics") for issue in answer.json().get("issue", [])],
            )
    assert refused == {}


def without_us(resource: Json) -> Json:
    element = AUTHORS[resource["resourceType"]]
    return {name: part for name, part in resource.items() if name != element}


def by_a_clinician(resource: Json) -> Json:
    kind = resource["resourceType"]
    if kind == "Provenance":
        return {**resource, "agent": [{**agent, "who": CLINICIAN} for agent in resource["agent"]]}
    return {**resource, AUTHORS[kind]: [CLINICIAN] if kind in _LISTS else CLINICIAN}


def put(plans: Published, resource: Json) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        url = f"{plans.base_url}/{resource['resourceType']}/{resource['id']}"
        headers = {"Content-Type": "application/fhir+json"}
        return session.put(url, json=resource, headers=headers, timeout=120)
