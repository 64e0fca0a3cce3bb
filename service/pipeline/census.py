"""Who is in hospital, for an EHR that answers searches only about one patient at a time."""

from pathlib import Path
from typing import Any, Final

from config.census_file import read_census
from config.tenants import Tenant
from fhir_mappings.references import literal
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
    return tuple(dict.fromkeys(filter(None, map(_patient, [*_in_list(listed), *_in_group(listed)]))))


def _in_list(listed: dict[str, Any]) -> list[Any]:
    entries = listed.get("entry", [])
    return [entry.get("item") for entry in entries if not entry.get("deleted")]


def _in_group(group: dict[str, Any]) -> list[Any]:
    members = group.get("member", [])
    return [member.get("entity") for member in members if not member.get("inactive")]


def _patient(item: Any) -> str:
    reference = literal(str(item.get("reference", ""))) if isinstance(item, dict) else ""
    return reference if reference.startswith("Patient/") else ""
