"""The steps a worker runs, handed in by bootstrap, and what becomes of a step that failed."""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.errors import EhrConflict, EhrError, EhrUnavailable, HomewardError, NotShown, StoreUnavailable

#: About nine hours of trying, hourly in the end: an EHR's night of maintenance. Its recovery wakes what waits.
ATTEMPTS: Final = 24
#: A person works on the same resource: looked at anew a few times, then it is theirs.
CONFLICT_ATTEMPTS: Final = 3
#: Half a minute to a minute: longer than a gateway restarts. After that a person sees it, and looks of their own go on for
#: as long as it is not shown (service/domain/absence.py).
NOT_SHOWN_ATTEMPTS: Final = 7
_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 3600.0
#: Whoever makes room on a disk wants to see within a minute that it helped.
_LONGEST_STORE_SECONDS: Final = 60.0
#: Beyond so many doublings a number of seconds says nothing, and beyond a thousand it is no float.
_DOUBLINGS: Final = 20
#: No job is put in for later than that: what was refused is tried again once a day.
LONGEST_DELAY_SECONDS: Final = 86_400
#: No job waits longer to be tried again, whatever an EHR asks for.
LONGEST_WAIT_SECONDS: Final = 3600.0


class Task(StrEnum):
    """What a job does to its discharge."""

    PLAN = "plan"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"


class Errand(StrEnum):
    """What a job does for a hospital, before it is known whether a discharge comes of it."""

    LOOK = "look"  # read one order or stay in the EHR
    ROUND = "round"  # search the EHR for all that changed since the last round
    HEAL = "heal"  # find what the missing notifications of a Subscription told
    REREAD = "reread"  # ask for what the plan of a stay lacks because of a fault


#: A higher one goes first, and does not wait for a lower one of the same discharge that waits to be tried again. A look goes before
#: plans: it is one small reading, and may tell that a plan is no longer wanted.
PRIORITY: Final = {
    Task.PLAN: 0,
    Task.PUBLISH: 10,
    Task.WITHDRAW: 20,
    Errand.ROUND: 5,
    Errand.HEAL: 5,
    Errand.LOOK: 15,
    Errand.REREAD: -5,
}


#: The queue of jobs whose hospital is not known when they are put in; every worker takes them.
COMMON_QUEUE: Final = "default"


def queueing_lock(task: Task | Errand, lock: str) -> str:
    """The name under which the same work waits only once."""
    return f"{task.value}:{lock}"


def _nothing(*_: object) -> None:
    """For a worker that is given discharges only."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The callables of the pipeline.

    Those named like tasks take a discharge's id; give_up also the task and a PHI-free sentence, as does held_up, which is
    called when the EHR makes a step wait for the first time. errand takes the
    errand, a tenant's id and a literal FHIR reference ("" for none); tenants are the hospitals whose jobs are taken (None: all);
    chores is called every few seconds in every worker
    and does in its own transaction what only one of them is to do.
    """

    plan: Callable[[UUID], None]
    publish: Callable[[UUID], None]
    withdraw: Callable[[UUID], None]
    give_up: Callable[[UUID, Task, str], None]
    held_up: Callable[[UUID, Task, str], None] = _nothing
    errand: Callable[[Errand, str, str], None] = _nothing
    chores: Callable[[], None] = _nothing
    tenants: Collection[str] | None = None

    @property
    def queues(self) -> list[str] | None:
        """The queues that this worker takes jobs from, None for all: each hospital has its own, named by its id."""
        return None if self.tenants is None else [COMMON_QUEUE, *sorted(self.tenants)]

    def of(self, task: Task) -> Callable[[UUID], None]:
        """The step of a task."""
        return {Task.PLAN: self.plan, Task.PUBLISH: self.publish, Task.WITHDRAW: self.withdraw}[task]


#: What a person wished, or called off, is brought to the EHR however long it takes.
WISHES: Final = frozenset({Task.PUBLISH, Task.WITHDRAW})
#: Between tries of a wish that the EHR refuses to speak of at all: a grant is mended by people.
_REFUSED_SECONDS: Final = (10.0, 60.0, 300.0, 900.0, 3600.0)


def wait_with_a_wish(task: Task, error: Exception, attempt: int) -> float | None:
    """The same for the step of a discharge: one that writes is never given up because of its EHR."""
    seconds = wait_before_trying_again(error, attempt)
    if seconds is not None or task not in WISHES or not isinstance(error, EhrError):
        return seconds
    return _spread(_REFUSED_SECONDS[min(attempt, len(_REFUSED_SECONDS) - 1)])


def wait_before_trying_again(error: Exception, attempt: int) -> float | None:
    """Seconds to wait after the attempt of this number (0 for the first) failed; None when it was the last.

    Doubles from one second, half of it at random so that an EHR that comes back is not met by all jobs at once; never
    sooner than the EHR's own Retry-After. A database that is full or away is waited for as long as it takes: that is no
    fault of the discharge.
    """
    if isinstance(error, StoreUnavailable):
        return _spread(min(_LONGEST_STORE_SECONDS, _FIRST_SECONDS * 2 ** min(attempt, _DOUBLINGS)))
    if not isinstance(error, HomewardError) or not error.retryable:
        return None
    if attempt + 1 >= _attempts_for(error):
        return None
    wait = _spread(min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**attempt))
    asked = error.retry_after if isinstance(error, EhrUnavailable) else None
    return max(wait, min(asked or 0.0, LONGEST_WAIT_SECONDS))


def _spread(longest: float) -> float:
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


def _attempts_for(error: HomewardError) -> int:
    if isinstance(error, NotShown):
        return NOT_SHOWN_ATTEMPTS
    return CONFLICT_ATTEMPTS if isinstance(error, EhrConflict) else ATTEMPTS


def problem_of(error: Exception, task: Task | Errand) -> str:
    """The sentence a person reads on a discharge that failed."""
    if isinstance(error, HomewardError):
        return error.public_message
    return f"An unexpected fault ({type(error).__name__}) stopped the step {task.value!r}; an operator must look."
