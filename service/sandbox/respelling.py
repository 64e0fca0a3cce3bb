"""The same record in other legal spellings: how vendors write what the sample patients say in the textbook's way.

Each respelling takes the resources of one patient and gives them back rewritten, without a change of meaning, so that a
plan made from them must be the same. The sandbox's vendor modes answer with them; the fuzzer and a property test try them all.
The resources that go in are not touched.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Final

Json = dict[str, Any]
Resources = list[Json]
Rewrite = Callable[[Json, Random], None]

_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
#: The address of the EHR in whose name references are written in full.
BASE: Final = "https://ehr.example.org/fhir"
_LOCAL: Final = "https://ehr.example.org/codeSet/{number}"

#: Other addresses by which real servers name a code system; the first is its own.
_SYSTEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "http://snomed.info/sct": (
        "urn:oid:2.16.840.1.113883.6.96",
        "https://snomed.info/sct",
        "http://snomed.info/sct/",
        "http://snomed.info/sct/731000124108",
        "http://snomed.info/sct|http://snomed.info/sct/731000124108/version/20260301",
    ),
    "http://loinc.org": (
        "urn:oid:2.16.840.1.113883.6.1",
        "https://loinc.org",
        "http://loinc.org/",
        "http://loinc.org|2.80",
    ),
    "http://hl7.org/fhir/sid/icd-10-cm": (
        "urn:oid:2.16.840.1.113883.6.90",
        "https://hl7.org/fhir/sid/icd-10-cm",
        "http://hl7.org/fhir/sid/icd-10-cm/",
    ),
    "http://www.nlm.nih.gov/research/umls/rxnorm": (
        "urn:oid:2.16.840.1.113883.6.88",
        "https://www.nlm.nih.gov/research/umls/rxnorm",
    ),
    "https://nahdo.org/sopt": ("urn:oid:2.16.840.1.113883.3.221.5", "https://nahdo.org/sopt/"),
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": (
        "urn:oid:2.16.840.1.113883.6.285",
        "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    ),
    "http://terminology.hl7.org/CodeSystem/condition-clinical": ("http://hl7.org/fhir/condition-clinical",),
    "http://terminology.hl7.org/CodeSystem/condition-ver-status": (
        "http://hl7.org/fhir/condition-ver-status",
    ),
    "http://terminology.hl7.org/CodeSystem/condition-category": ("http://hl7.org/fhir/condition-category",),
    "http://terminology.hl7.org/CodeSystem/observation-category": (
        "http://hl7.org/fhir/observation-category",
    ),
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": (
        "http://hl7.org/fhir/v3/ActCode",
        "urn:oid:2.16.840.1.113883.5.4",
    ),
    "urn:ietf:bcp:47": ("urn:oid:2.16.840.1.113883.6.316", "http://hl7.org/fhir/ValueSet/languages"),
}
#: Concepts whose standard coding vendors put second, behind one of their own.
_CONCEPTS: Final = (
    "code",
    "type",
    "category",
    "language",
    "relationship",
    "dischargeDisposition",
    "admitSource",
    "serviceType",
    "priority",
    "valueCodeableConcept",
    "medicationCodeableConcept",
)
_CLASSES: Final[Mapping[str, tuple[Any, ...]]] = {
    "IMP": (
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "I", "display": "Inpatient"},
        {"system": "http://hl7.org/fhir/v3/ActCode", "code": "IMP"},
        {"code": "imp"},
        {"code": "inpatient"},
        {"system": "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "code": "1", "display": "Inpatient"},
        [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}]}],
        {
            "coding": [
                {"code": "17", "display": "Inpatient"},
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            ]
        },
        {"coding": [{"code": "17"}], "text": "Inpatient"},
    ),
    "EMER": (
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "E", "display": "Emergency"},
        {"code": "emergency"},
        [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"}]}],
    ),
    "AMB": (
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "O", "display": "Outpatient"},
        {"code": "outpatient"},
        [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}]}],
    ),
}
#: ISO 639-2, a locale, the word, and a number such as a site's own list has.
_LANGUAGES: Final = {
    "en": ("eng", "en_US", "English", "151"),
    "es": ("spa", "es_MX", "Spanish", "1266"),
    "vi": ("vie", "vi_VN", "Vietnamese", "1301"),
}
_DISPOSITION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_UB04_SYSTEM: Final = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
_DISPOSITIONS: Final = {"home": "01", "snf": "03", "rehab": "62", "aadvice": "07", "exp": "20", "hosp": "50"}


@dataclass(frozen=True, slots=True)
class Respelling:
    """One way to write a record otherwise. name is for people; rewrite changes a copy of the resources."""

    name: str
    rewrite: Callable[[Resources, Random], Resources]

    def __call__(self, resources: Resources, random: Random) -> Resources:
        """The same resources in this spelling, as new objects."""
        return self.rewrite(deepcopy(resources), random)


def _each(rewrite: Rewrite) -> Callable[[Resources, Random], Resources]:
    """Apply to every resource by itself."""

    def apply(resources: Resources, random: Random) -> Resources:
        for resource in resources:
            rewrite(resource, random)
        return resources

    return apply


def _objects(value: Any) -> Iterator[Json]:
    """Every JSON object within a value, itself included."""
    if isinstance(value, dict):
        yield value
        for part in list(value.values()):
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _map_strings(value: Any, change: Callable[[str], str], *, spare: frozenset[str] = frozenset()) -> Any:
    """The value with every string changed, but under the keys that are spared."""
    if isinstance(value, dict):
        return {
            key: part if key in spare else _map_strings(part, change, spare=spare)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_map_strings(part, change, spare=spare) for part in value]
    return change(value) if isinstance(value, str) else value


# --- codings ------------------------------------------------------------------------------------


def _name_systems_otherwise(resource: Json, random: Random) -> None:
    for part in _objects(resource):
        others = _SYSTEMS.get(str(part.get("system"))) if "code" in part else None
        if others:
            part["system"] = random.choice(others)


def _write_icd10_without_dots(resource: Json, random: Random) -> None:
    for part in _objects(resource):
        if part.get("system") == "http://hl7.org/fhir/sid/icd-10-cm" and isinstance(part.get("code"), str):
            bare = part["code"].replace(".", "")
            part["code"] = bare if random.choice((True, False)) else bare.lower()


def _put_local_codings_first(resource: Json, random: Random) -> None:
    for part in _objects(resource):
        for name in _CONCEPTS:
            for concept in _listed(part.get(name)):
                _add_local_coding(concept, random)


def _add_local_coding(concept: Json, random: Random) -> None:
    codings = concept.get("coding")
    if not isinstance(codings, list) or not codings or not isinstance(codings[0], dict):
        return
    number = random.randint(10_000, 999_999)
    local = {
        "system": _LOCAL.format(number=random.randint(30, 400)),
        "code": str(number),
        "userSelected": True,
    }
    shown = concept.get("text") or codings[0].get("display")
    if shown:
        local["display"] = shown
        concept.setdefault("text", shown)
    concept["coding"] = [local, *({**coding, "userSelected": False} for coding in codings)]


def _leave_displays_out(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        if "coding" not in part:
            continue
        codings = [coding for coding in _listed(part["coding"]) if coding.get("display")]
        if codings:
            part.setdefault("text", codings[0]["display"])
        for coding in codings:
            if coding.get("system") in _SYSTEMS:
                del coding["display"]


def _mark_versions(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        if part.get("system") in _SYSTEMS and "code" in part:
            part["version"] = "2026-03"


# --- times --------------------------------------------------------------------------------------


def _write_times_in_utc(resources: Resources, _: Random) -> Resources:
    return _with_times(
        resources,
        lambda moment: moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _write_times_elsewhere(resources: Resources, random: Random) -> Resources:
    # So far away that most times are written with another day.
    zone = timezone(timedelta(hours=random.choice((-11, 13))))
    return _with_times(resources, lambda moment: moment.astimezone(zone).isoformat(timespec="seconds"))


def _write_fractions(resources: Resources, _: Random) -> Resources:
    return _with_times(resources, lambda moment: moment.isoformat(timespec="microseconds"))


def _with_times(resources: Resources, write: Callable[[datetime], str]) -> Resources:
    def change(text: str) -> str:
        return write(datetime.fromisoformat(text)) if _INSTANT.fullmatch(text) else text

    return [_map_strings(resource, change) for resource in resources]


# --- classes, states, places --------------------------------------------------------------------


def _write_classes_otherwise(resource: Json, random: Random) -> None:
    if resource.get("resourceType") != "Encounter" or not isinstance(resource.get("class"), dict):
        return
    others = _CLASSES.get(str(resource["class"].get("code")))
    if others:
        resource["class"] = deepcopy(random.choice(others))


def _write_states_as_codes(resource: Json, random: Random) -> None:
    """DSTU2 and STU3 had codes where R4 has concepts; some servers send a local coding or a text beside."""
    for name in ("clinicalStatus", "verificationStatus"):
        codings = _listed(_first(resource.get(name)).get("coding"))
        if codings and isinstance(codings[0].get("code"), str):
            code = codings[0]["code"]
            local = {
                "system": _LOCAL.format(number=12030),
                "code": str(random.randint(1000, 9999)),
                "display": code.title(),
            }
            resource[name] = random.choice(
                (
                    code,
                    {"coding": [codings[0], local]},
                    {"coding": codings, "text": code.title()},
                    {"coding": [{"code": code}]},
                )
            )


def _write_places_by_ub04(resource: Json, random: Random) -> None:
    hospital = _first(resource.get("hospitalization"))
    for concept in _listed(hospital.get("dischargeDisposition")):
        for coding in _listed(concept.get("coding")):
            number = _DISPOSITIONS.get(str(coding.get("code")))
            if coding.get("system") == _DISPOSITION_SYSTEM and number:
                written = number if random.choice((True, False)) else str(int(number))
                coding.update({"system": _UB04_SYSTEM, "code": written})
                coding.pop("display", None)


# --- languages and answers -----------------------------------------------------------------------


def _write_languages_otherwise(resource: Json, random: Random) -> None:
    """ISO 639-2, a locale, the words, or a number of the site's own before them."""
    for communication in _listed(resource.get("communication")):
        tag = str(_first(_first(communication.get("language")).get("coding")).get("code"))
        if tag not in _LANGUAGES:
            continue
        iso, locale, words, local = _LANGUAGES[tag]
        communication["language"] = random.choice(
            (
                {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.100", "code": iso, "display": words}]},
                {"coding": [{"code": locale}]},
                {"text": words},
                {
                    "coding": [{"system": _LOCAL.format(number=36), "code": local, "display": words}],
                    "text": words,
                },
            )
        )


def _answer_in_words(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        concept = part.get("valueCodeableConcept")
        coding = _first(_first(concept).get("coding"))
        if str(coding.get("code", "")).startswith("LA") and coding.get("display"):
            part["valueCodeableConcept"] = {"text": coding["display"]}


# --- references and shape -----------------------------------------------------------------------


def _write_references_in_full(resources: Resources, _: Random) -> Resources:
    return _with_references(resources, lambda reference: f"{BASE}/{reference}")


def _name_versions_of_references(resources: Resources, random: Random) -> Resources:
    return _with_references(resources, lambda reference: f"{reference}/_history/{random.randint(1, 9)}")


def _add_to_references(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        reference = part.get("reference")
        if isinstance(reference, str) and _REFERENCE.fullmatch(reference):
            kind, logical = reference.split("/")
            part.update({"type": kind, "identifier": {"system": f"{BASE}/id", "value": logical}})
            part.setdefault("display", "shown by the EHR")


def _with_references(resources: Resources, change: Callable[[str], str]) -> Resources:
    for part in _objects(resources):
        reference = part.get("reference")
        if isinstance(reference, str) and _REFERENCE.fullmatch(reference):
            part["reference"] = change(reference)
    return resources


def _shuffle(resources: Resources, random: Random) -> Resources:
    random.shuffle(resources)
    return resources


def _send_twice(resources: Resources, random: Random) -> Resources:
    """A page may bring a resource again."""
    return [*resources, *deepcopy(random.sample(resources, k=min(5, len(resources))))]


def _add_what_says_nothing(resource: Json, _: Random) -> None:
    """Nulls, empty lists and objects, narrative, metadata and extensions that nobody knows."""
    resource.setdefault("meta", {}).update(
        {"versionId": "7", "lastUpdated": "2026-01-01T00:00:00Z", "source": "#x"}
    )
    resource["text"] = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">told by the EHR</div>',
    }
    resource.setdefault("extension", []).append(
        {"url": f"{BASE}/StructureDefinition/unknown", "valueString": "x"}
    )
    for name in ("note", "bodySite", "reasonReference", "performer"):
        resource.setdefault(name, [])
    resource.setdefault("language", "en-US")
    resource.setdefault("implicitRules", None)


def _list_what_is_single(resource: Json, random: Random) -> None:
    """An element that may repeat is sent as one object by some servers, and the other way round."""
    for name in ("category", "type", "name", "telecom", "address"):
        value = resource.get(name)
        if isinstance(value, list) and len(value) == 1 and random.choice((True, False)):
            resource[name] = value[0]


def _pad_words(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        for name in ("code", "display", "text"):
            if isinstance(part.get(name), str):
                part[name] = f" {part[name]} " if name != "text" or "status" not in part else part[name]


def _write_numbers_as_text(resource: Json, _: Random) -> None:
    for part in _objects(resource):
        quantity = part.get("valueQuantity")
        if isinstance(quantity, dict) and isinstance(quantity.get("value"), int | float):
            quantity["value"] = str(quantity["value"])


def _listed(value: Any) -> list[Json]:
    if isinstance(value, dict):
        return [value]
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _first(value: Any) -> Json:
    found = _listed(value)
    return found[0] if found else {}


#: By what they change; every one of them leaves the meaning as it is.
RESPELLINGS: Final = (
    Respelling("code systems by their other addresses", _each(_name_systems_otherwise)),
    Respelling("ICD-10-CM without dots", _each(_write_icd10_without_dots)),
    Respelling("local codings first", _each(_put_local_codings_first)),
    Respelling("displays left out", _each(_leave_displays_out)),
    Respelling("versions of code systems", _each(_mark_versions)),
    Respelling("times in UTC", _write_times_in_utc),
    Respelling("times by another clock", _write_times_elsewhere),
    Respelling("fractions of seconds", _write_fractions),
    Respelling("classes of other tables", _each(_write_classes_otherwise)),
    Respelling("states as codes", _each(_write_states_as_codes)),
    Respelling("places by UB-04", _each(_write_places_by_ub04)),
    Respelling("languages otherwise", _each(_write_languages_otherwise)),
    Respelling("answers in words", _each(_answer_in_words)),
    Respelling("references in full", _write_references_in_full),
    Respelling("references with versions", _name_versions_of_references),
    Respelling("references with more than they need", _each(_add_to_references)),
    Respelling("another order", _shuffle),
    Respelling("resources sent twice", _send_twice),
    Respelling("empty members and strangers", _each(_add_what_says_nothing)),
    Respelling("single for list", _each(_list_what_is_single)),
    Respelling("spaces around words", _each(_pad_words)),
    Respelling("numbers as text", _each(_write_numbers_as_text)),
)


def respelled(resources: Resources, names: Iterator[str] | tuple[str, ...], random: Random) -> Resources:
    """The resources in several of these spellings, one after the other. KeyError for a name nobody knows."""
    known = {respelling.name: respelling for respelling in RESPELLINGS}
    for name in names:
        resources = known[name](resources, random)
    return resources
