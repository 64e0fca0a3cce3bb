"""Places to go in a hospital's own words: "Home w/ Home Health", "DISCHARGED TO SNF", "01 - Home or Self Care".

The vocabulary is closed. Words name a place where all that they say is names of one place and words that mean nothing beside
them; "Hospice declined", "home vs SNF" and "Home (hospice discussed)" say more than that, so they name none. A death is read
more openly, as nobody may follow up the dead: one word is enough where no other place and no doubt stands beside it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from service.domain.places import DispositionCode, PlaceName, PlaceNames, Words

#: Longer than the longest name that UB-04 has for a place; what is longer is a note.
_LONGEST: Final = 260
_LONGEST_NUMBER: Final = 3
_WORD: Final = re.compile(r"[^\W_]+")
_APOSTROPHE: Final = re.compile(r"['\u2019`\u00b4]")
_SHORT_FORMS: Final = (
    (re.compile(r"\bd/c(?:['\u2019]?d)?\b"), "discharge"),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/"), "with "),
    # UB-04 81 to 95 name the same places as 01 to 70.
    (re.compile(r"\bwith (?:a )?plan(?:ned)?\b.*\bre-?adm\w*"), ""),
    (re.compile(r"\b(?:no|without) autopsy\b"), ""),
)
#: What the dying are in is no place to go: "Expired in a medical facility (hospital, SNF …)".
_WHERE_DIED: Final = re.compile(
    r"\b(expired|died|deceased|death|dead|verstorben) (?:in|at|on|during|after|before)\b.*"
)
#: Left out of names and of what is read.
_STOP: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "to",
        "of",
        "for",
        "in",
        "into",
        "at",
        "by",
        "with",
        "under",
        "and",
        "s",
        "is",
        "was",
        "on",
        "from",
        "within",
        "his",
        "her",
        "their",
        "patient",
        "pt",
        "patients",
        "patientin",
        "discharge",
        "discharged",
        "disch",
        "dsch",
        "dc",
        "disc",
        "dis",
        "transfer",
        "transferred",
        "transferring",
        "trans",
        "tran",
        "xfer",
        "sent",
        "going",
        "goes",
        "went",
        "return",
        "returned",
        "returning",
        "entlassung",
        "entlassen",
        "verlegung",
        "verlegt",
        "nach",
        "ein",
        "eine",
        "einem",
        "zum",
        "zur",
        "in",
        "procedure",
        "finding",
        "event",
    ]
)
#: Mean nothing beside a name.
_BESIDE: Final = frozenset(
    [
        "care",
        "service",
        "services",
        "svc",
        "svcs",
        "facility",
        "facilities",
        "fac",
        "center",
        "centre",
        "certified",
        "certification",
        "cert",
        "medicare",
        "medicaid",
        "approved",
        "based",
        "routine",
        "organization",
        "organized",
        "provider",
        "disposition",
        "status",
        "planned",
        "plan",
        "readm",
        "readmission",
        "readmit",
        "only",
        "use",
        "own",
        "level",
        "new",
        "providing",
        "anticipation",
        "covered",
        "skilled",
    ]
)
#: Words beside a death by which nobody has died, or somebody else has.
_IN_DOUBT: Final = frozenset(
    [
        "not",
        "no",
        "never",
        "without",
        "pending",
        "near",
        "nearing",
        "imminent",
        "impending",
        "expected",
        "expect",
        "anticipated",
        "anticipate",
        "if",
        "vs",
        "versus",
        "risk",
        "wife",
        "husband",
        "spouse",
        "mother",
        "father",
        "parent",
        "parents",
        "son",
        "daughter",
        "brother",
        "sister",
        "family",
        "partner",
        "friend",
        "caregiver",
        "baby",
        "twin",
        "fetal",
        "fetus",
        "foetal",
        "stillborn",
        "stillbirth",
        "authorization",
        "auth",
        "insurance",
        "coverage",
        "policy",
        "license",
        "prescription",
        "medication",
        "medications",
        "order",
        "orders",
        "consent",
        "fear",
        "likely",
        "possible",
        "possibly",
        "probable",
        "probably",
        "suspected",
        "maybe",
        "wish",
        "wishes",
        "unless",
        "until",
        "rule",
        "ruled",
        "soon",
        "bereavement",
        "grief",
        "nicht",
        "kein",
        "keine",
    ]
)
_DIED: Final = "died"
_FACILITY, _OTHER, _HOME, _OTHER_HOME = "other-hcf", "oth", "home", "alt-home"


def words_of(text: str) -> Words:
    """A name divided into the words that tell it from others, in lower case."""
    return tuple(word for word in _all_words(text) if word not in _STOP)


def read_words(text: str, names: PlaceNames) -> tuple[PlaceName, ...]:
    """The one place that words name, as a tuple; () where they name none, several, or say more than that."""
    if len(text) > _LONGEST:
        return ()
    found, left = _scan(words_of(text), names)
    if found and _BESIDE.issuperset(left):
        settled = settle(found)
        if len(settled) == 1:
            return settled
    return _read_death(text, names)


def settle(said: Iterable[PlaceName]) -> tuple[PlaceName, ...]:
    """What several names of one place come to, the firmest first: more than one where they contradict each other.

    A name that FHIR has for several places gives way to one that says which of them; "no place yet" to any place.
    """
    found = list(dict.fromkeys(said))
    named = [name for name in found if name.place is not None]
    exact = [
        name for name in named if not any(_is_vaguer(name, other) for other in named if other is not name)
    ]
    settled: dict[tuple[str, str], PlaceName] = {}
    for name in exact:
        if name.place is not None:
            settled.setdefault((name.place.code, name.place.display), name)
    return tuple(settled.values()) or tuple(found[:1])


def _is_vaguer(name: PlaceName, other: PlaceName) -> bool:
    one, more = name.place, other.place
    if one is None or more is None:
        return False
    if one.code == more.code:
        return not name.ub04 and bool(other.ub04)
    if name.ub04 and one.code != _HOME:
        return False
    return one.code == _OTHER or (one.code, more.code) == (_HOME, _OTHER_HOME) or _is_one_of(one, more)


def _is_one_of(one: DispositionCode, more: DispositionCode) -> bool:
    return one.code == _FACILITY and more.facility


def _read_death(text: str, names: PlaceNames) -> tuple[PlaceName, ...]:
    """A death among other words, () where another place or a doubt stands beside it."""
    every_word = _all_words(text)
    if not _IN_DOUBT.isdisjoint(every_word):
        return ()
    found, _ = _scan(words_of(_WHERE_DIED.sub(r"\1", _spelled_out(text))), names)
    settled = settle(found)
    died = len(settled) == 1 and settled[0].place is not None and settled[0].place.ends == _DIED
    return settled if died else ()


def _scan(words: Words, names: PlaceNames) -> tuple[list[PlaceName], list[str]]:
    """The names found from left to right, the longest that fits first, and the words that belong to none."""
    if len(words) > 1 and _is_number(words[0]):  # "01 - Home": a list's number, which the words explain
        words = words[1:]
    found, left, at = list[PlaceName](), list[str](), 0
    while at < len(words):
        length, name = _longest(words, at, names.worded.get(words[at], ()))
        if name is None:
            left.append(words[at])
        else:
            found.append(name)
        at += length
    return found, left


def _longest(words: Words, at: int, known: Sequence[tuple[Words, PlaceName]]) -> tuple[int, PlaceName | None]:
    for phrase, name in known:
        if words[at : at + len(phrase)] == phrase:
            return len(phrase), name
    return 1, None


def _is_number(word: str) -> bool:
    return word.isdecimal() and len(word) <= _LONGEST_NUMBER


@lru_cache(maxsize=1024)
def _all_words(text: str) -> Words:
    return tuple(_WORD.findall(_spelled_out(text)))


def _spelled_out(text: str) -> str:
    plain = _APOSTROPHE.sub("", text.casefold())
    for short, full in _SHORT_FORMS:
        plain = short.sub(full, plain)
    return plain
