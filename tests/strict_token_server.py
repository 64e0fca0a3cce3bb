"""A small SMART authorization server beside a stub EHR, as strict as SMART allows, that can also be told to answer oddly."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.keys import SigningKey
from config.tenants import Auth, Tenant
from tests.smart_keys import EC_KEY
from tests.unit.ehr.odd_server import Asked, OddServer, Told, fhir, odd_server

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DISCOVERY = "/fhir/.well-known/smart-configuration"
PATIENT = {"resourceType": "Patient", "id": "7"}


@dataclass
class TokenServer:
    """Gives token-1, token-2, … for assertions that hold; the EHR takes those in `good`."""

    odd: OddServer
    keys: tuple[SigningKey, ...] = (EC_KEY,)
    client_id: str = "homeward-at-one"
    capabilities: list[str] = field(
        default_factory=lambda: ["client-confidential-asymmetric", "permission-v2"]
    )
    lifetime: Any = 300
    granted: str | None = None
    wait: float = 0.0
    answer: Told | None = None
    refusals: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    scopes: list[str] = field(default_factory=list)
    headers: list[Mapping[str, Any]] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    endpoint: str = "../auth/token"

    @property
    def base(self) -> str:
        return f"{self.odd.url}/fhir"

    @property
    def tokens_asked(self) -> int:
        return self.odd.count("POST", "/auth/token")

    def tenant(self, **more: Any) -> Tenant:
        auth = Auth(kind="smart", client_id=self.client_id, keys=self.keys)
        given: dict[str, Any] = {
            "id": "one",
            "fhir_base_url": self.base,
            "organization": "Example Hospital",
            "auth": auth,
            "connect_timeout_seconds": 1.0,
            "read_timeout_seconds": 2.0,
        }
        return Tenant(**given | more)

    def decide(self, asked: Asked) -> Told | None:
        if asked.path == DISCOVERY:
            return _json({"token_endpoint": self.endpoint, "capabilities": self.capabilities})
        if asked.path == "/auth/token":
            return self.answer or self._token(asked)
        held = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if asked.path.startswith("/fhir/Patient"):
            return fhir(PATIENT) if held in self.good else Told(401)
        return None

    def _token(self, asked: Asked) -> Told:
        problem = self._problem(asked)
        if problem:
            self.refusals.append(problem)
            return _json({"error": "invalid_client", "error_description": "Zelda Testperson"}, 401)
        token = f"token-{len(self.seen)}"
        self.good.add(token)
        said = {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}
        return Told(
            200,
            orjson.dumps(said | ({} if self.granted is None else {"scope": self.granted})),
            {"Content-Type": "application/json", "Cache-Control": "no-store"},
            wait=self.wait,
        )

    def _problem(self, asked: Asked) -> str:
        """The rule of SMART Backend Services that a request breaks, "" if none."""
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if "Authorization" in asked.headers:
            return "a credential besides the assertion"
        if asked.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return "not a form"
        if (form.get("grant_type"), form.get("client_assertion_type")) != (
            "client_credentials",
            _ASSERTION_TYPE,
        ):
            return "another grant"
        self.scopes.append(form.get("scope", ""))
        keys = KeySet.import_key_set({"keys": [key.public() for key in self.keys]})
        try:
            token = jwt.decode(form["client_assertion"], keys, algorithms=["RS384", "ES384"])
        except JoseError as error:
            return type(error).__name__
        self.headers.append(token.header)
        return self._wrong_claim(token.claims)

    def _wrong_claim(self, claims: Mapping[str, Any]) -> str:
        now = time.time()
        checks: dict[str, Callable[[], bool]] = {
            "iss": lambda: claims["iss"] == claims["sub"] == self.client_id,
            "aud": lambda: claims["aud"] == f"{self.odd.url}/auth/token",
            "exp": lambda: now < claims["exp"] <= now + 300,
            "jti": lambda: claims["jti"] not in self.seen,
        }
        for name, holds in checks.items():
            if not holds():
                return name
        self.seen.add(claims["jti"])
        return ""


@contextmanager
def token_server(**more: Any) -> Iterator[TokenServer]:
    """The stub EHR at /fhir and its token endpoint at /auth/token, on 127.0.0.1."""
    with odd_server() as odd:
        made = TokenServer(odd, **more)
        odd.decide = made.decide
        yield made


def _json(said: Mapping[str, Any], status: int = 200) -> Told:
    return Told(status, orjson.dumps(said), {"Content-Type": "application/json"})
