"""OAuth2 access tokens: one that holds tells who its bearer is; every forgery is 401."""

import json
import warnings
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from config.hook_issuers import TokenIssuer
from service.domain.access import Role, Scope
from service.doors.bearer import token_caller
from service.ehr.public_keys import PublicKeys
from service.errors import EhrUnavailable, NotAllowed, NotAuthenticated
from tests.unit.doors.doubles import DEMO

NOW = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
URL = "https://homeward.example.org"
EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"}, private=True)
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, private=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that it is weak is the point of it
    WEAK = RSAKey.generate_key(1024, {"kid": "weak", "use": "sig"}, private=True)
STRANGER = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"}, private=True)
JWKS = json.dumps({"keys": [key.as_dict(private=False) for key in (EC, RSA, WEAK)]}).encode()
ISSUER = TokenIssuer(
    issuer="https://login.example.org",
    jwks_url="https://login.example.org/jwks",
    client_ids=frozenset({"lounge"}),
)
TENANTS = {"demo": replace(DEMO, token_issuers=(ISSUER,)), "other": replace(DEMO, id="other")}
CLAIMS = {
    "iss": ISSUER.issuer,
    "aud": URL,
    "sub": "dana",
    "client_id": "lounge",
    "exp": AT + 300,
    "iat": AT - 10,
    "scope": "plans:read plans:approve openid",
    "roles": ["social-worker"],
    "name": "Dana Example, MSW",
    "fhirUser": f"{DEMO.fhir_base_url}/Practitioner/dana",
}


def token(key: Any = EC, alg: str = "ES384", *, head: Any = None, **claims: Any) -> bytes:
    """A token with these claims; None takes one away."""
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    header = {"alg": alg, "typ": "at+jwt", "kid": getattr(key, "kid", None) or "ec"} | (head or {})
    header = {name: value for name, value in header.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode(header, said, key, registry=registry).encode()


def unsigned(alg: str) -> bytes:
    header = json.dumps({"alg": alg, "typ": "at+jwt", "kid": "ec"}).encode()
    return b".".join((urlsafe_b64encode(header).rstrip(b"="), token().split(b".")[1], b""))


def caller_of(sent: bytes, *, fetch: Any = None, tenants: Any = None):
    keys = PublicKeys(fetch or (lambda _: JWKS))
    return token_caller(sent, audience=URL, tenants=tenants or TENANTS, keys=keys, now=NOW)


def test_a_token_that_holds_tells_who_what_and_where():
    found = caller_of(token())
    assert found.role is Role.SOCIAL_WORKER
    assert found.scopes == {Scope.PLANS_READ, Scope.PLANS_APPROVE}
    assert found.tenants == {"demo"}
    signer = found.as_signer()
    assert (signer.name, signer.reference, signer.subject) == (
        "Dana Example, MSW",
        "Practitioner/dana",
        "dana",
    )


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES384"), (RSA, "RS384"), (RSA, "RS256"), (RSA, "PS512")])
def test_asymmetric_algorithms_are_taken(key, alg):
    assert caller_of(token(key, alg)).tenants == {"demo"}


def test_several_audiences_scopes_as_a_list_and_the_servers_other_names_are_understood():
    sent = token(
        aud=["x", URL], scope=None, scp=["plans:read"], client_id=None, azp="lounge", head={"typ": "JWT"}
    )
    assert caller_of(sent).scopes == {Scope.PLANS_READ}


@pytest.mark.parametrize("claims", [{"roles": ["manager"]}, {"roles": None}, {"sub": "lounge"}])
def test_who_is_no_person_of_the_care_team_cannot_sign(claims):
    with pytest.raises(NotAllowed, match="clinician or social worker"):
        caller_of(token(**claims)).as_signer()


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        ("PractitionerRole/dana", "PractitionerRole/dana"),
        (f"{DEMO.fhir_base_url}/PractitionerRole/dana", "PractitionerRole/dana"),
        (
            f"{DEMO.fhir_base_url.upper().replace('FHIR', 'fhir')}/Practitioner/dana/_history/4",
            "Practitioner/dana",
        ),
        (f"{DEMO.fhir_base_url}/Practitioner/dana/", "Practitioner/dana"),
        (f"{DEMO.fhir_base_url}/Patient/dana", ""),
        (f"{DEMO.fhir_base_url}s/Practitioner/dana", ""),
        (f"{DEMO.fhir_base_url}/x/Practitioner/dana", ""),
        ("https://other-hospital.example/fhir/Practitioner/dana", ""),
        ("/Practitioner/dana", ""),
        (None, ""),
    ],
)
def test_only_a_practitioner_of_the_hospitals_own_ehr_signs_as_such(said, reference):
    assert caller_of(token(fhirUser=said)).as_signer().reference == reference


def test_who_may_enter_hospitals_of_several_servers_is_a_practitioner_of_neither():
    both = {
        "demo": TENANTS["demo"],
        "far": replace(TENANTS["demo"], id="far", fhir_base_url="https://far.example/fhir"),
    }
    assert caller_of(token(), tenants=both).as_signer().reference == ""


@pytest.mark.parametrize("name", ["Dana\x00", "Dana\nEve", "\x1b[2J"])
def test_a_name_with_control_characters_is_none(name):
    assert caller_of(token(name=name)).as_signer().name == "dana"


def test_a_program_sees_nothing_sensitive():
    assert not caller_of(token(roles=None)).sees_sensitive_items()


def test_a_token_reaches_the_hospitals_that_take_it_and_no_other():
    both = {name: replace(tenant, token_issuers=(ISSUER,)) for name, tenant in TENANTS.items()}
    assert caller_of(token(), tenants=both).tenants == {"demo", "other"}
    claimed = {
        name: replace(tenant, token_issuers=(replace(ISSUER, tenant_claim=name),))
        for name, tenant in both.items()
    }
    assert caller_of(token(tenant="other"), tenants=claimed).tenants == {"other"}


@pytest.mark.parametrize("skew", [{"exp": AT - 59}, {"nbf": AT + 59}, {"iat": AT + 59}])
def test_clocks_may_differ_by_a_minute(skew):
    assert caller_of(token(**skew)).tenants == {"demo"}


FORGED = {
    "nothing": b"",
    "no token": b"not a token",
    "three parts of nothing": b"a.b.c",
    "too long": token(padding="x" * 9000),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "by a shared secret": token(OctKey.import_key("x" * 64, {"kid": "ec"}), "HS512"),
    "by a stranger with the same kid": token(STRANGER),
    "by a weak key": token(WEAK, "RS256"),
    "with another algorithm than its key's kind": token(RSA, "RS384", head={"kid": "ec"}),
    "with a kid that is not there": token(head={"kid": "other"}),
    "without a kid": token(head={"kid": None}),
    "with a crit header": token(head={"crit": ["b64"], "b64": True}),
    "an id token": token(head={"typ": "id+jwt"}),
    "without a type": token(head={"typ": ""}),
    "of another issuer": token(iss="https://evil.example.org"),
    "without an issuer": token(iss=None),
    "for another client": token(client_id="other"),
    "without a client": token(client_id=None),
    "for another audience": token(aud="https://other.example.org"),
    "for the audience with a slash": token(aud=URL + "/"),
    "without an audience": token(aud=None),
    "expired": token(exp=AT - 60),
    "without an expiry": token(exp=None),
    "with an expiry in words": token(exp="tomorrow"),
    "with an expiry beyond all days": token(exp=10**12),
    "not yet good": token(nbf=AT + 61),
    "issued in the future": token(iat=AT + 61),
    "without a subject": token(sub=None),
    "with a NUL in its subject": token(sub="da\x00na"),
    "with a changed payload": token().replace(token().split(b".")[1], token(sub="eve").split(b".")[1]),
    "with a cut signature": token()[:-4],
}


@pytest.mark.parametrize("sent", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_no_credential(sent):
    with pytest.raises(NotAuthenticated) as refused:
        caller_of(sent)
    assert "dana" not in str(refused.value).lower()


def test_without_the_issuers_keys_nobody_can_tell():
    def away(_: str) -> bytes:
        raise EhrUnavailable

    with pytest.raises(EhrUnavailable):
        caller_of(token(), fetch=away)
