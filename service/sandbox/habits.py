"""How a vendor's answers look: what its documentation and integrators tell of them, beside what its statement lists.

Sources, row by row, in docs/ehr.md. What Homeward itself wrote comes back as it was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, Final

from fhir_mappings.own_marks import is_own_name
from service.sandbox.respelling import respelled

Json = dict[str, Any]

_EPIC_ISSUES: Final = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
_EPIC_CLASSES: Final = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
_EPIC_CLASS_NAMES: Final = {"IMP": ("1", "Inpatient"), "EMER": ("3", "Emergency"), "AMB": ("5", "Outpatient")}
#: Types of which a record is made and Homeward writes none, or none without its identifier.
_RECORD: Final = frozenset(
    {
        "AllergyIntolerance",
        "Appointment",
        "Condition",
        "Coverage",
        "DeviceRequest",
        "Encounter",
        "MedicationRequest",
        "Observation",
        "Patient",
        "Procedure",
        "QuestionnaireResponse",
        "RelatedPerson",
    }
)


def _warning(code: str, text: str, *, coded: str = "") -> Json:
    """A searchset's entry with a warning; coded is Epic's own number."""
    details = {"coding": [{"system": _EPIC_ISSUES, "code": coded}]} if coded else {"coding": []}
    issue = {"severity": "warning", "code": code, "details": {**details, "text": text}}
    return {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", "issue": [issue]}}


@dataclass(frozen=True, slots=True)
class Habits:
    """What comes with a vendor's answers.

    spellings are those of `service.sandbox.respelling`; beside is the warning in a searchset that has matches, in_empty in
    one that has none; one searchset in so many (0: each) has the warning. With local_classes a stay's class is the site's own.
    """

    spellings: tuple[str, ...]
    beside: Json | None = None
    in_empty: Json | None = None
    one_in: int = 0
    local_classes: bool = False
    bare: bool = False

    def spell(self, resource: Json) -> Json:
        """A resource as this vendor sends it; the same one always in the same way."""
        if resource.get("resourceType") not in _RECORD or _is_ours(resource):
            return resource
        name = f"{resource['resourceType']}/{resource.get('id')}"
        (found,) = respelled([resource], self.spellings, Random(name))  # noqa: S311  nothing is kept secret by it
        if self.local_classes and found["resourceType"] == "Encounter":
            found["class"] = _local_class(found.get("class"))
        if self.bare:
            found.pop("meta", None)
        return found

    def spell_answer(self, answer: Json, *, number: int) -> Json:
        """A read resource, a searchset, or the answers to a batch. number counts this vendor's answers."""
        if answer.get("resourceType") != "Bundle":
            return self.spell(answer)
        if answer.get("type") == "searchset":
            return self._spell_searchset(answer, number)
        entries = [
            self._spell_entry(entry, number + place) for place, entry in enumerate(answer.get("entry", []))
        ]
        return {**answer, "entry": entries}

    def _spell_entry(self, entry: Json, number: int) -> Json:
        resource = entry.get("resource")
        return (
            {**entry, "resource": self.spell_answer(resource, number=number)}
            if isinstance(resource, dict)
            else entry
        )

    def _spell_searchset(self, answer: Json, number: int) -> Json:
        matches = [self._spell_entry(entry, number) for entry in answer.get("entry", [])]
        if self.bare:
            matches = [{key: part for key, part in entry.items() if key != "fullUrl"} for entry in matches]
        warns = not self.one_in or number % self.one_in == 0
        warning = (self.beside if matches else self.in_empty) if warns else None
        entries = [*matches, *([warning] if warning else [])]
        return {**answer, "entry": entries} if entries else answer


def _is_ours(resource: Mapping[str, Any]) -> bool:
    listed = resource.get("identifier")
    return any(map(is_own_name, listed)) if isinstance(listed, list) else False


def _local_class(given: Any) -> Any:
    code = given.get("code") if isinstance(given, dict) else None
    if code not in _EPIC_CLASS_NAMES:
        return given
    number, name = _EPIC_CLASS_NAMES[code]
    return {"system": _EPIC_CLASSES, "code": number, "display": name}


HABITS: Final[Mapping[str, Habits]] = MappingProxyType(
    {
        "epic-like": Habits(
            spellings=("times in UTC",),
            beside=_warning("processing", "This may not be the entire record.", coded="4119"),
            in_empty=_warning("processing", "No results.", coded="4101"),
            local_classes=True,
            bare=True,
        ),
        "oracle-like": Habits(
            spellings=("local codings first", "times in UTC"),
            beside=_warning("suppressed", "Other results could not be expressed and are left out."),
            one_in=5,
        ),
    }
)
