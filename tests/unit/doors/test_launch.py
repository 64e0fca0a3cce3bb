"""What a launch says of us to the EHR and to the browser; tests/integration/test_launch.py follows it to its end."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from config.launch import Launch
from tests.launch_server import CLIENT, launch_server
from tests.unit.doors.doubles import NOW

HTTPS = "https://homeward.example.org"


@pytest.fixture
def ehr():
    with launch_server() as server:
        yield server


@pytest.fixture
def opened(house, doubles, ehr):
    """The answer to a launch at a deployment of this public URL, called by another name."""
    demo = doubles.tenants["demo"]
    launch = Launch(client_id=CLIENT, scopes=("profile", "openid"))
    doubles.tenants = {"demo": replace(demo, fhir_base_url=ehr.base, launch=launch)}

    def open_at(public_url):
        door = house({"HOMEWARD_PUBLIC_URL": public_url})
        asked = {"iss": ehr.base, "launch": "opened-7"}
        return door.get("/launch", query_string=asked, headers={"Host": "evil.example.org"})

    return open_at


def test_our_redirect_uri_is_that_of_our_public_url_whatever_the_host_header_says(opened):
    answer = opened(HTTPS)
    asks = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (answer.status_code, asks["redirect_uri"]) == (303, [f"{HTTPS}/launch/callback"])
    assert asks["scope"] == ["launch openid fhirUser profile"]
    assert "evil" not in answer.headers["Location"]


@pytest.mark.parametrize(
    ("public_url", "name", "secure"),
    [
        (HTTPS, "__Host-homeward-launch", True),
        ("http://homeward.example.org", "__Host-homeward-launch", True),
        ("http://127.0.0.1:8000", "homeward-launch", False),
    ],
)
def test_the_cookie_goes_over_https_only_but_for_this_machine(opened, public_url, name, secure):
    cookie = opened(public_url).headers["Set-Cookie"]
    assert cookie.startswith(f"{name}=")
    assert ("Secure" in cookie.split("; ")) is secure
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))


def test_what_is_kept_meanwhile_is_known_by_digests_and_not_for_long(opened, doubles):
    answer = opened(HTTPS)
    [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
    [(digest, (content, expires))] = doubles.store.begun.items()
    browser = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    assert state not in digest
    assert browser not in str(content)
    assert expires == NOW + timedelta(minutes=10)


def test_an_endpoint_with_a_query_of_its_own_keeps_it(opened, ehr):
    ehr.said = {"authorization_endpoint": f"{ehr.issuer}/authorize?realm=ward"}
    query = parse_qs(urlsplit(opened(HTTPS).headers["Location"]).query)
    assert (query["realm"], query["client_id"]) == (["ward"], [CLIENT])
