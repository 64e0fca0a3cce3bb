"""Reading JSON that should be FHIR and may not be: each function takes anything and never raises."""

from typing import Any

Json = dict[str, Any]
#: What a number may be written as; a tuple made once, for a record has thousands of them.
_NUMBERS = (int, float, str)


def items(value: object) -> list[Json]:
    """The objects of a repeating element; a single object counts as a list of one, all else is left out."""
    if isinstance(value, list):
        # One object is what it nearly always is, and a record has thousands of them.
        if len(value) == 1 and isinstance(value[0], dict):
            return value
        return [one for one in value if isinstance(one, dict)]
    return [value] if isinstance(value, dict) else []


def is_misshapen(resource: Json, name: str) -> bool:
    """Whether an element of objects is there and holds none."""
    return bool(resource.get(name)) and not items(resource[name])


def first(value: object) -> Json:
    """The first object of an element that may repeat, {} when there is none."""
    found = items(value)
    return found[0] if found else {}


def text(value: object) -> str:
    """A string without its outer spaces; numbers become text (codes and ids do arrive as numbers), all else ""."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return _digits(value)
    return repr(value) if isinstance(value, float) else ""


def number(value: object) -> float | None:
    """A number, also when written as text; None for anything else, for infinity and for what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def at(resource: Json, path: tuple[str, ...]) -> object:
    """The value at a path of elements; past a repeating element, the list of all values there."""
    if len(path) == 1:
        return resource.get(path[0])
    found: list[object] = [resource]
    for name in path:
        values = [one.get(name) for one in found if isinstance(one, dict)]
        found = [child for value in values if value is not None for child in _children(value)]
    return found


def identifiers(resource: Json) -> tuple[str, ...]:
    """Business identifiers as "system|value"."""
    if "identifier" not in resource:
        return ()
    found = items(resource["identifier"])
    return tuple([f"{text(one.get('system'))}|{value}" for one in found if (value := text(one.get("value")))])


def _children(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write integers of thousands of digits
        return ""
