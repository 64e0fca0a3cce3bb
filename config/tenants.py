"""A tenant: one hospital with its EHR. FHIR base URLs come from here, never from a request."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.hook_issuers import HookIssuer, check_distinct, hook_issuers
from config.marked_yaml import Entry, read_yaml
from service.errors import ConfigurationError

#: SNOMED CT "Patient discharge", the order by which an EHR says that a patient is to go home.
PATIENT_DISCHARGE = "http://snomed.info/sct|58000006"
UTC = ZoneInfo("UTC")
#: Seconds or connections; more is a typing error.
_LARGEST = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How we show who we are to the EHR. kind is "none", "basic" or "bearer"; the secret never shows in repr."""

    kind: str = "none"
    username: str = ""
    secret: str = field(default="", repr=False)


NO_AUTH = Auth()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One hospital.

    language is the BCP 47 tag in which its staff work; subscription_secret is what the EHR sends back with each
    notification; organization is the hospital's name, organization_reference its FHIR reference if known; hooks are
    those who sign CDS Hooks calls for it.
    """

    id: str
    fhir_base_url: str
    organization: str
    organization_reference: str = ""
    time_zone: ZoneInfo = UTC
    language: str = "en"
    order_codes: frozenset[str] = frozenset({PATIENT_DISCHARGE})
    auth: Auth = NO_AUTH
    subscription_secret: str = field(default="", repr=False)
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    max_connections: int = 8
    hooks: tuple[HookIssuer, ...] = ()


def load_tenants(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, Tenant]:
    """The tenants of a YAML file by id; docs/tenants.md describes it.

    Secrets stand there as `env:NAME` or `file:PATH` only. environ is where NAME is looked up, by default this process's
    environment. Raises ConfigurationError that names file, line and remedy, and no secret.
    """
    try:
        document = read_yaml(path, path.name)
    except OSError as error:
        raise ConfigurationError(
            f"The tenants file {path} cannot be read ({error.strerror}); correct HOMEWARD_TENANTS_FILE."
        ) from None
    here = os.environ if environ is None else environ  # noqa: TID251 - this is config
    tenants: dict[str, Tenant] = {}
    for entry in document.fields(("tenants",), ("tenants",))["tenants"].items():
        tenant = _tenant(entry, here)
        if tenant.id in tenants:
            raise entry.wrong(f"the tenant {tenant.id!r} stands here twice")
        tenants[tenant.id] = tenant
    check_distinct({name: tenant.hooks for name, tenant in tenants.items()})
    return tenants


def _tenant(entry: Entry, environ: Mapping[str, str]) -> Tenant:
    readers: dict[str, Callable[[Entry], Any]] = {
        "id": _id,
        "fhir_base_url": _base_url,
        "organization": Entry.text,
        "organization_reference": _organization,
        "time_zone": _time_zone,
        "language": Entry.text,
        "order_codes": _order_codes,
        "auth": lambda auth: _auth(auth, environ),
        "subscription_secret": lambda secret: _secret(secret, environ),
        "connect_timeout_seconds": _positive,
        "read_timeout_seconds": _positive,
        "max_connections": lambda number: int(_positive(number)),
        "hooks": hook_issuers,
    }
    found = entry.fields(tuple(readers), ("id", "fhir_base_url", "organization"))
    return Tenant(**{key: readers[key](value) for key, value in found.items()})


def _id(entry: Entry) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", entry.text()):
        raise entry.wrong(
            "an id has small letters, digits and hyphens and begins with a letter; it stands in addresses"
        )
    return entry.text()


def _base_url(entry: Entry) -> str:
    address = urlsplit(entry.text())
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise entry.wrong("expected the EHR's FHIR base URL: https://host/path")
    if address.username or address.query or address.fragment:
        raise entry.wrong("a base URL has no user, query or fragment; credentials go under auth")
    if address.scheme == "http" and not _is_loopback(address.hostname):
        raise entry.wrong("http:// is for 127.0.0.1 only: use https://")
    return entry.text().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _organization(entry: Entry) -> str:
    if not re.fullmatch(r"Organization/[A-Za-z0-9.-]{1,64}", entry.text()):
        raise entry.wrong("expected a literal reference: Organization/id")
    return entry.text()


def _time_zone(entry: Entry) -> ZoneInfo:
    try:
        return ZoneInfo(entry.text())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise entry.wrong("expected an IANA time zone: America/New_York") from None


def _order_codes(entry: Entry) -> frozenset[str]:
    codes = entry.texts()
    if not codes or not all(re.fullmatch(r"[^|\s]+\|[^|\s]+", code) for code in codes):
        raise entry.wrong(f"expected a list of system|code: {PATIENT_DISCHARGE}")
    return frozenset(codes)


def _auth(entry: Entry, environ: Mapping[str, str]) -> Auth:
    found = entry.fields(("kind", "username", "secret"), ("kind",))
    kind = found["kind"].text()
    needed = {"none": set(), "basic": {"username", "secret"}, "bearer": {"secret"}}.get(kind)
    if needed is None:
        raise found["kind"].wrong("expected none, basic or bearer")
    if needed != set(found) - {"kind"}:
        raise entry.wrong(f"auth {kind!r} needs {' and '.join(sorted(needed)) or 'nothing else'}")
    return Auth(
        kind=kind,
        username=found["username"].text() if "username" in found else "",
        secret=_secret(found["secret"], environ) if "secret" in found else "",
    )


def _secret(entry: Entry, environ: Mapping[str, str]) -> str:
    kind, _, place = entry.text().partition(":")
    if kind == "env":
        value = environ.get(place, "")
    elif kind == "file":
        value = _content(Path(place))
    else:
        raise entry.wrong("a secret never stands in this file: write env:NAME or file:PATH")
    if not value:
        raise entry.wrong(f"{'the variable' if kind == 'env' else 'the file'} {place} is missing or empty")
    return value


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _positive(entry: Entry) -> float:
    if not 0 < entry.number() <= _LARGEST:
        raise entry.wrong(f"expected a number above 0 and at most {_LARGEST}")
    return entry.number()
