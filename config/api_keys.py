"""API keys of a small site: who holds each, what it is good for, and where. Only digests are kept."""

import re
from dataclasses import dataclass
from pathlib import Path

from config.marked_yaml import Entry, read_yaml
from service.domain.access import CARE_TEAM, Role, Scope
from service.errors import ConfigurationError

_FIELDS = ("name", "sha256", "scopes", "tenants", "role", "person", "practitioner")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key: name stands in the audit trail, sha256 is its digest in hex.

    person is the clinician or social worker who holds it, "" for a program, which can decide about no plan; practitioner
    their literal reference in the EHR, "" when not known.
    """

    name: str
    sha256: str
    scopes: frozenset[Scope]
    tenants: frozenset[str]
    role: Role = Role.PROGRAM
    person: str = ""
    practitioner: str = ""


def load_api_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys of a YAML file; docs/api.md describes it. ConfigurationError names file, line and remedy, never a digest."""
    try:
        document = read_yaml(path, path.name)
    except OSError as error:
        raise ConfigurationError(
            f"The API keys file {path} cannot be read ({error.strerror}); correct HOMEWARD_API_KEYS_FILE."
        ) from None
    keys: list[ApiKey] = []
    for entry in document.fields(("keys",), ("keys",))["keys"].items():
        key = _key(entry)
        if any(key.name == other.name or key.sha256 == other.sha256 for other in keys):
            raise entry.wrong("another key has this name or digest already; each caller has one of their own")
        keys.append(key)
    return tuple(keys)


def _key(entry: Entry) -> ApiKey:
    found = entry.fields(_FIELDS, ("name", "sha256", "scopes", "tenants"))
    role = found["role"].choice(Role) if "role" in found else Role.PROGRAM
    if role in {Role.ANYONE, Role.EHR, Role.STAFF}:
        raise found["role"].wrong("expected program, manager, clinician or social-worker")
    if "person" in found and role not in CARE_TEAM:
        raise found["person"].wrong("a person who decides has the role clinician or social-worker")
    return ApiKey(
        name=found["name"].text(),
        sha256=_digest(found["sha256"]),
        scopes=frozenset(member.choice(Scope) for member in found["scopes"].items()),
        tenants=frozenset(found["tenants"].texts()),
        role=role,
        person=found["person"].text() if "person" in found else "",
        practitioner=_practitioner(found["practitioner"]) if "practitioner" in found else "",
    )


def _digest(entry: Entry) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", entry.text().lower()):
        raise entry.wrong('this is not a SHA-256 in hex; make one with: printf %s "$KEY" | sha256sum')
    return entry.text().lower()


def _practitioner(entry: Entry) -> str:
    if not re.fullmatch(r"Practitioner(Role)?/[A-Za-z0-9.-]{1,64}", entry.text()):
        raise entry.wrong("expected a literal reference: Practitioner/id")
    return entry.text()
