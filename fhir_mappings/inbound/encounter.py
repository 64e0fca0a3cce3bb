"""Encounter → Encounter: a stay or a visit. R5 names are read where they replace those of R4."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, timezone, tzinfo
from typing import Any

from fhir_mappings.inbound.codes import bare_code, codes_or_text, concept_text
from fhir_mappings.inbound.dates import day, is_ahead, last_day, moment, written_zone
from fhir_mappings.inbound.disposition import read_disposition
from fhir_mappings.inbound.elements import Json, at, first, identifiers, is_misshapen, items, text
from fhir_mappings.inbound.references import Shared, display, literal, reference_of
from fhir_mappings.inbound.security import labels
from service.domain.codes import Code
from service.domain.record import Encounter, Participant

#: Words for a class, as DSTU2 codes or as displays of a hospital's own codes, and their v3 ActCode.
_CLASS_WORDS = {
    "inpatient": "IMP",
    "inpatient encounter": "IMP",
    "inpatient acute": "ACUTE",
    "inpatient non-acute": "NONAC",
    "short stay": "SS",
    "observation": "OBSENC",
    "observation encounter": "OBSENC",
    "hospital encounter": "IMP",
    "outpatient": "AMB",
    "ambulatory": "AMB",
    "emergency": "EMER",
}
#: The use of a diagnosis that the Encounter names as its reason and not among its diagnoses.
REASON = "reason"


def encounter(resource: Json, shared: Shared, *, today: date | None = None, zone: tzinfo = UTC) -> Encounter:
    """One stay or visit; with `today`, an end after that day has not come yet, but is when it is planned to come."""
    period = period_of(resource)
    hospital = first(resource.get("hospitalization") or resource.get("admission"))
    found = Encounter(
        reference=reference_of(resource),
        status=bare_code(resource.get("status")),
        class_code=class_code(resource),
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
        part_of=literal(first(resource.get("partOf"))),
        identifiers=identifiers(resource),
        labels=labels(resource),
    )
    return _as_of(found, today, announced=day(resource.get("plannedEndDate"), zone))


def told_of_stay(resource: Mapping[str, Any], *, merged: bool = False, died: bool = False) -> str:
    """Its status, and a digest of what else makes a plan outdated.

    That is its end, where it leads, its patient, and that the patient was merged or has died.
    """
    places = [(code.system, code.code) for code in read_disposition(resource)]
    what = (_told_end(resource), literal(resource.get("subject")), merged, died, places)
    return f"{resource.get('status')} {digest(*what)}"


def digest(*values: object) -> str:
    """A short name for values that may be PHI, the same for the same ones."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def period_of(resource: Mapping[str, Any]) -> Json:
    """When a stay or visit took place, as it was written: R4's period, R5's actualPeriod."""
    return first(resource.get("period") or resource.get("actualPeriod"))


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


def class_code(resource: Json) -> str:
    """The v3 ActCode of its class, whether sent as Coding (R4), CodeableConcepts (R5), code or word; "" if none."""
    raw = resource.get("class")
    if isinstance(raw, list):
        raw = next((one for one in raw if one), "")
    if isinstance(raw, str):
        return _CLASS_WORDS.get(raw.strip().lower(), raw.strip().upper())
    known = bare_code(raw)
    if known.isdecimal() or not known:  # a number is a hospital's own code; only its words can tell
        return _CLASS_WORDS.get(_class_word(raw), known)
    return _CLASS_WORDS.get(known, known.upper())


def _told_end(resource: Mapping[str, Any]) -> str:
    """Its end, in one spelling for one instant."""
    written = period_of(resource).get("end")
    end = moment(written, UTC) if written_zone(written) else None
    return end.astimezone(UTC).isoformat() if end else text(written)


def _class_word(raw: object) -> str:
    coding = first(first(raw).get("coding")) or first(raw)
    return (text(coding.get("display")) or concept_text(raw)).lower()


def _as_of(found: Encounter, today: date | None, announced: date | None) -> Encounter:
    """R5 has an element of its own for an end that has not come: that is announced."""
    if today is None or (found.end and found.end.date() <= today):
        return found
    ahead = found.end.date() if found.end else announced
    return replace(found, end=None, planned_end=ahead if ahead and is_ahead(ahead, today) else None)


def _reasons(resource: Json) -> tuple[Code, ...]:
    """R4 reasonCode; R5 reason.value, whose references are read as diagnoses."""
    if "reason" not in resource:
        return codes_or_text(resource.get("reasonCode"))
    return codes_or_text(resource.get("reasonCode")) or codes_or_text(at(resource, ("reason", "value")))


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
