"""The orders that a hospital has named for our referrals, and what was suggested to its clinicians by them.

Some EHRs take orders as suggestions on a card only, each named by its key on the hospital's own preference list. What
the clinician then signs carries nothing of ours: it is known by patient, stay, code and the time at which it was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from types import MappingProxyType
from typing import Final

from service.domain.decision import SOCIAL_WORK
from service.domain.offer import Answer, Offer, OfferKind

_REFERRAL: Final = "referral"


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One order of a hospital: its key on the preference list, and the codes that it has once it was made.

    read_as are codes in whatever system, in small letters; the key itself is always one of them.
    """

    code: str
    read_as: frozenset[str] = frozenset()

    @property
    def codes(self) -> frozenset[str]:
        """The codes by which an order is known as made from this entry, in small letters."""
        return self.read_as | {self.code.casefold()}

    def names(self, codes: Iterable[str]) -> bool:
        """Tell whether an order with these codes was made from this entry."""
        return not self.codes.isdisjoint(code.strip().casefold() for code in codes)


#: A hospital's orders by the service of ours that they stand for.
PreferenceList = Mapping[str, ListedOrder]
EMPTY: Final[PreferenceList] = MappingProxyType({})


def service_of(key: str) -> str:
    """The service that an item of a plan asks for, by the item's key; the key itself for what is no referral."""
    kind, _, rest = key.partition(":")
    return rest.partition(":")[0] if kind == _REFERRAL and rest else key


def listed_order(key: str, table: PreferenceList) -> ListedOrder | None:
    """The hospital's order for an item of a plan, None where it has named none."""
    return table.get(service_of(key))


@dataclass(frozen=True, slots=True)
class MadeOrder:
    """What of an order in the EHR tells what it was made from. authored is its time, or its day where no more is known."""

    codes: tuple[str, ...]
    encounter: str
    authored: datetime | date | None


@dataclass(frozen=True, slots=True)
class SuggestedOrder:
    """An item that was suggested to clinicians by the hospital's own order, and when it was first shown."""

    key: str
    order: ListedOrder
    shown: datetime

    def is_answered_by(self, made: MadeOrder, *, stay: str, zone: tzinfo) -> bool:
        """Tell whether an order of the same patient may be what a clinician made of the suggestion.

        It is of the same stay, has one of the order's codes, and was not made before the suggestion was shown; of an
        order that gives its day alone, that day counts.
        """
        if made.encounter != stay or not self.order.names(made.codes):
            return False
        if isinstance(made.authored, datetime):
            # An EHR keeps seconds, and may cut them off.
            return made.authored >= self.shown.replace(microsecond=0)
        return made.authored is not None and made.authored >= self.shown.astimezone(zone).date()


def suggested_orders(offers: Iterable[Offer], table: PreferenceList) -> tuple[SuggestedOrder, ...]:
    """All that was suggested, is not set aside, and has an order in the table."""
    return tuple(
        SuggestedOrder(offer.key, order, offer.first_shown or offer.shown)
        for offer in offers
        if offer.kind is OfferKind.SUGGESTION and offer.answer is not Answer.OVERRIDDEN
        if (order := listed_order(offer.key, table))
    )


@dataclass(frozen=True, slots=True)
class KnownOrders:
    """What is known of orders in an EHR beside the record: the hospital's table, what was suggested, what was adopted.

    adopted are the literal references of orders that answered a suggestion: they stand for the item itself.
    """

    table: PreferenceList = field(default_factory=lambda: EMPTY)
    suggested: Sequence[SuggestedOrder] = ()
    adopted: frozenset[str] = frozenset()
    zone: tzinfo | None = None

    def services_of(self, codes: Sequence[str]) -> tuple[str, ...]:
        """The services that an order with these codes asks for, by the hospital's table."""
        return tuple(service for service, order in self.table.items() if order.names(codes))

    def is_answer(self, reference: str, made: MadeOrder, *, stay: str) -> bool:
        """Tell whether an order is, or may be, what a clinician made of a suggestion."""
        if reference in self.adopted:
            return True
        zone = self.zone
        return zone is not None and any(
            suggestion.is_answered_by(made, stay=stay, zone=zone) for suggestion in self.suggested
        )


NOTHING_KNOWN: Final = KnownOrders()
#: What may stand in a table beside the services of the content.
OTHER_ITEMS: Final = frozenset({SOCIAL_WORK})
