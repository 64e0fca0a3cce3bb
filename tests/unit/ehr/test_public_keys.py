import json
import threading
import time

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from config.hook_issuers import HookIssuer
from service.ehr.public_keys import KEEP_SECONDS, LOOK_AGAIN_SECONDS, PublicKeys
from service.errors import EhrUnavailable
from tests.unit.ehr.odd_server import OddServer, Told, odd_server

ISSUER = HookIssuer(issuer="https://ehr.example.org", jwks_url="https://ehr.example.org/jwks")
FIRST = ECKey.generate_key("P-384", {"kid": "first"}, private=True)
SECOND = RSAKey.generate_key(2048, {"kid": "second"}, private=True)


def jwks(*keys, **more):
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]}).encode()


class Place:
    """A key server that counts, and a clock that a test moves."""

    def __init__(self, data=b""):
        self.data, self.asked, self.now, self.away = data, 0, 1000.0, False

    def fetch(self, _url):
        self.asked += 1
        if self.away:
            raise EhrUnavailable
        return self.data

    def keys(self):
        return PublicKeys(self.fetch, lambda: self.now)


def test_keys_are_fetched_once_and_kept():
    place = Place(jwks(FIRST))
    keys = place.keys()
    assert [keys.key(ISSUER, "first", wait=1) is not None for _ in range(5)] == [True] * 5
    assert place.asked == 1


def test_an_unknown_kid_looks_again_but_not_at_once():
    place = Place(jwks(FIRST))
    keys = place.keys()
    assert keys.key(ISSUER, "second", wait=1) is None
    place.data = jwks(FIRST, SECOND)
    assert [keys.key(ISSUER, "second", wait=1) for _ in range(20)] == [None] * 20
    assert place.asked == 1
    place.now += LOOK_AGAIN_SECONDS
    assert keys.key(ISSUER, "second", wait=1) is not None
    assert place.asked == 2


def test_a_withdrawn_key_is_forgotten_in_time():
    place = Place(jwks(FIRST, SECOND))
    keys = place.keys()
    assert keys.key(ISSUER, "first", wait=1)
    place.data = jwks(SECOND)
    place.now += KEEP_SECONDS + 1
    assert keys.key(ISSUER, "first", wait=1) is None


def test_known_keys_serve_on_while_theirs_cannot_be_reached():
    place = Place(jwks(FIRST))
    keys = place.keys()
    keys.key(ISSUER, "first", wait=1)
    place.away = True
    place.now += KEEP_SECONDS + 1
    assert keys.key(ISSUER, "first", wait=1)
    place.now += KEEP_SECONDS
    with pytest.raises(EhrUnavailable):
        keys.key(ISSUER, "first", wait=1)


def test_a_slow_key_server_delays_nobody_and_serves_the_next_call():
    go = threading.Event()

    def slow(_url):
        go.wait(5)
        return jwks(FIRST)

    keys = PublicKeys(slow)
    began = time.perf_counter()
    with pytest.raises(EhrUnavailable):
        keys.key(ISSUER, "first", wait=0.05)
    assert time.perf_counter() - began < 1
    go.set()
    assert keys.key(ISSUER, "first", wait=2)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"keys": 7}', b'{"keys": []}', b'{"keys": [7, null]}'])
def test_what_is_no_jwks_has_no_keys(data):
    keys = Place(data).keys()
    try:
        assert keys.key(ISSUER, "first", wait=1) is None
    except EhrUnavailable:
        assert data in {b"", b"{", b"[]", b'{"keys": 7}'}


def test_keys_that_are_not_for_us_are_left_aside_and_lose_no_others():
    short = json.loads(json.dumps({"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}))
    secret = OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True)
    private = FIRST.as_dict(private=True) | {"kid": "private"}
    listed = [
        short,
        secret,
        private,
        {**SECOND.as_dict(private=False), "use": "enc", "kid": "enc"},
        {"kty": "ML-DSA", "kid": "later"},
        FIRST.as_dict(private=False),
    ]
    keys = Place(json.dumps({"keys": listed}).encode()).keys()
    assert keys.key(ISSUER, "first", wait=1)
    for kid in ("short", "oct", "private", "enc", "later"):
        assert keys.key(ISSUER, kid, wait=1) is None


def test_keys_may_stand_in_a_file(tmp_path):
    (tmp_path / "jwks.json").write_bytes(jwks(FIRST))
    issuer = HookIssuer(issuer="x", jwks_file=str(tmp_path / "jwks.json"))
    assert PublicKeys().key(issuer, "first", wait=1)
    gone = HookIssuer(issuer="y", jwks_file=str(tmp_path / "gone.json"))
    with pytest.raises(EhrUnavailable):
        PublicKeys().key(gone, "first", wait=1)


@pytest.mark.parametrize(
    "answer",
    [
        Told(302, b"", {"Location": "http://127.0.0.1:9/jwks"}),
        Told(404, b"{}"),
        Told(500, b"{}"),
        Told(200, b"x" * 300_000),
        Told(200, b"<html>"),
        Told(drop=True),
    ],
)
def test_an_odd_answer_of_the_key_server_is_no_key(answer):
    with odd_server() as server:
        server.tell("GET", "/jwks", answer)
        with pytest.raises(EhrUnavailable):
            PublicKeys().key(at(server), "first", wait=5)


def test_the_configured_address_is_asked_once():
    with odd_server() as server:
        server.tell("GET", "/jwks", Told(200, jwks(FIRST)))
        keys = PublicKeys()
        keys.warm(at(server))
        assert keys.key(at(server), "first", wait=5)
        assert server.count("GET") == 1


def at(server: OddServer) -> HookIssuer:
    return HookIssuer(issuer="https://ehr.example.org", jwks_url=f"{server.url}/jwks")
