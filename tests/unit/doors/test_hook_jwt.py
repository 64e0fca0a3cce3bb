"""Who may call the hooks: an EHR that signs each call, and nobody else. Every forged JWT is a 401."""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from config.hook_issuers import HookIssuer
from service.doors import cds_hooks, hook_jwt
from service.doors.hook_jwt import signed_for
from service.ehr.public_keys import PublicKeys
from service.errors import EhrUnavailable
from service.sandbox.epic_hooks import token_claims
from tests.unit.doors.doubles import DEMO, NOW
from tests.unit.doors.hooked import call

ISSUER = "https://ehr.example.org"
JWKS = "https://ehr.example.org/jwks"
URL = "https://homeward.example.org/cds-services"
EC = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
EC256 = ECKey.generate_key("P-256", {"kid": "ec256"}, private=True)
EC521 = ECKey.generate_key("P-521", {"kid": "ec521"}, private=True)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
ONLY_384 = ECKey.generate_key("P-384", {"kid": "only", "alg": "ES384"}, private=True)
FOR_SECRETS = RSAKey.generate_key(2048, {"kid": "enc"}, private=True)
OTHER = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
KEYS = [key.as_dict(private=False) for key in (EC, EC256, EC521, RSA, ONLY_384)]
KEYS.append({**FOR_SECRETS.as_dict(private=False), "use": "enc"})
PUBLIC = json.dumps({"keys": KEYS}).encode()
AT = int(NOW.timestamp())
ANY = [*(f"{kind}{size}" for kind in ("RS", "ES", "PS", "HS") for size in (256, 384, 512)), "Ed25519"]

_LAX = jws.JWSRegistry(algorithms=ANY, strict_check_header=False)
_LAX.max_header_length = 2048


def token(key: Any = EC, alg: str = "ES384", *, header: Any = None, **claims: Any) -> str:
    """A JWT over good claims; members given replace them, None takes one away."""
    good = {"iss": ISSUER, "aud": URL, "exp": AT + 120, "iat": AT, "jti": "one"}
    said = {name: value for name, value in (good | claims).items() if value is not None}
    head = {"alg": alg, "kid": key.kid, "typ": "JWT"} | (header or {})
    kept = {name: value for name, value in head.items() if value is not None}
    return jws.serialize_compact(kept, json.dumps(said).encode(), key, registry=_LAX)


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    claims = {"iss": ISSUER, "aud": URL, "exp": AT + 120, "iat": AT, "jti": "one"}
    return f"{part({'alg': alg, 'kid': 'ec', 'typ': 'JWT'})}.{part(claims)}."


def by_shared_secret() -> str:
    """HMAC with the public key as its secret, which a careless verifier takes."""
    head = part({"alg": "HS256", "kid": "rsa", "typ": "JWT"})
    signed = f"{head}.{part({'iss': ISSUER, 'aud': URL, 'exp': AT + 120, 'iat': AT, 'jti': 'one'})}"
    mac = hmac.digest(RSA.as_pem(private=False), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def with_own_key() -> str:
    mine = ECKey.generate_key("P-384", {"kid": "mine"}, private=True)
    return token(mine, header={"jwk": mine.as_dict(private=False)})


def changed() -> str:
    head, _, signature = token().split(".")
    claims = {"iss": ISSUER, "aud": URL, "exp": AT + 9999, "iat": AT, "jti": "two"}
    return f"{head}.{part(claims)}.{signature}"


FORGED = {
    "nothing": "",
    "no JWT": "a-token",
    "two parts": ".".join(token().split(".")[:2]),
    "four parts": token() + ".x",
    "not base64": "%%%.%%%.%%%",
    "header not JSON": f"{base64.urlsafe_b64encode(b'{').decode()}.{part({})}.x",
    "header a list": f"{part([])}.{part({})}.x",
    "payload a list": jws.serialize_compact(
        {"alg": "ES384", "kid": "ec", "typ": "JWT"}, b"[]", EC, ["ES384"]
    ),
    "payload not JSON": jws.serialize_compact(
        {"alg": "ES384", "kid": "ec", "typ": "JWT"}, b"x", EC, ["ES384"]
    ),
    "too long": token(jti="j" * 9000),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg missing": f"{part({'kid': 'ec', 'typ': 'JWT'})}.{part({'iss': ISSUER})}.x",
    "alg a list": f"{part({'alg': ['ES384'], 'kid': 'ec', 'typ': 'JWT'})}.{part({'iss': ISSUER})}.x",
    "HMAC by the public key": by_shared_secret(),
    "HMAC by a guess": token(OctKey.import_key(b"secret" * 6, {"kid": "ec"}), "HS384"),
    "Ed25519": token(OKPKey.generate_key("Ed25519", {"kid": "ec"}, private=True), "Ed25519"),
    "no signature": token().rpartition(".")[0] + ".",
    "another's signature": token(OTHER),
    "changed claims": changed(),
    "alg of another key type": token(RSA, "RS256", header={"kid": "ec"}),
    "alg of another curve": token(EC256, "ES256", header={"kid": "ec"}),
    "alg its key is not for": token(RSA, "RS384", header={"kid": "only"}),
    "key for encryption": token(FOR_SECRETS, "RS384"),
    "unknown kid": token(header={"kid": "nobody"}),
    "no kid": token(header={"kid": None}),
    "kid a number": f"{part({'alg': 'ES384', 'kid': 7, 'typ': 'JWT'})}.{part({'iss': ISSUER})}.x",
    "kid a path": token(header={"kid": "../../etc/passwd"}),
    "its own key": with_own_key(),
    "jku of its own": token(header={"jku": "https://evil.example/jwks"}),
    "jku like ours": token(header={"jku": f"{JWKS}?x=1"}),
    "crit": f"{part({'alg': 'ES384', 'kid': 'ec', 'typ': 'JWT', 'crit': ['x'], 'x': 1})}.{part({'iss': ISSUER})}.x",
    "no typ": token(header={"typ": None}),
    "typ of an access token": token(header={"typ": "at+jwt"}),
    "no iss": token(iss=None),
    "unknown iss": token(iss="https://evil.example"),
    "iss a list": token(iss=[ISSUER]),
    "iss with a slash": token(iss=f"{ISSUER}/"),
    "no aud": token(aud=None),
    "aud of the server": token(aud="https://homeward.example.org"),
    "aud of another service": token(aud=f"{URL}/encounter-discharge"),
    "aud with a slash": token(aud=f"{URL}/"),
    "aud over http": token(aud=URL.replace("https", "http")),
    "aud a list of others": token(aud=["https://other.example.org"]),
    "aud a part": token(aud=URL[:-1]),
    "no exp": token(exp=None),
    "exp text": token(exp=str(AT + 120)),
    "exp true": token(exp=True),
    "exp endless": token(exp=10**12),
    "exp negative": token(exp=-1),
    "expired": token(iat=AT - 300, exp=AT - 61),
    "good for a day": token(exp=AT + 86_400),
    "exp before iat": token(exp=AT - 10, iat=AT),
    "no iat": token(iat=None),
    "iat in the future": token(iat=AT + 61, exp=AT + 120),
    "iat text": token(iat="now"),
    "nbf in the future": token(nbf=AT + 61),
    "no jti": token(jti=None),
    "jti empty": token(jti=""),
    "jti a number": token(jti=7),
    "jti too long": token(jti="j" * 256),
}


@pytest.fixture
def guarded(house, doubles, monkeypatch):
    """The hook door outside the demo: one hospital whose EHR signs its calls."""
    monkeypatch.setattr(cds_hooks, "ANSWER_SECONDS", 20)  # a busy machine is not what these are about
    monkeypatch.setattr(hook_jwt, "_WAIT_FOR_DATABASE_SECONDS", 20)
    doubles.tenants = {"demo": replace(DEMO, hooks=(HookIssuer(issuer=ISSUER, jwks_url=JWKS),))}
    doubles.hook_keys = PublicKeys(lambda _url: PUBLIC)
    return house({"HOMEWARD_PUBLIC_URL": "https://homeward.example.org"})


def discovered(door, credential: str | None):
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    return door.get("/cds-services", headers=headers)


def test_the_table_has_rows_enough():
    assert len(FORGED) >= 50


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_jwt_is_401_and_says_what_to_send(guarded, name):
    answer = discovered(guarded, FORGED[name])
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["detail"]
    assert "evil" not in answer.text


@pytest.mark.parametrize("credential", [None, "Basic abc", "abc", "Bearer", "Bearer "])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/encounter-discharge"),
        ("POST", "/order-sign"),
        ("POST", "/encounter-discharge/feedback"),
    ],
)
def test_every_call_must_be_signed(guarded, method, path, credential):
    headers = {"Authorization": credential} if credential else {}
    answer = guarded.open(f"/cds-services{path}", method=method, json=call(), headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        *((RSA, f"RS{size}") for size in (256, 384, 512)),
        *((RSA, f"PS{size}") for size in (256, 384, 512)),
        (EC256, "ES256"),
        (EC, "ES384"),
        (EC521, "ES512"),
        (ONLY_384, "ES384"),
    ],
)
def test_every_asymmetric_signature_that_holds_is_let_in(guarded, key, alg):
    assert discovered(guarded, token(key, alg)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [URL, "https://other.example.org"]},
        {"iat": AT + 59, "exp": AT + 120},
        {"iat": AT - 300, "exp": AT - 59},
        {"exp": AT + 90.5},
        {"nbf": AT},
        {"tenant": "anything"},
    ],
)
def test_what_the_specification_allows_is_let_in(guarded, claims):
    assert discovered(guarded, token(**claims)).status_code == 200


@pytest.mark.parametrize("header", [{"jku": JWKS}, {"typ": "jwt"}, {"custom": "of the EHR"}])
def test_headers_that_do_no_harm_are_let_in(guarded, header):
    assert discovered(guarded, token(header=header)).status_code == 200


@pytest.mark.parametrize("kid", ["plain", "a/b+c==", "="])
def test_a_jwt_as_epic_signs_it_is_taken(guarded, doubles, kid):
    key = RSAKey.generate_key(2048, {"kid": kid}, private=True)
    public = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
    doubles.hook_keys = PublicKeys(lambda _url: public)
    claims = token_claims(ISSUER, "homeward-client", URL, NOW)
    answer = discovered(guarded, token(key, "RS384", header={"jku": JWKS}, **claims))
    assert answer.status_code == 200
    assert claims["nbf"] < claims["iat"] < claims["exp"]


def test_a_jwt_is_good_for_one_call(guarded):
    once = token(jti="once")
    assert discovered(guarded, once).status_code == 200
    again = discovered(guarded, once)
    assert again.status_code == 401
    assert "new jti" in again.json["detail"]
    assert discovered(guarded, token(jti="twice")).status_code == 200


def test_a_refused_jwt_does_not_spend_its_nonce(guarded):
    assert discovered(guarded, token(jti="j", aud="elsewhere")).status_code == 401
    assert discovered(guarded, token(jti="j")).status_code == 200


def test_two_issuers_may_use_the_same_jti(guarded, doubles):
    other = HookIssuer(issuer="https://other.example.org", jwks_url=JWKS)
    doubles.tenants |= {"other": replace(DEMO, id="other", hooks=(other,))}
    assert discovered(guarded, token(jti="same")).status_code == 200
    assert discovered(guarded, token(jti="same", iss=other.issuer)).status_code == 200


def test_hospitals_of_one_issuer_are_told_apart_by_the_tenant_claim(guarded, doubles):
    for name in ("north", "south"):
        issuer = HookIssuer(issuer=ISSUER, jwks_url=JWKS, tenant_claim=name)
        doubles.tenants = {**doubles.tenants, name: replace(DEMO, id=name, hooks=(issuer,))}
    del doubles.tenants["demo"]
    with guarded:
        assert discovered(guarded, token(tenant="south")).status_code == 200
        assert signed_for() == "south"
    assert discovered(guarded, token(jti="x")).status_code == 401
    assert discovered(guarded, token(jti="y", tenant="west")).status_code == 401


def test_the_call_must_come_from_the_ehr_that_signed_it(guarded, doubles):
    doubles.tenants |= {"other": replace(DEMO, id="other", fhir_base_url="https://other.example.org/fhir")}
    url = f"{URL}/encounter-discharge"
    answer = guarded.post(
        "/cds-services/encounter-discharge",
        json=call(fhirServer="https://other.example.org/fhir"),
        headers={"Authorization": f"Bearer {token(aud=url)}"},
    )
    assert answer.status_code == 403
    assert doubles.triggers == []


def test_in_the_demo_no_jwt_is_asked_for_but_one_that_is_given_is_checked(house, guarded):
    del guarded
    demo = house({"HOMEWARD_OPEN_ACCESS": "on", "HOMEWARD_PUBLIC_URL": "https://homeward.example.org"})
    assert discovered(demo, None).status_code == 200
    assert discovered(demo, FORGED["changed claims"]).status_code == 401
    assert discovered(demo, token()).status_code == 200


def test_keys_that_do_not_come_are_503_and_not_401(guarded, doubles):
    def away(_url):
        raise EhrUnavailable

    doubles.hook_keys = PublicKeys(away)
    assert discovered(guarded, token()).status_code == 503


def test_a_database_that_is_away_lets_nobody_in(guarded, doubles):
    doubles.store.away = True
    assert discovered(guarded, token()).status_code == 503


def test_a_database_that_stalls_keeps_no_clinician_waiting(guarded, doubles, monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(doubles.store, "_spend", lambda *_: end.wait(30))
    monkeypatch.setattr(hook_jwt, "_WAIT_FOR_DATABASE_SECONDS", 0.05)
    begun = time.monotonic()
    answer = discovered(guarded, token())
    end.set()
    assert answer.status_code == 503
    assert time.monotonic() - begun < 20  # the machine may be busy; the database is never waited for


def test_there_is_time_for_an_answer_after_the_database():
    assert hook_jwt._WAIT_FOR_DATABASE_SECONDS < cds_hooks.ANSWER_SECONDS  # noqa: SLF001  one budget, in two places
