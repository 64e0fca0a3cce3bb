"""The resources that all discharges of a hospital share: the Device that writes, and chosen community services.

Each is made once and stands by itself, so that its identifier depends on the hospital and on no stay.
"""

from typing import Final

from fhir_mappings.outbound.author import Author, device_identifier, partner_identifier
from fhir_mappings.outbound.elements import Json, tidy
from fhir_mappings.outbound.references import Names
from fhir_mappings.outbound.validate import validate
from fhir_mappings.own_marks import own_identifier, with_tag
from service.domain.community_service import CommunityService
from service.domain.publication import Draft

_SOFTWARE: Final = "Discharge planning software"
_PARTNER: Final = "Community service"


def device_draft(author: Author) -> Draft:
    """The Device that writes for the author's hospital."""
    body = {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": author.device_name, "type": "user-friendly-name"}],
        "type": {"text": _SOFTWARE},
        "owner": author.on_behalf_of(),
    }
    return _draft("author", body, device_identifier(author.tenant), author.tenant)


def partner_draft(service: CommunityService, tenant: str) -> Draft:
    """The Organization of a community service that a person of this hospital has chosen."""
    address = {
        "text": address_of(service),
        "line": [service.address],
        "city": service.city,
        "state": service.state,
        "postalCode": service.postal_code,
    }
    body = {
        "resourceType": "Organization",
        "active": True,
        "type": [{"text": _PARTNER}],
        "name": service.organization or service.name,
        "alias": [service.name] if service.organization not in {"", service.name} else [],
        "telecom": [{"system": "phone", "value": service.phone}] if service.phone else [],
        "address": [address] if address["text"] else [],
    }
    return _draft(f"service:{service.id}", body, partner_identifier(tenant, service.id), tenant)


def address_of(service: CommunityService) -> str:
    """The address in one line, "" where the directory has none."""
    parts = (service.address, service.city, f"{service.state} {service.postal_code}".strip())
    return ", ".join(part for part in parts if part)


def _draft(key: str, body: Json, identifier: str, tenant: str) -> Draft:
    whole = with_tag(body | {"identifier": [own_identifier(identifier)]})
    return Draft(
        key, body["resourceType"], identifier, Names(tenant, "").full_url(key), validate(tidy(whole))
    )
