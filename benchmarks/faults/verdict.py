"""What was promised, held against what was measured."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.faults.rounds import Result, Shape

#: How much longer than without faults 95 of 100 discharges may take.
P95_FACTOR: Final = 6.0
#: Of fewer discharges the slowest twentieth is chance: the two killed workers alone would decide it.
JUDGED_FROM: Final = 100
#: Where the EHR lets everything be looked for, nothing may stay unknown.
_EVERYTHING_IS_FOUND: Final = frozenset({"", "epic-like"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """A round with faults beside the one without."""

    calm: Result
    flaky: Result

    @property
    def factor(self) -> float:
        """How many times longer the p95 became."""
        return self.flaky.p95 / self.calm.p95 if self.calm.p95 else 0.0

    def broken(self) -> tuple[str, ...]:
        """The promises that were not kept, in sentences; () when all were."""
        return tuple(self._broken())

    def _broken(self) -> Iterator[str]:
        yield from self.flaky.lost
        yield from self.calm.lost
        if self.flaky.duplicates:
            yield f"{self.flaky.duplicates} resources are in the EHR twice"
        if self.flaky.overwritten:
            yield f"{self.flaky.overwritten} of {self.flaky.edits} edits were overwritten"
        if self.flaky.unknown and self.flaky.mode.vendor in _EVERYTHING_IS_FOUND:
            yield f"{self.flaky.unknown} are unknown in an EHR that can be searched"
        if len(self.flaky.seconds) >= JUDGED_FROM and self.factor > P95_FACTOR:
            yield f"p95 is {self.factor:.1f} times that without faults, more than {P95_FACTOR:g}"
        yield from _differences(self.calm.shapes, self.flaky.shapes)

    @property
    def thinner(self) -> int:
        """Plans that say of more things than without faults that they could not be read."""
        gaps = {shape.template: shape.gaps for shape in self.calm.shapes}
        return sum(shape.gaps > gaps.get(shape.template, shape.gaps) for shape in self.flaky.shapes)


def _differences(calm: Sequence[Shape], flaky: Sequence[Shape]) -> Iterator[str]:
    """Plans that look otherwise than without faults, though they say that everything could be read."""
    usual = {shape.template: shape for shape in calm}
    odd: Counter[str] = Counter()
    for shape in flaky:
        same = usual.get(shape.template)
        if same and shape.gaps == same.gaps and shape.kinds != same.kinds:
            odd[shape.template] += 1
    yield from (
        f"{template}: {count} plans differ from those without faults" for template, count in odd.items()
    )
