"""Damage to a record: what bugs, migrations and people do to real ones. Each changes a copy of the resources in one place."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any, Final

Json = dict[str, Any]
Resources = list[Json]

#: What may stand where FHIR has something else.
_STRANGERS: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    " ",
    "null",
    "\x00",
    "é" * 3_000,
    "<script>alert(1)</script>",
    "\u202etfel ot thgir",
    [],
    {},
    [None],
    [[]],
    {"coding": [None]},
    {"coding": {"code": []}},
    {"reference": 7},
    {"start": {}, "end": []},
)
_DATES: Final[tuple[Any, ...]] = (
    "0001-01-01",
    "1899-12-30",
    "2026",
    "2026-02",
    "2026-02-30",
    "2026-13-01",
    "9999-12-31",
    "2026-02-26T24:00:00Z",
    "2026-02-26T10:00:60Z",
    "2026-02-26T10:00:00+99:00",
    "26.02.2026",
    "yesterday",
    20260226,
)
_CODES: Final[tuple[tuple[str, Any], ...]] = (
    ("http://snomed.info/sct", "371828006"),
    ("http://snomed.info/sct", 38341003),
    ("http://snomed.info/sct", "9" * 200),
    ("http://hl7.org/fhir/sid/icd-10-cm", "I63.9"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "..."),
    ("http://hl7.org/fhir/sid/icd-9-cm", "428.0"),
    ("http://loinc.org", "88122-7"),
    ("http://loinc.org", "LA28397-0"),
    ("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown"),
    ("urn:oid:1.2.3.4.5", "1"),
    ("", "IMP"),
    ("not a url", ""),
)
_REFERENCES: Final[tuple[Any, ...]] = (
    "Patient/nobody",
    "Patient/",
    "/",
    "#contained",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "https://elsewhere.example.org/fhir/Patient/1",
    "../../etc/passwd",
    "Encounter/1/_history/",
    "x" * 5_000,
    7,
)
_STATES: Final[tuple[Any, ...]] = (
    "",
    "unknown",
    "entered-in-error",
    "cancelled",
    "ACTIVE",
    "finished",
    7,
    None,
)
#: Within what a file may nest, and beyond it.
_DEPTHS: Final = (5, 20, 60)
#: Without the patient and the stay there is nothing to plan: refusing is right, and trying it often teaches nothing.
_NEEDED: Final = frozenset({"Patient"})


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage. name is for people; change works on a copy of the resources."""

    name: str
    change: Callable[[Resources, Random], Resources]

    def __call__(self, resources: Resources, random: Random) -> Resources:
        """The damaged resources, as new objects."""
        return self.change(deepcopy(resources), random)


@dataclass(frozen=True, slots=True)
class _Place:
    """One member of an object or a list."""

    holder: Any
    key: Any

    def put(self, value: Any) -> None:
        """Set the member."""
        self.holder[self.key] = value

    def remove(self) -> None:
        """Take the member away."""
        del self.holder[self.key]


def _places(value: Any) -> Iterator[_Place]:
    keys: Any = (
        list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield _Place(value, key)
        yield from _places(value[key])


def _anywhere(resources: Resources, random: Random) -> _Place:
    """A member of one of the resources, none that only names it."""
    resource = random.choice(resources)
    found = [place for place in _places(resource) if place.key not in {"resourceType", "id"}]
    return random.choice(found)


def _of_members(names: frozenset[str], resources: Resources, random: Random) -> _Place | None:
    """A member with one of these names, None where there is none."""
    found = [place for place in _places(resources) if place.key in names]
    return random.choice(found) if found else None


def _drop_member(resources: Resources, random: Random) -> Resources:
    _anywhere(resources, random).remove()
    return resources


def _drop_resource(resources: Resources, random: Random) -> Resources:
    spare = [
        number for number, resource in enumerate(resources) if resource.get("resourceType") not in _NEEDED
    ]
    del resources[random.choice(spare)]
    return resources


def _double_member(resources: Resources, random: Random) -> Resources:
    place = _anywhere(resources, random)
    value = place.holder[place.key]
    place.put([*value, *deepcopy(value)] if isinstance(value, list) else [value, deepcopy(value)])
    return resources


def _double_resource(resources: Resources, random: Random) -> Resources:
    again = deepcopy(random.choice([one for one in resources if one.get("resourceType") not in _NEEDED]))
    again["id"] = f"{again.get('id')}-again"
    return [*resources, again]


def _replace_member(resources: Resources, random: Random) -> Resources:
    _anywhere(resources, random).put(deepcopy(random.choice(_STRANGERS)))
    return resources


def _recode(resources: Resources, random: Random) -> Resources:
    codings = [
        place.holder for place in _places(resources) if place.key == "code" and "system" in place.holder
    ]
    if codings:
        system, code = random.choice(_CODES)
        random.choice(codings).update({"system": system, "code": code})
    return resources


def _redate(resources: Resources, random: Random) -> Resources:
    def is_date(place: _Place) -> bool:
        value = place.holder[place.key]
        return isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-"

    found = [place for place in _places(resources) if is_date(place)]
    if found:
        random.choice(found).put(random.choice(_DATES))
    return resources


def _refer_elsewhere(resources: Resources, random: Random) -> Resources:
    place = _of_members(frozenset({"reference"}), resources, random)
    if place:
        place.put(random.choice(_REFERENCES))
    return resources


def _restate(resources: Resources, random: Random) -> Resources:
    place = _of_members(
        frozenset({"status", "intent", "clinicalStatus", "verificationStatus"}), resources, random
    )
    if place:
        place.put(random.choice(_STATES))
    return resources


def _nest(resources: Resources, random: Random) -> Resources:
    place = _anywhere(resources, random)
    value = place.holder[place.key]
    for _ in range(random.choice(_DEPTHS)):
        value = {"item": [value], "contained": [], "extension": [{"url": "x"}]}
    place.put(value)
    return resources


def _lengthen(resources: Resources, random: Random) -> Resources:
    place = _anywhere(resources, random)
    value = place.holder[place.key]
    place.put(f"{value} " * 2_000 if isinstance(value, str) else [deepcopy(value)] * 500)
    return resources


DAMAGES: Final = (
    Damage("a member dropped", _drop_member),
    Damage("a resource dropped", _drop_resource),
    Damage("a member doubled", _double_member),
    Damage("a resource doubled", _double_resource),
    Damage("a member replaced", _replace_member),
    Damage("a coding replaced", _recode),
    Damage("a date replaced", _redate),
    Damage("a reference replaced", _refer_elsewhere),
    Damage("a state replaced", _restate),
    Damage("a member nested deeply", _nest),
    Damage("a member made long", _lengthen),
)
