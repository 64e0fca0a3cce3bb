"""What an order in the EHR asks for, by its codes and by its words: the rows of `config/terminology/order_*.csv`.

Orders are named by each hospital as it likes: "AMB REFERRAL TO HOME HEALTH", "DME Walker, rolling", "HH PT eval and treat".
A row names a kind of service by words that must all stand in the order's name; of two rows of which one explains more of
the same words only that one counts ("home health aide" beside "home health"). Words such as "declined" void the order.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from service.domain.codes import Code

#: Words of an order, as `words_of_order` divides them.
Words = tuple[str, ...]

#: Longer than any order's name; what is longer is a note.
_LONGEST: Final = 400
_SHORTEST_PLURAL: Final = 4
_WORD: Final = re.compile(r"[^\W_]+|[|]")
_APOSTROPHE: Final = re.compile(r"['\u2019`\u00b4]")
#: "Pt" is the patient where it does something, physical therapy otherwise.
_PATIENT: Final = re.compile(
    r"\bpt(?=(?:'s)? (?:declin|refus|request|stat|need|wish|want|prefer|unable|agree|is|was|has|had|does|will|may|can|lives)\w*\b)"
)
_OXYGEN: Final = re.compile(r"\bo[ -]?2\b")
_SHORT_FORMS: Final = (
    (re.compile(r"\bw/c\b"), "wheelchair"),
    (re.compile(r"\bd/c\b"), "discharge"),
    (re.compile(r"\bf/u\b"), "follow up"),
    (re.compile(r"\bt\.?v\.?\b"), "television"),
)
#: Names of orders that say no more than that something is ordered.
_GENERAL: Final = frozenset(
    {"|", "referral", "consult", "consultation", "order", "request", "service", "ambulatory", "external"}
    | {"internal", "outpatient", "discharge", "post", "acute", "to", "for", "care", "patient"}
)
#: Short forms as they stand in names of orders, and words that are written together.
_IN_FULL: Final[Mapping[str, Words]] = {
    "hh": ("home", "health"),
    "hha": ("home", "health", "aide"),
    "hhc": ("home", "health"),
    "hhn": ("home", "health", "nurse"),
    "hhrn": ("home", "health", "nurse"),
    "hhpt": ("home", "health", "physical", "therapy"),
    "hhot": ("home", "health", "occupational", "therapy"),
    "homehealth": ("home", "health"),
    "homecare": ("home", "care"),
    "healthcare": ("health", "care"),
    "hm": ("home",),
    "hlth": ("health",),
    "domiciliary": ("home",),
    "inhome": ("home",),
    "pt": ("physical", "therapy"),
    "physio": ("physical", "therapy"),
    "physiotherapy": ("physical", "therapy"),
    "phys": ("physical",),
    "ot": ("occupational", "therapy"),
    "occ": ("occupational",),
    "occup": ("occupational",),
    "slp": ("speech", "therapy"),
    "ther": ("therapy",),
    "therapies": ("therapy",),
    "therapist": ("therapy",),
    "rn": ("nurse",),
    "lpn": ("nurse",),
    "lvn": ("nurse",),
    "sn": ("skilled", "nursing"),
    "snv": ("skilled", "nursing", "visit"),
    "nsg": ("nursing",),
    "vna": ("visiting", "nurse"),
    "amb": ("ambulatory",),
    "op": ("outpatient",),
    "outpt": ("outpatient",),
    "outpat": ("outpatient",),
    "ip": ("inpatient",),
    "inpt": ("inpatient",),
    "inpat": ("inpatient",),
    "hosp": ("hospital",),
    "ref": ("referral",),
    "refer": ("referral",),
    "refferal": ("referral",),
    "referal": ("referral",),
    "dc": ("discharge",),
    "disch": ("discharge",),
    "rehab": ("rehabilitation",),
    "equip": ("equipment",),
    "dme": ("durable", "medical", "equipment"),
    "wc": ("wheelchair",),
    "bsc": ("bedside", "commode"),
    "fww": ("front", "wheeled", "walker"),
    "iv": ("intravenous",),
    "ivabx": ("intravenous", "antibiotic"),
    "abx": ("antibiotic",),
    "npwt": ("negative", "pressure", "wound", "therapy"),
    "vac": ("vacuum",),
    "mow": ("meal", "on", "wheel"),
    "hd": ("hemodialysis",),
    "haemodialysis": ("hemodialysis",),
    "trach": ("tracheostomy",),
    "neb": ("nebulizer",),
    "nebuliser": ("nebulizer",),
    "chf": ("heart", "failure"),
    "hf": ("heart", "failure"),
    "crutches": ("crutch",),
    "svc": ("service",),
    "svcs": ("service",),
    "srvc": ("service",),
    "eval": ("evaluation",),
    "assess": ("assessment",),
    "tx": ("treat",),
    "pall": ("palliative",),
}


@dataclass(frozen=True, slots=True)
class OrderedService:
    """A kind of service that an order asks for. needs are those that it serves then; () for whichever asks for it."""

    service: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ordered:
    """What one order asks for. exact: a code names just this service; otherwise somebody looks whether it is meant."""

    services: tuple[OrderedService, ...]
    words: str
    exact: bool = False

    def serves(self, service: str, need: str) -> bool:
        """Whether it asks for a service as far as a need calls for it."""
        return any(
            asked.service == service and (not asked.needs or need in asked.needs) for asked in self.services
        )


@dataclass(frozen=True, slots=True)
class OrderName:
    """Words that name services: a phrase of each part must stand in an order, and none of unless.

    Without services, the words void the order.
    """

    parts: tuple[tuple[Words, ...], ...]
    services: tuple[OrderedService, ...] = ()
    unless: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class OrderTable:
    """What orders ask for, by system and code and by words."""

    coded: Mapping[tuple[str, str], tuple[OrderedService, ...]] = field(default_factory=dict)
    names: Sequence[OrderName] = ()
    #: The phrases that any name looks for, by their first word, and by each phrase of a part the places of its names.
    _phrases: Mapping[str, tuple[Words, ...]] = field(init=False, repr=False)
    _named: Mapping[Words, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the phrases, so that an order is read word by word, whatever the number of names."""
        phrases: dict[str, set[Words]] = {}
        named: dict[Words, list[int]] = {}
        for place, name in enumerate(self.names):
            wanted = [phrase for part in name.parts for phrase in part]
            for phrase in wanted:
                named.setdefault(phrase, []).append(place)
            for phrase in (*wanted, *name.unless):
                phrases.setdefault(phrase[0], set()).add(phrase)
        object.__setattr__(self, "_phrases", {word: tuple(sorted(found)) for word, found in phrases.items()})
        object.__setattr__(self, "_named", {phrase: tuple(places) for phrase, places in named.items()})

    def read(self, codes: Iterable[Code], said: Iterable[str], beside: Iterable[str] = ()) -> Ordered | None:
        """What an order asks for; None where nothing here knows it.

        said are its names; beside tells where and by whom it is done, and names something by itself only where said does not.
        """
        names = _cut(said)
        worded = _read_words(self, names, _cut(beside))
        if worded is None:
            return None
        known = tuple(code for code in codes if (code.system, code.code) in self.coded)
        coded = _once(service for code in known for service in self.coded[code.system, code.code])
        # Words tell which of the services of a general code is meant; what else they name is not in it.
        services = worded if not coded or (worded and set(worded) < set(coded)) else coded
        if not services:
            return None
        words = next(iter(names), "") or known[0].display or known[0].code
        return Ordered(services, words, exact=len(coded) == 1 and not coded[0].needs)

    def is_doubtful(self, said: Iterable[str]) -> bool:
        """Whether the words of an order say that it is declined, off or not settled."""
        return _read_words(self, _cut(said), ()) is None

    def fitting(self, words: Words, end: int) -> list[tuple[OrderName, frozenset[int]]]:
        """The names that explain one of the words before a place, each with the places of all that it explains."""
        found = self._find(words)
        candidates = sorted({place for phrase in found for place in self._named.get(phrase, ())})
        explained = [(name, _explained(name, found)) for name in map(self.names.__getitem__, candidates)]
        return [(name, places) for name, places in explained if min(places, default=end) < end]

    def _find(self, words: Words) -> dict[Words, frozenset[int]]:
        """Each phrase that stands in the words, with the places of its words."""
        found: dict[Words, frozenset[int]] = {}
        for place, word in enumerate(words):
            for phrase in self._phrases.get(word, ()):
                if words[place : place + len(phrase)] == phrase:
                    places = frozenset(range(place, place + len(phrase)))
                    found[phrase] = found.get(phrase, frozenset()) | places
        return found


@lru_cache(maxsize=4096)
def _read_words(
    table: OrderTable, names: tuple[str, ...], beside: tuple[str, ...]
) -> tuple[OrderedService, ...] | None:
    """The services that words name, None where they say that nothing is ordered. A record repeats most of its orders."""
    told, where = words_of_order(" | ".join(names)), words_of_order(" | ".join(beside))
    if _GENERAL.issuperset(told):
        told, where = (*told, "|", *where), ()
    fitting = table.fitting((*told, "|", *where), len(told))
    if any(not name.services for name, _ in fitting):
        return None
    return _most_telling(fitting)


def _explained(name: OrderName, found: Mapping[Words, frozenset[int]]) -> frozenset[int]:
    """The places of the words that a name explains; none where it does not fit."""
    if any(phrase in found for phrase in name.unless):
        return frozenset()
    parts = [[found[phrase] for phrase in part if phrase in found] for part in name.parts]
    return frozenset().union(*(places for part in parts for places in part)) if all(parts) else frozenset()


def _most_telling(fitting: Sequence[tuple[OrderName, frozenset[int]]]) -> tuple[OrderedService, ...]:
    """The services of the names that fit, without those of which another explains more."""
    return _once(
        service
        for name, places in fitting
        if not any(places < other for _, other in fitting)
        for service in name.services
    )


def words_of_order(text: str) -> Words:
    """The words of an order's name in lower case, singular and in full; a | stands between its parts."""
    said = text[:_LONGEST].casefold()
    said = _OXYGEN.sub("oxygen", _PATIENT.sub("patient", said))
    for short, full in _SHORT_FORMS:
        said = short.sub(full, said)
    said = _APOSTROPHE.sub("", said)
    return tuple(full for word in _WORD.findall(said) for full in _IN_FULL.get(word) or (_singular(word),))


def _singular(word: str) -> str:
    if len(word) < _SHORTEST_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return word[:-1]


def _cut(said: Iterable[str]) -> tuple[str, ...]:
    """Each text once, no longer than a name is: what is remembered of a record stays small."""
    return tuple(dict.fromkeys(text[:_LONGEST] for text in said if text))


def _once(services: Iterable[OrderedService]) -> tuple[OrderedService, ...]:
    return tuple(dict.fromkeys(services))
