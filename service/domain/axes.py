"""Patterns of ICD-10-PCS codes by their axes: section, body system, operation, body part, approach, device, qualifier.

`0SR[9B]` is every replacement of a hip joint: a letter or digit for each axis, `[9B]` for one of several, `?` for any; what
a shorter pattern leaves open may be anything.
"""

import re
from functools import lru_cache
from typing import Final

#: Digits and letters without I and O, which look like 1 and 0.
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_AXES: Final = 7
_AXIS: Final = re.compile(rf"[{ALPHABET}]|\[[{ALPHABET}]{{2,}}\]|\?")
_CODE: Final = re.compile(rf"[{ALPHABET}]{{{_AXES}}}")
#: How many axes from the left the patterns are looked up by: the section and the body system.
_KEY: Final = 2


def is_axis_pattern(pattern: str) -> bool:
    """Whether it is well-formed: at most seven axes, of which the first two are named."""
    axes = _AXIS.findall(pattern)
    return "".join(axes) == pattern and _KEY <= len(axes) <= _AXES and "?" not in axes[:_KEY]


def keys_of(pattern: str) -> tuple[str, ...]:
    """Section and body system of all codes that a pattern fits: "0[02]B" → 00, 02."""
    section, system = (axis.strip("[]") for axis in _AXIS.findall(pattern)[:_KEY])
    return tuple(first + second for first in section for second in system)


def key_of(code: str) -> str:
    """Section and body system of a code."""
    return code[:_KEY]


def fits(pattern: str, code: str) -> bool:
    """Whether a code is one that the pattern means; what is no code of seven characters fits nothing."""
    return bool(_CODE.fullmatch(code) and _compiled(pattern).match(code))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("?", "."))
