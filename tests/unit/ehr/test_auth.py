import pytest
import requests

from config.tenants import Auth, Tenant
from service.ehr.auth import OwnOriginAuth, credentials_for, origin_of
from service.ehr.client import Ehr
from service.errors import ConfigurationError, EhrRefused
from tests.unit.ehr.odd_server import Told, fhir, odd_server

PATIENT = {"resourceType": "Patient", "id": "7"}


def header_for(base, url, auth):
    tenant = Tenant(id="t", fhir_base_url=base, organization="Example", auth=auth)
    prepared = requests.Request("GET", url, auth=OwnOriginAuth(base, credentials_for(tenant))).prepare()
    return prepared.headers.get("Authorization", "")


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (Auth(), ""),
        (Auth(kind="bearer", secret="invented"), "Bearer invented"),
        (Auth(kind="basic", username="zelda", secret="invented"), "Basic emVsZGE6aW52ZW50ZWQ="),
    ],
)
def test_each_kind_has_its_header(auth, header):
    assert header_for("http://ehr.example/r4", "http://ehr.example/r4/Patient", auth) == header


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/r4/Patient",
        "https://ehr.example/r4/Patient",
        "http://ehr.example:8080/r4/Patient",
        "http://ehr.example.other.example/r4",
        "http://ehr.example@other.example/r4",
    ],
)
def test_the_credential_never_leaves_the_origin(url):
    assert header_for("http://ehr.example/r4", url, Auth(kind="bearer", secret="invented")) == ""


def test_two_spellings_of_one_origin_are_equal():
    assert origin_of("https://EHR.example/r4") == origin_of("https://ehr.example.:443/other")
    assert origin_of("https://ehr.example:port/") == ("", "", 0)


def test_an_unknown_kind_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        credentials_for(Tenant(id="t", fhir_base_url="", organization="", auth=Auth(kind="magic")))


class Renewable:
    """A token that can be fetched anew, once."""

    def __init__(self):
        self.tokens = ["old", "new"]

    def authorization(self):
        return f"Bearer {self.tokens[0]}"

    def renewed(self):
        self.tokens = self.tokens[1:] or self.tokens
        return self.tokens == ["new"]


def test_a_refused_token_is_renewed_and_asked_with_once_more():
    with odd_server() as server:
        server.tell("GET", "/Patient/7", Told(401), fhir(PATIENT))
        tenant = Tenant(id="t", fhir_base_url=server.url, organization="Example")
        with Ehr(tenant, credentials=Renewable()) as ehr:
            assert ehr.read("Patient/7") == PATIENT
    assert [one.headers["Authorization"] for one in server.asked] == ["Bearer old", "Bearer new"]


def test_a_fixed_token_that_is_refused_is_not_tried_again():
    with odd_server() as server:
        server.tell("GET", "/Patient/7", Told(401, b"<html>log in</html>"))
        tenant = Tenant(
            id="t", fhir_base_url=server.url, organization="Example", auth=Auth(kind="bearer", secret="x")
        )
        with Ehr(tenant) as ehr, pytest.raises(EhrRefused, match="GET Patient: the EHR answered 401"):
            ehr.read("Patient/7")
    assert len(server.asked) == 1
