import re

from service.doors.problems import kind_of
from tests.unit.doors.test_problems import CLASSES

_OPEN = {"/livez", "/readyz", "/metrics", "/.well-known/jwks.json"}


def test_the_document_is_openapi_3_1_with_every_described_door(client):
    spec = client.get("/openapi.json").json
    assert spec["openapi"] == "3.1.0"
    assert set(spec["paths"]) >= {
        "/api/v1/discharges",
        "/api/v1/discharges/{discharge_id}",
        "/api/v1/discharges/{discharge_id}/cancel",
        "/subscriptions/{tenant}",
        "/subscriptions/{tenant}/{resource_type}/{resource_id}",
        "/livez",
        "/readyz",
        "/metrics",
    }


def test_every_reference_in_the_document_leads_somewhere(client):
    answer = client.get("/openapi.json")
    for reference in set(re.findall(r'"\$ref":\s*"#/([^"]+)"', answer.text)):
        node = answer.json
        for step in reference.split("/"):
            node = node[step]


def test_every_guarded_operation_says_which_credential_it_wants(client):
    spec = client.get("/openapi.json").json
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method != "parameters" and path not in _OPEN:
                assert operation["security"], f"{method} {path}"
                assert "401" in operation["responses"]


def test_every_door_of_the_subscriptions_says_that_a_body_may_be_too_large(client):
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method in methods.keys() & {"post", "put"}:
            if path.startswith("/subscriptions/"):
                assert "413" in methods[method]["responses"], f"{method} {path}"


def test_problems_are_documented_in_their_own_media_type(client):
    spec = client.get("/openapi.json").json
    refused = spec["paths"]["/api/v1/discharges"]["post"]["responses"]["400"]
    assert list(refused["content"]) == ["application/problem+json"]


def test_the_page_shows_each_operation_and_needs_no_script(client):
    page = client.get("/docs").text
    assert "POST /api/v1/discharges" in page
    assert "<script" not in page
    assert "style=" not in page
    assert "http" not in re.sub(r"http://127\.0\.0\.1:8000", "", page.split("<main")[0])


def test_the_page_names_what_may_stand_in_the_query_and_the_headers(client):
    _, _, caseload = client.get("/docs").text.partition('<h2 id="get-api-v1-caseload">')
    told = caseload.partition("</section>")[0]
    assert "<code>waits_for</code>" in told
    assert "One of failed, undecided, unassigned, overdue, unknown-writes, holds, conflicts." in told
    assert "Without it 50." in told
    assert "Scope: <code>caseload:read</code>" in told
    assert "<code>If-Match</code>" in client.get("/docs").text


def test_the_type_of_every_problem_leads_to_its_row_on_the_page(client):
    page = client.get("/docs").text
    for kind in CLASSES:
        assert f'id="{kind_of(kind)}"' in page
    assert 'id="fault"' in page
    assert 'id="http-not-found"' in page
