"""Reads the tenants file. Every mistake is a ConfigurationError that names file, line and remedy, and no secret."""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.addresses import web_address
from config.auth_entry import read_auth
from config.conventions import ENCOUNTER_CLASSES, PATIENT_DISCHARGE
from config.hook_issuers import check_distinct, hook_issuers, token_issuers
from config.launch import ClientAuthentication, read_launch
from config.marked_yaml import Entry, read_yaml
from config.preference_list import read_preference_list
from config.secret_references import secret
from config.stay_filter import read_stay_filter
from config.tenants import Attestations, ServiceArea, Tenant, WritePolicy
from service.domain.write_shape import ProblemList
from service.errors import ConfigurationError

#: Seconds, connections or requests; more is a typing error.
_LARGEST: Final = 600
_UNKNOWN: Final = "unknown"
#: Who may receive a message in R4, of those that are a hospital's own.
_RECIPIENTS: Final = (
    "CareTeam",
    "Group",
    "HealthcareService",
    "Organization",
    "Practitioner",
    "PractitionerRole",
)

Reader = Callable[[Entry], Any]


def load_tenants(
    path: Path, environ: Mapping[str, str] | None = None, *, known_quirks: Collection[str] | None = None
) -> dict[str, Tenant]:
    """The tenants of a YAML file by id; docs/tenants.md describes it.

    environ is where `env:NAME` is looked up, by default this process's environment; known_quirks are the ids that a
    tenant may name, None to take any.
    """
    try:
        document = read_yaml(path, path.name)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ConfigurationError(
            f"The tenants file {path} cannot be read ({why}); correct HOMEWARD_TENANTS_FILE."
        ) from None
    here = os.environ if environ is None else environ  # noqa: TID251 - this is config
    tenants: dict[str, Tenant] = {}
    for entry in document.fields(("tenants",), ("tenants",))["tenants"].items():
        tenant = _tenant(entry, here, known_quirks)
        if tenant.id in tenants:
            raise entry.wrong(f"the tenant {tenant.id!r} stands here twice")
        tenants[tenant.id] = tenant
    check_distinct({name: tenant.hooks for name, tenant in tenants.items()})
    _check_apart([tenant for tenant in tenants.values() if tenant.launch])
    return tenants


def _check_apart(opening: Sequence[Tenant]) -> None:
    """A launch names the EHR and not the hospital: those of one EHR must have registered one page, but for its roles."""
    for number, tenant in enumerate(opening):
        for other in opening[:number]:
            shared = tenant.fhir_base_url.casefold() == other.fhir_base_url.casefold()
            if shared and _registration(tenant) != _registration(other):
                raise ConfigurationError(
                    f"The tenants {other.id} and {tenant.id} have one FHIR base, so a launch cannot tell them apart; "
                    "register one page for both and give them the same launch, except for roles."
                )


def _registration(tenant: Tenant) -> object:
    signs = (
        tenant.launch is not None
        and tenant.launch.client_authentication is ClientAuthentication.PRIVATE_KEY_JWT
    )
    return tenant.launch and replace(tenant.launch, roles=()), tenant.auth.keys if signs else ()


def _tenant(entry: Entry, environ: Mapping[str, str], known_quirks: Collection[str] | None) -> Tenant:
    readers: dict[str, Reader] = {
        "id": _id,
        "fhir_base_url": _base_url,
        "organization": Entry.text,
        "organization_reference": lambda given: _reference(given, "Organization"),
        "stays": read_stay_filter,
        "social_work_reference": lambda given: _reference(given, *_RECIPIENTS),
        "time_zone": _time_zone,
        "language": _language,
        "phone": Entry.text,
        "order_codes": _order_codes,
        "encounter_classes": _encounter_classes,
        "preference_list": read_preference_list,
        "auth": lambda given: read_auth(given, environ),
        "write_policy": _write_policy,
        "subscription_secret": lambda given: secret(given, environ),
        "previous_subscription_secret": lambda given: secret(given, environ),
        "hooks": hook_issuers,
        "token_issuers": token_issuers,
        "launch": read_launch,
        "service_area": _service_area,
        "attestations": _attestations,
        "census_list": _census,
        "plan_at_admission": Entry.switch,
        "subscription_topic": _canonical,
        "poll_seconds": _positive,
        "quirks": lambda given: _quirks(given, known_quirks),
        "author_practitioner": lambda given: _reference(given, "Practitioner"),
        "message_sender": lambda given: _reference(given, "Practitioner"),
        "problems": lambda given: given.choice(ProblemList),
        "note_type": _code,
        "unsigned_documents": Entry.switch,
        "content": _content,
        "connect_timeout_seconds": _positive,
        "read_timeout_seconds": _positive,
        "max_connections": _count,
        "requests_per_second": _positive,
        "plans_taken_back_per_hour": _count,
    }
    found = entry.fields(tuple(readers), ("id", "fhir_base_url", "organization"))
    if "previous_subscription_secret" in found and "subscription_secret" not in found:
        raise found["previous_subscription_secret"].wrong(
            "there is no subscription_secret that replaces this one; name the one in use subscription_secret"
        )
    tenant = Tenant(**{key: readers[key](value) for key, value in found.items()})
    signs = tenant.launch and tenant.launch.client_authentication is ClientAuthentication.PRIVATE_KEY_JWT
    if signs and not tenant.auth.keys:
        raise found["launch"].wrong("private_key_jwt signs with the keys of auth, and auth has none")
    return tenant


def _id(entry: Entry) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", entry.text()):
        raise entry.wrong(
            "an id has small letters, digits and hyphens and begins with a letter; it stands in addresses"
        )
    return entry.text()


def _base_url(entry: Entry) -> str:
    address = web_address(entry)
    if urlsplit(address).query:
        raise entry.wrong("a FHIR base URL has no query: https://host/path")
    return address.rstrip("/")


def _reference(entry: Entry, *resource_types: str) -> str:
    if not re.fullmatch(rf"({'|'.join(resource_types)})/[A-Za-z0-9.-]{{1,64}}", entry.text()):
        raise entry.wrong(f"expected a literal reference: {' or '.join(resource_types)}/id")
    return entry.text()


def _census(entry: Entry) -> str:
    if not re.fullmatch(r"(List|Group)/[A-Za-z0-9.-]{1,64}|file:/.+", entry.text()):
        raise entry.wrong("expected List/id, Group/id or file:/PATH with one patient's id on each line")
    return entry.text()


def _time_zone(entry: Entry) -> ZoneInfo:
    try:
        return ZoneInfo(entry.text())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise entry.wrong("expected an IANA time zone: America/New_York") from None


def _language(entry: Entry) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", entry.text()):
        raise entry.wrong("expected a language tag (BCP 47): en or es-MX")
    return entry.text()


def _order_codes(entry: Entry) -> frozenset[str]:
    codes = entry.texts()
    if not codes or not all(re.fullmatch(r"[^|\s]+(\|[^|\s]+)?\|[^|\s]+", code) for code in codes):
        raise entry.wrong(f"expected a list of system|code: {PATIENT_DISCHARGE}")
    return frozenset(codes)


def _code(entry: Entry) -> str:
    if not re.fullmatch(r"[^|\s]+(\|[^|\s]+)?\|[^|\s]+", entry.text()):
        raise entry.wrong("expected system|code: http://loinc.org|18776-5")
    return entry.text()


def _encounter_classes(entry: Entry) -> dict[str, str]:
    """What the hospital's own classes mean; "unknown" says that a class tells nothing there."""
    found: dict[str, str] = {}
    for name, meant in entry.fields(()).items():
        code = meant.text()
        if code not in ENCOUNTER_CLASSES and code != _UNKNOWN:
            known = ", ".join(sorted(ENCOUNTER_CLASSES))
            raise meant.wrong(f"expected one of {known} (HL7 v3 ActCode), or {_UNKNOWN}")
        found[name] = "" if code == _UNKNOWN else code
    return found


def _write_policy(entry: Entry) -> WritePolicy:
    return entry.choice(WritePolicy)


def _service_area(entry: Entry) -> ServiceArea:
    found = entry.fields(("postal_codes", "default_postal_code"))
    listed = found.get("postal_codes")
    codes = frozenset(_postal_code(code) for code in listed.items()) if listed else frozenset()
    default = _postal_code(found["default_postal_code"]) if "default_postal_code" in found else ""
    if codes and default and default not in codes:
        raise found["default_postal_code"].wrong("this is not one of the postal_codes; add it there")
    return ServiceArea(postal_codes=codes, default_postal_code=default)


def _postal_code(entry: Entry) -> str:
    if not re.fullmatch(r"[0-9]{5}", entry.text()):
        raise entry.wrong("expected a ZIP code of five digits: 60601")
    return entry.text()


def _attestations(entry: Entry) -> Attestations:
    found = entry.fields(("enforces_security_labels",))
    return Attestations(**{key: value.switch() for key, value in found.items()})


def _canonical(entry: Entry) -> str:
    if not re.fullmatch(r"(https?://|urn:)\S+", entry.text()):
        raise entry.wrong("expected the canonical URL of a SubscriptionTopic that the EHR's /metadata lists")
    return entry.text()


def _quirks(entry: Entry, known: Collection[str] | None) -> frozenset[str]:
    names = entry.texts()
    unknown = [name for name in names if known is not None and name not in known]
    if unknown:
        raise entry.wrong(f"unknown quirk {', '.join(unknown)}; known are {', '.join(sorted(known or ()))}")
    return frozenset(names)


def _content(entry: Entry) -> Path:
    folder = Path(entry.text())
    if not folder.is_dir():
        raise entry.wrong(
            "there is no such folder; name one with the content files that are this hospital's own"
        )
    return folder


def _positive(entry: Entry) -> float:
    if not 0 < entry.number() <= _LARGEST:
        raise entry.wrong(f"expected a number above 0 and at most {_LARGEST}")
    return entry.number()


def _count(entry: Entry) -> int:
    if entry.number() != int(_positive(entry)):
        raise entry.wrong("expected a whole number")
    return int(entry.number())
