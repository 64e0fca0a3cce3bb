"""Numbers with units, for thresholds: what cannot be converted for certain is not compared at all."""

import re

from service.domain.record import Observation, Quantity

#: UCUM unit → (dimension, factor to the dimension's base unit). Molar units convert only among themselves.
_UNITS: dict[str, tuple[str, float]] = {
    "g/L": ("mass concentration", 1.0),
    "g/dL": ("mass concentration", 10.0),
    "mg/dL": ("mass concentration", 0.01),
    "mg/L": ("mass concentration", 0.001),
    "mmol/L": ("substance concentration", 1.0),
    "meq/L": ("substance concentration", 1.0),  # the same number for ions of one charge: sodium, potassium
    "umol/L": ("substance concentration", 0.001),
    "%": ("fraction", 1.0),
    "kg": ("mass", 1.0),
    "g": ("mass", 0.001),
    "[lb_av]": ("mass", 0.45359237),
    "m": ("length", 1.0),
    "cm": ("length", 0.01),
    "[in_i]": ("length", 0.0254),
    "mm[Hg]": ("pressure", 1.0),
    "kg/m2": ("body mass index", 1.0),
    "{score}": ("score", 1.0),
    "1": ("score", 1.0),
    "": ("none", 1.0),
}
_ALSO = {
    "g/dl": "g/dL",
    "gm/dl": "g/dL",
    "g/l": "g/L",
    "mg/dl": "mg/dL",
    "mmol/l": "mmol/L",
    "meq/l": "meq/L",
    "umol/l": "umol/L",
    "percent": "%",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "mmhg": "mm[Hg]",
    "mm[hg]": "mm[Hg]",
    "{score}": "{score}",
    "score": "{score}",
    "{number}": "{score}",
    "{#}": "{score}",
}
#: Of the rest, nobody who is alive has none or less: a slip of the pen, or a sensor that fell off.
_MAY_BE_ZERO = frozenset({"score", "none"})
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
    have, want = _UNITS.get(_tidy(quantity.unit)), _UNITS.get(_tidy(unit))
    if have is None or want is None or have[0] != want[0]:
        return None
    if quantity.value <= 0 and have[0] not in _MAY_BE_ZERO:
        return None
    return quantity.value * have[1] / want[1]


def _tidy(unit: str) -> str:
    return unit if unit in _UNITS else _ALSO.get(unit.casefold(), unit)
