"""The figures of a round: what is wrong with each stay, added up."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.faults.acts import Case
from benchmarks.faults.judgement import Count, Finding, findings_of
from service.sandbox.chart import Chart
from service.sandbox.claims import find_unheld
from service.sandbox.forms import FORMS
from service.sandbox.mode import Mode


@dataclass(frozen=True, slots=True)
class Look:
    """What was found about one stay: everything that is wrong, (landed, wanted), how far we believe it is.

    is_asked says that a person was asked to look whether the EHR has something.
    """

    findings: tuple[Finding, ...]
    share: tuple[int, int]
    state: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a round came to: everything that is wrong, how many of the wanted items landed, what went wrong on the way.

    asked are the stays of which a person was asked to look whether the EHR has something: neither lost nor twice.
    """

    mode: Mode
    cases: int
    findings: tuple[Finding, ...]
    landed: int
    wanted: int
    killed: int
    acts: Mapping[str, int]
    faults: Mapping[str, int]
    states: Mapping[str, int]
    unacted: int
    took: float
    asked: int = 0

    def count(self, count: Count) -> int:
        """How many of a kind."""
        return sum(found.count is count for found in self.findings)

    def is_bad(self) -> bool:
        """Whether anything is wrong, or nothing was tried at all; where an EHR takes nothing of a plan, nothing is wanted there."""
        is_empty = self.wanted == 0 and bool(FORMS[self.mode.kind].holder)
        return bool(self.findings) or is_empty or self.unacted > 0


def claims(case: Case, chart: Chart, told: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """What status document or page say of where the plan stands, and the chart does not hold."""
    for where, rows in told.items():
        unheld = find_unheld(rows, chart, is_declined=bool(case.declined))
        sentences = [f"{sentence} ({where}, {case.act})" for sentence in unheld]
        yield from findings_of(case, Count.CLAIMS, sentences)


def counted(
    mode: Mode,
    cases: Sequence[Case],
    looks: Sequence[Look],
    killed: int,
    faults: Mapping[str, int],
    *,
    took: float,
) -> Result:
    """Add up what was found."""
    return Result(
        mode=mode,
        cases=len(cases),
        findings=tuple(found for look in looks for found in look.findings),
        landed=sum(look.share[0] for look in looks),
        wanted=sum(look.share[1] for look in looks),
        killed=killed,
        acts=Counter(str(case.act) for case in cases if case.acted),
        faults=faults,
        states=Counter(look.state for look in looks),
        unacted=sum(not case.acted for case in cases),
        took=took,
        asked=sum(look.is_asked for look in looks),
    )
