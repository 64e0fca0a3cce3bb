"""Encounter.class → v3 ActCode: the one place that tells a hospital stay from a visit.

HL7 v3 ActCode, HL7 v2 table 0004, the codes of DSTU2 and STU3, R5's list of concepts, a concept whose local code stands
first, and words in any of them: the first coding that is understood decides. A hospital's own table
(`encounter_classes` in docs/tenants.md) comes before all of that, and may also go by type or place.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from config.conventions import ENCOUNTER_CLASSES, USUAL, Conventions
from fhir_mappings.inbound.elements import Json, first, items, text
from service.domain.record import INPATIENT_CLASSES

#: HL7 v2 table 0004, patient class. B (obstetrics) and C (commercial account) may be either, N and U say nothing.
_V2: Final = {"I": "IMP", "O": "AMB", "E": "EMER", "P": "PRENC", "R": "AMB"}
_V2_SYSTEMS: Final = re.compile(
    r"v2-0004$|/v2/0004$|2\.16\.840\.1\.113883\.(?:12\.4|18\.5)$|^hl70*004$|table.?0004", re.IGNORECASE
)
#: v3 NullFlavor, and what else a code for "not known" is called.
_NOTHING: Final = frozenset(
    {
        "UNK",
        "NI",
        "NASK",
        "ASKU",
        "NAV",
        "NA",
        "OTH",
        "UNC",
        "NULL",
        "UNKNOWN",
        "N/A",
        "NOT AVAILABLE",
        "NONE",
    }
)
#: Short forms that stand as a code or alone as a display.
_SHORT: Final = {
    **dict.fromkeys(("ip", "inp", "inpt", "inpat"), "IMP"),
    **dict.fromkeys(("op", "outp", "outpt"), "AMB"),
    **dict.fromkeys(("ed", "er", "emerg"), "EMER"),
    "obs": "OBSENC",
    # Epic's encounters of the hospital; who words a class so means a stay.
    "hospital encounter": "IMP",
}
_SPACE: Final = re.compile(r"\s")
_DIVIDES: Final = re.compile(r"[\\,$]")
#: SNOMED CT's types of encounter by which value sets of quality measures name a stay.
_SNOMED: Final = {
    "32485007": "IMP",  # Hospital admission
    "183452005": "IMP",  # Emergency hospital admission
    "8715000": "IMP",  # Hospital admission, elective
    "448951000124107": "OBSENC",  # Admission to observation unit
}
_SNOMED_SYSTEM: Final = "snomed.info/sct"
_TOKENS: Final = re.compile(r"[^\W\d_]+")
#: Words that name a class, the first that stands there decides; with those beside it that leave its meaning as it is.
_NAMES: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("PRENC", frozenset({"preadmission", "preadmit", "vorstationär", "vorstationaer"})),
    ("OBSENC", frozenset({"observation"})),
    (
        "IMP",
        frozenset(
            [
                "inpatient",
                "inpatients",
                "vollstationär",
                "vollstationaer",
                "stationär",
                "stationaer",
                "normalstationär",
                "normalstationaer",
                "intensivstationär",
                "intensivstationaer",
                "hospitalization",
                "hospitalisation",
                "hospitalización",
                "internación",
                "hospitalizado",
                "hospitalizada",
            ]
        ),
    ),
    (
        "AMB",
        frozenset(
            ["outpatient", "outpatients", "ambulatory", "ambulant", "ambulante", "ambulatorio", "ambulatoria"]
        ),
    ),
    ("AMB", frozenset({"teilstationär", "teilstationaer", "tagesklinik", "nachstationär", "nachstationaer"})),
    ("EMER", frozenset(["emergency", "urgencias", "urgences", "emergencia", "notfall"])),
    ("VR", frozenset(["telehealth", "telemedicine", "virtual"])),
)
_BESIDE: Final = frozenset(
    [
        "a",
        "acute",
        "adult",
        "and",
        "behandlung",
        "care",
        "child",
        "class",
        "critical",
        "department",
        "dept",
        "elective",
        "emergency",
        "encounter",
        "hospital",
        "hospitalization",
        "icu",
        "in",
        "intensive",
        "maternity",
        "medical",
        "medicine",
        "mental",
        "newborn",
        "nicu",
        "non",
        "obstetric",
        "obstetrics",
        "of",
        "patient",
        "pediatric",
        "psychiatric",
        "psychiatry",
        "rehab",
        "rehabilitation",
        "room",
        "service",
        "status",
        "stay",
        "surgery",
        "surgical",
        "to",
        "type",
        "unit",
        "urgent",
        "visit",
        "with",
    ]
)
#: Whole phrases, where the words alone would not tell.
_PHRASES: Final = {
    "short stay": "SS",
    "short stay encounter": "SS",
    "surgery admit": "IMP",
    "surgical admission": "IMP",
    "hospital admission": "IMP",
    "admitted inpatient": "IMP",
    "admit to inpatient": "IMP",
    "newborn": "IMP",
    "office visit": "AMB",
    "day surgery": "AMB",
    "same day surgery": "AMB",
    "ambulatory surgery": "AMB",
    "hospital outpatient surgery": "AMB",
    "outpatient in a bed": "AMB",
    "recurring": "AMB",
    "recurring patient": "AMB",
    "home health": "HH",
    "field": "FLD",
    "pre admission": "PRENC",
    "pre admit": "PRENC",
    "preadmit": "PRENC",
}


class _Said(NamedTuple):
    """One coding of a class or type, or words without any."""

    system: str
    code: str
    words: str


def is_stay(resource: Mapping[str, Any], conventions: Conventions = USUAL) -> bool:
    """Whether an Encounter is a hospital stay, so has a discharge to plan."""
    return class_code(resource, conventions) in INPATIENT_CLASSES


def class_code(resource: Mapping[str, Any], conventions: Conventions = USUAL) -> str:
    """The v3 ActCode of an Encounter; the code as it was sent where nobody can understand it; "" where there is none."""
    said = list(_said(resource.get("class")))
    if conventions.encounter_classes:
        own = _own_class(resource, said, conventions.encounter_classes)
        if own:
            return own
        said = [naming for naming in said if _row(naming, conventions.encounter_classes) is None]
    known = _understood(said) or _understood(list(_said(resource.get("type"))), only_stays=True)
    return known or next(
        (naming.code.upper() or naming.words for naming in said if not _says_nothing(naming)), ""
    )


def searched_classes(table: Mapping[str, str]) -> str:
    """The value of a search for stays by class: those of HL7, and the hospital's own that its table says are stays.

    A row of words is no code, so nothing can be searched by it.
    """
    own = (name for name, meant in table.items() if meant in INPATIENT_CLASSES and not _SPACE.search(name))
    tokens = INPATIENT_CLASSES | {_escape(name) for name in own}
    return ",".join(sorted(tokens))


def _escape(token: str) -> str:
    """A token as a search writes it: "," and "$" would divide it."""
    return _DIVIDES.sub(r"\\\g<0>", token)


def is_garbled(resource: Mapping[str, Any]) -> bool:
    """Whether a class is there that says nothing and gives no reason for it."""
    given = resource.get("class")
    parts = given if isinstance(given, list) else [given]
    is_told = any(naming.code or naming.words for naming in _said(given))
    return (
        bool(given)
        and not is_told
        and not any(isinstance(part, dict) and "extension" in part for part in parts)
    )


def _own_class(resource: Mapping[str, Any], said: list[_Said], table: Mapping[str, str]) -> str:
    """What the hospital's own table makes of class, then type, then place; "" where no row decides."""
    places = [_Said("", "", _place(entry)) for entry in items(resource.get("location"))]
    for naming in (*said, *_said(resource.get("type")), *places):
        if found := _row(naming, table):
            return found
    return ""


def _row(one: _Said, table: Mapping[str, str]) -> str | None:
    """A row of the hospital's table: "" says that this class tells nothing there; None where there is no row."""
    for key in (f"{one.system}|{one.code}", one.code, one.words):
        if key and (found := table.get(key.casefold())) is not None:
            return found
    return None


def _place(entry: Json) -> str:
    location = first(entry.get("location"))
    return text(location.get("display")) or text(location.get("reference"))


def _understood(said: list[_Said], *, only_stays: bool = False) -> str:
    """The first coding that is known by its code, else the first known by its words."""
    by_code = (
        _by_code(naming.system, naming.code)
        for naming in said
        if len(naming.code) + len(naming.system) <= _LONGEST
    )
    by_words = (_by_words(naming.words) for naming in said if len(naming.words) <= _LONGEST)
    for found in (*by_code, *by_words):
        if found and (found in INPATIENT_CLASSES or not only_stays):
            return found
    return ""


#: What is longer is no class.
_LONGEST: Final = 200


def _says_nothing(one: _Said) -> bool:
    return (one.code or one.words).upper() in _NOTHING


def _said(value: object) -> Iterator[_Said]:
    """All that a class says: as Coding (R4), CodeableConcepts (R5), one concept, code or word, or a list of any."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str) and part.strip():
            yield _Said("", part.strip(), part.strip())
        elif isinstance(part, dict):
            concept = first(part.get("concept")) or part
            codings = items(concept["coding"]) if "coding" in concept else [concept]
            for coding in codings:
                shown = text(coding.get("display"))
                yield _Said(text(coding.get("system")), text(coding.get("code")), shown)
            if words := text(concept.get("text")):
                yield _Said("", "", words)


@lru_cache(maxsize=1024)
def _by_code(system: str, code: str) -> str:
    bare = code.upper()
    if _V2_SYSTEMS.search(system):
        return _V2.get(bare, "")
    if _SNOMED_SYSTEM in system:
        return _SNOMED.get(code, "")
    if bare in ENCOUNTER_CLASSES:
        return bare
    if not system and bare in _V2:
        return _V2[bare]
    return _by_words(code) if len(code) > 1 else ""


@lru_cache(maxsize=1024)
def _by_words(words: str) -> str:
    """What words say: a name of a class, alone or beside words that leave it as it is ("Inpatient consult" is none)."""
    tokens = _TOKENS.findall(words.casefold())
    phrase = " ".join(tokens).replace("in patient", "inpatient").replace("out patient", "outpatient")
    if known := _SHORT.get(phrase) or _PHRASES.get(phrase):
        return known
    tokens = phrase.split()
    names = {token: act for act, named in _NAMES for token in tokens if token in named}
    if any(token not in names and token not in _BESIDE for token in tokens):
        return ""
    found = next((act for act, named in _NAMES if not named.isdisjoint(tokens)), "")
    return _narrowed(found, tokens) if found == "IMP" else found


def _narrowed(act: str, tokens: list[str]) -> str:
    """Acute and non-acute inpatients have codes of their own; "non inpatient" is not one."""
    if "non" in tokens:
        return "NONAC" if tokens[tokens.index("non") + 1 :][:1] == ["acute"] else ""
    return "ACUTE" if "acute" in tokens else act
