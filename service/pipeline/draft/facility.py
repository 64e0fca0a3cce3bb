"""What follows from the needs of somebody whom others care for next: nothing that is for a home, and one handover."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Protocol, TypeVar

from service.domain.assessment import NamedPlace
from service.domain.need import Need
from service.domain.plan import PersonTask
from service.domain.protocol import Interventions
from service.domain.sensitivity import Labels, may_be_shared, merge


class _Template(Protocol):
    @property
    def at_home(self) -> bool: ...


_Offered = TypeVar("_Offered", bound=_Template)


def without_home(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The same needs, without what comes to a home or is for one."""
    return tuple(replace(need, interventions=_elsewhere(need.interventions)) for need in needs)


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


def _elsewhere(asked: Interventions) -> Interventions:
    return replace(
        asked,
        referrals=_not_at_home(asked.referrals),
        goals=_not_at_home(asked.goals),
        follow_ups=_not_at_home(asked.follow_ups),
        education=_not_at_home(asked.education),
        tasks=_not_at_home(asked.tasks),
    )


def _not_at_home(templates: tuple[_Offered, ...]) -> tuple[_Offered, ...]:
    return tuple(one for one in templates if not one.at_home)
