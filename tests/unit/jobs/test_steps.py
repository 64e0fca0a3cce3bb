import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.errors import (
    EhrConflict,
    EhrNotFhir,
    EhrRefused,
    EhrUnavailable,
    HomewardError,
    StoreUnavailable,
)
from service.jobs.steps import (
    ATTEMPTS,
    CONFLICT_ATTEMPTS,
    Task,
    problem_of,
    wait_before_trying_again,
    wait_with_a_wish,
)

#: Those that are not made without saying of what.
_MADE = {
    errors.IllegalTransition: lambda: errors.IllegalTransition("received", "planned"),
    errors.NotShown: lambda: errors.NotShown("Encounter/1", is_absent=True),
}


def _all(kind):
    return {kind}.union(*(_all(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(_all(HomewardError), key=str))
def test_an_error_is_tried_again_exactly_when_it_says_so(kind):
    error = _MADE[kind]() if kind in _MADE else kind()
    assert (wait_before_trying_again(error, 0) is not None) == kind.retryable


def test_a_fault_of_ours_is_not_tried_again():
    assert wait_before_trying_again(KeyError("x"), 0) is None


@given(attempt=st.integers(0, ATTEMPTS - 2))
def test_waits_double_up_to_an_hour_and_half_of_each_is_chance(attempt):
    longest = min(3600.0, 2.0**attempt)
    assert longest / 2 <= (wait_before_trying_again(EhrUnavailable(), attempt) or 0) <= longest


def test_the_last_attempt_is_the_last():
    assert wait_before_trying_again(EhrUnavailable(), ATTEMPTS - 1) is None


def test_a_conflict_with_a_person_is_looked_at_anew_only_a_few_times():
    assert wait_before_trying_again(EhrConflict(), CONFLICT_ATTEMPTS - 2) is not None
    assert wait_before_trying_again(EhrConflict(), CONFLICT_ATTEMPTS - 1) is None


def test_an_ehr_that_says_when_to_come_back_is_not_asked_sooner():
    assert wait_before_trying_again(EhrUnavailable(retry_after=300), 0) == 300


def test_an_absurd_time_to_come_back_is_cut_to_an_hour():
    assert wait_before_trying_again(EhrUnavailable(retry_after=1e9), 0) == 3600


def test_the_problem_of_an_error_of_ours_is_its_public_sentence():
    assert problem_of(EhrRefused("The EHR does not let us read Goal."), Task.PLAN) == (
        "The EHR does not let us read Goal."
    )


def test_the_problem_of_a_fault_names_its_class_and_none_of_its_words():
    problem = problem_of(ValueError("Zelda Testperson"), Task.PUBLISH)
    assert "ValueError" in problem
    assert "Zelda" not in problem


@pytest.mark.parametrize("attempt", [0, ATTEMPTS - 1, ATTEMPTS, 5000])
@pytest.mark.parametrize("state", ["", "53100", "25006"])
def test_a_database_that_is_away_or_full_is_waited_for_however_long_it_takes(attempt, state):
    wait = wait_before_trying_again(StoreUnavailable(sqlstate=state), attempt)
    assert wait is not None
    assert wait <= 60


@pytest.mark.parametrize("error", [EhrUnavailable(), EhrConflict(), EhrRefused(status=401), EhrNotFhir()])
@pytest.mark.parametrize("task", [Task.PUBLISH, Task.WITHDRAW])
def test_a_wish_is_never_given_up_because_of_its_ehr(task, error):
    assert all(
        (wait_with_a_wish(task, error, attempt) or 0) > 0 for attempt in (0, 1, ATTEMPTS, 10 * ATTEMPTS)
    )
    assert wait_with_a_wish(task, KeyError("x"), 0) is None  # a fault of ours is a person's to see


def test_reading_a_stay_that_the_ehr_refuses_is_given_up():
    assert wait_with_a_wish(Task.PLAN, EhrRefused(status=403), 0) is None
