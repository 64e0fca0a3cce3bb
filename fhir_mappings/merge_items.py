"""Which items of two lists are the same one, wherever they stand."""

import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from fhir_mappings.sameness import names_of

_BY_ID: Final = 100


def pair_items(
    said: Sequence[Any],
    found: Sequence[Any],
    says: Callable[[Any, Any], bool],
    *,
    but: Collection[int] = (),
    but_found: Collection[int] = (),
) -> dict[int, int]:
    """Map the place of each item of `said` to that of its counterpart in `found`; but: places that are paired already.

    First those that are equal, then those that say the same, then those that share most of what tells them from others.
    """
    pairs: dict[int, int] = {}
    free = [place for place in range(len(found)) if place not in but_found]
    for is_counterpart in (operator.eq, says):
        for place, item in enumerate(said):
            if place not in but and place not in pairs:
                match = next((other for other in free if is_counterpart(item, found[other])), None)
                if match is not None:
                    pairs[place] = match
                    free.remove(match)
    left = [place for place in range(len(said)) if place not in but and place not in pairs]
    for place, other in _by_names(said, left, found, free):
        if place not in pairs and other not in pairs.values():
            pairs[place] = other
    return pairs


def _by_names(
    said: Sequence[Any], left: Sequence[int], found: Sequence[Any], free: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Pairs that share a name, those that share most first."""
    names = {place: set(names_of(said[place])) for place in left}
    others = {place: set(names_of(found[place])) for place in free}
    shared = [
        (len(mine & theirs), place, other)
        for place, mine in names.items()
        for other, theirs in others.items()
    ]
    for count, place, other in sorted(shared, key=lambda pair: -pair[0]):
        if count:
            yield place, other


def _weight(name: object) -> int:
    """An id tells an item from others whatever else of it has changed."""
    return _BY_ID if isinstance(name, tuple) and name[0] == "id" else 1
