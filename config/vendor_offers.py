"""What a product's server offers, written short in its file, as the CapabilityStatement that it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from config.marked_yaml import Entry

_FHIR: Final = "4.0.1"
_BUNDLES: Final = frozenset({"batch", "transaction"})
_DOES: Final = frozenset({"create", "read", "update", "patch", "delete", "search-type"})


@dataclass(frozen=True, slots=True)
class TypeOffer:
    """One resource type: interactions, search parameters, and elements whose targets a search brings along."""

    does: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offers:
    """A whole server. versioning, conditional creates and operations are the same for every type of it."""

    software: str = ""
    publisher: str = ""
    bundles: tuple[str, ...] = ()
    versioning: str = ""
    conditional_create: bool = False
    operations: tuple[str, ...] = ()
    types: Mapping[str, TypeOffer] = field(default_factory=lambda: MappingProxyType({}))

    def statement(self) -> dict[str, Any]:
        """The CapabilityStatement that says this, and nothing else."""
        names = {"name": self.software} if self.software else None
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": _FHIR,
            **({"software": names} if names else {}),
            **({"publisher": self.publisher} if self.publisher else {}),
            "rest": [
                {
                    "mode": "server",
                    "interaction": [{"code": code} for code in self.bundles],
                    "resource": [self._resource(kind, offer) for kind, offer in self.types.items()],
                }
            ],
        }

    def _resource(self, kind: str, offer: TypeOffer) -> dict[str, Any]:
        return {
            "type": kind,
            "interaction": [{"code": code} for code in offer.does],
            "searchParam": [{"name": name} for name in offer.by],
            "searchInclude": [f"{kind}:{target}" for target in offer.brings],
            "versioning": self.versioning,
            "conditionalCreate": self.conditional_create and "create" in offer.does,
            "operation": [{"name": name} for name in self.operations],
        }


def read_offers(entry: Entry, base: Offers) -> Offers:
    """What a file says it offers; with `like: general` all that base has, less and more of what is said here."""
    found = entry.fields(
        (
            "like",
            "software",
            "publisher",
            "bundles",
            "versioning",
            "conditional_create",
            "operations",
            "types",
            "without",
        )
    )
    offers = base if "like" in found and _is_general(found["like"]) else Offers()
    types = {**offers.types, **_types(found)}
    for kind in found["without"].texts() if "without" in found else ():
        if kind not in types:
            raise found["without"].wrong(f"{kind} is not among its types")
        del types[kind]
    return replace(
        offers,
        software=found["software"].text() if "software" in found else "",
        publisher=found["publisher"].text() if "publisher" in found else "",
        bundles=_listed(found, "bundles", offers.bundles, _BUNDLES),
        versioning=found["versioning"].text() if "versioning" in found else offers.versioning,
        conditional_create=(
            found["conditional_create"].switch()
            if "conditional_create" in found
            else offers.conditional_create
        ),
        operations=_listed(found, "operations", offers.operations),
        types=MappingProxyType(types),
    )


def _is_general(entry: Entry) -> bool:
    if entry.text() != "general":
        raise entry.wrong("only general can be built upon")
    return True


def _types(found: Mapping[str, Entry]) -> dict[str, TypeOffer]:
    if "types" not in found:
        return {}
    return {kind: _type(entry) for kind, entry in found["types"].fields(()).items()}


def _type(entry: Entry) -> TypeOffer:
    parts = entry.fields(("does", "by", "brings"), ("does",))
    return TypeOffer(
        does=_listed(parts, "does", (), _DOES),
        by=_listed(parts, "by", ()),
        brings=_listed(parts, "brings", ()),
    )


def _listed(
    found: Mapping[str, Entry], key: str, otherwise: tuple[str, ...], known: frozenset[str] | None = None
) -> tuple[str, ...]:
    """The texts of a list; "none" for an empty one."""
    if key not in found:
        return otherwise
    texts = tuple(text for text in found[key].texts() if text != "none")
    if known is not None and not set(texts) <= known:
        raise found[key].wrong(f"known are {', '.join(sorted(known))}")
    return texts
