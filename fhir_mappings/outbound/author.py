"""Who writes: Homeward is a Device that acts for the hospital; and the others whom its resources name.

Nothing is contained in what we write. A contained resource may not stay when the one element that names it is replaced
(dom-3), so whoever signed an order with a contained author got a 422. Earlier releases contained both kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings.outbound.elements import Json
from fhir_mappings.outbound.references import Names
from fhir_mappings.own_marks import own_identifier
from fhir_mappings.references import references_in
from service.domain.community_service import CommunityService

#: The ids of what earlier releases contained: the author, and the organization that a person chose.
CONTAINED: Final = frozenset({"author", "performer"})
#: A plan made from a file is for a hospital that nobody named; US Core wants one all the same.
_UNNAMED: Final = "The hospital of this record"
_DEVICE: Final = "author"


@dataclass(frozen=True, slots=True)
class Author:
    """The device as people read it, the hospital it acts for, and what of both stands in the EHR; "" for what is not known.

    tenant is the hospital's id. partners are the Organizations in the EHR of community services that people chose, by the
    service's id. social_work_reference is the hospital's social workers in its EHR, page the address where one decides about
    this discharge's plan.
    """

    device_name: str
    organization: str
    organization_reference: str = ""
    tenant: str = ""
    device_reference: str = ""
    partners: Mapping[str, str] = field(default_factory=dict)
    social_work_reference: str = ""
    page: str = ""

    def device(self) -> Json:
        """Refer to the Device: where it stands in the EHR, else by the identifier that it would have there."""
        known = {"reference": self.device_reference} if self.device_reference else {}
        named = {"identifier": own_identifier(device_identifier(self.tenant))} if self.tenant else {}
        return {**(known or named), "type": "Device", "display": self.device_name}

    def writer(self) -> Json:
        """Refer to who wrote: our Device where the EHR has it, else the hospital it acts for, else the Device by identifier."""
        if self.organization_reference and not self.device_reference:
            return self.on_behalf_of()
        return self.device()

    def on_behalf_of(self) -> Json:
        """The hospital, by reference where there is one, by name always."""
        return {
            "reference": self.organization_reference,
            "type": "Organization",
            "display": self.organization or _UNNAMED,
        }

    def partner(self, service: CommunityService) -> Json:
        """Refer to the Organization of a community service: where it stands in the EHR, else by its identifier there."""
        known = self.partners.get(service.id, "")
        named = own_identifier(partner_identifier(self.tenant, service.id))
        return {
            **({"reference": known} if known else {"identifier": named}),
            "type": "Organization",
            "display": service.organization or service.name,
        }

    def social_work(self) -> Json:
        """Refer to the hospital's social workers as those who are to do something; {} where nobody named them.

        R4 lets no Group do anything.
        """
        is_group = self.social_work_reference.startswith("Group/")
        return {} if is_group else {"reference": self.social_work_reference}


def device_identifier(tenant: str) -> str:
    """The urn:uuid of the one Device that writes for a hospital."""
    return Names(tenant, "").identifier(_DEVICE)


def partner_identifier(tenant: str, service: str) -> str:
    """The urn:uuid of the one Organization of a community service in a hospital's EHR."""
    return Names(tenant, "").identifier(f"service:{service}")


def without_orphans(resource: Json) -> Json:
    """The resource without what an earlier release contained in it and nothing in it names any more (dom-3)."""
    contained = resource.get("contained")
    if not isinstance(contained, list):
        return resource
    rest = {name: part for name, part in resource.items() if name != "contained"}
    named = set(references_in(rest))
    kept = [part for part in contained if not _is_orphan(part, named)]
    return {**rest, "contained": kept} if kept else rest


def _is_orphan(part: Any, named: set[str]) -> bool:
    identity = part.get("id") if isinstance(part, dict) else None
    return identity in CONTAINED and f"#{identity}" not in named
