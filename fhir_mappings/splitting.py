"""A search that fails because of one bad record, divided into searches that leave the record alone.

One table of what divides a resource type, best first: a status that every resource has, so that nothing falls between
the parts; then what most have; then dates, in ever shorter spans. entered-in-error is not asked for: it is not used.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final, Protocol

from fhir_mappings.bundle import Search

Parameters = tuple[tuple[str, str], ...]

_REQUEST: Final = ("active", "completed", "on-hold", "draft", "revoked", "unknown")
_CLINICAL: Final = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
#: Values that divide a type: the parameter, and the codes of R4 that its resources may have there.
_VALUES: Final[Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "Encounter": (
        ("status", ("finished", "in-progress", "planned", "onleave", "arrived", "triaged", "unknown")),
    ),
    "Condition": (
        ("category", ("encounter-diagnosis", "problem-list-item", "health-concern")),
        ("clinical-status", _CLINICAL),
    ),
    "Observation": (("status", ("final", "amended", "corrected", "preliminary", "registered", "unknown")),),
    "QuestionnaireResponse": (("status", ("completed", "amended", "in-progress", "stopped")),),
    "Coverage": (("status", ("active", "draft", "cancelled")),),
    "RelatedPerson": (("active", ("true", "false")),),
    "MedicationRequest": (
        ("status", ("active", "completed", "on-hold", "stopped", "draft", "cancelled", "unknown")),
        (
            "intent",
            ("order", "plan", "proposal", "original-order", "instance-order", "reflex-order", "option"),
        ),
    ),
    "DeviceRequest": (("status", _REQUEST),),
    "Procedure": (
        ("status", ("completed", "in-progress", "preparation", "on-hold", "stopped", "not-done", "unknown")),
    ),
    "ServiceRequest": (("status", _REQUEST),),
    "Appointment": (
        (
            "status",
            (
                "booked",
                "fulfilled",
                "proposed",
                "pending",
                "arrived",
                "checked-in",
                "waitlist",
                "noshow",
                "cancelled",
            ),
        ),
    ),
    "CareTeam": (("status", ("active", "proposed", "suspended", "inactive")),),
    "AllergyIntolerance": (("clinical-status", ("active", "inactive", "resolved")),),
    "Consent": (("status", ("active", "proposed", "draft", "inactive", "rejected")),),
    "DocumentReference": (("status", ("current", "superseded")),),
    "CarePlan": (("status", _REQUEST),),
    "Goal": (
        (
            "lifecycle-status",
            ("active", "accepted", "proposed", "planned", "on-hold", "completed", "cancelled", "rejected"),
        ),
    ),
}
_DATES: Final[Mapping[str, tuple[str, ...]]] = {
    "Condition": ("recorded-date", "onset-date"),
    "QuestionnaireResponse": ("authored",),
    "MedicationRequest": ("authoredon",),
    "DeviceRequest": ("authored-on",),
    "ServiceRequest": ("authored",),
    "Goal": ("start-date",),
}
_LAST_DATE: Final = "_lastUpdated"
#: Where the first spans begin, in days before today; what is older is one more.
_SPANS: Final = (30, 90, 365, 1096)
_SHORTEST_DAYS: Final = 2


class Offered(Protocol):
    """What /metadata lists."""

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether a resource type can be searched by a parameter."""
        ...


def parts_of(search: Search, offered: Offered, today: date) -> tuple[Search, ...]:
    """Narrower searches that together find what this one does; () where nothing that is offered divides it any more."""
    if search.id:
        return ()
    divided = next(_divided(search, offered, today), ())
    return tuple(Search(search.resource_type, parameters) for parameters in divided)


def _divided(search: Search, offered: Offered, today: date) -> Iterator[tuple[Parameters, ...]]:
    yield from _by_alternative(search.parameters)
    asked = {name for name, _ in search.parameters}
    for name, values in _VALUES.get(search.resource_type, ()):
        if name not in asked and offered.searches(search.resource_type, name):
            yield tuple((*search.parameters, (name, value)) for value in values)
    name = _date_parameter(search, asked, offered)
    spans = _spans(search, name, today) if name else ()
    if len(spans) > 1:
        others = tuple(pair for pair in search.parameters if pair[0] != name)
        yield tuple((*others, *((name, bound) for bound in span)) for span in spans)


def _by_alternative(parameters: Parameters) -> Iterator[tuple[Parameters, ...]]:
    """A parameter with alternatives ("survey,sdoh"): each by itself."""
    for place, (name, value) in enumerate(parameters):
        alternatives = value.split(",")
        if len(alternatives) > 1 and not name.startswith("_"):
            before, after = parameters[:place], parameters[place + 1 :]
            yield tuple((*before, (name, alternative), *after) for alternative in alternatives)


def _date_parameter(search: Search, asked: set[str], offered: Offered) -> str:
    """The one that is bounded already, else the first that is listed: two dates at once are refused by some."""
    names = (*_DATES.get(search.resource_type, ("date",)), _LAST_DATE)
    listed = (name for name in names if offered.searches(search.resource_type, name))
    return next((name for name in names if name in asked), "") or next(listed, "")


def _spans(search: Search, name: str, today: date) -> tuple[tuple[str, ...], ...]:
    """The bounds ("ge2024-01-01", "lt2024-02-01") of each span, the latest first; () where nothing is left to divide."""
    bounds = [value for asked, value in search.parameters if asked == name]
    after = next((day for bound in bounds if bound.startswith("ge") and (day := _day(bound[2:]))), None)
    before = next((day for bound in bounds if bound.startswith("lt") and (day := _day(bound[2:]))), None)
    if len(bounds) != (after is not None) + (before is not None):
        return ()
    edges = _edges(after, before, today, first=len(bounds) < 2 and not before)  # noqa: PLR2004  from and to
    inner = [edge for edge in edges if (after is None or edge > after) and (before is None or edge < before)]
    highs, lows = [before, *inner], [*inner, after]
    return tuple(_span(low, high) for low, high in zip(lows, highs, strict=True)) if inner else ()


def _edges(after: date | None, before: date | None, today: date, *, first: bool) -> list[date]:
    """Where to cut, the latest first: at set distances the first time, then in the middle."""
    if first and (after is None or (today - after).days > _SPANS[0]):
        return [today - timedelta(days=days) for days in _SPANS]
    if after is None:
        return []
    days = ((before or today + timedelta(days=1)) - after).days
    return [after + timedelta(days=days // 2)] if days >= _SHORTEST_DAYS else []


def _span(low: date | None, high: date | None) -> tuple[str, ...]:
    bounds = (f"ge{low.isoformat()}" if low else "", f"lt{high.isoformat()}" if high else "")
    return tuple(bound for bound in bounds if bound)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
