"""What counts in a resource of ours, so that a plan made on a later day does not write everything anew.

The day on which something was drafted counts for nothing: `authoredOn`, `created`, `date`, `recorded` … And while nobody has
said when the patient leaves, that day is a guess that moves with today; days counted from a guess count by their distance
from it. Once the stay has ended, or a day for its end is named, they are what they say.
"""

import hashlib
import json
import re
from datetime import date
from typing import Final

from fhir_mappings.outbound.elements import Json
from fhir_mappings.outbound.reference_line import without_reference
from service.domain.plan import Plan

_MADE_ON: Final = frozenset(
    {"authoredOn", "created", "date", "recorded", "recordedDate", "sent", "startDate"}
)
#: Whom a message went to: it was sent, and is not sent again because the team has changed.
_SENT_TO: Final = frozenset({"recipient"})
#: Who wrote it: always we, by whatever reference the EHR has for us that day.
_MADE_BY: Final = frozenset({"author", "sender"})
_DAY: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def meaning_of(body: Json, plan: Plan) -> str:
    """A digest in hex: two bodies for one plan item that have the same one need no second writing."""
    counts = {
        name: part
        for name, part in body.items()
        if name not in _MADE_ON | _SENT_TO | _MADE_BY and not _is_asked_by_us(name, part)
    }
    # The line by which a text is known says nothing, and earlier releases wrote none.
    text = without_reference(json.dumps(counts, sort_keys=True, separators=(",", ":")))
    if not _is_named(plan):
        text = _DAY.sub(lambda day: _distance(day[0], plan.discharge_date), text)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_asked_by_us(name: str, part: object) -> bool:
    """Whether it says that nobody but we, or the hospital, asks for this: a person who signs is no Device."""
    return name == "requester" and isinstance(part, dict) and part.get("type") in {"Device", "Organization"}


def _is_named(plan: Plan) -> bool:
    """Whether the day of leaving stands in the record, as its end or as the day planned for it."""
    stay = plan.encounter
    return (stay.end is not None and stay.end.date() <= plan.today) or stay.planned_end == plan.discharge_date


def _distance(day: str, leaving: date) -> str:
    """Days after leaving, "+7"; a day before it is a fact of the record and stands as it is."""
    try:
        days = (date.fromisoformat(day) - leaving).days
    except ValueError:
        return day
    return f"{days:+d}" if days >= 0 else day
