"""A CDS Hooks call as its specification wants it: every mistake is told in one sentence that says what to send.

null is as good as absent in every member.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from config.ehr_quirks import discharge_triggers
from fhir_mappings.references import is_id
from service.errors import BadInput

ENCOUNTER_DISCHARGE: Final = "encounter-discharge"
ORDER_SIGN: Final = "order-sign"
PATIENT_VIEW: Final = "patient-view"
_USER: Final = re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_AUTHORIZATION: Final = ("access_token", "token_type", "expires_in", "scope", "subject")


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call, checked. encounter is "" where the hook names none; orders are the resources of draftOrders.

    extensions are those with a number or a text, as text. token is the EHR's access token for this call alone: it is never stored,
    logged or shown.
    """

    hook: str
    instance: UUID
    user: str
    patient: str
    encounter: str
    fhir_server: str
    orders: tuple[dict[str, Any], ...]
    prefetch: Mapping[str, Any]
    extensions: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default="", repr=False)

    @property
    def is_discharge(self) -> bool:
        """Whether a patient is being discharged, and no chart merely opened: there the EHR's own trigger says so."""
        said = self.extensions
        return self.hook != PATIENT_VIEW or any(
            said.get(trigger.extension) == trigger.value for trigger in discharge_triggers()
        )


def read_call(body: Any, hook: str) -> HookCall:
    """The call of a service that listens to this hook; BadInput says what to change, without repeating what was sent."""
    if not isinstance(body, dict):
        raise BadInput("Send one JSON object: hook, hookInstance and context.")
    if _text(body, "hook") != hook:
        raise BadInput(f"This service is for the hook {hook}; send it to the service that discovery names.")
    instance = _text(body, "hookInstance")
    if not _UUID.fullmatch(instance):
        raise BadInput("hookInstance must be a UUID.")
    context = _object(body, "context")
    server = _server(body)
    return HookCall(
        hook=hook,
        instance=UUID(instance),
        user=_user(context),
        patient=f"Patient/{_id(context, 'patientId')}",
        encounter=_encounter(context, required=hook == ENCOUNTER_DISCHARGE),
        fhir_server=server,
        orders=_orders(context) if hook == ORDER_SIGN else (),
        prefetch={} if body.get("prefetch") is None else _object(body, "prefetch"),
        extensions=_extensions(body) | _extensions(context),
        token="" if body.get("fhirAuthorization") is None else _token(body, server),
    )


def _text(body: Mapping[str, Any], name: str, place: str = "") -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{place}{name} is required and must be text.")
    return value


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise BadInput(f"{name} must be a JSON object.")
    return value


def _user(context: Mapping[str, Any]) -> str:
    user = _text(context, "userId", "context.")
    if not _USER.fullmatch(user):
        raise BadInput("context.userId must be like Practitioner/123 or PractitionerRole/123.")
    return user


def _id(context: Mapping[str, Any], name: str) -> str:
    value = _text(context, name, "context.")
    if not is_id(value):
        raise BadInput(
            f"context.{name} must be a bare FHIR id: letters, digits, hyphens and dots, at most 64."
        )
    return value


def _encounter(context: Mapping[str, Any], *, required: bool) -> str:
    if not required and context.get("encounterId") is None:
        return ""
    return f"Encounter/{_id(context, 'encounterId')}"


def _extensions(holder: Mapping[str, Any]) -> dict[str, str]:
    """The simple values among the extensions, as text: some senders write a number as text. What else there is concerns others."""
    given = holder.get("extension")
    named = given.items() if isinstance(given, dict) else ()
    return {
        name: str(value).strip()
        for name, value in named
        if isinstance(value, int | str) and not isinstance(value, bool)
    }


def _orders(context: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    bundle = context.get("draftOrders")
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise BadInput("context.draftOrders is required and must be a Bundle.")
    entries = [] if bundle.get("entry") is None else bundle["entry"]
    if not isinstance(entries, list) or not all(_is_order(entry) for entry in entries):
        raise BadInput("context.draftOrders.entry must be a list of objects, each with its resource.")
    return tuple(entry["resource"] for entry in entries)


def _is_order(entry: Any) -> bool:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)


def _server(body: Mapping[str, Any]) -> str:
    if body.get("fhirServer") is None:
        return ""
    server = _text(body, "fhirServer")
    try:
        parts = urlsplit(server)
        known = (
            parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.fragment
        )
    except ValueError:
        known = False
    if not known:
        raise BadInput("fhirServer must be the FHIR base URL of the EHR: https://host/path.")
    return server


def _token(body: Mapping[str, Any], server: str) -> str:
    """The access token of a whole fhirAuthorization, as the specification wants it."""
    if not server:
        raise BadInput("fhirServer is required where fhirAuthorization is sent.")
    lent = _object(body, "fhirAuthorization")
    missing = [name for name in _AUTHORIZATION if lent.get(name) in (None, "")]
    if missing:
        raise BadInput(f"fhirAuthorization lacks {', '.join(missing)}.")
    token = lent["access_token"]
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadInput("fhirAuthorization.access_token must be text without white space.")
    if lent["token_type"] != "Bearer":  # noqa: S105  the kind of token, not one
        raise BadInput("fhirAuthorization.token_type must be Bearer.")
    if type(lent["expires_in"]) is not int or lent["expires_in"] < 1:
        raise BadInput("fhirAuthorization.expires_in must be a whole number of seconds, 1 or more.")
    if not isinstance(lent["scope"], str) or not isinstance(lent["subject"], str):
        raise BadInput("fhirAuthorization.scope and fhirAuthorization.subject must be text.")
    return token
