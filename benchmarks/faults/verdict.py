"""What was promised, held against what was counted in the EHR."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.faults.counting import Result
from benchmarks.faults.judgement import Count

#: How many stays are named of each kind of what is wrong.
_NAMED: Final = 8


def verdict(results: Sequence[Result], seed: int) -> str:
    """The last line: seed, count, each count, the landed share, and whether the promises were kept."""
    cases = sum(result.cases for result in results)
    counts = ", ".join(f"{total(results, count)} {count}" for count in Count)
    landed, wanted = sum(result.landed for result in results), sum(result.wanted for result in results)
    share = f"{100 * landed / wanted:.1f} %" if wanted else "nothing wanted"
    word = "BROKEN" if any(result.is_bad() for result in results) else "kept"
    asked = sum(result.asked for result in results)
    return (
        f"{word}: seed {seed}, count {cases}: {counts}; {asked} asked a person; "
        f"landed in the EHR {landed} of {wanted} ({share})"
    )


def total(results: Sequence[Result], count: Count) -> int:
    """How many of a kind in all EHRs."""
    return sum(result.count(count) for result in results)


def told(result: Result) -> Iterator[str]:
    """A line for each kind of thing that is wrong in one EHR, with the first few stays."""
    sentences: dict[tuple[Count, str], list[str]] = defaultdict(list)
    for found in result.findings:
        sentences[found.count, found.said].append(found.stay)
    for (count, said), stays in sentences.items():
        named = ", ".join(stays[:_NAMED])
        yield f"{result.mode.kind}: {count}: {said}: {named}{' …' if len(stays) > _NAMED else ''}"
    if result.unacted:
        yield f"{result.mode.kind}: about {result.unacted} plans nobody could decide anything"
