"""Other visits around the stay: emergency visits, earlier admissions, and how the patient came in."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from service.domain.codes import Code
from service.domain.evidence import Evidence
from service.domain.record import INPATIENT_CLASSES, Encounter, Observation, Record
from service.pipeline.assess.risk.episode import episode_of, first_stays
from service.pipeline.assess.stay import discharge_day

SIX_MONTHS = timedelta(days=183)
YEAR = timedelta(days=365)
_EMERGENCY = "EMER"
_NOT_HELD = frozenset({"cancelled", "entered-in-error", "planned"})
#: An emergency visit that ended so shortly before admission led to it.
_LEADS_TO = timedelta(hours=24)
#: v3 ActPriority, HL7 admission types and UB-04 admission types that are not planned.
_UNPLANNED_CODES = frozenset({"EM", "UR", "A", "S", "CS", "E", "U", "1", "2", "5"})
_UNPLANNED_WORDS = ("emergency", "emergent", "urgent", "trauma")
#: v3 NullFlavor, "information not available" of UB-04, and words.
_NOTHING = frozenset(
    {"", "9", "unk", "ni", "nask", "asku", "nav", "na", "oth", "other", "unknown", "not available"}
    | {"information not available", "not known", "none", "n/a", "not recorded"}
)
#: SNOMED CT: elective hospital admission.
_PLANNED_TYPES = frozenset({"8715000"})
_EMERGENCY_SOURCES = frozenset({"emd"})
#: The German reason for admission (§ 301 SGB V), in which N is an emergency.
_GERMAN_REASON, _GERMAN_EMERGENCY = "aufnahmeanlass", "N"
#: Sources of admission in words: that it was by way of the emergency room.
_EMERGENCY_WORDS = re.compile(
    r"\b(?:emergency|er|ed|a ?& ?e|accident and emergency|notfall|notaufnahme|urgencias|urgences)\b"
)
_NO_EMERGENCY = re.compile(r"\b(?:not?|non)[ -](?:an |from |via )?(?:emergency|er|ed)\b")
#: SNOMED CT: emergency hospital admission, emergency room admission, emergency encounter.
_UNPLANNED_TYPES = frozenset({"183452005", "50849002", "4525004"})


#: Why a score cannot tell how the patient came in.
NOT_RECORDED: Final = (
    "Nothing says how the patient came in: no priority, no admit source, no emergency visit before."
)


def came_unplanned(record: Record) -> tuple[bool | None, tuple[Evidence, ...]]:
    """Whether the admission was urgent or emergent, as its priority, source, type or a leading ED visit says.

    None where nobody recorded how the patient came in: no emergency visit led to the stay, and neither priority nor source
    of the admission is named.
    """
    stay = record.encounter
    said = [code for code in stay.priority if _is_unplanned(code)]
    said += [code for code in stay.admit_source if _is_emergency(code)]
    said += [code for code in stay.types if code.code in _UNPLANNED_TYPES]
    if said:
        words = f"Admission: {said[0].display or said[0].code}"
        return True, (_cite(stay, words),)
    leading = [visit for visit in _emergencies(record) if _is_way_into(visit, record, _episode(record))]
    if leading:
        return True, tuple(_cite(visit, "Emergency visit that led to the stay") for visit in leading)
    recorded = [code for code in (*stay.priority, *stay.admit_source) if not _says_nothing(code)]
    recorded += [code for code in stay.types if code.code in _PLANNED_TYPES]
    return (False if recorded else None), ()


def emergency_visits(record: Record) -> tuple[Evidence, ...]:
    """Emergency visits in the 183 days before admission, the one that led to the stay excluded."""
    stay, stays = record.encounter, _episode(record)
    visits = [
        visit
        for visit in _emergencies(record)
        if _before(visit, stay, SIX_MONTHS) and not _is_way_into(visit, record, stays)
    ]
    return tuple(_cite(one, "Emergency visit") for one in _in_order(visits))


def earlier_admissions(record: Record) -> tuple[Evidence, ...]:
    """Hospital stays that began in the 365 days before admission; a contact within one is no further stay, nor a transfer."""
    stay, held = record.encounter, _held_stays(record)
    known = {visit.reference for visit in held}
    whole = {
        visit.part_of or visit.reference: visit
        for visit in reversed(_in_order(held))
        if visit.part_of not in known
    }
    own = episode_of(stay, whole.values())
    earlier = [
        visit
        for visit in first_stays(list(whole.values()))
        if visit not in own and _before(visit, stay, YEAR)
    ]
    return tuple(_cite(one, "Hospital stay") for one in _in_order(earlier))


def _held_stays(record: Record) -> list[Encounter]:
    return [
        visit for visit in record.other_visits if visit.class_code in INPATIENT_CLASSES and _was_held(visit)
    ]


def _episode(record: Record) -> tuple[Encounter, ...]:
    """The stay, and those from which the patient was transferred to it."""
    return episode_of(record.encounter, _held_stays(record))


def _is_way_into(visit: Encounter, record: Record, stays: Iterable[Encounter]) -> bool:
    """Whether an emergency visit led to one of the stays of an episode, or is part of the stay."""
    return visit.reference in record.parts or any(led_to(visit, stay) for stay in stays)


def led_to(visit: Encounter, stay: Encounter) -> bool:
    """Whether an emergency visit is the way in to this stay."""
    if stay.part_of == visit.reference:
        return True
    if visit.start is None or stay.start is None or visit.start > stay.start:
        return visit.start is not None and stay.start is not None and _same_day(visit.start, stay)
    left = visit.end or visit.start
    return left >= stay.start - _LEADS_TO


def is_of_stay(observation: Observation, record: Record, today: date) -> bool:
    """Whether a measurement is of the stay being planned, from its way in to the day of leaving.

    That is: it names the stay or a contact within it, or its day lies in the stay. Of the day before admission counts what
    was measured in the emergency visit that led to the stay, or names no visit. Without a day only what names the stay counts.
    """
    stay, day = record.encounter, observation.at and observation.at.date()
    if day is not None and day > discharge_day(stay, today):
        return False
    if observation.encounter and record.is_of_stay(observation.encounter):
        return True
    if day is None or stay.start is None:
        return False
    admitted = stay.start.date()
    return day >= admitted or (
        day == admitted - timedelta(days=1) and _is_way_in(observation.encounter, record)
    )


def _is_way_in(encounter: str, record: Record) -> bool:
    """Whether this may be where the stay began: no visit is named, or the emergency visit that led to it."""
    return not encounter or any(
        visit.reference == encounter and visit.class_code == _EMERGENCY and led_to(visit, record.encounter)
        for visit in record.encounters
    )


def _same_day(moment: datetime, stay: Encounter) -> bool:
    return stay.start is not None and moment.date() == stay.start.date()


def _emergencies(record: Record) -> Iterable[Encounter]:
    return (one for one in record.encounters if one.class_code == _EMERGENCY and _was_held(one))


def _was_held(visit: Encounter) -> bool:
    return visit.status not in _NOT_HELD


def _before(visit: Encounter, stay: Encounter, reach: timedelta) -> bool:
    if visit.start is None or stay.start is None:
        return False
    return stay.start.date() - reach <= visit.start.date() and visit.start < stay.start


def _is_unplanned(code: Code) -> bool:
    words = (code.display or code.code).casefold()
    if "non-urgent" in words or "elective" in words:
        return False
    return code.code.upper() in _UNPLANNED_CODES or any(word in words for word in _UNPLANNED_WORDS)


def _is_emergency(source: Code) -> bool:
    words = (source.display or source.code).casefold()
    if source.code.casefold() in _EMERGENCY_SOURCES:
        return True
    if source.code == _GERMAN_EMERGENCY and _GERMAN_REASON in source.system.casefold():
        return True
    return bool(_EMERGENCY_WORDS.search(words)) and not _NO_EMERGENCY.search(words)


def _says_nothing(code: Code) -> bool:
    """Whether a priority or source is recorded as not known (NUBC type of admission 9 and point of origin 9 are that).

    A number that came without words and is longer than those of NUBC and HL7 v2 is a site's own, which nobody knows.
    """
    if not code.display and code.code.isdecimal() and len(code.code) > 1:
        return True
    return code.code.casefold() in _NOTHING or (code.display or code.code).casefold() in _NOTHING


def _in_order(visits: Iterable[Encounter]) -> list[Encounter]:
    return sorted(visits, key=lambda one: (one.start.isoformat() if one.start else "", one.reference))


def _cite(visit: Encounter, text: str) -> Evidence:
    day: date | None = visit.start.date() if visit.start else None
    return Evidence(visit.reference, None, day, text, labels=visit.labels)
