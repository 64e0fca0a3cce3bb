"""CodeableConcept and Coding → Code, normalised so that protocols can compare them."""

import re
from functools import lru_cache

from fhir_mappings.inbound.code_systems import short_name
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.written_codes import tidy_code, words_in
from service.domain.codes import Code, System

#: A code and its system that are longer together are not remembered: whoever sends such wants our memory.
LONGEST_KNOWN = 256
NO_CODES: frozenset[str] = frozenset()
_HL7 = re.compile(r"https?://(?:www\.)?(?:terminology\.)?hl7\.org/|urn:oid:2\.16\.840\.1\.113883\.[45]\.")


def codes(value: object) -> tuple[Code, ...]:
    """All codings of a CodeableConcept, Coding or R5 CodeableReference, or of a list of them; text alone gives ()."""
    return tuple([code for coding in _codings(value) if (code := _code(coding))])


def codes_or_text(value: object) -> tuple[Code, ...]:
    """The codings, or where there are none the words as Code("text", …): for elements whose words nothing else keeps."""
    if value is None:
        return ()
    if coded := codes(value):
        return coded
    words = concept_text(value)
    return (Code(System.TEXT, words),) if words else ()


def codes_and_text(value: object) -> tuple[Code, ...]:
    """The codings, and each text that none of their displays says ("spouse" beside "Emergency Contact")."""
    coded = codes(value)
    shown = {code.display.lower() for code in coded}
    said = (text(concept.get("text")) for concept in items(value))
    return (*coded, *(Code(System.TEXT, words) for words in said if words and words.lower() not in shown))


def concept_text(value: object) -> str:
    """What the record says in words: the first text, else the first display; a bare string is its own text."""
    if isinstance(value, str):
        return value.strip()
    for concept in items(value):
        if said := text(concept.get("text")) or text(first(concept.get("concept")).get("text")):
            return said
    return next((shown for coding in _codings(value) if (shown := text(coding.get("display")))), "")


def bare_code(value: object) -> str:
    """The code of a status-like element in lower case, whether a string, a Coding or a CodeableConcept; "" if none."""
    if isinstance(value, str):
        return value.strip().lower()
    if not value:
        return ""
    coded = [coding for coding in _codings(value) if text(coding.get("code"))]
    if not coded:
        return concept_text(value).lower()
    # A site's own code may stand before the one of HL7, which alone means the same everywhere.
    chosen = next(filter(_is_hl7, coded), coded[0]) if len(coded) > 1 else coded[0]
    code = text(chosen.get("code")).lower()
    # A site's own number says nothing; what it is called does.
    return text(chosen.get("display")).lower() or code if code.isdecimal() else code


def _is_hl7(coding: Json) -> bool:
    system = text(coding.get("system")).lower()
    return _HL7.match(system) is not None


def bare_codes(value: object) -> frozenset[str]:
    """The codes of a category-like element, whether strings, Codings or CodeableConcepts; the text where no code is."""
    if value is None:
        return NO_CODES
    found = {text(coding.get("code")) for coding in _codings(value)}
    if isinstance(value, list):
        found.update([one.strip() for one in value if isinstance(one, str)])
    found.discard("")
    return frozenset(found or filter(None, [concept_text(value)]))


def _codings(value: object) -> list[Json]:
    """The Coding objects of a CodeableConcept, a CodeableReference or a bare Coding, or of a list of them."""
    listed = items(value)
    if len(listed) == 1 and "coding" in listed[0]:
        return items(listed[0]["coding"])
    found: list[Json] = []
    for one in listed:
        if "coding" in one:
            found += items(one["coding"])
        elif "concept" in one:
            found += items(first(one["concept"]).get("coding"))
        else:
            found.append(one)
    return found


def _code(coding: Json) -> Code | None:
    code = text(coding.get("code"))
    if not code:
        return None
    system, display = coding.get("system"), coding.get("display")
    named = system if isinstance(system, str) else ""
    known = _known if len(named) + len(code) <= LONGEST_KNOWN else _tidied
    name, tidy, words = known(named, code)
    return Code(name, tidy, display if isinstance(display, str) and display else words)


def _tidied(system: str, code: str) -> tuple[str, str, str]:
    """The short name of its system, the code as that writes it, and the words that were sent within the code."""
    name = short_name(system) if system else ""
    return *tidy_code(name, code), words_in(name, code)


#: A record repeats most of its codes.
_known = lru_cache(maxsize=4096)(_tidied)
