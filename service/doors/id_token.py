"""Id tokens (OpenID Connect) of an EHR that sends a clinician to our page: who they are, for us, for this launch only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from config.hook_issuers import HookIssuer
from fhir_mappings.outbound.references import type_of
from fhir_mappings.servers import reference_at
from service.doors.tokens import SKEW_SECONDS, check_header, check_signature, seconds, unverified
from service.ehr.public_keys import PublicKeys
from service.errors import NotAllowed, NotAuthenticated

#: OpenID Connect asks for no typ, and most servers write one.
_TYPES: Final = ("JWT", "")
_WAIT_FOR_KEYS_SECONDS: Final = 3.0
_PEOPLE: Final = ("Practitioner", "PractitionerRole")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an id token must say: who signed it, for which client, in answer to which launch."""

    issuer: HookIssuer
    client_id: str
    nonce: str


def verified_claims(token: str, expected: Expected, *, keys: PublicKeys, now: datetime) -> Mapping[str, Any]:
    """The claims of an id token that holds; NotAuthenticated says what is wrong with any other.

    EhrUnavailable when the EHR's keys do not come.
    """
    sent = token.encode(errors="replace")
    header, claims = unverified(sent)
    check_header(header, *_TYPES)
    check_signature(sent, header, expected.issuer, keys, wait=_WAIT_FOR_KEYS_SECONDS)
    if claims.get("iss") != expected.issuer.issuer:
        raise NotAuthenticated("The id token is not by the issuer that the EHR names.")
    _check_audience(claims, expected.client_id)
    at = now.timestamp()
    if seconds(claims, "exp") + SKEW_SECONDS <= at:
        raise NotAuthenticated("The id token has expired; open Homeward again from the patient's chart.")
    if max(seconds(claims, "iat"), seconds(claims, "nbf", 0)) - SKEW_SECONDS > at:
        raise NotAuthenticated("The id token is not good yet; set the clock of its issuer.")
    if claims.get("nonce") != expected.nonce:
        raise NotAuthenticated("The id token is the answer to another launch; open Homeward again.")
    if not isinstance(claims.get("sub"), str) or not claims["sub"].isprintable() or not claims["sub"]:
        raise NotAuthenticated("The id token must say whom it is for: sub.")
    return claims


def practitioner_of(claims: Mapping[str, Any], base: str) -> str:
    """The fhirUser as a literal reference into the EHR at this FHIR base; NotAllowed for whoever is no practitioner there."""
    said = claims.get("fhirUser")
    reference = reference_at(said, base) if isinstance(said, str) else ""
    if type_of(reference) not in _PEOPLE:
        raise NotAllowed(
            "This page is for the hospital's staff: the id token's fhirUser must be a Practitioner of this EHR."
        )
    return reference


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    heard = claims.get("aud")
    named = heard if isinstance(heard, list) else [heard]
    if (
        client_id not in named
        or claims.get("azp", client_id) != client_id
        or (len(named) > 1 and "azp" not in claims)
    ):
        raise NotAuthenticated("The id token is for another client than ours.")
