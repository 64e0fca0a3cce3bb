"""What an EHR says it can do: its CapabilityStatement, reduced to what Homeward asks of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from config.ehr_quirks import Preference, Quirk
from fhir_mappings.outbound.subscription import TOPIC_OFFERED
from service.domain.hook_shape import AS_SPECIFIED, HookShape
from service.domain.write_shape import AS_FHIR_HAS_IT, Change, ProblemList, WriteShape
from service.errors import EhrNotFhir

#: Result parameters that a server may take without listing them for any resource type.
_COUNT: Final = "_count"


@dataclass(frozen=True, slots=True)
class ResourceCapability:
    """One resource type: interaction codes ("read", "create", "update" …), search parameter names, _include values.

    operations are their names without $; topics the canonicals of those that can be subscribed to.
    """

    interactions: frozenset[str] = frozenset()
    search_parameters: frozenset[str] = frozenset()
    includes: frozenset[str] = frozenset()
    versioning: str = ""
    conditional_create: bool = False
    operations: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()


_NOTHING: Final = ResourceCapability()


@dataclass(frozen=True, slots=True)
class Capability:
    """A whole server. Types that /metadata does not name can do nothing.

    known_as is every name by which the statement tells whose it is. required_parameters and what follows are what quirks say (quirks.py):
    parameters without which a search of a type is refused, those without which nobody knows whether it is, those that go
    with each search of a type, dates that are taken as closed ranges only (service.ehr.asking), whether modifier
    extensions are taken, whether a batch may write and may search, in which shape a type is taken, how its CDS
    Hooks differ, what to ask for after a write, and the quirks themselves.
    """

    software: str = ""
    fhir_version: str = ""
    batch: bool = False
    transaction: bool = False
    resources: Mapping[str, ResourceCapability] = field(default_factory=lambda: MappingProxyType({}))
    known_as: str = ""
    required_parameters: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    doubtful_without: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    always_with: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    closed_dates: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    modifier_extensions: bool = True
    batch_writes: bool = True
    batch_searches: bool = True
    writes: Mapping[str, WriteShape] = field(default_factory=lambda: MappingProxyType({}))
    hooks: HookShape = AS_SPECIFIED
    prefer: Preference = Preference.MINIMAL
    quirks: tuple[Quirk, ...] = ()
    #: As what the hospital wants open needs where only problems are taken.
    problems: ProblemList = ProblemList.NO

    def of(self, resource_type: str) -> ResourceCapability:
        """What it says of one resource type."""
        return self.resources.get(resource_type, _NOTHING)

    def can(self, resource_type: str, interaction: str) -> bool:
        """Whether a resource type offers an interaction."""
        return interaction in self.of(resource_type).interactions

    def shape(self, resource_type: str) -> WriteShape:
        """The shape in which it takes a resource type; as FHIR has it where no rule says otherwise."""
        return self.writes.get(resource_type, AS_FHIR_HAS_IT)

    def may_be_put(self, resource_type: str) -> bool:
        """Whether what stands there of a type may be changed by us."""
        return self.can(resource_type, "update") and self.shape(resource_type).change is Change.PUT

    def drops_elements(self) -> bool:
        """Whether it is known to leave out elements of what it is sent, without a word."""
        return any(shape.read_back for shape in self.writes.values())

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether a resource type can be searched by a parameter."""
        return (
            self.can(resource_type, "search-type") and parameter in self.of(resource_type).search_parameters
        )

    def adds(self, resource_type: str, target: str) -> bool:
        """Whether a search can bring along what an element of its results refers to, as "medication" does."""
        return bool({"*", f"{resource_type}:{target}"} & self.of(resource_type).includes)

    def offers(self, feature: str) -> bool:
        """Whether it offers "batch", "transaction", "Type.interaction" or "Type?parameter"."""
        if feature in {"batch", "transaction"}:
            return self.batch if feature == "batch" else self.transaction
        kind, mark, parameter = feature.partition("?")
        if mark:
            return self.searches(kind, parameter)
        kind, _, interaction = feature.partition(".")
        return self.can(kind, interaction)

    def left_out(self, resource_type: str, parameters: Collection[str]) -> frozenset[str]:
        """The parameters that a search of a type must have besides these."""
        return self.required_parameters.get(resource_type, frozenset()) - frozenset(parameters)

    def is_doubtful(self, resource_type: str, parameters: Collection[str]) -> bool:
        """Whether only a try shows that a search of a type with these parameters is answered."""
        return bool(self.doubtful_without.get(resource_type, frozenset()) - frozenset(parameters))

    def bundles(self) -> bool:
        """Whether to ask many things in one Bundle: HAPI says transaction for both, and a refusal is no loss."""
        return self.batch_searches and (self.batch or self.transaction)

    def writes_in_batch(self) -> bool:
        """Whether several writes may go in one batch."""
        return self.batch and self.batch_writes

    def pages(self, resource_type: str) -> bool:
        """Whether to ask for large pages: _count is listed here, or nowhere, and then taken for granted."""
        return self.searches(resource_type, _COUNT) or not any(
            _COUNT in resource.search_parameters for resource in self.resources.values()
        )


def capability_from(statement: Mapping[str, Any]) -> Capability:
    """The capabilities in a CapabilityStatement of R4; what it leaves out is not offered. EhrNotFhir for anything else."""
    if statement.get("resourceType") != "CapabilityStatement":
        raise EhrNotFhir("The EHR's /metadata is not a CapabilityStatement.")
    rest = next(
        (part for part in _objects(statement.get("rest")) if part.get("mode", "server") == "server"), {}
    )
    system = _codes(rest.get("interaction"), "code")
    software = statement.get("software")
    return Capability(
        software=str(software.get("name", "")) if isinstance(software, dict) else "",
        fhir_version=str(statement.get("fhirVersion", "")),
        batch="batch" in system,
        transaction="transaction" in system,
        resources=MappingProxyType({str(part["type"]): _resource(part) for part in _typed(rest)}),
        known_as=" / ".join(_names(statement)),
    )


def _names(statement: Mapping[str, Any]) -> Iterator[str]:
    software = statement.get("software")
    candidates = (
        software.get("name") if isinstance(software, dict) else None,
        statement.get("publisher"),
        statement.get("title"),
        statement.get("name"),
    )
    return (name for name in candidates if isinstance(name, str) and name)


def _resource(part: Mapping[str, Any]) -> ResourceCapability:
    return ResourceCapability(
        interactions=_codes(part.get("interaction"), "code"),
        search_parameters=_codes(part.get("searchParam"), "name"),
        includes=_texts(part.get("searchInclude")),
        versioning=str(part.get("versioning", "")),
        conditional_create=part.get("conditionalCreate") is True,
        operations=frozenset(name.lstrip("$") for name in _codes(part.get("operation"), "name")),
        topics=frozenset(
            str(one.get("valueCanonical"))
            for one in _objects(part.get("extension"))
            if one.get("url") == TOPIC_OFFERED
        ),
    )


def _typed(rest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (part for part in _objects(rest.get("resource")) if part.get("type"))


def _codes(value: Any, name: str) -> frozenset[str]:
    return frozenset(str(part[name]) for part in _objects(value) if part.get(name))


def _texts(value: Any) -> frozenset[str]:
    return (
        frozenset(part for part in value if isinstance(part, str)) if isinstance(value, list) else frozenset()
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
