"""What a question to the record gives: one of three values, and why."""

from math import inf
from typing import NamedTuple

from service.domain.evidence import Evidence
from service.domain.expression import Truth


class Result(NamedTuple):
    """A truth value and the statements it rests on."""

    truth: Truth
    evidence: tuple[Evidence, ...] = ()


UNKNOWN = Result(Truth.UNKNOWN)


def truth_of(value: object) -> Truth:
    """TRUE or FALSE for a plain condition."""
    return Truth.TRUE if value else Truth.FALSE


def truth_between(low: float, high: float, *, at_least: float | None, below: float | None) -> Truth:
    """Whether a number known only within a range is past a threshold: unknown while both are possible."""
    if at_least is not None:
        return Truth.TRUE if low >= at_least else Truth.UNKNOWN if high >= at_least else Truth.FALSE
    ceiling = inf if below is None else below
    return Truth.TRUE if high < ceiling else Truth.UNKNOWN if low < ceiling else Truth.FALSE
