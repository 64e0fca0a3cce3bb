"""The units that measurements and thresholds may have: UCUM, and how records write it."""

from typing import Final

#: UCUM unit → (dimension, factor to the dimension's base unit). Molar units convert only among themselves.
UNITS: Final[dict[str, tuple[str, float]]] = {
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
    "L/min": ("flow", 1.0),
    "mL/min": ("flow", 0.001),
    "kg/m2": ("body mass index", 1.0),
    "{score}": ("score", 1.0),
    "1": ("score", 1.0),
    "": ("none", 1.0),
}
_ALSO: Final = {
    "g/dl": "g/dL",
    "gm/dl": "g/dL",
    "gms/dl": "g/dL",
    "grams/dl": "g/dL",
    "g/100ml": "g/dL",
    "g%": "g/dL",
    "gm%": "g/dL",
    "g/l": "g/L",
    "mg/dl": "mg/dL",
    "mg/100ml": "mg/dL",
    "mg%": "mg/dL",
    "mmol/l": "mmol/L",
    "meq/l": "meq/L",
    "umol/l": "umol/L",
    "percent": "%",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "mmhg": "mm[Hg]",
    "l/min": "L/min",
    "lpm": "L/min",
    "liters/min": "L/min",
    "ml/min": "mL/min",
    "mm[hg]": "mm[Hg]",
    "{score}": "{score}",
    "score": "{score}",
    "{number}": "{score}",
    "{#}": "{score}",
}


def tidy(unit: str) -> str:
    """The unit as `UNITS` has it; another one as it is."""
    return unit if unit in UNITS else _ALSO.get(unit.casefold(), unit)
