"""The sheet the patient takes home: plain words, what to do, when, whom to call.

Someone else may read it at home. Violence, abuse and shelters are not on it at all; other sensitive care stands in the
neutral words of its protocol, without the name of a service, and never as a diagnosis, an instrument or a result.
The lines about 988 and 211 are on every sheet, so that they say nothing about anyone.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from service.domain.assessment import Outcome
from service.domain.community_service import Match
from service.domain.need import Need
from service.domain.plan import Education, FollowUp, Goal, Plan, Referral
from service.domain.sensitivity import Labels, PatientSheet, may_be_shared, on_patient_sheet

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_HELP: Final = (
    "In an emergency, call 911.",
    "If you feel very upset or need to talk, call or text 988. It is free, day and night.",
    "For help with food, housing, rides or bills, call 211. It is free.",
    "If you have a question about this plan, call the hospital and ask for the social worker.",
)
_ALWAYS_CALL: Final = "Call your doctor if you feel worse or are not sure what to do."


def patient_sheet(plan: Plan) -> str:
    """Plain text with a heading for each part; "" for a patient who has died or goes to another hospital."""
    if plan.outcome is not Outcome.GOING_HOME:
        return ""
    parts = [_part(title, lines) for title, lines in _sections(plan)]
    return "\n\n".join(["YOUR PLAN FOR GOING HOME", *filter(None, parts)]) + "\n"


def plain_date(day: date) -> str:
    """Tuesday, March 5."""
    return f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}"


def _sections(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    needs = {need.code: need for need in plan.needs}
    yield "What we are setting up for you", [_referral(x, needs) for x in plan.referrals]
    yield "Visits and calls", [_visit(x, needs) for x in plan.follow_ups]
    yield "What you can work on", [_goal(x) for x in plan.goals]
    yield "Good to know", [_lesson(x) for x in plan.education]
    yield "When to call", [*_warning_signs(plan.present()), _ALWAYS_CALL]
    yield "Who can help", list(_HELP)


def _part(title: str, lines: Iterable[str]) -> str:
    said = [f"- {line}" for line in dict.fromkeys(lines) if line]
    return "\n".join([title.upper(), *said]) if said else ""


def _referral(referral: Referral, needs: dict[str, Need]) -> str:
    words = _words(referral.patient_text, referral.title, referral.labels, needs.get(referral.need))
    if not words:
        return ""
    return " ".join([words, *_whom_to_call(referral)])


def _whom_to_call(referral: Referral) -> list[str]:
    """The first service whose name gives nothing away; of sensitive care none, as a name can be a diagnosis.

    What is ordered already has a provider whom we do not know.
    """
    if referral.existing or not may_be_shared(referral.labels):
        return []
    offers = [x for x in referral.community_services if may_be_shared(x.service.labels)]
    return [_offer(offers[0])] if offers else []


def _offer(match: Match) -> str:
    service = match.service
    place = ", ".join(dict.fromkeys(name for name in (service.name, service.organization) if name))
    phone = f" Call {service.phone}." if service.phone else ""
    return f"One place that can help: {place}.{phone} You may choose another."


def _visit(visit: FollowUp, needs: dict[str, Need]) -> str:
    words = _words(visit.patient_text, visit.text, visit.labels, needs.get(visit.need))
    if not words:
        return ""
    booked = " It is booked: ask for the day and time before you leave." if visit.existing else ""
    return f"{words} ({_window(visit)}.){booked}"


def _window(visit: FollowUp) -> str:
    if visit.not_before >= visit.due:
        return f"On {plain_date(visit.due)}"
    return f"By {plain_date(visit.due)}"


def _goal(goal: Goal) -> str:
    """Goals are written for the team: only those with words for the patient stand here."""
    return "" if _withheld(goal.labels) else _sentence(goal.patient_text)


def _lesson(lesson: Education) -> str:
    if _withheld(lesson.labels) or not lesson.patient_text:
        return ""
    link = f" Read more: {lesson.link}" if lesson.link and may_be_shared(lesson.labels) else ""
    return _sentence(lesson.patient_text) + link


def _warning_signs(needs: Iterable[Need]) -> list[str]:
    return [
        _sentence(sign)
        for need in needs
        if not _withheld(need.labels)
        for sign in need.interventions.warning_signs
    ]


def _words(patient_text: str, title: str, labels: Labels, need: Need | None) -> str:
    """What may be said of an item: its own plain words, else its title, else the neutral title of its need."""
    if _withheld(labels):
        return ""
    if patient_text or on_patient_sheet(labels) is PatientSheet.AS_IT_IS:
        return _sentence(patient_text or title)
    return _sentence(need.neutral_title) if need else ""


def _withheld(labels: Labels) -> bool:
    return on_patient_sheet(labels) is PatientSheet.WITHHELD


def _sentence(text: str) -> str:
    ended = text.strip()
    return ended if not ended or ended.endswith((".", "!", "?")) else f"{ended}."
