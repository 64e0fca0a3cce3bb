"""Contacts within a stay (ward, theatre, intensive care, department) and stays merged into others: by partOf."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from config.conventions import ENCOUNTER_CLASSES, USUAL, Conventions
from fhir_mappings.inbound.codes import codes
from fhir_mappings.inbound.elements import Json, identifiers, text
from fhir_mappings.inbound.encounter import CALLED_OFF, part_of, period_of, status_of
from fhir_mappings.inbound.encounter_class import class_code, is_stay
from fhir_mappings.inbound.references import reference_of
from fhir_mappings.references import is_encounter
from service.domain.record import INPATIENT_CLASSES
from service.errors import ClassNotUnderstood, NotAnInpatientStay

#: Codes of http://fhir.de/CodeSystem/Kontaktebene: a contact with the hospital, and those within it.
_HOSPITAL_LEVEL: Final = frozenset({"einrichtungskontakt"})
_WITHIN: Final = frozenset({"abteilungskontakt", "versorgungsstellenkontakt"})
_MERGED: Final = (
    "This encounter has no class and is part of {whole}, or was merged into it, which cannot be read; name the stay that "
    "remains."
)
_NO_CLASS: Final = (
    "This encounter has no class, so nobody can tell whether it is an inpatient stay; correct it in the EHR, or let "
    "encounter_classes in the tenants file go by its type or location."
)


def require_stay(resource: Mapping[str, Any], conventions: Conventions = USUAL) -> None:
    """NotAnInpatientStay, with the remedy, for an Encounter that is no stay or that nobody can tell from a visit.

    The class is no patient data, and not told all the same: a hospital's own words may name a service.
    """
    found = class_code(resource, conventions)
    if found in INPATIENT_CLASSES:
        return
    if found in ENCOUNTER_CLASSES:
        raise NotAnInpatientStay
    whole = part_of(resource)
    if not found and is_encounter(whole):
        raise NotAnInpatientStay(_MERGED.format(whole=whole))
    raise ClassNotUnderstood if found else NotAnInpatientStay(_NO_CLASS)


def whole_stay(contact: Json, known: Mapping[str, Json], conventions: Conventions = USUAL) -> Json:
    """The outermost stay that a contact is part of or was merged into, as far as it is known; else the contact itself.

    A stay that is part of something else than a stay (an episode, a course of visits) is whole.
    """
    whole = contact
    for above in _above(contact, known):
        if is_stay(above, conventions) and status_of(above) not in CALLED_OFF:
            whole = above
    return whole


def find_whole_stay(reference: str, resources: Iterable[Json], conventions: Conventions = USUAL) -> str:
    """The same by reference, among resources of all types: "Encounter/ward" → "Encounter/stay"."""
    known = {
        reference_of(contact): contact for contact in resources if contact.get("resourceType") == "Encounter"
    }
    named = known.get(reference)
    return reference_of(whole_stay(named, known, conventions)) if named else reference


def whole_stays(encounters: Iterable[Json], conventions: Conventions = USUAL) -> list[Json]:
    """The stays among encounters, without contacts within another of them.

    Of several contacts of one stay that is not among them the first to begin stands for it. A contact of a department that has
    the visit number of a contact of the hospital is within that one, whether or not it says so.
    """
    known = {reference_of(contact): contact for contact in encounters}
    whole = [
        contact
        for contact in known.values()
        if is_stay(contact, conventions) and whole_stay(contact, known, conventions) is contact
    ]
    numbers = {
        number for stay in whole if _is_of_level(stay, _HOSPITAL_LEVEL) for number in identifiers(stay)
    }
    whole = [stay for stay in whole if not (_is_of_level(stay, _WITHIN) and numbers & set(identifiers(stay)))]
    orphans: dict[str, Json] = {}
    for stay in sorted(whole, key=_beginning):
        above = part_of(stay)
        orphans.setdefault(above if above and above not in known else reference_of(stay), stay)
    return list(orphans.values())


def _is_of_level(contact: Json, levels: frozenset[str]) -> bool:
    """Whether the contact says by its type on which level of the hospital it is (German MII and gematik)."""
    return any(code.code.casefold() in levels for code in codes(contact.get("type")))


def _beginning(stay: Mapping[str, Any]) -> tuple[str, str]:
    return text(period_of(stay).get("start")) or "~", reference_of(dict(stay))


def _above(contact: Json, known: Mapping[str, Json]) -> list[Json]:
    """What it is part of, from the inside out; nothing where that leads in a circle, which tells no whole from a part."""
    found: list[Json] = []
    seen = {reference_of(contact)}
    within = contact
    while (above := known.get(part_of(within))) is not None:
        if reference_of(above) in seen:
            return []
        seen.add(reference_of(above))
        found.append(above)
        within = above
    return found
