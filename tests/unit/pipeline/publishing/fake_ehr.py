"""An EHR in memory: versions, conditional create, If-Match, and something that happens while a write is under way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from config.tenants import Tenant
from fhir_mappings.bundle import Search, carries
from fhir_mappings.references import references_in
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.client import Ehr, Written
from service.ehr.search import SearchResult, refusal
from service.errors import EhrConflict, EhrError, EhrRefused

Json = dict[str, Any]
_KINDS = ("Goal", "ServiceRequest", "CarePlan", "Task", "Provenance")
_ABLE = frozenset({"read", "search-type", "create", "update"})


@dataclass(slots=True)
class Happening:
    """What happens at the next requests: errors that are raised in their order, and what people do meanwhile."""

    errors: list[EhrError | None] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None


class FakeEhr(Ehr):
    """Takes each write by itself. hidden are references that it does not show for now."""

    def __init__(self) -> None:
        super().__init__(Tenant(id="t", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example"))
        self.held: dict[str, Json] = {}
        self.happening = Happening()
        self.hidden: set[str] = set()
        self.writes: list[str] = []

    def capability(self) -> Capability:
        kinds = {
            kind: ResourceCapability(
                interactions=_ABLE,
                search_parameters=frozenset({"identifier", "target"}),
                conditional_create=True,
                versioning="versioned-update",
            )
            for kind in _KINDS
        }
        return Capability(resources=MappingProxyType(kinds))

    def batch(self, searches: Any) -> list[SearchResult]:
        return [self._look(search) for search in searches]

    def read(self, reference: str) -> Json:
        if reference in self.hidden or reference not in self.held:
            raise EhrRefused("GET: the EHR answered 404.", status=404)
        return self.held[reference]

    def create(self, resource: Json, *, if_none_exist: str = "") -> Written:
        self._happen()
        kind = resource["resourceType"]
        same = [name for name, held in self.held.items() if if_none_exist and _is_same(held, resource)]
        if same:
            return Written(same[0], _etag(self.held[same[0]]))
        reference = f"{kind}/{len(self.held) + 1}"
        self.keep(reference, resource)
        self.writes.append(f"POST {reference}")
        return Written(reference, _etag(self.held[reference]))

    def update(self, resource: Json, *, etag: str = "") -> Written:
        self._happen()
        reference = f"{resource['resourceType']}/{resource['id']}"
        if etag and etag != _etag(self.held[reference]):
            raise EhrConflict("PUT: the EHR answered 412.")
        self.keep(reference, resource)
        self.writes.append(f"PUT {reference}")
        return Written(reference, _etag(self.held[reference]))

    def keep(self, reference: str, resource: Json) -> None:
        """As the EHR stores it: with an id and the next version."""
        version = int(self.held[reference]["meta"]["versionId"]) + 1 if reference in self.held else 1
        meta = {**resource.get("meta", {}), "versionId": str(version)}
        self.held[reference] = {**resource, "id": reference.partition("/")[2], "meta": meta}

    def edit(self, reference: str, **changes: Any) -> None:
        """As a person changes it in the EHR."""
        self.keep(reference, {**self.held[reference], **changes})

    def of(self, kind: str) -> list[Json]:
        """All that it holds of a type."""
        return [held for name, held in self.held.items() if name.startswith(f"{kind}/")]

    def _look(self, search: Search) -> SearchResult:
        if search.id:
            try:
                return SearchResult(search, (self.read(f"{search.resource_type}/{search.id}"),))
            except EhrRefused as error:
                return refusal(search, error)
        [(name, value)] = search.parameters[:1]
        found = [held for held in self.of(search.resource_type) if _matches(held, name, value)]
        return SearchResult(search, tuple(found))

    def _happen(self) -> None:
        meanwhile, self.happening.meanwhile = self.happening.meanwhile, None
        if meanwhile:
            meanwhile()
        error = self.happening.errors.pop(0) if self.happening.errors else None
        if error is not None:
            raise error


def _etag(resource: Json) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _is_same(held: Json, resource: Json) -> bool:
    names = {name["value"] for name in resource.get("identifier", ())}
    return any(carries(held, name) for name in names)


def _matches(held: Json, name: str, value: str) -> bool:
    if name == "target":
        return value in set(references_in(held.get("target")))
    return any(carries(held, token.rpartition("|")[2]) for token in value.split(","))
