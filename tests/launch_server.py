"""A small EHR with its authorization server for SMART App Launch, as strict as the specification, that can also err.

Whoever comes to /auth/authorize is signed in at once: it plays the clinician's browser that is signed in already.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from config.keys import SigningKey
from tests.unit.ehr.odd_server import Asked, OddServer, Told, fhir, odd_server, statement

CLIENT = "homeward-page"
KEY = ECKey.generate_key("P-384", {"kid": "login", "use": "sig"}, private=True)
STRANGER = ECKey.generate_key("P-384", {"kid": "login", "use": "sig"}, private=True)
DISCOVERY = "/fhir/.well-known/smart-configuration"


@dataclass
class LaunchServer:
    """Knows one client at one redirect URI. context is what is open before the clinician, claims what differs of them.

    client_keys are those of a client that signs; () for one that shows PKCE alone.
    """

    odd: OddServer
    redirect_uri: str = ""
    client_keys: tuple[SigningKey, ...] = ()
    context: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    alg: str = "ES384"
    said: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    refusals: list[str] = field(default_factory=list)
    asks: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"{self.odd.url}/fhir"

    @property
    def issuer(self) -> str:
        return f"{self.odd.url}/auth"

    def answer(self, asked: Asked) -> Told | None:
        """Whatever is asked of this EHR."""
        path = urlsplit(asked.path).path
        doors = {
            DISCOVERY: self._configuration,
            "/auth/authorize": lambda: self._authorize(_query(asked)),
            "/auth/token": lambda: self._token(asked),
            "/auth/jwks": lambda: _json({"keys": [KEY.as_dict(private=False)]}),
            "/fhir/metadata": lambda: statement(Encounter=("patient",)),
            "/fhir/Practitioner/dana": lambda: fhir(_PRACTITIONER),
            "/fhir/Encounter": lambda: fhir(_stays(_query(asked).get("patient", ""))),
        }
        return doors[path]() if path in doors else None

    def _configuration(self) -> Told:
        return _json(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/jwks",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "code_challenge_methods_supported": ["S256"],
                "capabilities": ["launch-ehr", "sso-openid-connect", "context-ehr-patient", "permission-v2"],
            }
            | self.said
        )

    def _authorize(self, asks: dict[str, str]) -> Told:
        self.asks.append(asks)
        wanted = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": self.redirect_uri,
            "aud": self.base,
            "code_challenge_method": "S256",
            "launch": "opened-7",
        }
        wrong = [name for name, value in wanted.items() if asks.get(name) != value]
        if wrong or not {"launch", "openid", "fhirUser"} <= set(asks.get("scope", "").split()):
            self.refusals += wrong or ["scope"]
            return Told(400)
        if self.error:
            return _redirect(self.redirect_uri, {"error": self.error, "state": asks["state"]})
        code = secrets.token_urlsafe(16)
        self.codes[code] = asks
        return _redirect(self.redirect_uri, {"code": code, "state": asks["state"], "iss": self.issuer})

    def _token(self, asked: Asked) -> Told:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        asks = self.codes.pop(form.get("code", ""), None)
        problem = self._problem(form, asks, asked.headers)
        if problem or asks is None:
            self.refusals.append(problem)
            return _json({"error": "invalid_grant", "error_description": "Zelda Testperson"}, 400)
        given = {"access_token": "of the clinician", "token_type": "Bearer", "expires_in": 300}
        return _json(given | {"id_token": self.id_token(asks["nonce"])} | self.context)

    def _problem(
        self, form: Mapping[str, str], asks: dict[str, str] | None, headers: Mapping[str, str]
    ) -> str:
        """The rule that a token request breaks, "" if none."""
        if asks is None:
            return "code"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        checks = {
            "grant_type": form.get("grant_type") == "authorization_code",
            "redirect_uri": form.get("redirect_uri") == self.redirect_uri,
            "client_id": form.get("client_id") == CLIENT,
            "code_verifier": base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asks["code_challenge"],
            "authorization": "Authorization" not in headers,
            "assertion": self._knows(form.get("client_assertion", "")),
        }
        return next((name for name, holds in checks.items() if not holds), "")

    def _knows(self, assertion: str) -> bool:
        if not self.client_keys:
            return not assertion
        keys = KeySet.import_key_set({"keys": [key.public() for key in self.client_keys]})
        try:
            claims = jwt.decode(assertion, keys, algorithms=["RS384", "ES384"]).claims
        except JoseError:
            return False
        said = (claims["iss"], claims["sub"], claims["aud"])
        return said == (CLIENT, CLIENT, f"{self.issuer}/token")

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "dana-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "fhirUser": f"{self.base}/Practitioner/dana",
        } | self.claims
        said = {name: value for name, value in claims.items() if value is not None}
        if self.alg == "none":
            parts = ({"alg": "none", "kid": "login", "typ": "JWT"}, said)
            return ".".join(_segment(part) for part in parts) + "."
        registry = jws.JWSRegistry(algorithms=[self.alg])
        return jwt.encode({"alg": self.alg, "kid": "login", "typ": "JWT"}, said, self.key, registry=registry)


@contextmanager
def launch_server(**more: Any) -> Iterator[LaunchServer]:
    """The EHR at /fhir and its authorization server at /auth, on 127.0.0.1."""
    with odd_server() as odd:
        made = LaunchServer(odd, **more)
        odd.decide = made.answer
        yield made


_PRACTITIONER = {
    "resourceType": "Practitioner",
    "id": "dana",
    "name": [{"given": ["Dana"], "family": "Testworker"}],
}


def _stays(patient: str) -> dict[str, Any]:
    """Each patient pN has one stay, eN."""
    stay = {
        "resourceType": "Encounter",
        "id": patient.rpartition("/")[2].replace("p", "e"),
        "status": "in-progress",
        "subject": {"reference": f"Patient/{patient.rpartition('/')[2]}"},
    }
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": stay}]}


def _query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


def _redirect(to: str, query: Mapping[str, str]) -> Told:
    return Told(302, headers={"Location": f"{to}?{urlencode(query)}"})


def _segment(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()


def _json(said: Mapping[str, Any], status: int = 200) -> Told:
    return Told(status, orjson.dumps(said), {"Content-Type": "application/json", "Cache-Control": "no-store"})
