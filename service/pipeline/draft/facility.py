"""What follows from the needs of somebody whom others care for next: nothing that is for a home, and one handover."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final, Protocol, TypeVar

from service.domain.assessment import NamedPlace
from service.domain.need import Need
from service.domain.plan import PersonTask
from service.domain.protocol import (
    NOTHING,
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    NeedKind,
)
from service.domain.sensitivity import Labels, may_be_shared, merge
from service.pipeline.draft.standing import words

#: Work of the days at home, whatever need it comes from; "the person at home who needs you" is nobody's work there.
_FOR_HOME: Final = re.compile(
    r"\b(?:(?:ride|gets?) home|(?:scale|food|equipment|feeds|moves|weights?|manages?|days) at home|home health)\b"
)
_HOME_TO_PATIENTS: Final = re.compile(r"\b(?:at|go|get) home\b")
_NURSING_AT_HOME: Final = "nursing-at-home"
#: Of these needs the clinic visits, the teaching and the watching go on in any place.
_GO_ON: Final = frozenset({NeedKind.CLINICAL, NeedKind.SAFETY})


class _Template(Protocol):
    @property
    def text(self) -> str: ...


_Said = TypeVar("_Said", bound=_Template)
_Told = TypeVar("_Told", GoalTemplate, EducationTemplate)


def without_home(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The same needs, without what comes to a home or is for one."""
    return tuple(replace(need, interventions=_elsewhere(need)) for need in needs)


def handover(
    needs: Iterable[Need], place: NamedPlace, labels: Labels, *, due: date
) -> tuple[PersonTask, ...]:
    """All that was found is told to those who care next; the sensitive apart, as it takes the patient's consent.

    labels are those of the place: a psychiatric hospital says why somebody goes there.
    """
    found = tuple(needs)
    shared = [need for need in found if may_be_shared(need.labels)]
    private = [need for need in found if not may_be_shared(need.labels)]
    there = place.display.lower()
    told = (
        ("task:handover", f"Hand over to those who care next ({there}) what was found", shared),
        (
            "task:handover:private",
            f"Hand over in private, as far as the patient agrees or the law asks, to those who care next ({there})",
            private,
        ),
    )
    return tuple(
        PersonTask(
            key=key,
            need="",
            text=f"{text}: {'; '.join(need.title for need in listed)}.",
            owner="social worker",
            due=due,
            labels=labels | merge(need.labels for need in listed),
        )
        for key, text, listed in told
        if listed
    )


def _elsewhere(need: Need) -> Interventions:
    asked = need.interventions
    if _is_for_home(need):
        visits = tuple(one for one in asked.follow_ups if not _is_call(one))
        return replace(NOTHING, follow_ups=visits, warning_signs=asked.warning_signs)
    return replace(
        asked,
        referrals=tuple(one for one in asked.referrals if not one.at_home),
        goals=tuple(map(_unhomely, _not_for_home(asked.goals))),
        follow_ups=_not_for_home(asked.follow_ups),
        education=tuple(map(_unhomely, _not_for_home(asked.education))),
        tasks=_not_for_home(asked.tasks),
    )


def _is_for_home(need: Need) -> bool:
    """Whether all that would help comes to the home, so that what accompanies it goes with it."""
    asked = need.interventions.referrals
    if need.code == _NURSING_AT_HOME:
        return True
    return bool(asked) and need.kind not in _GO_ON and all(one.at_home for one in asked)


def _unhomely(template: _Told) -> _Told:
    """Without words to the patient about a home they do not go to."""
    at_home = _HOME_TO_PATIENTS.search(template.patient_text)
    return replace(template, patient_text="") if at_home else template


def _not_for_home(templates: tuple[_Said, ...]) -> tuple[_Said, ...]:
    return tuple(one for one in templates if not _FOR_HOME.search(_words_of(one).casefold()))


def _words_of(template: _Template) -> str:
    """What is to be done, and of a goal also how it is measured."""
    return f"{template.text} {getattr(template, 'target', '')}"


def _is_call(visit: FollowUpTemplate) -> bool:
    return "call" in words(visit.text).split()
