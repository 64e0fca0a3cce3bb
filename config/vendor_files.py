"""Reads `config/vendors`: what is publicly known of EHR products, one file each, so that a question needs no server.

What a product does otherwise than its statement says are rules, which `config.ehr_quirks` reads from the same files.
Mistakes name file and line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from config.ehr_quirks import FILE_KEYS, SHIPPED
from config.marked_yaml import Entry, read_yaml
from config.vendor_offers import Offers, read_offers
from config.vendor_statements import read_vendor_statement
from service.errors import BadInput

#: The file of no product: what its `offers` lists is what FHIR R4 has, for others to build on.
_GENERAL: Final = "general.yaml"
_NEAR: Final = 0.6  # of difflib's likeness, 0 to 1: its own default


class Topic(StrEnum):
    """What sentences of a product's file are about; the values are their keys."""

    TRIGGERS = "triggers"  # what starts a plan there
    READS = "reads"  # what is read, and what of it surprises
    SEES = "sees"  # what a clinician there will see
    NOBODY = "nobody"  # what nobody can do
    UNVERIFIED = "unverified"  # what is said by one post, one private test or one sample only


@dataclass(frozen=True, slots=True)
class VendorNote:
    """One sentence about a product, and the public source that it follows from.

    types are the resource types of a plan that a sentence on what is seen speaks of; none for other topics.
    """

    topic: Topic
    said: str
    source: str
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vendor:
    """One product: its names, what it says of itself, what is known besides, and the ids of its rules.

    statement is its CapabilityStatement, reduced to what Homeward uses; statement_source where that was published.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    statement: Mapping[str, Any]
    statement_source: str
    notes: tuple[VendorNote, ...]
    rules: frozenset[str]


def load_vendors(folder: Path = SHIPPED) -> Mapping[str, Vendor]:
    """Read the products of a folder by id, in the order of their files' names; ConfigurationError for the first mistake."""
    general = _read(folder / _GENERAL)
    base = read_offers(general["offers"], Offers()) if "offers" in general else Offers()
    vendors: dict[str, Vendor] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name != _GENERAL:
            vendor = _vendor(_read(path), base)
            vendors[vendor.id] = vendor
    _refuse_shared_names(folder, vendors)
    return MappingProxyType(vendors)


def find_vendor(vendors: Mapping[str, Vendor], asked: str) -> Vendor:
    """The product of an id, name or alias, however it is spelled; BadInput with the known ones and the nearest."""
    spelled = {_plain(name): vendor for vendor in vendors.values() for name in _names(vendor)}
    found = spelled.get(_plain(asked))
    if found is not None:
        return found
    near = get_close_matches(_plain(asked), spelled, n=1, cutoff=_NEAR)
    hint = f" Did you mean {spelled[near[0]].id}?" if near else ""
    raise BadInput(f"No EHR product of this name is known.{hint} Known are {', '.join(vendors)}.")


def _names(vendor: Vendor) -> Iterator[str]:
    yield from (vendor.id, vendor.name, *vendor.aliases)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _refuse_shared_names(folder: Path, vendors: Mapping[str, Vendor]) -> None:
    owners: dict[str, str] = {}
    for vendor in vendors.values():
        for name in map(_plain, _names(vendor)):
            if owners.setdefault(name, vendor.id) != vendor.id:
                entry = read_yaml(folder / f"{vendor.id}.yaml", f"{vendor.id}.yaml")
                raise entry.wrong(f"the name {name!r} is {owners[name]}'s already")


def _read(path: Path) -> dict[str, Entry]:
    entry = read_yaml(path, path.name)
    found = entry.fields(FILE_KEYS, ("id", "name"))
    if f"{found['id'].text()}.yaml" != path.name:
        raise found["id"].wrong(f"the file of {found['id'].text()!r} must be {found['id'].text()}.yaml")
    return found


def _vendor(found: Mapping[str, Entry], base: Offers) -> Vendor:
    for key in ("statement_source", *Topic):
        if key not in found:
            raise found["id"].wrong(f"{key} is missing")
    return Vendor(
        id=found["id"].text(),
        name=found["name"].text(),
        aliases=found["aliases"].texts() if "aliases" in found else (),
        statement=_statement(found, base),
        statement_source=found["statement_source"].text(),
        notes=tuple(note for topic in Topic for note in _notes(topic, found[topic])),
        rules=frozenset(_rules(found)),
    )


def _statement(found: Mapping[str, Entry], base: Offers) -> Mapping[str, Any]:
    if ("statement" in found) == ("offers" in found):
        raise found["id"].wrong("name either a statement that is kept, or what it offers")
    if "offers" in found:
        return read_offers(found["offers"], base).statement()
    try:
        return read_vendor_statement(found["statement"].text())
    except OSError:
        raise found["statement"].wrong("no statement of this name is kept") from None


def _notes(topic: Topic, entry: Entry) -> Iterator[VendorNote]:
    for member in entry.items():
        keys = ("said", "source", "of") if topic is Topic.SEES else ("said", "source")
        part = member.fields(keys, keys)
        if not part["said"].text().endswith("."):
            raise part["said"].wrong("expected a sentence")
        types = frozenset(part["of"].texts()) - {"none"} if "of" in part else frozenset()
        yield VendorNote(topic, part["said"].text(), part["source"].text(), types)


def _rules(found: Mapping[str, Entry]) -> Iterator[str]:
    """The rules that tell how the product is; one without `when` is for the hospitals that name it."""
    for rule in found["quirks"].items() if "quirks" in found else ():
        parts = rule.fields(())
        if "when" in parts:
            yield parts["id"].text()
