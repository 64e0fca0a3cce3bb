import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from config.tenants import Auth, WritePolicy
from service.ehr.client import Ehr
from service.ehr.smart import SmartCredentials
from service.errors import EhrError, EhrNotFhir, EhrRefused, EhrUnavailable
from tests.smart_keys import EC_KEY, OTHER_EC_KEY, RSA_KEY
from tests.strict_token_server import DISCOVERY, PATIENT, token_server
from tests.unit.ehr.odd_server import Told


@pytest.fixture
def server():
    with token_server() as running:
        yield running


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_a_strict_server_gives_a_token_and_the_ehr_takes_it(server):
    with Ehr(server.tenant()) as ehr:
        assert ehr.read("Patient/7") == PATIENT
        assert ehr.read("Patient/7") == PATIENT
    assert server.refusals == []
    assert server.tokens_asked == 1


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES384"), (RSA_KEY, "RS384")])
def test_both_algorithms_of_smart_are_spoken(key, algorithm):
    with token_server(keys=(key,)) as server:
        assert SmartCredentials(server.tenant()).authorization() == "Bearer token-1"
        assert server.headers == [{"typ": "JWT", "alg": algorithm, "kid": key.kid}]


def test_the_first_key_signs_while_another_is_already_published():
    with token_server(keys=(OTHER_EC_KEY, EC_KEY)) as server:
        SmartCredentials(server.tenant()).authorization()
        assert [header["kid"] for header in server.headers] == [OTHER_EC_KEY.kid]


def test_thirty_two_threads_ask_for_one_token(server):
    server.wait = 0.1
    credentials, start = SmartCredentials(server.tenant()), Barrier(32)

    def header(_):
        start.wait()
        return credentials.authorization()

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(header, range(32))) == {"Bearer token-1"}
    assert server.tokens_asked == 1


def test_thirty_two_refused_threads_ask_for_one_new_token(server):
    credentials, start = SmartCredentials(server.tenant()), Barrier(32)

    def header(_):
        first = credentials.authorization()
        start.wait()
        assert credentials.renewed()
        return first, credentials.authorization()

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(header, range(32))) == {("Bearer token-1", "Bearer token-2")}
    assert server.tokens_asked == 2


def test_what_fails_fails_for_all_who_wait_and_is_asked_once(server):
    server.answer = Told(503, wait=0.2)
    credentials, start = SmartCredentials(server.tenant()), Barrier(8)

    def outcome(_):
        start.wait()
        try:
            return credentials.authorization()
        except EhrUnavailable as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(outcome, range(8))) == {"The token request: the server answered 503."}
    assert server.tokens_asked == 1
    server.answer = None
    assert credentials.authorization() == "Bearer token-1"


def test_a_token_is_renewed_before_it_ends_and_serves_on_while_that_fails(server):
    clock = Clock()
    credentials = SmartCredentials(server.tenant(), clock=clock)
    assert credentials.authorization() == "Bearer token-1"
    clock.now += 230
    assert credentials.authorization() == "Bearer token-1"
    server.answer = Told(503)
    clock.now += 20  # 50 seconds are left of 300
    assert credentials.authorization() == "Bearer token-1"
    server.answer = None
    assert credentials.authorization() == "Bearer token-2"
    server.answer = Told(503)
    clock.now += 301
    with pytest.raises(EhrUnavailable):
        credentials.authorization()


@pytest.mark.parametrize("said", [None, "soon", -5, True, 0, "0", "nan", 1e300, [300], "300"])
def test_a_lifetime_that_is_not_said_or_is_none_is_taken_to_be_five_minutes(server, said):
    server.lifetime = said
    clock = Clock()
    credentials = SmartCredentials(server.tenant(), clock=clock)
    credentials.authorization()
    clock.now += 200
    assert credentials.authorization() == "Bearer token-1"
    clock.now += 101
    assert credentials.authorization() == "Bearer token-2"


def test_after_a_401_the_ehr_is_asked_once_more_with_a_new_token(server):
    with Ehr(server.tenant()) as ehr:
        ehr.read("Patient/7")
        server.good.clear()
        assert ehr.read("Patient/7") == PATIENT
        assert server.tokens_asked == 2
        server.answer = Told(401)
        server.good.clear()
        with pytest.raises(EhrRefused, match="The token request: the server answered 401"):
            ehr.read("Patient/7")


@pytest.mark.parametrize(
    ("capabilities", "begins"),
    [
        (["permission-v2", "permission-v1"], "system/AllergyIntolerance.rs "),
        (["permission-v1"], "system/AllergyIntolerance.read "),
        ([], "system/AllergyIntolerance.read "),
    ],
)
def test_scopes_are_written_as_the_server_reads_them(server, capabilities, begins):
    server.capabilities = capabilities
    SmartCredentials(server.tenant()).authorization()
    assert server.scopes[0].startswith(begins)


def test_a_policy_that_does_not_write_asks_for_nothing_that_does(server):
    SmartCredentials(server.tenant(write_policy=WritePolicy.SHADOW)).authorization()
    scopes = server.scopes[0].split()
    assert "system/CarePlan.rs" in scopes
    assert [scope for scope in scopes if set(scope.partition(".")[2]) & set("cud")] == [
        "system/Subscription.crus"
    ]


def test_a_tenants_own_scopes_stand_for_ours(server):
    tenant = server.tenant()
    own = replace(tenant, auth=replace(tenant.auth, scopes=("system/*.rs", "system/CarePlan.c")))
    SmartCredentials(own).authorization()
    assert server.scopes == ["system/*.rs system/CarePlan.c"]


def test_the_granted_scope_is_told(server):
    server.granted = "system/Patient.rs"
    assert SmartCredentials(server.tenant()).granted() == "system/Patient.rs"


def test_a_server_that_does_not_say_what_it_grants_grants_what_was_asked(server):
    assert "system/Patient.rs" in SmartCredentials(server.tenant()).granted().split()


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Told(200, b"<html>log in</html>"), EhrNotFhir, "not a JSON object"),
        (Told(200, b"[1]"), EhrNotFhir, "not a JSON object"),
        (Told(200, b"{}"), EhrNotFhir, "holds no token"),
        (Told(200, b'{"access_token":"a\\nb","token_type":"bearer"}'), EhrNotFhir, "holds no token"),
        (Told(200, b'{"access_token":7,"token_type":"bearer"}'), EhrNotFhir, "holds no token"),
        (Told(200, b'{"access_token":"x","token_type":"mac"}'), EhrNotFhir, "not a bearer token"),
        (Told(400, b'{"error":"invalid_scope"}'), EhrRefused, r"answered 400 \(invalid_scope\)"),
        (Told(401, b'{"error":"Zelda Testperson"}'), EhrRefused, "answered 401.$"),
        (Told(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), EhrRefused, "answered 302"),
        (Told(429), EhrUnavailable, "answered 429"),
        (Told(drop=True), EhrUnavailable, "does not answer"),
        (Told(200, b'{"access', claim=500), EhrUnavailable, "does not answer"),
    ],
)
def test_an_odd_answer_of_the_token_endpoint_is_one_of_our_errors(server, answer, error, said):
    server.answer = answer
    with pytest.raises(error, match=said) as caught:
        SmartCredentials(server.tenant()).authorization()
    assert "Zelda" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://token.example.org/token",
        "https://user@token.example.org/token",
        "https://token.example.org/token#part",
        "https://token.example.org:port/",
        "ftp://127.0.0.1/token",
        "",
        7,
    ],
)
def test_a_token_endpoint_to_which_no_token_may_travel_is_refused(server, endpoint):
    server.endpoint = endpoint
    with pytest.raises(EhrNotFhir, match="SMART discovery"):
        SmartCredentials(server.tenant()).authorization()
    assert server.tokens_asked == 0


def test_the_ehr_cannot_send_our_assertion_to_this_machine_unless_it_is_on_it(server, monkeypatch):
    monkeypatch.setattr(
        "service.ehr.smart_server.asked", lambda *_: {"token_endpoint": "http://127.0.0.1:1/"}
    )
    with pytest.raises(EhrNotFhir, match="https"):
        SmartCredentials(server.tenant(fhir_base_url="https://ehr.example.org/fhir")).authorization()


def test_discovery_is_not_redirected_away(server):
    server.odd.decide = None
    server.odd.tell("GET", DISCOVERY, Told(302, b"", {"Location": "http://127.0.0.1:9/"}))
    with pytest.raises(EhrRefused, match="SMART discovery: the server answered 302"):
        SmartCredentials(server.tenant()).authorization()


def test_discovery_is_read_once_and_again_after_a_token_was_refused(server):
    clock = Clock()
    credentials = SmartCredentials(server.tenant(), clock=clock)
    for _ in range(3):
        credentials.authorization()
        clock.now += 400
    assert server.odd.count("GET", DISCOVERY) == 1
    server.answer = Told(404)
    with pytest.raises(EhrRefused):
        credentials.authorization()
    server.answer = None
    credentials.authorization()
    assert server.odd.count("GET", DISCOVERY) == 2


def test_no_secret_shows(server):
    tenant = server.tenant()
    credentials = SmartCredentials(tenant)
    credentials.authorization()
    seen = " ".join(map(repr, (tenant, credentials, credentials._held, tenant.auth, EC_KEY)))  # noqa: SLF001
    assert "token-1" not in seen
    assert "RSAKey" not in seen
    assert str(EC_KEY.private.as_dict(private=True)["d"]) not in seen


def test_an_unforeseen_failure_releases_those_who_wait(server, monkeypatch):
    def broken(*_):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("service.ehr.smart.request_token", broken)
    credentials = SmartCredentials(server.tenant())
    for _ in range(2):
        with pytest.raises(RuntimeError):
            credentials.authorization()


def test_assertions_are_short_lived_and_never_the_same(server):
    credentials = SmartCredentials(server.tenant())
    credentials.authorization()
    credentials.renewed()
    assert len(server.seen) == 2
    assert server.refusals == []


def test_a_proxy_or_netrc_adds_nothing_to_the_token_request(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login zelda password invented\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert SmartCredentials(server.tenant()).authorization()
    assert server.refusals == []


def test_another_hospitals_key_does_not_open_this_one(server):
    tenant = server.tenant(auth=Auth(kind="smart", client_id=server.client_id, keys=(OTHER_EC_KEY,)))
    began = time.monotonic()
    with pytest.raises(EhrError, match="invalid_client"):
        SmartCredentials(tenant).authorization()
    assert time.monotonic() - began < 2
    assert server.good == set()
