"""The `auth` of a tenant: how we show its EHR who we are."""

from collections.abc import Mapping
from typing import Final

from config.keys import SigningKey, signing_key
from config.marked_yaml import Entry
from config.secret_references import secret
from config.tenants import Auth, AuthKind

#: What each kind needs, and what it may have besides.
_NEEDED: Final[Mapping[AuthKind, tuple[frozenset[str], frozenset[str]]]] = {
    AuthKind.NONE: (frozenset(), frozenset()),
    AuthKind.BASIC: (frozenset({"username", "secret"}), frozenset()),
    AuthKind.BEARER: (frozenset({"secret"}), frozenset()),
    AuthKind.SMART: (frozenset({"client_id", "keys"}), frozenset({"scopes"})),
}
_KNOWN: Final = ("kind", "username", "secret", "client_id", "keys", "scopes")


def read_auth(entry: Entry, environ: Mapping[str, str]) -> Auth:
    """One of the kinds with exactly what it needs."""
    found = entry.fields(_KNOWN, ("kind",))
    kind = found["kind"].choice(AuthKind)
    needed, allowed = _NEEDED[kind]
    if not needed <= set(found) - {"kind"} <= needed | allowed:
        raise entry.wrong(f"auth {kind.value!r} needs {' and '.join(sorted(needed)) or 'nothing else'}")
    return Auth(
        kind=kind,
        username=found["username"].text() if "username" in found else "",
        secret=secret(found["secret"], environ) if "secret" in found else "",
        client_id=found["client_id"].text() if "client_id" in found else "",
        keys=_keys(found["keys"], environ) if "keys" in found else (),
        scopes=found["scopes"].texts() if "scopes" in found else (),
    )


def _keys(entry: Entry, environ: Mapping[str, str]) -> tuple[SigningKey, ...]:
    keys = tuple(_key(member, environ) for member in entry.items())
    if not keys:
        raise entry.wrong("expected at least one private key: a list of env:NAME or file:PATH")
    if len({key.kid for key in keys}) < len(keys):
        raise entry.wrong("a key stands here twice; leave one")
    return keys


def _key(entry: Entry, environ: Mapping[str, str]) -> SigningKey:
    try:
        return signing_key(secret(entry, environ))
    except ValueError as error:
        raise entry.wrong(str(error)) from None
