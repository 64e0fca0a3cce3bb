"""Which faults last while what is done: while plans are made, while people click, and while we look whether all still stands.

Drawn from a seed: the same seed and count give the same troubles in the same order, and no kind comes again before all came.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from service.sandbox.spells import Asks, Spell, Trouble

_SOME_WRITTEN: Final = ("ServiceRequest", "CarePlan", "DocumentReference", "Communication", "Goal", "Task")

#: (trouble, types, asks, times) while plans are read and written for the first time.
_PLANNING: Final = (
    (Trouble.UNAVAILABLE, ("Observation",), Asks.READS, 0),
    (Trouble.NOT_FOUND_PAGE, (), Asks.WRITES, 0),
    (Trouble.UNAUTHORIZED, (), Asks.ALL, 0),
    (Trouble.EMPTY, ("Condition",), Asks.READS, 0),
    (Trouble.UNPROCESSABLE, _SOME_WRITTEN, Asks.WRITES, 1),
    (Trouble.FORBIDDEN, ("Condition",), Asks.READS, 0),
    (Trouble.LOST, (), Asks.WRITES, 0),
    (Trouble.BUSY, (), Asks.ALL, 0),
    (Trouble.PAGE, (), Asks.ALL, 0),
    (Trouble.UNAVAILABLE, ("QuestionnaireResponse",), Asks.READS, 0),
    (Trouble.NOT_FOUND, (), Asks.ALL, 0),
    (Trouble.GONE, ("Observation",), Asks.READS, 0),
)
#: The same while people decide about plans and change what stands in the EHR.
_CLICKS: Final = (
    (Trouble.SLOW, (), Asks.ALL, 0),
    (Trouble.NOT_FOUND, (), Asks.ALL, 0),
    (Trouble.UNPROCESSABLE, _SOME_WRITTEN, Asks.WRITES, 1),
    (Trouble.NOT_FOUND_PAGE, _SOME_WRITTEN, Asks.ALL, 0),
    (Trouble.LOST, _SOME_WRITTEN, Asks.WRITES, 0),
    (Trouble.UNAUTHORIZED, (), Asks.ALL, 0),
    (Trouble.GONE, _SOME_WRITTEN, Asks.READS, 0),
    (Trouble.FORBIDDEN, _SOME_WRITTEN, Asks.WRITES, 0),
    (Trouble.BUSY, (), Asks.WRITES, 0),
    (Trouble.PAGE, (), Asks.ALL, 0),
    (Trouble.EMPTY, _SOME_WRITTEN, Asks.READS, 0),
    (Trouble.UNAVAILABLE, _SOME_WRITTEN, Asks.ALL, 0),
)
#: The same while an hour passes and all known stays are looked after.
_LOOKS: Final = (
    (Trouble.NOT_FOUND, ("Encounter",), Asks.READS, 0),
    (Trouble.EMPTY, (), Asks.READS, 0),
    (Trouble.GONE, ("ServiceRequest", "Patient"), Asks.READS, 0),
    (Trouble.NOT_FOUND_PAGE, (), Asks.ALL, 0),
    (Trouble.UNAUTHORIZED, (), Asks.ALL, 0),
)


class Troubles:
    """What goes wrong next, in each of the three."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311  the same sequence every time is the point
        self.planning: Final = _forever(_PLANNING, draw)
        self.clicks: Final = _forever(_CLICKS, draw)
        self.looks: Final = _forever(_LOOKS, draw)


def _forever(
    kinds: Sequence[tuple[Trouble, tuple[str, ...], Asks, int]], draw: random.Random
) -> Iterator[Spell]:
    shuffled = draw.sample(kinds, len(kinds))
    return _cycle(shuffled)


def _cycle(kinds: Sequence[tuple[Trouble, tuple[str, ...], Asks, int]]) -> Iterator[Spell]:
    while True:
        for trouble, types, asks, times in kinds:
            yield Spell(trouble, frozenset(types), asks, times)
