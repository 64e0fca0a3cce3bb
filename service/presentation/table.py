"""The plan as tables for a terminal, for the authorised clinician: sensitive needs are in it, marked."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fhir_mappings.narrative import (
    blocker_phrase,
    evidence_lines,
    evidence_phrase,
    follow_up_phrase,
    gap_phrase,
    headline,
    most_urgent_first,
    programme_phrase,
    referral_phrase,
    score_phrase,
)
from fhir_mappings.outbound.elements import clean, review_phrase
from service.domain.assessment import Blocker, Outcome
from service.domain.checklist import Mark
from service.domain.need import Need
from service.domain.plan import PersonTask, Plan
from service.domain.record import Gap
from service.domain.sensitivity import Labels
from service.presentation.landing import Standing
from service.presentation.patient_sheet import sheet_note

_NOTHING: Final = "none"
_WEIGHS: Final = ("for", "against", "missing")
_SHOWN_EVIDENCE: Final = 2
#: An id is broken after a hyphen, so that the evidence has the room.
_ID_WIDTH: Final = 18


def plan_table(plan: Plan, standings: Sequence[Standing] = ()) -> RenderableType:
    """What to print with rich; without colours or a fixed width, so it is plain text where there is no terminal.

    standings say where the items stand in the EHR, for a plan that was published.
    """
    parts = _going_home(plan) if plan.outcome is Outcome.GOING_HOME else _staying_or_gone(plan)
    in_the_ehr = [table("In the EHR", ("Item", "Stands as", "Where", "Why"), _standings(standings))]
    waiting = review_phrase(plan.content)
    return Group(
        *parts, *(in_the_ehr if standings else ()), *([Text(f"Homeward: {waiting}.")] if waiting else ())
    )


def _going_home(plan: Plan) -> tuple[Table, ...]:
    needs = sorted(plan.present(), key=most_urgent_first)
    return (
        table("Patient", ("", ""), _patient(plan)),
        table("Needs", ("Need", "Evidence", "Protocol"), map(_need, needs), unbroken="Protocol"),
        table("Referrals", ("Service", "By", "Priority", "Community service"), _referrals(plan)),
        table("Goals", ("Goal", "Measured by", "By"), _goals(plan)),
        table(
            "Follow-ups",
            ("What and when",),
            [(f"{follow_up_phrase(x)}{_mark(x.labels)}",) for x in plan.follow_ups],
        ),
        _tasks(plan),
        table("To teach", ("What",), [(f"{x.text}{_mark(x.labels)}",) for x in plan.education]),
        table("Programmes", ("Programme", "For whom"), _programmes(plan)),
        table(
            "To ask at the bedside",
            ("About", "Question"),
            [(f"{_title(plan, x.need)}{_mark(x.labels)}", x.question) for x in plan.bedside_questions],
        ),
        table("BOOST 8P", ("", "State", "Evidence"), _boost(plan)),
        table("Compliance", ("Who", "Still to do", "Asked for by"), _compliance(plan)),
        _unread(plan),
    )


def _staying_or_gone(plan: Plan) -> tuple[Table, ...]:
    """Who died or goes to another hospital needs none of what is for going home; an empty list of it would jar."""
    return table("Patient", ("", ""), _patient(plan)), _tasks(plan), _unread(plan)


def _tasks(plan: Plan) -> Table:
    return table("Tasks", ("For", "What", "By"), [_task(x) for x in plan.tasks])


def _unread(plan: Plan) -> Table:
    return table("Could not be read", ("What",), [(_gap(x),) for x in plan.gaps])


def _gap(gap: Gap) -> str:
    said = f" ({'; '.join(gap.said)})" if gap.said else ""
    return f"{gap_phrase(gap)}: {gap.detail}{said}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, unbroken: str = "") -> Table:
    """One table; cells are Text, so that nothing in a record is read as markup or as terminal control.

    unbroken names the column whose lines are kept whole as long as the terminal is wide enough.
    """
    listed = list(rows) or [(_NOTHING, *("" for _ in columns[1:]))]
    table = Table(
        title=title,
        box=SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        show_header=any(columns),
        pad_edge=False,
        expand=True,
    )
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=bool(column) and column == unbroken)
    for row in listed:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def _patient(plan: Plan) -> list[tuple[str, str]]:
    age = plan.patient.age_on(plan.today)
    born = f"age {age}" if age is not None else ""
    who = ", ".join(part for part in (plan.patient.name, born, plan.patient.sex) if part)
    rows = [
        ("Patient", f"{who} ({plan.patient.reference})"),
        ("Stay", f"{plan.encounter.reference}, {_leaving(plan)}; plan of {plan.today}"),
        ("Outlook", headline(plan)),
    ]
    rows += [
        ("Blocker" if x.blocks else "Caveat", f"{blocker_phrase(x)}{_mark(x.labels)}")
        for x in _blockers(plan)
    ]
    rows += _factors(plan)
    rows += [("Sheet", sheet_note(plan).text)] if plan.outcome is Outcome.GOING_HOME else []
    leaving = plan.outcome is Outcome.GOING_HOME
    return rows + [("Risk", score_phrase(score)) for score in plan.risk_scores if leaving]


def _factors(plan: Plan) -> list[tuple[str, str]]:
    """What speaks for and against the place suggested, and what is to be known before it can be decided.

    A place that is named needs no deciding.
    """
    place = plan.disposition
    if place is None:
        return []
    shown = [weighs for weighs in _WEIGHS if weighs != "missing" or not place.is_settled()]
    factors = [factor for weighs in shown for factor in place.factors if factor.weighs == weighs]
    return [(factor.weight(), factor.line()) for factor in factors]


def _need(need: Need) -> tuple[str, str, str]:
    evidence = "\n".join(evidence_lines(need))
    protocol = [*wrap(need.protocol.id, _ID_WIDTH), need.protocol.version]
    return f"{need.title}{_mark(need.labels)}", evidence, "\n".join(protocol)


def _referrals(plan: Plan) -> list[tuple[str, str, str, str]]:
    return [
        (f"{x.title}{_mark(x.labels)}", f"{x.due}", str(x.priority), referral_phrase(x))
        for x in plan.referrals
    ]


def _goals(plan: Plan) -> list[tuple[str, str, str]]:
    return [(f"{x.text}{_mark(x.labels)}", x.target, f"{x.due}") for x in plan.goals]


def _task(task: PersonTask) -> tuple[str, str, str]:
    return task.owner, f"{task.text}{_mark(task.labels)}", f"{task.due}"


def _standings(standings: Sequence[Standing]) -> list[tuple[str, str, str, str]]:
    return [(x.title, str(x.rung), x.reference, x.reason or x.problem) for x in standings]


def _programmes(plan: Plan) -> list[tuple[str, str]]:
    return [(f"{x.title}{_mark(x.labels)}", programme_phrase(x)) for x in plan.programmes]


def _boost(plan: Plan) -> list[tuple[str, str, str]]:
    return [
        (
            f"{item.title}{_mark(item.labels)}",
            item.state.replace("_", " "),
            "; ".join(map(evidence_phrase, item.evidence[:_SHOWN_EVIDENCE])),
        )
        for item in plan.boost
    ]


def _compliance(plan: Plan) -> list[tuple[str, str, str]]:
    """What is open, and by whom; of the rest only what it is called."""
    by_mark = {mark: [item for item in plan.compliance if item.mark is mark] for mark in Mark}
    still_open = [
        (item.owner, f"{item.to_do}{_mark(item.labels)}", ", ".join(item.frameworks))
        for item in by_mark[Mark.OPEN]
    ]
    done = [(mark, by_mark[mark]) for mark in (Mark.MET, Mark.NOT_APPLICABLE) if by_mark[mark]]
    named = [
        (f"({mark})", "; ".join(f"{x.requirement}{_mark(x.labels)}" for x in items), "")
        for mark, items in done
    ]
    return still_open + named


def _leaving(plan: Plan) -> str:
    stay, day = plan.encounter, plan.discharge_date
    if stay.end and stay.end.date() <= plan.today:
        return f"left {day}"
    named = stay.planned_end == day
    return f"to leave {day}" if named else "no day of leaving named"


def _blockers(plan: Plan) -> tuple[Blocker, ...]:
    return plan.readiness.blockers if plan.readiness else ()


def _title(plan: Plan, code: str) -> str:
    return next((need.title for need in plan.needs if need.code == code), code)


def _mark(labels: Labels) -> str:
    return f" [{', '.join(sorted(labels))}]" if labels else ""
