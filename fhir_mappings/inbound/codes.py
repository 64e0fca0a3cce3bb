"""CodeableConcept and Coding → Code, normalised so that protocols can compare them."""

import re
from collections.abc import Callable
from functools import lru_cache

from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.systems import SHORT_NAMES
from service.domain.codes import Code, System

_LOINC = re.compile(r"(\d{3,7})-(\d)")
_LOINC_ANSWER = re.compile(r"LA\d{1,6}-\d")
#: Longest part before the dot is three characters: letter, digit, digit or letter.
_ICD10 = re.compile(r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?")
#: A code and its system that are longer together are not remembered: whoever sends such wants our memory.
LONGEST_KNOWN = 256
NO_CODES: frozenset[str] = frozenset()
_DOTTED_ICD10 = re.compile(r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}")


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
    for coding in _codings(value):
        if code := text(coding.get("code")):
            return code.lower()
    return concept_text(value).lower()


def bare_codes(value: object) -> frozenset[str]:
    """The codes of a category-like element, whether strings, Codings or CodeableConcepts; the text where no code is."""
    if value is None:
        return NO_CODES
    found = {text(coding.get("code")) for coding in _codings(value)}
    if isinstance(value, list):
        found.update([one.strip() for one in value if isinstance(one, str)])
    found.discard("")
    return frozenset(found or filter(None, [concept_text(value)]))


def short_name(system: str) -> str:
    """The System of a code system URL, forgiving case, outer spaces, a trailing slash and a SNOMED edition; else the URL."""
    tidy = system.strip().rstrip("/")
    found = SHORT_NAMES.get(tidy) or _BY_LOWER_CASE.get(tidy.lower())
    if found:
        return found
    return System.SNOMED if tidy.lower().startswith("http://snomed.info/sct/") else tidy


def is_loinc(code: str) -> bool:
    """Whether it is a LOINC number in form and check digit (mod 10)."""
    found = _LOINC.fullmatch(code)
    if not found:
        return False
    digits = [int(digit) for digit in reversed(found[1])]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return (doubled + sum(digits[1::2]) + int(found[2])) % 10 == 0


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
    name, tidy = known(named, code)
    return Code(name, tidy, display if isinstance(display, str) else "")


def _tidied(system: str, code: str) -> tuple[str, str]:
    """The short name of its system, and the code as that writes it."""
    name = short_name(system) if system else _system_by_form(code)
    tidy = _TIDY.get(name)
    return name, tidy(code) if tidy else code


#: A record repeats most of its codes.
_known = lru_cache(maxsize=4096)(_tidied)


def _system_by_form(code: str) -> str:
    """The system of a code sent without one, where its form leaves no doubt; "" otherwise."""
    upper = code.upper()
    if is_loinc(upper) or _LOINC_ANSWER.fullmatch(upper):
        return System.LOINC
    return System.ICD10CM if _DOTTED_ICD10.fullmatch(upper) else ""


def _tidy_icd10(code: str) -> str:
    """Upper case, and dotted after the third character: i509 → I50.9."""
    upper = code.upper().replace(" ", "")
    if "." in upper or len(upper) <= len("I50") or not _ICD10.fullmatch(upper):
        return upper
    return f"{upper[:3]}.{upper[3:]}"


def _tidy_ub04(code: str) -> str:
    return code.zfill(2)


_TIDY: dict[str, Callable[[str], str]] = {
    System.ICD10CM: _tidy_icd10,
    System.ICD10: _tidy_icd10,
    System.LOINC: str.upper,
    System.DISPOSITION: str.lower,
    System.UB04: _tidy_ub04,
}
_BY_LOWER_CASE: dict[str, System] = {url.lower(): name for url, name in SHORT_NAMES.items()} | {
    "snomed": System.SNOMED,
    "snomedct": System.SNOMED,
    "loinc": System.LOINC,
    "icd10": System.ICD10CM,
    "icd-10": System.ICD10CM,
    "icd10cm": System.ICD10CM,
    "icd-10-cm": System.ICD10CM,
    "rxnorm": System.RXNORM,
}
