"""Whom a message about the plan goes to: the patient's care team, or else who takes part in the stay."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from service.domain.record import Fact, Kind, Record
from service.domain.sensitivity import NONE, Labels, may_be_shared

#: Those of a team who work there: the patient and the family are in it too.
_PROFESSIONALS: Final = ("Practitioner/", "PractitionerRole/")
#: A message is no mailing list.
_MOST: Final = 20


def care_team(record: Record, labels: Mapping[str, Labels], *, today: date) -> tuple[str, ...]:
    """Literal references: each care team that is at work now, and the professionals in it; () where there is nobody.

    A team of this stay is preferred to others; without a team it is who takes part in the stay, without those who ordered
    something in it. What carries a sensitivity label is left out. labels are what references give away by what they are for.
    """
    teams = [fact for fact in record.facts if _works(fact, labels, today)]
    of_stay = [team for team in teams if team.encounter == record.encounter.reference]
    found = [one for team in of_stay or teams for one in (team.reference, *_professionals(team.members))]
    stay = (one.reference for one in record.encounter.participants)
    orderers = (fact.by for fact in record.facts if _is_ordered_here(fact, record, labels))
    present = found or [*_professionals(stay)] or [*_professionals(orderers)]
    return tuple(dict.fromkeys(present))[:_MOST]


def _is_ordered_here(fact: Fact, record: Record, labels: Mapping[str, Labels]) -> bool:
    shared = may_be_shared(fact.labels | labels.get(fact.reference, NONE))
    return fact.kind is Kind.ORDER and fact.encounter == record.encounter.reference and shared


def _works(fact: Fact, labels: Mapping[str, Labels], today: date) -> bool:
    return (
        fact.kind is Kind.CARE_TEAM
        and fact.status in {"", "active"}
        and (fact.ended is None or fact.ended >= today)
        and may_be_shared(fact.labels | labels.get(fact.reference, NONE))
    )


def _professionals(references: Iterable[str]) -> Iterator[str]:
    return (one for one in references if one.startswith(_PROFESSIONALS))
