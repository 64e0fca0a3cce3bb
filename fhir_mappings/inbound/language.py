"""A CodeableConcept that names a language, and Patient.communication, → Language."""

from functools import lru_cache

from config.languages import languages_known
from fhir_mappings.inbound.codes import codes, concept_text
from fhir_mappings.inbound.elements import Json, items, text
from service.domain.codes import Code, System
from service.domain.language import primary
from service.domain.record import Language, Observation
from service.domain.unstated import is_no_code, says_nothing

#: Parts of the addresses and OIDs under which BCP 47, RFC 3066/4646/5646, ISO 639 and HL7 table 0296 are sent.
_LANGUAGE_SYSTEMS = (
    *(
        "bcp:47",
        "bcp47",
        "bcp-47",
        "rfc:1766",
        "rfc:3066",
        "rfc:4646",
        "rfc:5646",
        "rfc3066",
        "rfc4646",
        "rfc5646",
    ),
    *("639", "0296", "/languages", "all-languages", "simple-language", "common-languages", "language-codes"),
    *("113883.6.121", "113883.6.316", "113883.6.99", "113883.6.100", "113883.12.296"),
)
#: LOINC: "What language are you most comfortable speaking?" (PRAPARE), "Preferred language" (MDS 3.0).
PREFERRED_LANGUAGE = "54899-0"
#: LOINC's answers to "What language are you most comfortable speaking?" that name one.
_ANSWERS = {"LA43-5": "en"}
_LOCAL_CODES = frozenset({"en", "es"})
_ISO_639_2 = 3


def languages(resource: Json) -> tuple[Language, ...]:
    """The languages of a Patient or a RelatedPerson; those that say nothing are left out."""
    return tuple(
        found
        for entry in items(resource.get("communication"))
        if (found := _communication(entry)) is not None
    )


def read_language(value: object) -> Language | None:
    """One language, its tag "" where its words or codes are not understood; None where none is named.

    A coding of a system of languages decides, whichever stands first, and words where there is none; a coding or words
    that contradict it leave it not understood. A local code counts only where there are no words.
    """
    coded = () if isinstance(value, str) else codes(value)
    shown = [concept_text(value), *(code.display for code in coded)]
    words = [said for said in shown if _says(said)]
    meant = [code for code in coded if _says(code.code)]
    table = languages_known()
    tags = [tag for code in meant if (tag := _tag(code.system, code.code))]
    tags += [tag for said in words if (tag := _named(said))]
    if not tags and not words:
        tags = [tag for code in meant if (tag := _local(code))]
    if not (tags or words or meant):
        return None
    tag = table.narrow(tags)
    return Language(tag, _own_words(words, tags, tag, meant))


def read_answer(answers: tuple[Code, ...], said: str) -> Language | None:
    """The language that an answer names; None for "other than English" and the like."""
    known = next((_ANSWERS[code.code] for code in answers if code.code in _ANSWERS), "")
    if known:
        return Language(known, languages_known().name(known))
    named = [said, *(code.display or code.code for code in answers)]
    tag = languages_known().narrow(tag for words in named if words and (tag := _named(words)))
    return Language(tag, languages_known().name(tag)) if tag else None


def asks_for_language(observation: Observation) -> bool:
    """Whether it is an answer to the question for the preferred language."""
    return any(code.code == PREFERRED_LANGUAGE and code.system == System.LOINC for code in observation.codes)


def _communication(entry: Json) -> Language | None:
    found = read_language(entry.get("language"))
    if found is None:
        return None
    preferred = text(entry.get("preferred")).lower() == "true" or entry.get("preferred") is True
    return Language(found.tag, found.text, preferred=preferred)


def _own_words(words: list[str], tags: list[str], tag: str, meant: list[Code]) -> str:
    """The record's words; where they contradict the codes, all of it."""
    if tag or not tags:
        return next(iter((*words, *(code.code for code in meant if not tag))), "")
    return " / ".join(dict.fromkeys((*words, *(found for found in tags if primary(found)))))


def _says(said: str) -> bool:
    return bool(said) and not is_no_code(said) and not says_nothing(said)


@lru_cache(maxsize=1024)
def _tag(system: str, code: str) -> str:
    tidy = system.lower()
    if any(part in tidy for part in _LANGUAGE_SYSTEMS):
        return languages_known().read_tag(code) or _named(code)
    return ""


@lru_cache(maxsize=1024)
def _named(words: str) -> str:
    return languages_known().read_words(words)


def _local(code: Code) -> str:
    """A hospital's own code, where it can hardly be anything but a language's: ENG, spa; any without a system."""
    said = code.code.lower()
    if code.system in {"", System.TEXT}:
        return _named(code.code)
    return languages_known().codes.get(said, "") if said in _LOCAL_CODES or len(said) == _ISO_639_2 else ""
