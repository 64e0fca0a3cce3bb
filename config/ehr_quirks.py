"""Reads the rules of `config/vendors`: how servers differ from their own statements, as data. Mistakes name file and line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from config.hook_shapes import read_discharge_trigger, read_hook_shape
from config.marked_yaml import Entry, read_yaml
from config.write_shapes import read_shapes
from service.domain.hook_shape import AS_SPECIFIED, HookShape, HookTrigger
from service.domain.write_shape import WriteShape

SHIPPED: Final = Path(__file__).parent / "vendors"
#: What a vendor's file holds; `config.vendor_files` reads all but the rules.
FILE_KEYS: Final = (
    "id",
    "name",
    "aliases",
    "triggers",
    "reads",
    "sees",
    "nobody",
    "unverified",
    "statement",
    "statement_source",
    "offers",
    "quirks",
)
_ENDS: Final = (("ge", "gt"), ("le", "lt"))
_FEATURE: Final = re.compile(r"batch|transaction|[A-Z][A-Za-z]+(\.[a-z-]+|\?[-_A-Za-z.]+)")


class Preference(StrEnum):
    """What we ask to be answered after a write."""

    MINIMAL = "minimal"
    REPRESENTATION = "representation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTest:
    """One alternative of `when`: all of it must hold. software is in small letters."""

    software: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What follows for a server that has the quirk.

    always_with are parameters, with their values, that go with each search of a type; closed_dates names date parameters
    ("Observation?date") that are taken as a range with two ends and times only, and the prefixes of its ends.
    """

    required_parameters: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    doubtful_without: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    always_with: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    closed_dates: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    not_offered: frozenset[str] = frozenset()
    no_conditional_create: bool = False
    no_modifier_extensions: bool = False
    no_writes_in_batch: bool = False
    no_searches_in_batch: bool = False
    writes: Mapping[str, WriteShape] = field(default_factory=lambda: MappingProxyType({}))
    hooks: HookShape = AS_SPECIFIED
    discharge_trigger: tuple[HookTrigger, ...] = ()
    prefer: Preference = Preference.MINIMAL


@dataclass(frozen=True, slots=True)
class Quirk:
    """One rule; with no tests it holds only where a tenant names it."""

    id: str
    about: str
    source: str
    when: tuple[ServerTest, ...]
    then: Effects


def load_quirks(folder: Path = SHIPPED) -> tuple[Quirk, ...]:
    """Read the rules of all files of a folder, in the order of the files' names; ConfigurationError for the first mistake."""
    quirks: dict[str, Quirk] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_yaml(path, path.name).fields(FILE_KEYS, ("id", "name"))
        for entry in document["quirks"].items() if "quirks" in document else ():
            quirk = _quirk(entry)
            if quirk.id in quirks:
                raise entry.wrong(f"the quirk {quirk.id!r} stands here twice")
            quirks[quirk.id] = quirk
    return tuple(quirks.values())


@cache
def discharge_triggers() -> frozenset[HookTrigger]:
    """By what hook calls say that a patient is being discharged; an extension's name tells by itself whose it is."""
    return frozenset(trigger for quirk in load_quirks() for trigger in quirk.then.discharge_trigger)


def _quirk(entry: Entry) -> Quirk:
    found = entry.fields(("id", "about", "source", "when", "then"), ("id", "about", "source", "then"))
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,59}", found["id"].text()):
        raise found["id"].wrong("an id has small letters, digits and hyphens and begins with a letter")
    return Quirk(
        id=found["id"].text(),
        about=found["about"].text(),
        source=found["source"].text(),
        when=tuple(map(_test, found["when"].items())) if "when" in found else (),
        then=_effects(found["then"]),
    )


def _test(entry: Entry) -> ServerTest:
    found = entry.fields(("software", "offers", "lacks"))
    if not found:
        raise entry.wrong("this would hold for every server; say which: software, offers or lacks")
    return ServerTest(
        software=frozenset(name.casefold() for name in found["software"].texts())
        if "software" in found
        else frozenset(),
        offers=_features(found["offers"]) if "offers" in found else frozenset(),
        lacks=_features(found["lacks"]) if "lacks" in found else frozenset(),
    )


def _effects(entry: Entry) -> Effects:
    readers: dict[str, Callable[[Entry], Any]] = {
        "required_parameters": _required,
        "doubtful_without": _required,
        "always_with": _always_with,
        "closed_dates": _closed_dates,
        "not_offered": _features,
        "no_conditional_create": Entry.switch,
        "no_modifier_extensions": Entry.switch,
        "no_writes_in_batch": Entry.switch,
        "no_searches_in_batch": Entry.switch,
        "writes": read_shapes,
        "hooks": read_hook_shape,
        "discharge_trigger": read_discharge_trigger,
        "prefer": lambda given: given.choice(Preference),
    }
    found = entry.fields(tuple(readers))
    if not found:
        raise entry.wrong(f"nothing follows from this rule; say what: {', '.join(readers)}")
    return Effects(**{key: readers[key](value) for key, value in found.items()})


def _features(entry: Entry) -> frozenset[str]:
    for feature in entry.texts():
        if not _FEATURE.fullmatch(feature):
            raise entry.wrong(f"{feature!r} is not batch, transaction, Type.interaction or Type?parameter")
    return frozenset(entry.texts())


def _required(entry: Entry) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({kind: frozenset(names.texts()) for kind, names in entry.fields(()).items()})


def _always_with(entry: Entry) -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType(
        {
            kind: MappingProxyType({name: value.text() for name, value in parameters.fields(()).items()})
            for kind, parameters in entry.fields(()).items()
        }
    )


def _closed_dates(entry: Entry) -> Mapping[str, tuple[str, str]]:
    return MappingProxyType({_date_of(name, ends): _ends(ends) for name, ends in entry.fields(()).items()})


def _date_of(name: str, entry: Entry) -> str:
    if "?" not in name or not _FEATURE.fullmatch(name):
        raise entry.wrong(f"{name!r} is not Type?parameter")
    return name


def _ends(entry: Entry) -> tuple[str, str]:
    prefixes = entry.texts()
    if len(prefixes) != len(_ENDS) or any(
        prefix not in known for prefix, known in zip(prefixes, _ENDS, strict=True)
    ):
        raise entry.wrong("the ends of a range are two prefixes: ge or gt, and le or lt")
    lower, upper = prefixes
    return lower, upper
