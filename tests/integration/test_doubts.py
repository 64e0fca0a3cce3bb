"""The looks that did not show a resource, as the database keeps them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from service.domain.absence import APART, Conclusion, Look, Shown, Subject

_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def tenant():
    return f"tenant-{uuid4()}"


def _weigh(store, tenant, shown, at=_AT, subject=Subject.STAY):
    with store.begin() as unit:
        look = Look(tenant, subject, "Encounter/1", shown, is_healthy=True, discharge=uuid4())
        return unit.doubts.weigh(look, at)


def test_a_doubt_is_kept_from_one_look_to_the_next(store, tenant):
    first, doubt = _weigh(store, tenant, Shown.ABSENT)
    assert first is Conclusion.LOOK_AGAIN
    assert store.doubts.of(tenant) == (doubt,)
    assert _weigh(store, tenant, Shown.ABSENT, _AT + APART)[0] is Conclusion.GONE


def test_absences_and_refusals_are_counted_apart_and_one_sight_ends_both(store, tenant):
    _weigh(store, tenant, Shown.ABSENT)
    _weigh(store, tenant, Shown.NOT_LET)
    assert [doubt.shown for doubt in store.doubts.of(tenant)] == [Shown.ABSENT, Shown.NOT_LET]
    assert _weigh(store, tenant, Shown.PRESENT)[0] is Conclusion.STANDS
    assert store.doubts.of(tenant) == ()


def test_what_is_due_is_taken_once(store, tenant):
    _weigh(store, tenant, Shown.ABSENT)
    _weigh(store, f"{tenant}-b", Shown.ABSENT, subject=Subject.WRITTEN)
    later = _AT + timedelta(seconds=10)

    def due_in(unit, at):
        return {doubt.tenant for doubt in unit.doubts.take_due([Subject.STAY], at, limit=1000)}

    with store.begin() as unit:
        assert tenant not in due_in(unit, _AT)
        assert tenant in due_in(unit, later)
        assert f"{tenant}-b" not in due_in(unit, later)
        with store.begin() as other:
            assert tenant not in due_in(other, later)
        [doubt] = unit.doubts.of(tenant)
        unit.doubts.put_off(doubt, later + APART)
    with store.begin() as unit:
        assert tenant not in due_in(unit, later)
        unit.doubts.clear(f"{tenant}-b", ["Encounter/1"])


def test_a_tenants_doubts_are_listed_by_what_they_are_about(store, tenant):
    _weigh(store, tenant, Shown.ABSENT)
    assert store.doubts.of(tenant, subject=Subject.ORDER) == ()
    assert len(store.doubts.of(tenant, subject=Subject.STAY)) == 1
