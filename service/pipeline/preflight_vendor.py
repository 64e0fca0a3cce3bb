"""Preflight of a product without any server: what it publishes of itself, and what is known besides.

What is read, where each part of a plan lands and what a clinician sees follows from its statement and its rules by the same
code as for a hospital; only what no code decides is told in the sentences of its file.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from config.ehr_quirks import Quirk
from config.tenants import Tenant
from config.vendor_files import Vendor
from service.ehr.capability import Capability, capability_from
from service.ehr.quirks import with_quirks
from service.pipeline.finding import Preflight
from service.pipeline.preflight import Services, of_capability

#: A hospital that has chosen nothing. The address is not used: nothing is asked of a server here.
NO_HOSPITAL: Final = Tenant(id="none", fhir_base_url="http://127.0.0.1/fhir", organization="")


def of_vendor(
    vendor: Vendor,
    quirks: Sequence[Quirk],
    today: date,
    hospital: Tenant = NO_HOSPITAL,
    *,
    services: Services | None = None,
) -> Preflight:
    """All findings about a product, for a hospital with this policy, to which every scope is granted."""
    findings = of_capability(
        capability_of(vendor, quirks, hospital), hospital, today=today, services=services
    )
    return Preflight(vendor.name, tuple(findings), vendor.notes)


def capability_of(vendor: Vendor, quirks: Sequence[Quirk], hospital: Tenant = NO_HOSPITAL) -> Capability:
    """What a product is held capable of at a hospital: its statement, less what its rules say is in vain."""
    stated = capability_from(vendor.statement)
    return with_quirks(stated, quirks, named=vendor.rules, problems=hospital.problems)
