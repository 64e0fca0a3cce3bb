"""Who may sign CDS Hooks calls for a hospital: the issuers of its tenants entry, and where their public keys are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from config.marked_yaml import Entry
from service.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class HookIssuer:
    """One EHR that signs its calls: the `iss` of its JWTs, and its JWKS by URL or as a file's path.

    tenant_claim is what the claim `tenant` must say where one issuer speaks for several hospitals, "" where it speaks
    for this one alone. A `jku` in a header must be jwks_url; nothing else is ever fetched.
    """

    issuer: str
    jwks_url: str = ""
    jwks_file: str = ""
    tenant_claim: str = ""


def hook_issuers(entry: Entry) -> tuple[HookIssuer, ...]:
    """The list under `hooks`; raises ConfigurationError that names file, line and remedy."""
    return tuple(map(_issuer, entry.items()))


def check_distinct(issuers: Mapping[str, Collection[HookIssuer]]) -> None:
    """A signed call must belong to one tenant: the same issuer twice needs two different tenant claims."""
    seen: dict[str, list[str]] = {}
    for tenant in issuers.values():
        for one in tenant:
            seen.setdefault(one.issuer, []).append(one.tenant_claim)
    for issuer, claims in seen.items():
        if len(set(claims)) < len(claims) or (len(claims) > 1 and "" in claims):
            raise ConfigurationError(
                f"The hook issuer {issuer} stands {len(claims)} times in the tenants file: give each a tenant_claim "
                "of its own."
            )


def _issuer(entry: Entry) -> HookIssuer:
    found = entry.fields(("issuer", "jwks_url", "jwks_file", "tenant_claim"), ("issuer",))
    if ("jwks_url" in found) == ("jwks_file" in found):
        raise entry.wrong("a hook issuer needs jwks_url or jwks_file, and not both")
    return HookIssuer(
        issuer=found["issuer"].text(),
        jwks_url=_address(found["jwks_url"]) if "jwks_url" in found else "",
        jwks_file=_readable(found["jwks_file"]) if "jwks_file" in found else "",
        tenant_claim=found["tenant_claim"].text() if "tenant_claim" in found else "",
    )


def _address(entry: Entry) -> str:
    parts = urlsplit(entry.text())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise entry.wrong("expected the address of a JWKS: https://host/path")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise entry.wrong("http:// is for 127.0.0.1 only: use https://")
    return entry.text()


def _readable(entry: Entry) -> str:
    if not Path(entry.text()).is_file():
        raise entry.wrong("this file is not there; it holds the issuer's public keys as a JWKS")
    return entry.text()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
