"""Which code system a name, URL or OID stands for: every spelling of one system has one short name."""

import re
from functools import lru_cache
from typing import Final

from fhir_mappings.systems import SHORT_NAMES
from service.domain.codes import System

_SCHEME: Final = re.compile(r"^(?:https?:/+(?:www\.)?|urn:oid:|oid:|urn:)")
_NO_LETTER_OR_DIGIT: Final = re.compile(r"[^a-z0-9]+")
#: Names that stand alone: what the systems are called, their names in HL7 v2 (table 0396) and in UMLS.
_WORDS: Final[dict[str, System]] = {
    **dict.fromkeys(("snomed", "snomedct", "snomedctus", "sct", "sctus"), System.SNOMED),
    **dict.fromkeys(("icd10", "icd10cm", "icd10cmus", "i10c", "i10cm"), System.ICD10CM),
    **dict.fromkeys(("icd10pcs", "i10p", "i10pcs"), System.ICD10PCS),
    **dict.fromkeys(("i10", "icd10who", "icd10gm", "icd10de", "icd10am", "icd10ca"), System.ICD10),
    **dict.fromkeys(("icd9", "icd9cm", "icd9cmdx", "i9", "i9c", "i9cdx"), System.ICD9CM),
    **dict.fromkeys(("loinc", "ln", "lnc"), System.LOINC),
    **dict.fromkeys(("cpt", "cpt4", "c4", "cptii"), System.CPT),
    **dict.fromkeys(("hcpcs", "hcpcsii", "hcpcslevelii", "hcpcsallcodes", "hpc"), System.HCPCS),
    "rxnorm": System.RXNORM,
    "atc": System.ATC,
    "ndc": System.NDC,
}
#: Under these addresses the last part names the system.
_NAMING_FOLDERS: Final = (
    "terminology.hl7.org/codesystem/",
    "nlm.nih.gov/research/umls/",
    "bluebutton.cms.gov/resources/codesystem/",
)
#: Addresses below which everything is one system: editions, versions, national modifications.
_BELOW: Final[tuple[tuple[str, System], ...]] = (
    ("snomed.info", System.SNOMED),
    ("snomed.org", System.SNOMED),
    ("hl7.org/fhir/sid/icd-10-cm", System.ICD10CM),
    ("hl7.org/fhir/sid/icd-10-pcs", System.ICD10PCS),
    ("hl7.org/fhir/sid/icd-10", System.ICD10),
    ("hl7.org/fhir/sid/icd-9", System.ICD9CM),
    ("fhir.de/codesystem/bfarm/icd-10-gm", System.ICD10),
    ("fhir.de/codesystem/dimdi/icd-10-gm", System.ICD10),
    ("id.who.int/icd/release/10", System.ICD10),
    ("fhir.de/codesystem/bfarm/atc", System.ATC),
    ("fhir.de/codesystem/dimdi/atc", System.ATC),
    ("cms.gov/medicare/coding/hcpcsreleasecodesets", System.HCPCS),
    ("cms.gov/medicare/coding/medhcpcsgeninfo", System.HCPCS),
    ("icd10data.com/icd10pcs", System.ICD10PCS),
)


def short_name(system: str) -> str:
    """The System that a URL, OID or name stands for; the URL itself, tidied, where it is none of ours.

    Scheme, case, outer spaces, a trailing slash, a version after "|" and a SNOMED CT edition make no difference.
    """
    tidy = system.strip().partition("|")[0].rstrip("/ ")
    bare = _SCHEME.sub("", tidy.lower())
    if "/" not in bare:
        word = bare if "." in bare else _NO_LETTER_OR_DIGIT.sub("", bare)
        return _KNOWN.get(bare) or _WORDS.get(word) or _below(bare) or tidy
    return _KNOWN.get(bare) or _named_last(bare) or _below(bare) or tidy


@lru_cache(maxsize=1024)
def system_key(system: str) -> str:
    """What two spellings of one system have in common, also of a hospital's own: no scheme, case, slash or version."""
    name = short_name(system)
    return _SCHEME.sub("", name.lower())


def _named_last(bare: str) -> str:
    folder, _, name = bare.rpartition("/")
    return _WORDS.get(_NO_LETTER_OR_DIGIT.sub("", name), "") if f"{folder}/" in _NAMING_FOLDERS else ""


def _below(bare: str) -> str:
    return next((system for address, system in _BELOW if _is_below(bare, address)), "")


def _is_below(bare: str, address: str) -> bool:
    """Whether an address is another's, or continues it at a boundary: "snomed.infos" is not below "snomed.info"."""
    return bare == address or (bare.startswith(address) and bare[len(address)] in "/-?")


_KNOWN: Final[dict[str, System]] = {_SCHEME.sub("", url.lower()): name for url, name in SHORT_NAMES.items()}
