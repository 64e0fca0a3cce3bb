"""How an EHR's CDS Hooks differ from the specification: how orders are suggested, and by what a discharge is told.

A shape is data of a vendor's file (`config/vendors`, `then: hooks:`). The default is the specification's.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final


class OrderCodes(StrEnum):
    """By what a suggested order is named."""

    ANY = "any"  # the whole resource is taken over as it is
    PREFERENCE_LIST = (
        "preference-list"  # by its key on the hospital's list; all else comes from the hospital's defaults
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HookShape:
    """What a card may suggest to this EHR.

    order_system is the code system of the keys where order_codes is PREFERENCE_LIST, "" otherwise.
    """

    order_codes: OrderCodes = OrderCodes.ANY
    order_system: str = ""

    @property
    def orders_by_key(self) -> bool:
        """Whether an order is suggested by its key on the hospital's preference list alone."""
        return self.order_codes is OrderCodes.PREFERENCE_LIST

    def joined_with(self, other: "HookShape") -> "HookShape":
        """This shape with all that another says besides; where both say something, the other's counts."""
        said = {
            part.name: getattr(other, part.name)
            for part in fields(other)
            if getattr(other, part.name) != getattr(AS_SPECIFIED, part.name)
        }
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class HookTrigger:
    """An extension of a hook call, and the value of it that says that a patient is being discharged."""

    extension: str
    value: str


AS_SPECIFIED: Final = HookShape()
