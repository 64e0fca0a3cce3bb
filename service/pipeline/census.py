"""Who is in hospital, for an EHR that answers searches only about one patient at a time."""

from pathlib import Path
from typing import Any, Final

from config.census_file import read_census
from config.tenants import Tenant
from fhir_mappings.inbound.elements import items
from fhir_mappings.servers import reference_at
from service.ehr.client import Ehr

_FILE: Final = "file:"


def census(ehr: Ehr, tenant: Tenant) -> tuple[str, ...]:
    """The patients ("Patient/7") on the tenant's list, read anew each time; () where it has none.

    Raises EhrError when the EHR does not give the list, ConfigurationError for a wrong file.
    """
    if not tenant.census_list:
        return ()
    if tenant.census_list.startswith(_FILE):
        return read_census(Path(tenant.census_list.removeprefix(_FILE)))
    listed = ehr.read(tenant.census_list)
    members = [*_in_list(listed), *_in_group(listed)]
    return tuple(dict.fromkeys(filter(None, (_patient(item, tenant.fhir_base_url) for item in members))))


def _in_list(listed: dict[str, Any]) -> list[Any]:
    return [entry.get("item") for entry in items(listed.get("entry")) if not entry.get("deleted")]


def _in_group(group: dict[str, Any]) -> list[Any]:
    return [member.get("entity") for member in items(group.get("member")) if not member.get("inactive")]


def _patient(item: Any, base: str) -> str:
    reference = reference_at(str(item.get("reference", "")), base) if isinstance(item, dict) else ""
    return reference if reference.startswith("Patient/") else ""
