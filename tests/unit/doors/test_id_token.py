"""Id tokens of an EHR that sends a clinician to us: one that holds says who they are; every other is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from joserfc.jwk import OctKey, RSAKey

from config.hook_issuers import HookIssuer
from service.doors.id_token import Expected, practitioner_of, verified_claims
from service.ehr.public_keys import PublicKeys
from service.errors import EhrUnavailable, NotAllowed, NotAuthenticated
from tests.launch_server import CLIENT, KEY, STRANGER, LaunchServer
from tests.unit.ehr.odd_server import OddServer

URL = "https://ehr.example.org"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, private=True)
EXPECTED = Expected(HookIssuer(issuer=f"{URL}/auth", jwks_url=f"{URL}/auth/jwks"), CLIENT, "once")
NOW = 1_772_460_000


def token(nonce="once", *, claims=None, **more):
    said = {"iat": NOW, "exp": NOW + 300} | (claims or {})
    return LaunchServer(OddServer(URL), claims=said, **more).id_token(nonce)


def claims_of(sent, expected=EXPECTED, fetch=None):
    jwks = orjson.dumps({"keys": [KEY.as_dict(private=False)]})
    keys = PublicKeys(fetch or (lambda _: jwks))
    return verified_claims(sent, expected, keys=keys, now=datetime.fromtimestamp(NOW, UTC))


def test_a_token_that_holds_says_who_it_is():
    claims = claims_of(token())
    assert (claims["sub"], practitioner_of(claims, f"{URL}/fhir")) == ("dana-1", "Practitioner/dana")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"exp": NOW - 59},
        {"iat": NOW + 59},
        {"nbf": NOW + 59},
    ],
)
def test_several_audiences_and_a_minute_between_clocks_are_taken(claims):
    assert claims_of(token(claims=claims))["sub"] == "dana-1"


FORGED = {
    "nothing": "",
    "no token": "not a token",
    "with letters of no alphabet": "é.é.é",
    "alg none": token(alg="none"),
    "by a shared secret": token(alg="HS512", key=OctKey.import_key("x" * 64)),
    "by a stranger": token(key=STRANGER),
    "by a key of another kind": token(alg="RS384", key=RSA),
    "of another launch": token("another"),
    "without a nonce": token(claims={"nonce": None}),
    "of another issuer": token(claims={"iss": f"{URL}/auth/"}),
    "for another client": token(claims={"aud": "other"}),
    "for several without saying which asked": token(claims={"aud": [CLIENT, "other"]}),
    "that another client asked for": token(claims={"azp": "other"}),
    "expired": token(claims={"exp": NOW - 60}),
    "without an expiry": token(claims={"exp": None}),
    "not yet good": token(claims={"nbf": NOW + 61}),
    "of the future": token(claims={"iat": NOW + 61}),
    "without its time": token(claims={"iat": None}),
    "for nobody": token(claims={"sub": ""}),
    "with a cut signature": token()[:-4],
}


@pytest.mark.parametrize("sent", FORGED.values(), ids=FORGED)
def test_every_other_is_refused(sent):
    with pytest.raises(NotAuthenticated):
        claims_of(sent)


def test_a_token_whose_keys_cannot_be_read_is_not_known_to_be_wrong():
    def away(_):
        raise EhrUnavailable

    with pytest.raises(EhrUnavailable):
        claims_of(token(), fetch=away)


def test_the_nonce_is_that_of_this_launch():
    with pytest.raises(NotAuthenticated, match="another launch"):
        claims_of(token(), replace(EXPECTED, nonce="twice"))


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        (f"{URL}/fhir/Practitioner/dana", "Practitioner/dana"),
        ("PractitionerRole/dana-1", "PractitionerRole/dana-1"),
        (f"{URL}/fhir/Practitioner/dana/", "Practitioner/dana"),
        (f"{URL}/fhir/Practitioner/dana/_history/2", "Practitioner/dana"),
        (f"{URL.upper()}/fhir/Practitioner/dana", "Practitioner/dana"),
        ("Practitioner/dana/_history/2", "Practitioner/dana"),
    ],
)
def test_a_practitioner_of_this_ehr_is_known_by_their_reference(said, reference):
    assert practitioner_of({"fhirUser": said}, f"{URL}/fhir") == reference


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        7,
        "Practitioner/",
        "Practitioner/../Patient/1",
        f"{URL}/fhir/Patient/p1",
        f"{URL}/fhir2/Practitioner/dana",
        "https://evil.example.org/fhir/Practitioner/dana",
        "Person/p1",
        f"{URL}/FHIR/Practitioner/dana",
        f"{URL}/fhir/../fhir/Practitioner/dana",
        f"{URL}/fhir/x/Practitioner/dana",
        f"{URL}:444/fhir/Practitioner/dana",
        f"{URL}@evil.example.org/fhir/Practitioner/dana",
        f"{URL}/fhir/Practitioner/dana?x=1",
        f"{URL}/fhir/Practitioner/dana#x",
    ],
)
def test_nobody_else_is_let_in(said):
    with pytest.raises(NotAllowed, match="staff"):
        practitioner_of({"fhirUser": said}, f"{URL}/fhir")
