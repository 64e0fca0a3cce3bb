"""A code as its system writes it, whichever way a record has it: I509, "LOINC: 88122-7", "38341003 |Hypertension|"."""

import re
from collections.abc import Callable
from typing import Final

from service.domain.codes import System

_LOINC: Final = re.compile(r"(\d{3,7})-(\d)")
_LOINC_ANSWER: Final = re.compile(r"LA\d{1,6}-\d")
#: Longest part before the dot is three characters: letter, digit, digit or letter.
_ICD10: Final = re.compile(r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?")
_DOTTED_ICD10: Final = re.compile(r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}")
#: "ICD10:", "ICD-10-CM ", "I10C:" before a code.
_ICD10_NAMED: Final = re.compile(r"(?:ICD[-_ ]?10(?:[-_ ]?(?:CM|GM|WHO|PCS))?|I10[CP]?)[:\s]+")
#: Marks of ICD-10 (WHO, GM): what a code explains, and that it explains another. A dash stands for what may follow.
_ICD10_MARKS: Final = "†‡*!+#-."
#: Seven characters without I and O, the first that of a section; no ICD-10-CM code of seven begins so, but those of eyes.
_ICD10PCS: Final = re.compile(r"[0-9BCDFGX][0-9A-HJ-NP-Z]{6}|HZ[0-9A-HJ-NP-Z]{5}")
_SNOMED: Final = re.compile(
    r"(?:(?:https?://(?:www\.)?snomed\.info/id/|sct(?:id)?[: ]\s*|snomed(?:[- ]?ct)?[: ]\s*))?"
    r"([1-9]\d{5,17})(?:\.0)?\s*(?:\|\s*([^|]*?)\s*\|?|\^\s*([^^|]*?)\s*(?:\^.*)?)?",
    re.IGNORECASE,
)
_PREFIXED_LOINC: Final = re.compile(r"(?:LOINC|LNC?)[: ]\s*(\S+)")
_RXNORM: Final = re.compile(r"(?:RXNORM|RXCUI)?[: ]*(\d{1,8})(?:\.0)?", re.IGNORECASE)
_CPT: Final = re.compile(r"(?:CPT[-: ]*)?(\d{4}[0-9FTUAM])(?:[-: ,][0-9A-Z]{2})*")
_HCPCS: Final = re.compile(r"(?:HCPCS[-: ]*)?([A-Z]\d{4})(?:[-: ,][0-9A-Z]{2})*")
_ICD10_SYSTEMS: Final = frozenset({System.ICD10CM, System.ICD10PCS, System.ICD10})
_BILLED: Final = frozenset({System.CPT, System.HCPCS})
#: No code of any system here is longer; what is, is kept as it was sent.
_LONGEST_TIDIED: Final = 512


def tidy_code(system: str, code: str) -> tuple[str, str]:
    """The system and the code as that writes it.

    ICD-10-PCS under the address of ICD-10-CM, and CPT and HCPCS under each other's, are told apart by form.
    """
    if len(code) > _LONGEST_TIDIED:
        return system, code
    if not system:
        system = system_by_form(code)
    if system in _ICD10_SYSTEMS:
        return _tidy_icd10(system, code)
    if system in _BILLED:
        return _tidy_billed(system, code)
    tidy = _TIDY.get(system)
    return system, tidy(code) if tidy else code


def words_in(system: str, code: str) -> str:
    """The words that were sent within a SNOMED CT code: "38341003 |Hypertension|" → "Hypertension"."""
    if system != System.SNOMED or len(code) > _LONGEST_TIDIED or not ("|" in code or "^" in code):
        return ""
    found = _SNOMED.fullmatch(code)
    return (found[2] or found[3] or "").strip() if found else ""


def is_loinc(code: str) -> bool:
    """Whether it is a LOINC number in form and check digit (mod 10)."""
    found = _LOINC.fullmatch(code)
    if not found:
        return False
    digits = [int(digit) for digit in reversed(found[1])]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return (doubled + sum(digits[1::2]) + int(found[2])) % 10 == 0


def system_by_form(code: str) -> str:
    """The system of a code sent without one, where its form leaves no doubt; "" otherwise."""
    upper = code.upper()
    if is_loinc(upper) or _LOINC_ANSWER.fullmatch(upper):
        return System.LOINC
    return System.ICD10CM if _DOTTED_ICD10.fullmatch(upper) else ""


def _tidy_icd10(system: str, code: str) -> tuple[str, str]:
    """Upper case, and a diagnosis dotted after the third character: i509 → I50.9."""
    upper = _ICD10_NAMED.sub("", code.upper(), count=1).replace(" ", "").rstrip(_ICD10_MARKS)
    upper = upper.replace(",", ".", 1)
    undotted = upper.replace(".", "")
    if _ICD10PCS.fullmatch(undotted) and "." not in upper:
        return System.ICD10PCS, undotted
    if not _ICD10.fullmatch(upper):
        return system, upper
    if system == System.ICD10PCS:
        system = System.ICD10CM
    if "." in upper or len(upper) <= len("I50"):
        return system, upper
    return system, f"{upper[:3]}.{upper[3:]}"


def _tidy_billed(system: str, code: str) -> tuple[str, str]:
    """Without its modifiers: "27130-RT" → 27130, "e0143 nu" → E0143."""
    upper = code.upper().strip()
    if found := _HCPCS.fullmatch(upper):
        return System.HCPCS, found[1]
    found = _CPT.fullmatch(upper)
    return (System.CPT, found[1]) if found else (system, upper)


def _tidy_snomed(code: str) -> str:
    found = _SNOMED.fullmatch(code.strip())
    return found[1] if found else code


def _tidy_loinc(code: str) -> str:
    upper = code.upper()
    found = _PREFIXED_LOINC.fullmatch(upper)
    return found[1] if found else upper


def _tidy_rxnorm(code: str) -> str:
    found = _RXNORM.fullmatch(code)
    return found[1] if found else code


def _tidy_ub04(code: str) -> str:
    return code.zfill(2)


_TIDY: Final[dict[str, Callable[[str], str]]] = {
    System.SNOMED: _tidy_snomed,
    System.LOINC: _tidy_loinc,
    System.RXNORM: _tidy_rxnorm,
    System.ATC: str.upper,
    System.DISPOSITION: str.lower,
    System.UB04: _tidy_ub04,
}
