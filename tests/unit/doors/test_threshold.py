import uuid

import pytest

SENT = "6d0a1c0e-7f3b-4a59-9d6e-0f1f6c6f8f10"


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/docs", "/", "/static/homeward.css"])
def test_every_answer_carries_the_security_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] in {"no-store", "no-cache"}


def test_https_is_kept_where_the_public_address_has_it(house):
    open_doors = {"HOMEWARD_OPEN_ACCESS": "on"}
    secure = house(open_doors | {"HOMEWARD_PUBLIC_URL": "https://homeward.example"})
    assert "max-age" in secure.get("/livez").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in house(open_doors).get("/livez").headers


def test_the_callers_request_id_is_kept_when_it_is_a_uuid(client):
    assert client.get("/livez", headers={"X-Request-Id": SENT}).headers["X-Request-Id"] == SENT


@pytest.mark.parametrize("sent", ["", "Zelda Testperson", "7", SENT.upper(), f"{SENT}\t"])
def test_any_other_request_id_is_replaced(client, sent):
    given = client.get("/livez", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert given != sent
    assert str(uuid.UUID(given)) == given


def test_a_problem_names_its_request(client):
    answer = client.get("/nowhere", headers={"X-Request-Id": SENT})
    assert answer.json["instance"] == f"urn:uuid:{SENT}"


def test_no_answer_is_made_from_the_host_header(client):
    for path in (f"/api//v1/discharges/{SENT}", "/docs/", "/docs", "/"):
        answer = client.get(path, headers={"Host": "evil.example"})
        assert answer.status_code in {200, 404}
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
