"""Numbers with units, for thresholds: what cannot be converted for certain is not compared at all."""

import re

from service.domain.record import Observation, Quantity
from service.domain.units import UNITS, tidy

#: Of the rest, nobody who is alive has none or less: a slip of the pen, or a sensor that fell off.
_MAY_BE_ZERO = frozenset({"score", "flow", "none"})
_WRITTEN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(\S.*)?")


def quantity_of(observation: Observation) -> Quantity | None:
    """The number an observation gives: as a quantity, or written as text ("12.1 g/dL"); None with a comparator."""
    if observation.quantity is not None:
        return None if observation.text[:1] in {"<", ">"} else observation.quantity
    said = observation.text or next((code.display or code.code for code in observation.answers), "")
    found = _WRITTEN.fullmatch(said)
    return Quantity(float(found[1]), (found[2] or "").strip()) if found else None


def converted(quantity: Quantity, unit: str) -> float | None:
    """The number in another unit, None if the units do not belong together, one is not known, or it cannot be."""
    have, want = UNITS.get(tidy(quantity.unit)), UNITS.get(tidy(unit))
    if have is None or want is None or have[0] != want[0]:
        return None
    if quantity.value <= 0 and have[0] not in _MAY_BE_ZERO:
        return None
    return quantity.value * have[1] / want[1]
