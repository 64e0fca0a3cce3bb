"""Hospitals of one FHIR server: who they are, and whether each says which stays are its own."""

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations

from config.tenants import Tenant
from fhir_mappings.servers import may_be_same_server
from service.errors import ConfigurationError


def neighbours_of(tenant: Tenant, tenants: Iterable[Tenant]) -> list[Tenant]:
    """The other tenants that share its FHIR server."""
    return [
        other
        for other in tenants
        if other.id != tenant.id and may_be_same_server(other.fhir_base_url, tenant.fhir_base_url)
    ]


def check_shared_servers(tenants: Mapping[str, Tenant], file: str) -> None:
    """ConfigurationError when two tenants share a server and nothing, or not enough, keeps their stays apart."""
    for first, second in combinations(tenants.values(), 2):
        if may_be_same_server(first.fhir_base_url, second.fhir_base_url):
            _check_apart(first, second, file)


def _check_apart(first: Tenant, second: Tenant, file: str) -> None:
    both = f"{file}: the tenants {first.id} and {second.id} share one FHIR server"
    without = [tenant.id for tenant in (first, second) if tenant.stays is None]
    if without:
        raise ConfigurationError(
            f"{both}, and {_listed(without)} would plan every stay of it. Give each of them stays: the organizations, "
            "locations or order_performers whose stays are its own (docs/tenants.md)."
        )
    if first.stays and second.stays and (common := first.stays.common_with(second.stays)):
        raise ConfigurationError(
            f"{both}, and both name {_listed(common)} under stays, so that those stays would be planned by neither. Let "
            "one of them name it."
        )


def _listed(names: Collection[str]) -> str:
    return " and ".join(sorted(names))
