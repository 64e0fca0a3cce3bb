"""What follows from looks at what seems to be missing: every kind of answer, number of looks, health and distance in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.absence import (
    APART,
    REFUSED,
    UNPROVEN,
    Conclusion,
    Doubt,
    Look,
    Shown,
    Subject,
    conclude,
    shown_by,
)
from service.errors import EhrError, EhrGarbled, EhrNotFhir, EhrRefused, EhrRejected, EhrUnavailable

_START = datetime(2026, 3, 2, 8, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def _look(shown: Shown, *, healthy: bool = True) -> Look:
    return Look("general", Subject.STAY, "Encounter/1", shown, healthy)


def _looks_at(
    shown: Shown, *after: timedelta, healthy: bool = True, kept: Doubt | None = None
) -> tuple[Conclusion, Doubt | None]:
    conclusion = Conclusion.STANDS
    for later in after:
        conclusion, kept = conclude(_look(shown, healthy=healthy), kept, _START + later)
    return conclusion, kept


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (EhrRefused(status=404), Shown.ABSENT),
        (EhrRefused(status=410), Shown.ABSENT),
        (EhrGarbled("The EHR's answer is an HTML page, not FHIR."), Shown.ABSENT),
        (EhrNotFhir("Encounter: the EHR's answer is empty."), Shown.ABSENT),
        *((EhrRefused(status=status), Shown.NOT_LET) for status in (0, 302, 401, 403, 405, 501)),
        (EhrRejected(status=400), Shown.NOT_LET),
        (EhrRejected(status=422), Shown.NOT_LET),
        (EhrUnavailable(), Shown.UNANSWERED),
        (EhrError(), Shown.UNANSWERED),
    ],
)
def test_what_a_failed_reading_has_shown(error, shown):
    assert shown_by(error) is shown


@pytest.mark.parametrize("shown", [Shown.ABSENT, Shown.NOT_LET, Shown.UNANSWERED])
@pytest.mark.parametrize("healthy", [True, False])
def test_one_look_concludes_nothing(shown, healthy):
    assert conclude(_look(shown, healthy=healthy), None, _START)[0] is Conclusion.LOOK_AGAIN


def test_many_looks_within_minutes_conclude_nothing():
    seconds = [number * _SECOND for number in range(int(APART.total_seconds()))]
    assert _looks_at(Shown.ABSENT, *seconds)[0] is Conclusion.LOOK_AGAIN


def test_two_looks_apart_with_a_well_ehr_conclude_that_it_is_gone():
    assert _looks_at(Shown.ABSENT, timedelta(), APART)[0] is Conclusion.GONE


def test_health_is_needed_at_both_looks():
    _, unproven = _looks_at(Shown.ABSENT, timedelta(), healthy=False)
    assert _looks_at(Shown.ABSENT, APART, kept=unproven)[0] is Conclusion.LOOK_AGAIN
    _, proven = _looks_at(Shown.ABSENT, timedelta())
    assert _looks_at(Shown.ABSENT, APART, healthy=False, kept=proven)[0] is Conclusion.LOOK_AGAIN


def test_an_ehr_without_proof_of_health_makes_us_ask_a_person_once():
    conclusion, doubt = _looks_at(Shown.ABSENT, timedelta(), UNPROVEN, healthy=False)
    assert conclusion is Conclusion.ASK_A_PERSON
    assert doubt is not None
    assert doubt.asked == _START + UNPROVEN
    _, later = _looks_at(Shown.ABSENT, UNPROVEN + _SECOND, healthy=False, kept=doubt)
    assert later is not None
    assert later.asked == doubt.asked


@given(
    st.lists(st.integers(1, 3600), min_size=1, max_size=60), st.lists(st.booleans(), min_size=60, max_size=60)
)
def test_a_refusal_never_concludes_that_it_is_gone(pauses, healths):
    kept, at = None, _START
    for pause, healthy in zip(pauses, healths, strict=False):
        at += pause * _SECOND
        conclusion, kept = conclude(_look(Shown.NOT_LET, healthy=healthy), kept, at)
        assert kept is not None
        asks = at - kept.first >= REFUSED
        assert conclusion is (Conclusion.ASK_A_PERSON if asks else Conclusion.LOOK_AGAIN)


def test_a_refusal_of_a_day_asks_a_person():
    hours = [timedelta(hours=hour) for hour in range(25)]
    assert _looks_at(Shown.NOT_LET, *hours)[0] is Conclusion.ASK_A_PERSON


def test_what_is_seen_again_stands_and_begins_anew():
    _, doubt = _looks_at(Shown.ABSENT, timedelta())
    assert _looks_at(Shown.PRESENT, _SECOND, kept=doubt) == (Conclusion.STANDS, None)


def test_no_answer_changes_nothing_of_what_is_kept():
    _, doubt = _looks_at(Shown.ABSENT, timedelta())
    assert _looks_at(Shown.UNANSWERED, APART, kept=doubt) == (Conclusion.LOOK_AGAIN, doubt)


def test_the_next_looks_are_seconds_minutes_and_hours_away():
    due, kept = _START, None
    pauses = []
    for _ in range(6):
        _, kept = conclude(_look(Shown.ABSENT, healthy=False), kept, due)
        assert kept is not None
        pauses.append((kept.due - due).total_seconds())
        due = kept.due
    assert pauses == [10, 120, 600, 3600, 3600, 3600]


def test_after_a_night_without_a_look_the_doubt_begins_anew():
    assert _looks_at(Shown.ABSENT, timedelta(), timedelta(hours=12))[0] is Conclusion.LOOK_AGAIN


@given(st.lists(st.tuples(st.sampled_from(Shown), st.booleans(), st.integers(1, 4000)), max_size=40))
def test_gone_always_has_two_proven_absences_apart_and_nothing_seen_between(looks):
    kept: dict[Shown, Doubt | None] = {}
    at, absences = _START, list[datetime]()
    for shown, healthy, pause in looks:
        at += pause * _SECOND
        conclusion, doubt = conclude(_look(shown, healthy=healthy), kept.get(shown), at)
        if shown is Shown.PRESENT:
            kept, absences = {}, []
            continue
        kept[shown] = doubt
        if shown is Shown.ABSENT and healthy:
            absences.append(at)
        if conclusion is Conclusion.GONE:
            assert absences[-1] == at
            assert at - absences[0] >= APART
