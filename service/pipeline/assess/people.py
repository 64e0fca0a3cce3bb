"""The people around the patient: who is there, and who cares for a child."""

from collections.abc import Iterator
from datetime import date

from service.domain.record import Record, RelatedPerson
from service.domain.unstated import fold

#: From this age on scores and questions made for adults apply.
OF_AGE = 18
#: v3 RoleCode and SNOMED CT: mother, father, parent, guardian, grandparent, foster, adoptive and step-parent.
_PARENT_CODES = frozenset(
    {
        *(
            "MTH",
            "FTH",
            "PRN",
            "NMTH",
            "NFTH",
            "NPRN",
            "GESTM",
            "ADOPTP",
            "ADOPTM",
            "ADOPTF",
            "PRNFOST",
            "MTHFOST",
        ),
        *("FTHFOST", "STPPRN", "STPMTH", "STPFTH", "GUARD", "GRPRN", "GRMTH", "GRFTH"),
        *("72705000", "66839005", "40683002", "58626002"),
    }
)
_PARENT_WORDS = ("mother", "father", "parent", "guardian", "mom", "dad", "madre", "padre")


def is_there(person: RelatedPerson, today: date) -> bool:
    """Whether somebody in the record is still there."""
    return person.active and (person.end is None or person.end >= today)


def parents(record: Record, today: date) -> Iterator[RelatedPerson]:
    """Who cares for a patient who is not of age; nobody for an adult or where the age is not known."""
    age = record.patient.age_on(today)
    if age is None or age >= OF_AGE:
        return
    for person in record.related_persons:
        if is_there(person, today) and _is_parent(person):
            yield person


def _is_parent(person: RelatedPerson) -> bool:
    said = {token for code in person.relationships for token in fold(code.display or code.code).split()}
    codes = {code.code.upper() for code in person.relationships}
    return not codes.isdisjoint(_PARENT_CODES) or any(
        word in token for token in said for word in _PARENT_WORDS
    )
