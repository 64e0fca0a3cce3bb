import pytest

from fhir_mappings.servers import is_same_server, localized, may_name_in_full, reference_at

BASE = "https://ehr.example.org/api/FHIR/R4"
SAME = (
    BASE,
    f"{BASE}/",
    "https://EHR.example.org/api/FHIR/R4",
    "HTTPS://Ehr.Example.Org:443/api/FHIR/R4/",
    "https://ehr.example.org.:443/api/FHIR/R4",
)
#: Another server, another path, or an address that hides where it leads.
OTHERS = (
    "http://ehr.example.org/api/FHIR/R4",
    "https://ehr.example.org:8443/api/FHIR/R4",
    "https://ehr.example.org:0/api/FHIR/R4",
    "https://ehr.example.org:x/api/FHIR/R4",
    "https://ehr.example.org/api/fhir/r4",
    "https://ehr.example.org/api/FHIR/R4//",
    "https://ehr.example.org/api//FHIR/R4",
    "https://ehr.example.org/api/FHIR/R4B",
    "https://ehr.example.org/api/FHIR",
    "https://ehr.example.org/x/../api/FHIR/R4",
    "https://ehr.example.org/api/FHIR/R4/.",
    "https://ehr.example.org/x/%2E%2e/api/FHIR/R4",
    "https://ehr.example.org/api%2fFHIR/R4",
    "https://ehr.example.org.evil.example/api/FHIR/R4",
    "https://evil.example/ehr.example.org/api/FHIR/R4",
    "https://ehr.example.org@evil.example/api/FHIR/R4",
    "https://user@ehr.example.org/api/FHIR/R4",
    "https://evil.example\\@ehr.example.org/api/FHIR/R4",
    "https://ehr.ex\tample.org/api/FHIR/R4",
    " https://ehr.example.org/api/FHIR/R4",
    "https://ehr.example.or\u212a/api/FHIR/R4",
    "https://ehr.example.\uff4frg/api/FHIR/R4",
    "https:///api/FHIR/R4",
    "https://[::1/api/FHIR/R4",
    "//ehr.example.org/api/FHIR/R4",
    "ehr.example.org/api/FHIR/R4",
    "",
)


@pytest.mark.parametrize("url", SAME)
def test_one_server_may_be_spelt_in_several_ways(url):
    assert is_same_server(url, BASE)
    assert is_same_server(BASE, url)


@pytest.mark.parametrize("url", OTHERS)
def test_what_leads_elsewhere_or_hides_where_is_another_server(url):
    assert not is_same_server(url, BASE)
    assert not is_same_server(BASE, url)


@pytest.mark.parametrize("more", ["?x=1", "#x", "/Patient"])
def test_more_than_a_base_is_another_server(more):
    assert not is_same_server(f"{BASE}{more}", BASE)


def test_what_is_no_address_is_the_same_as_nothing():
    assert not is_same_server("", "")
    assert not is_same_server("ehr", "ehr")


def test_an_address_with_an_escape_is_compared_as_it_is_written():
    base = "https://ehr.example.org/a%20b/fhir"
    assert is_same_server(f"{base}/", base)
    assert reference_at(f"{base}/Patient/1", base) == "Patient/1"
    assert not is_same_server("https://ehr.example.org/a b/fhir", base)


@pytest.mark.parametrize("base", SAME)
@pytest.mark.parametrize("version", ["", "/", "/_history/2", "/_history/2/"])
def test_a_reference_names_the_same_entry_however_its_server_is_spelt(base, version):
    url = f"{base.removesuffix('/')}/Practitioner/abc{version}"
    assert reference_at(url, BASE) == reference_at(f"Practitioner/abc{version}", BASE) == "Practitioner/abc"


@pytest.mark.parametrize("base", [url for url in OTHERS if "://" in url])
def test_a_reference_on_another_server_names_nothing_here(base):
    assert reference_at(f"{base}/Practitioner/abc", BASE) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Practitioner",
        "Practitioner/",
        "/Practitioner/abc",
        "practitioner/abc",
        "Practitioner/..",
        "Practitioner/a b",
        "Practitioner/abc/_history",
        "Practitioner/abc/_history/",
        "Practitioner/abc/more",
        "Practitioner/abc?x=1",
        "Practitioner/abc//",
        f"Practitioner/{'a' * 65}",
        "urn:uuid:5f0e9a57-3c6a-4f1d-9b42-6f0c1d0e5b0a",
        "#abc",
        f"{BASE}/x/Practitioner/abc",
        f"{BASE}/Practitioner/../Patient/abc",
        f"{BASE}/Practitioner/%2e%2e",
        f"{BASE}/Practitioner/abc?x=1",
        f"{BASE}/Practitioner/abc#x",
        f"{BASE}Practitioner/abc",
        f"{BASE}/?Practitioner/abc",
    ],
)
def test_what_is_no_reference_names_nothing(url):
    assert reference_at(url, BASE) == ""


def test_references_into_the_own_server_become_relative():
    body = [{"reference": f"{base.removesuffix('/')}/Patient/7/_history/1"} for base in SAME] + [
        {"reference": "https://other.example.org/fhir/Patient/8"},
        {"reference": "Patient/9"},
    ]
    assert [part["reference"] for part in localized({"all": body}, BASE)["all"]] == [
        *["Patient/7/_history/1"] * len(SAME),
        "https://other.example.org/fhir/Patient/8",
        "Patient/9",
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"reference":"https://ehr.example.org/fhir/Patient/1"}', True),
        (b'{"reference" : "HTTP://ehr.example.org/fhir/Patient/1"}', True),
        (b'{"reference":"https:\\/\\/ehr.example.org\\/fhir\\/Patient\\/1"}', True),
        (b'{"reference":"https:\\u002f\\u002fehr.example.org/fhir"}', True),
        (b'{"reference":"Patient/1"}', False),
        (b'{"reference":"urn:uuid:1"}', False),
        (b'{"url":"https://ehr.example.org/fhir"}', False),
    ],
)
def test_absolute_references_are_looked_for_in_the_bytes(body, expected):
    assert may_name_in_full(body) is expected
