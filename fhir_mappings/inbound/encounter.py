"""Encounter → Encounter: a stay or a visit. R5 names are read where they replace those of R4."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, timezone, tzinfo
from typing import Any, Final

from config.conventions import USUAL, Conventions
from fhir_mappings.inbound.codes import bare_code, codes_and_text, codes_or_text
from fhir_mappings.inbound.dates import day, is_ahead, last_day, moment, written_zone
from fhir_mappings.inbound.disposition import read_disposition
from fhir_mappings.inbound.elements import Json, at, first, identifiers, is_misshapen, items, text
from fhir_mappings.inbound.encounter_class import class_code
from fhir_mappings.inbound.references import Shared, display, literal, reference_of
from fhir_mappings.inbound.security import labels
from service.domain.codes import Code
from service.domain.record import Encounter, Participant

#: States of a stay that did not take place.
CALLED_OFF: Final = frozenset({"cancelled", "entered-in-error"})
#: R5's states of an encounter, and what R4 calls them.
_STATUSES: Final = {
    "completed": "finished",
    "discharged": "finished",
    "on-hold": "onleave",
    "discontinued": "finished",
}
#: States of a stay that has begun and not ended.
_GOES_ON: Final = frozenset({"in-progress", "onleave"})
#: States that tell nothing: OpenMRS writes "unknown" for every encounter.
_UNTOLD: Final = frozenset({"", "unknown"})
#: The use of a diagnosis that the Encounter names as its reason and not among its diagnoses.
REASON = "reason"


def encounter(
    resource: Json,
    shared: Shared,
    *,
    today: date | None = None,
    zone: tzinfo = UTC,
    conventions: Conventions = USUAL,
) -> Encounter:
    """One stay or visit; with `today`, an end after that day has not come yet, but is when it is planned to come."""
    period = period_of(resource)
    hospital = first(resource.get("hospitalization") or resource.get("admission"))
    found = Encounter(
        reference=reference_of(resource),
        status=status_of(resource),
        class_code=class_code(resource, conventions),
        start=moment(period.get("start"), zone),
        end=moment(period.get("end"), zone),
        types=codes_or_text(resource.get("type")),
        reasons=_reasons(resource),
        priority=codes_or_text(resource.get("priority")),
        service_type=codes_or_text(resource.get("serviceType")),
        diagnoses=_diagnoses(resource),
        disposition=read_disposition(resource),
        admit_source=codes_or_text(hospital.get("admitSource")),
        participants=_participants(resource, shared),
        locations=_locations(resource, shared),
        part_of=part_of(resource),
        identifiers=identifiers(resource),
        labels=labels(resource),
    )
    return _as_of(found, today, announced=day(resource.get("plannedEndDate"), zone))


def told_of_stay(resource: Mapping[str, Any], *, merged: bool = False, died: bool = False) -> str:
    """A digest of what makes a plan outdated, only ever compared with another.

    That is its status, its end, where it leads, its patient, and that the patient has died or, if not, was merged: of the dead
    it does not matter that their record is closed.
    """
    merged = merged and not died
    places = [(code.system, code.code) for code in read_disposition(resource)]
    what = (_told_end(resource), literal(resource.get("subject")), merged, died, places)
    return f"{status_of(resource)} {digest(*what)}"


def digest(*values: object) -> str:
    """A short name for values that may be PHI, the same for the same ones."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def period_of(resource: Mapping[str, Any]) -> Json:
    """When a stay or visit took place, as it was written: R4's period, R5's actualPeriod."""
    return first(resource.get("period") or resource.get("actualPeriod"))


def status_of(resource: Mapping[str, Any]) -> str:
    """Its status in R4's words, "" if none."""
    written = bare_code(resource.get("status"))
    return _STATUSES.get(written, written)


def goes_on(resource: Mapping[str, Any]) -> bool:
    """Whether a stay has begun and not ended; where its status tells nothing, whether it has a start and no end."""
    status, period = status_of(resource), period_of(resource)
    return status in _GOES_ON or (status in _UNTOLD and bool(period.get("start")) and not period.get("end"))


def part_of(resource: Mapping[str, Any]) -> str:
    """The stay or visit that it is a part of, or was merged into ("Encounter/1"); "" if none."""
    return literal(first(resource.get("partOf")))


def zone_of(stay: Json) -> timezone:
    """The offset that the times of a stay were written with, UTC where they have none."""
    period = period_of(stay)
    return written_zone(period.get("start")) or written_zone(period.get("end")) or UTC


def ended_on(stay: Json, zone: tzinfo | None = None) -> date | None:
    """The day on which a stay ended or is to end, on the hospital's calendar; None where none can be read."""
    return last_day(period_of(stay).get("end"), zone or zone_of(stay))


def is_undated(resource: Json) -> bool:
    """Whether its start or its end is there and cannot be read."""
    period = period_of(resource)
    return is_misshapen(resource, "period") or any(
        period.get(name) and moment(period[name], UTC) is None for name in ("start", "end")
    )


def _told_end(resource: Mapping[str, Any]) -> str:
    """Its end, in one spelling for one instant."""
    written = period_of(resource).get("end")
    end = moment(written, UTC) if written_zone(written) else None
    return end.astimezone(UTC).isoformat() if end else text(written)


def _as_of(found: Encounter, today: date | None, announced: date | None) -> Encounter:
    """R5 has an element of its own for an end that has not come: that is announced."""
    if today is None or (found.end and found.end.date() <= today):
        return found
    ahead = found.end.date() if found.end else announced
    return replace(found, end=None, planned_end=ahead if ahead and is_ahead(ahead, today) else None)


def _reasons(resource: Json) -> tuple[tuple[Code, ...], ...]:
    """R4 reasonCode; R5 reason.value, whose references are read as diagnoses. The codings of one reason stay together."""
    found = _concepts(resource.get("reasonCode"))
    return found if found or "reason" not in resource else _concepts(at(resource, ("reason", "value")))


def _concepts(value: object) -> tuple[tuple[Code, ...], ...]:
    listed = value if isinstance(value, list) else [value]
    concepts = (codes_and_text(concept) or codes_or_text(concept) for concept in listed)
    return tuple(concept for concept in concepts if concept)


def _diagnoses(resource: Json) -> tuple[tuple[str, str], ...]:
    if "diagnosis" not in resource and "reasonReference" not in resource:
        return ()
    listed = [
        (_condition(one.get("condition")), next(iter(codes_or_text(one.get("use"))), None))
        for one in items(resource.get("diagnosis"))
    ]
    named = [(literal(one), REASON) for one in items(resource.get("reasonReference"))]
    pairs = [*((reference, use.code if use else "") for reference, use in listed), *named]
    return tuple((reference, use) for reference, use in pairs if reference)


def _condition(value: object) -> str:
    """A Reference (R4), or the first of a list of CodeableReferences (R5)."""
    found = first(value)
    return literal(first(found["reference"]) if isinstance(found.get("reference"), dict) else found)


def _participants(resource: Json, shared: Shared) -> tuple[Participant, ...]:
    return tuple(
        Participant(
            role=next((code.code for code in codes_or_text(one.get("type"))), ""),
            reference=literal(who),
            display=display(who, resource, shared),
        )
        for one in items(resource.get("participant"))
        if (who := first(one.get("individual") or one.get("actor")))
    )


def _locations(resource: Json, shared: Shared) -> tuple[str, ...]:
    places = (first(one.get("location")) for one in items(resource.get("location")))
    return tuple(filter(None, (display(place, resource, shared) or literal(place) for place in places)))
