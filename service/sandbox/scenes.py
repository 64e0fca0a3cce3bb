"""What people do in the demo once there is a plan, and how the chart looks after it: before the signature, signed, called off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from rich.console import Console

from service.domain.plan import Plan
from service.sandbox.chart import Chart
from service.sandbox.claims import find_unheld
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient
from service.sandbox.landing import show_chart, show_reasons
from service.sandbox.social_worker import SocialWorker
from service.sandbox.verify import Moment, problems

_TITLES: Final = {
    Moment.PROPOSED: "Before anybody has signed",
    Moment.SIGNED: "Signed as a whole by the demo's social worker",
    Moment.CALLED_OFF: "The attending physician has called the discharge off",
}


@dataclass
class Ward:
    """One patient in one EHR, seen by those who read the chart; shown are the texts that were printed before."""

    hospital: Hospital
    patient: Inpatient
    worker: SocialWorker
    kind: str
    console: Console
    shown: list[str] = field(default_factory=list)

    def chart(self) -> Chart:
        """The chart as it is now."""
        return self.hospital.chart(self.patient)

    def show(self, discharge: UUID, moment: Moment) -> None:
        """Print the chart, and why the rest of the plan is not in it."""
        self._print(f"\n[bold]{_TITLES[moment]}[/]")
        self.print_chart(whole=moment is not Moment.PROPOSED)
        for sentence in show_reasons(self.worker.landing(discharge)):
            self._print(f"  {sentence}", markup=False)

    def print_chart(self, *, whole: bool = True) -> None:
        """Print the chart as a clinician reads it, or how its texts begin."""
        chart = self.chart()
        for line in show_chart(chart, whole=whole, known=self.shown):
            self._print(line, markup=False)
        self.shown += [entry.text for entry in chart.entries if whole]

    def wrong(self, discharge: UUID, plan: Plan, moment: Moment) -> Sequence[str]:
        """What the chart does not hold of what it must, or of what status document and page claim."""
        chart = self.chart()
        claimed = {
            "status document": self.worker.landing(discharge),
            "page": self.worker.landing_on_page(discharge),
        }
        return (
            *problems(self.hospital, self.patient, plan, kind=self.kind, moment=moment),
            *(
                f"{sentence} (So says the {where}.)"
                for where, rows in claimed.items()
                for sentence in find_unheld(rows, chart)
            ),
        )

    def _print(self, line: str, *, markup: bool = True) -> None:
        self.console.print(line, soft_wrap=True, markup=markup)
