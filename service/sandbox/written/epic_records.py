"""How Epic shows a record: codes of its own, references in full, no versions, and whom it keeps back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]

_CLASSES: Final = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
_DISPOSITIONS: Final = "urn:oid:1.2.840.114350.1.13.0.1.7.4.698084.18888"
_CLASS_NAMES: Final = {"IMP": ("1", "Inpatient"), "EMER": ("3", "Emergency"), "AMB": ("5", "Outpatient")}
#: Each site has its own numbers and words: these are those of this one.
_DISPOSITION_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "home": ("1", "Home or Self Care"),
    "alt-home": ("3", "Routine - Home, Group Home, Independent Living Facility"),
    "aadvice": ("4", "Left Against Medical Advice"),
    "snf": ("6", "Skilled Nursing Facility"),
    "rehab": ("7", "Inpatient Rehabilitation Facility"),
    "long": ("8", "Long Term Care Facility"),
    "hosp": ("9", "Hospice"),
    "psy": ("10", "Psychiatric Hospital"),
    "other-hcf": ("11", "Another Health Care Facility"),
    "exp": ("20", "Expired"),
    "oth": ("99", "Other"),
}
#: Where a resource says whose it is.
_WHOSE: Final = ("subject", "patient", "beneficiary", "for", "individual")
_LITERAL_PARTS: Final = 2


def without_versions(resource: Json) -> Json:
    """The resource without metadata: neither version nor time of change is kept."""
    return {name: part for name, part in resource.items() if name != "meta"}


def with_full_references(value: Any, base: str) -> Any:
    """The value with every reference ("Patient/1") written in full."""
    if isinstance(value, list):
        return [with_full_references(part, base) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"{base}/{part}"
        if name == "reference" and _is_relative(part)
        else with_full_references(part, base)
        for name, part in value.items()
    }


def with_local_codes(stay: Json) -> Json:
    """A stay whose class and disposition are the site's own, with no standard coding beside them."""
    found = {**stay, "class": _local(stay.get("class"), _CLASS_NAMES, _CLASSES)}
    hospital = stay.get("hospitalization")
    if not isinstance(hospital, dict) or "dischargeDisposition" not in hospital:
        return found
    return {**found, "hospitalization": {**hospital, "dischargeDisposition": _local_disposition(hospital)}}


def with_team(stay: Json, teams: Sequence[Json]) -> Json:
    """A stay with the people of its care teams among its participants."""
    own = [part for part in stay.get("participant", []) if isinstance(part, dict)]
    names = {_reference(part.get("individual")) for part in own}
    for team in teams:
        if _id(team.get("encounter")) != stay.get("id"):
            continue
        for member in _of_hospital(team):
            if _reference(member.get("member")) not in names:
                names.add(_reference(member.get("member")))
                own.append({"type": member.get("role", []), "individual": member["member"]})
    return {**stay, "participant": own} if own else stay


def without_treatment_team(team: Json) -> Json:
    """A care team of a stay without the hospital's people: those are the stay's participants."""
    if not team.get("encounter"):
        return team
    treating = _of_hospital(team)
    return {**team, "participant": [part for part in team.get("participant", []) if part not in treating]}


def patient_of(resource: Mapping[str, Any]) -> str:
    """The id of the patient whose record this is part of; "" for none."""
    if resource.get("resourceType") == "Patient":
        return str(resource.get("id", ""))
    named = (_reference(resource.get(name)) for name in _WHOSE)
    return next((name.rpartition("/")[2] for name in named if "Patient/" in name), "")


def replacement_of(patient: Mapping[str, Any]) -> str:
    """The reference of the record that goes on for a merged one; "" where it was not merged."""
    links = patient.get("link")
    replaced = [
        link for link in (links if isinstance(links, list) else []) if link.get("type") == "replaced-by"
    ]
    return _reference(replaced[0].get("other")) if replaced else ""


def is_employer_group(group: Mapping[str, Any]) -> bool:
    """Whether a Group is an employer's: such are the only ones that there are."""
    codings = (group.get("code") or {}).get("coding", [])
    return any(str(coding.get("code")) == "employer" for coding in codings if isinstance(coding, dict))


def without_patients(entries: Sequence[Json], kept_back: Collection[str]) -> list[Json]:
    """A searchset's entries without those of patients whose record is kept back."""
    return [entry for entry in entries if patient_of(entry.get("resource", {})) not in kept_back]


def _local(given: Any, names: Mapping[str, tuple[str, str]], system: str) -> Any:
    code = str(given.get("code")) if isinstance(given, dict) else ""
    if code not in names:
        return given
    number, name = names[code]
    return {"system": system, "code": number, "display": name}


def _local_disposition(hospital: Mapping[str, Any]) -> Any:
    said = hospital["dischargeDisposition"]
    codings = said.get("coding", []) if isinstance(said, dict) else []
    known = next((coding for coding in codings if coding.get("code") in _DISPOSITION_NAMES), None)
    if known is None:
        return said
    coding = _local(known, _DISPOSITION_NAMES, _DISPOSITIONS)
    return {"coding": [coding], "text": coding["display"]}


def _of_hospital(team: Mapping[str, Any]) -> list[Json]:
    """Members that are staff, not family."""
    members = [part for part in team.get("participant", []) if isinstance(part, dict)]
    return [member for member in members if "Practitioner" in _reference(member.get("member"))]


def _reference(value: Any) -> str:
    return str(value.get("reference", "")) if isinstance(value, dict) else ""


def _id(value: Any) -> str:
    return _reference(value).rpartition("/")[2]


def _is_relative(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value[:1].isupper()
        and ":" not in value
        and value.count("/") >= _LITERAL_PARTS - 1
    )
