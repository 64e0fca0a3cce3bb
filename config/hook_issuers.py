"""Whose signed tokens are taken for a hospital, and where their public keys are.

They are the EHRs that sign CDS Hooks calls, and the servers that give access tokens for our REST API.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.addresses import web_address
from config.keys import public_keys
from config.marked_yaml import Entry
from config.secret_references import file_content
from service.errors import ConfigurationError

_HOOKS: Final = ("issuer", "jwks_url", "jwks_file", "tenant_claim")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer(HookIssuer):
    """An authorization server whose OAuth2 access tokens our REST API takes, from these clients only."""

    client_ids: frozenset[str]


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


def token_issuers(entry: Entry) -> tuple[TokenIssuer, ...]:
    """The list under `token_issuers`, told in the same way."""
    return tuple(map(_token_issuer, entry.items()))


def _issuer(entry: Entry) -> HookIssuer:
    return HookIssuer(**_signer(entry.fields(_HOOKS, ("issuer",)), entry))


def _token_issuer(entry: Entry) -> TokenIssuer:
    found = entry.fields((*_HOOKS, "client_ids"), ("issuer", "client_ids"))
    return TokenIssuer(**_signer(found, entry), client_ids=frozenset(found["client_ids"].texts()))


def _signer(found: Mapping[str, Entry], entry: Entry) -> dict[str, str]:
    if ("jwks_url" in found) == ("jwks_file" in found):
        raise entry.wrong("an issuer needs jwks_url or jwks_file, and not both")
    return {
        "issuer": found["issuer"].text(),
        "jwks_url": web_address(found["jwks_url"]) if "jwks_url" in found else "",
        "jwks_file": _holding_keys(found["jwks_file"]) if "jwks_file" in found else "",
        "tenant_claim": found["tenant_claim"].text() if "tenant_claim" in found else "",
    }


def _holding_keys(entry: Entry) -> str:
    """The file's path, once its keys are seen to be public and strong."""
    text = file_content(Path(entry.text()))
    if not text:
        raise entry.wrong("this file is not there or empty; it holds the issuer's public keys as a JWKS")
    try:
        public_keys(text)
    except ValueError as error:
        raise entry.wrong(str(error)) from None
    return entry.text()
