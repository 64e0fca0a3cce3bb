"""Places to go after a hospital stay, and how records name them: the rows of `config/terminology/disposition*.csv`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.domain.codes import Code

#: Words of a name, as `service.domain.place_words` divides them.
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DispositionCode:
    """A FHIR discharge disposition and the UB-04 patient discharge status codes that mean the same.

    Where FHIR has one code for several places, the first row names it and the others name what UB-04 tells apart.
    facility: others care for the patient there. ends: "died" or "transferred" where nobody goes home from this stay.
    """

    code: str
    display: str
    ub04: tuple[str, ...]
    facility: bool = False
    ends: str = ""


@dataclass(frozen=True, slots=True)
class PlaceName:
    """What a code or words mean: a place, with the UB-04 code where that is known; without one, that none is named yet."""

    place: DispositionCode | None = None
    ub04: str = ""


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """All spellings that are known: by system and code, and by words under their first one, longest first."""

    coded: Mapping[tuple[str, str], PlaceName] = field(default_factory=dict)
    worded: Mapping[str, Sequence[tuple[Words, PlaceName]]] = field(default_factory=dict)

    def of_code(self, code: Code) -> PlaceName | None:
        """What a code means by itself, None where it is not known."""
        return self.coded.get((code.system, code.code))


def names_of(table: Sequence[DispositionCode]) -> dict[str, str]:
    """What FHIR's codes for places to go are called: the first row of each says it."""
    return {row.code: row.display for row in reversed(table)}
