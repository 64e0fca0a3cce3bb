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


def _warning(code: str, text: str) -> Json:
    """A searchset's entry with a warning."""
    issue = {"severity": "warning", "code": code, "details": {"coding": [], "text": text}}
    return {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", "issue": [issue]}}


@dataclass(frozen=True, slots=True)
class Habits:
    """What comes with a vendor's answers.

    spellings are those of `service.sandbox.respelling`; beside is the warning in a searchset that has matches, which one
    searchset in so many (0: each) has.
    """

    spellings: tuple[str, ...]
    beside: Json | None = None
    one_in: int = 0

    def spell(self, resource: Json) -> Json:
        """A resource as this vendor sends it; the same one always in the same way."""
        if resource.get("resourceType") not in _RECORD or _is_ours(resource):
            return resource
        name = f"{resource['resourceType']}/{resource.get('id')}"
        (found,) = respelled([resource], self.spellings, Random(name))  # noqa: S311  nothing is kept secret by it
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
        warns = not self.one_in or number % self.one_in == 0
        warning = self.beside if matches and warns else None
        entries = [*matches, *([warning] if warning else [])]
        return {**answer, "entry": entries} if entries else answer


def _is_ours(resource: Mapping[str, Any]) -> bool:
    listed = resource.get("identifier")
    return any(map(is_own_name, listed)) if isinstance(listed, list) else False


HABITS: Final[Mapping[str, Habits]] = MappingProxyType(
    {
        "oracle-like": Habits(
            spellings=("local codings first", "times in UTC"),
            beside=_warning("suppressed", "Other results could not be expressed and are left out."),
            one_in=5,
        ),
    }
)
