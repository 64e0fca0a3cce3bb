"""What a signed order for the discharge says of leaving: on which day, and where to."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, tzinfo
from typing import Final

from fhir_mappings.inbound import dates
from fhir_mappings.inbound.codes import bare_code
from fhir_mappings.inbound.disposition import read_place
from fhir_mappings.inbound.draft_order import discharges, order_status, stay_of
from fhir_mappings.inbound.elements import Json, at, items
from fhir_mappings.inbound.trigger import WISHES
from service.domain.codes import Code
from service.domain.record import Encounter

#: Where an order says when it is to be carried out; of a period or several times, the first day.
_WHEN: Final = (("occurrenceDateTime",), ("occurrencePeriod",), ("occurrenceTiming", "event"))


def as_ordered(
    stay: Encounter,
    orders: Iterable[Json],
    *,
    order_codes: Collection[str],
    today: date | None,
    zone: tzinfo = UTC,
) -> Encounter:
    """The stay with the earliest day still ahead and the details that signed orders to discharge from it name.

    order_codes are "system|code". A day that the stay itself names for its end stands where no order names one.
    """
    signed = [one for one in orders if _is_signed(one) and stay_of(one) == stay.reference]
    signed = [one for one in signed if discharges(one, order_codes)]
    days = [
        day
        for order in signed
        if (day := _day(order, zone)) and (today is None or dates.is_ahead(day, today))
    ]
    places = tuple(place for one in signed for place in _places(one))
    return replace(stay, planned_end=min(days, default=stay.planned_end), ordered_disposition=places)


def _is_signed(order: Json) -> bool:
    return order_status(order) == "active" and bare_code(order.get("intent")) not in WISHES


def _day(order: Json, zone: tzinfo) -> date | None:
    for path in _WHEN:
        value = at(order, path)
        listed = value if isinstance(value, list) else [value]
        if found := min(filter(None, (dates.began(time, zone) for time in listed)), default=None):
            return found
    return None


def _places(order: Json) -> tuple[Code, ...]:
    """An order's details may hold anything; what of them is a place to go is for the reader of places to say."""
    return tuple(code for detail in items(order.get("orderDetail")) for code in read_place(detail))
