"""What servers answer in few words: no body, an address that is not whole, a version in a form of their own, a text."""

import base64
from io import BytesIO

import orjson
import pytest
import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from service.ehr.client import Ehr
from service.ehr.http import Connection
from service.errors import EhrConflict, EhrNotFhir, EhrNotReached

BASE = "https://ehr.example/fhir"
TENANT = Tenant(id="t", fhir_base_url=BASE, organization="Example", requests_per_second=1e6)
NOTE = {"resourceType": "DocumentReference"}
METADATA = {
    "resourceType": "CapabilityStatement",
    "rest": [{"mode": "server", "interaction": [{"code": "batch"}], "resource": []}],
}


class Session:
    """Answers each request alike but for /metadata, and remembers what it was asked with."""

    def __init__(self, status, headers, content=b""):
        self.answer = status, headers, content
        self.asked = []

    def request(self, method, url, **more):
        self.asked.append((method, url, more["headers"]))
        status, headers, content = self.answer
        if url.endswith("/metadata"):
            status, headers, content = 200, {}, orjson.dumps(METADATA)
        response = requests.Response()
        response.status_code, response.headers = status, CaseInsensitiveDict(headers)
        response.raw = urllib3.HTTPResponse(BytesIO(content), headers, status, preload_content=False)
        return response


def client_of(session, monkeypatch):
    ehr = Ehr(TENANT, sleep=lambda _: None)
    monkeypatch.setattr(Connection, "_open", lambda _: session)
    return ehr


@pytest.mark.parametrize(
    ("location", "etag"),
    [
        ("DocumentReference/eAb.1-2", ""),
        ("/fhir/DocumentReference/eAb.1-2", ""),
        (f"{BASE}/DocumentReference/eAb.1-2", 'W/"0"'),
        (f"{BASE}/DocumentReference/eAb.1-2/_history/0", 'W/"0$0"'),
        (f"{BASE}/DocumentReference/eAb.1-2", 'W/"135-0"'),
    ],
)
def test_a_create_without_body_says_where_it_was_written(location, etag, monkeypatch):
    headers = {"Location": location, "Content-Length": "0", "Content-Type": "text/html"}
    written = client_of(Session(201, headers | ({"ETag": etag} if etag else {})), monkeypatch).create(NOTE)
    assert (written.reference, written.etag) == ("DocumentReference/eAb.1-2", etag)


@pytest.mark.parametrize("status", [409, 412])
def test_an_old_version_is_told_alike_by_both_statuses(status, monkeypatch):
    ehr = client_of(Session(status, {}), monkeypatch)
    with pytest.raises(EhrConflict):
        ehr.update({**NOTE, "id": "7"}, etag='W/"0$0"')


def test_what_was_turned_away_unread_is_not_looked_for(monkeypatch):
    with pytest.raises(EhrNotReached):
        client_of(Session(429, {}), monkeypatch).create(NOTE)


def test_nothing_is_answered_from_a_cache(monkeypatch):
    session = Session(
        200, {}, orjson.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": []})
    )
    ehr = client_of(session, monkeypatch)
    ehr.batch([Search("DocumentReference", (("patient", "7"),))])
    ehr.batch([Search("DocumentReference", id="7")])
    assert {method for method, _, _ in session.asked} == {"GET", "POST"}
    assert all(headers["Cache-Control"] == "no-cache" for _, _, headers in session.asked)


@pytest.mark.parametrize(
    "content",
    [
        b"Plan, read",
        orjson.dumps({"resourceType": "Binary", "data": base64.b64encode(b"Plan, read").decode()}),
    ],
)
def test_a_text_is_asked_for_by_its_type_and_read_in_either_form(content, monkeypatch):
    session = Session(200, {}, content)
    assert client_of(session, monkeypatch).text_at("Binary/3", "text/rtf;charset=utf-8") == "Plan, read"
    assert session.asked[-1][1] == f"{BASE}/Binary/3"
    assert session.asked[-1][2]["Accept"] == "text/rtf;charset=utf-8"


def test_a_text_that_is_none_is_none_and_no_other_server_is_asked(monkeypatch):
    session = Session(200, {}, b"\xff\xfe\x00")
    ehr = client_of(session, monkeypatch)
    assert ehr.text_at(f"{BASE}/Binary/3", "application/pdf") == ""
    with pytest.raises(EhrNotFhir):
        ehr.text_at("https://elsewhere.example/Binary/3", "text/plain")
