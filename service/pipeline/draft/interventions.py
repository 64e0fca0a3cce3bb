"""What else follows from a need: goals, follow-ups, teaching, tasks. What two needs say in the same words is said once."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

from fhir_mappings import systems
from service.domain.codes import Code
from service.domain.need import Need
from service.domain.plan import Booking, Education, FollowUp, Goal, PersonTask, Programme
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    ProgrammeTemplate,
    Review,
    TaskTemplate,
)
from service.domain.record import Fact, Patient
from service.domain.sensitivity import NONE, Labels, on_patient_sheet
from service.pipeline.assess.languages import language_of
from service.pipeline.draft.keys import item_key, programme_key
from service.pipeline.draft.standing import Standing, words

#: Tasks after leaving are due with the first worklist, which asks two days after discharge.
_FIRST_WORKLIST: Final = timedelta(days=2)


def goals(needs: Iterable[Need], standing: Standing, *, start: date, discharge: date) -> tuple[Goal, ...]:
    """Goals, the earliest due first; one that the EHR has already carries its reference."""
    drafted = [
        _goal(need, template, standing, start=start, due=discharge + timedelta(days=template.within_days))
        for need in needs
        for template in need.interventions.goals
    ]
    return _once(sorted(drafted, key=lambda goal: goal.due))


def follow_ups(needs: Iterable[Need], standing: Standing, *, discharge: date) -> tuple[FollowUp, ...]:
    """Visits and calls, the earliest due first; a booked appointment within the window covers one."""
    drafted = [
        _follow_up(need, template, standing, discharge)
        for need in needs
        for template in need.interventions.follow_ups
    ]
    return _once(sorted(drafted, key=lambda visit: visit.due))


def education(needs: Iterable[Need], patient: Patient) -> tuple[Education, ...]:
    """What to teach, in the order of the needs, with a link in the patient's language where MedlinePlus has it."""
    language = _medlineplus_language(patient)
    return _once(
        _lesson(need, template, language) for need in needs for template in need.interventions.education
    )


def bookings(standing: Standing, *, discharge: date) -> tuple[Booking, ...]:
    """What is booked from the day of leaving on, whether the plan asks for it or not, the earliest first."""
    booked = [
        Booking(fact.reference, fact.began, fact.labels, fact.slot)
        for fact in standing.appointments
        if fact.began and fact.began >= discharge
    ]
    return tuple(sorted(booked, key=lambda booking: (booking.on, booking.reference)))


def tasks(needs: Iterable[Need], *, today: date, discharge: date) -> tuple[PersonTask, ...]:
    """Work for people, the earliest due first."""
    drafted = [
        PersonTask(
            key=item_key("task", need, template.key),
            need=need.code,
            text=template.text,
            owner=template.owner,
            due=_due(template, today=today, discharge=discharge),
            labels=need.labels,
        )
        for need in needs
        for template in need.interventions.tasks
    ]
    return _once(sorted(drafted, key=lambda task: task.due))


def _due(template: TaskTemplate, *, today: date, discharge: date) -> date:
    if template.at_once:
        return min(today, discharge)
    return discharge if template.before_discharge else discharge + _FIRST_WORKLIST


def programmes(needs: Iterable[Need], *, today: date) -> tuple[Programme, ...]:
    """Programmes that may help, each once, with the rules of the day; readers of one kind see no need of another."""
    found: dict[str, Programme] = {}
    for need in needs:
        for template in need.interventions.programmes:
            drafted = _programme(need, template, today)
            found[drafted.key] = _also_for(known, need) if (known := found.get(drafted.key)) else drafted
    return tuple(found.values())


def _also_for(known: Programme, need: Need) -> Programme:
    return replace(known, also_for=(*known.also_for, need.code), labels=known.labels | need.labels)


def _programme(need: Need, template: ProgrammeTemplate, today: date) -> Programme:
    rules = template.rules_on(today)
    return Programme(
        key=programme_key(template.key, need.labels),
        need=need.code,
        title=template.title,
        authority=template.authority,
        rules=rules.text if rules else "",
        effective=rules.effective if rules else None,
        review=rules.review if rules else Review.PENDING,
        labels=need.labels,
    )


def _goal(need: Need, template: GoalTemplate, standing: Standing, *, start: date, due: date) -> Goal:
    existing = standing.goal(template.text, template.measure)
    return Goal(
        key=item_key("goal", need, template.key),
        need=need.code,
        text=template.text,
        start=min(start, due),
        due=due,
        protocol=need.protocol,
        measure=template.measure,
        target=template.target,
        patient_text=template.patient_text,
        labels=need.labels | _labels(existing),
        existing=existing.reference if existing else "",
    )


def _follow_up(need: Need, template: FollowUpTemplate, standing: Standing, discharge: date) -> FollowUp:
    first = discharge + timedelta(days=template.not_before_days)
    last = discharge + timedelta(days=template.within_days)
    booked = standing.appointment(template.text, template.code, first=first, last=last)
    return FollowUp(
        key=item_key("follow-up", need, template.key),
        need=need.code,
        text=template.text,
        not_before=first,
        due=last,
        protocol=need.protocol,
        code=template.code,
        existing=booked.reference if booked else "",
        patient_text=template.patient_text,
        labels=need.labels | _labels(booked),
        booked=booked.began if booked else None,
        slot=booked.slot if booked else None,
    )


def _lesson(need: Need, template: EducationTemplate, language: str) -> Education:
    return Education(
        key=item_key("education", need, template.key),
        need=need.code,
        text=template.text,
        protocol=need.protocol,
        topic=template.topic,
        link=_medlineplus_link(template.topic, language),
        patient_text=template.patient_text,
        labels=need.labels,
        warns=template.warns,
    )


def _labels(fact: Fact | None) -> Labels:
    return fact.labels if fact else NONE


def _medlineplus_link(topic: Code | None, language: str) -> str:
    """MedlinePlus Connect, which knows diagnoses, medicines and tests by code; "" for anything else."""
    if topic is None or topic.system not in systems.MEDLINEPLUS_OIDS:
        return ""
    query = {
        "mainSearchCriteria.v.cs": systems.MEDLINEPLUS_OIDS[topic.system],
        "mainSearchCriteria.v.c": topic.code,
        "informationRecipient.languageCode.c": language,
    }
    return f"{systems.MEDLINEPLUS_CONNECT}?{urlencode(query)}"


def _medlineplus_language(patient: Patient) -> str:
    """It speaks English and Spanish."""
    return "es" if language_of(patient) == "es" else "en"


class _Said(Protocol):
    @property
    def text(self) -> str: ...

    @property
    def labels(self) -> Labels: ...


_Item = TypeVar("_Item", bound=_Said)


def _once(items: Iterable[_Item]) -> tuple[_Item, ...]:
    """The first of those that say the same to the same readers."""
    kept: dict[tuple[str, str], _Item] = {}
    for item in items:
        kept.setdefault((words(item.text), on_patient_sheet(item.labels)), item)
    return tuple(kept.values())
