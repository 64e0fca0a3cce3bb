"""Numbered notifications into a real database, as web processes take them in."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count as count_from
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from config.tenants import Tenant
from fhir_mappings.inbound.notification import NotificationType, notification_in
from service.ehr.capability import Capability, ResourceCapability
from service.ehr.search import SearchResult
from service.errors import BadInput, NotAllowed
from service.jobs import Jobs
from service.pipeline.heed import heal, heed

BASE = "http://127.0.0.1:9/fhir"
HOSPITAL = Tenant(id="one", fhir_base_url=BASE, organization="Example Hospital")
ORDER = {
    "resourceType": "ServiceRequest",
    "id": "o1",
    "status": "active",
    "intent": "order",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
    "encounter": {"reference": "Encounter/e1"},
}


def notification(*numbers, kind="event-notification", count=None, focus="ServiceRequest/o{}", resources=()):
    """A notification with these event numbers, as sekmet and HAPI send it."""
    events = []
    for number in numbers:
        parts: list[dict[str, Any]] = [{"name": "event-number", "valueString": str(number)}]
        if focus:
            reference = {"reference": f"{BASE}/{focus.format(number)}"}
            parts.append({"name": "focus", "valueReference": reference})
        events.append({"name": "notification-event", "part": parts})
    sent = str(max(numbers, default=0) if count is None else count)
    parameters = [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/s1"}},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": sent},
        *events,
    ]
    status = {"resourceType": "Parameters", "parameter": parameters}
    entries = [{"resource": one} for one in (status, *resources)]
    return {"resourceType": "Bundle", "type": "history", "entry": entries}


class Answering:
    """An EHR that finds these orders, and sends events again if it offers that."""

    def __init__(self, *found, again=None):
        self.found, self.again, self.asked = found, again, []

    def capability(self):
        offered = ResourceCapability(frozenset({"search-type"}), frozenset({"code"}))
        operations = frozenset({"events"}) if self.again else frozenset()
        return Capability(
            resources={
                "ServiceRequest": offered,
                "Subscription": ResourceCapability(operations=operations),
            }
        )

    def events(self, subscription, first, last):
        self.asked.append((subscription, first, last))
        return self.again

    def batch(self, searches):
        self.asked += [search.resource_type for search in searches]
        return [SearchResult(search, self.found) for search in searches]


@pytest.fixture
def deps(store, database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges, notices, watches CASCADE")

    def no_steps():
        raise AssertionError("nothing runs here")

    ehrs: dict[str, Answering] = {}
    return SimpleNamespace(
        store=store,
        tenants={},
        jobs=Jobs(database_url, no_steps),
        now=lambda: datetime(2024, 3, 5, 12, tzinfo=UTC),
        ehr=ehrs.__getitem__,
        ehrs=ehrs,
    )


def tell(deps, bundle, tenant=HOSPITAL):
    told = notification_in(bundle)
    assert told is not None
    heed(told, tenant, deps, door="subscription")


def waiting(database_url):
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT task_name, args->>'reference' FROM procrastinate_jobs ORDER BY id"
        ).fetchall()
    return [tuple(row) for row in rows]


def orders_seen(deps):
    return sorted(one.order for one in deps.store.discharges.latest("one"))


def test_an_event_is_acted_on_once_however_often_it_comes(deps, database_url):
    for _ in range(3):
        tell(deps, notification(1))
    assert waiting(database_url) == [("look", "ServiceRequest/o1")]


def test_an_event_that_several_processes_hear_at_once_is_acted_on_once(deps):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: tell(deps, notification(1, resources=[ORDER])), range(24)))
    [discharge] = deps.store.discharges.latest("one")
    assert [entry.event.value for entry in deps.store.audit.of(discharge.id)] == ["received"]


@pytest.mark.parametrize("count", [499, 500, 501, 1001])
def test_many_events_at_once_are_acted_on_each_once_in_several_transactions(deps, database_url, count):
    begin, begun = deps.store.begin, count_from(1)
    deps.store = SimpleNamespace(begin=lambda: (next(begun), begin())[1])
    for _ in range(2):
        tell(deps, notification(*range(1, count + 1)))
    assert set(waiting(database_url)) == {("look", f"ServiceRequest/o{n}") for n in range(1, count + 1)}
    assert len(waiting(database_url)) == count
    assert next(begun) == 2 * -(-count // 500) + 1


def test_many_events_take_no_more_questions_to_the_database_than_a_few(deps):
    asked: Counter[str] = Counter()

    def count(_connection, _cursor, statement, *_):
        asked[statement.split()[0]] += 1

    event.listen(deps.store._engine, "before_cursor_execute", count)  # noqa: SLF001
    try:
        tell(deps, notification(*range(1, 5)))
        few = asked.copy()
        asked.clear()
        tell(deps, notification(*range(5, 305), focus="Encounter/e{}"))
        assert asked.total() <= few.total() + 1
    finally:
        event.remove(deps.store._engine, "before_cursor_execute", count)  # noqa: SLF001


def test_the_resources_of_many_events_are_looked_at_in_the_ehr(deps, database_url):
    orders = [{**ORDER, "id": f"o{number}"} for number in range(1, 5)]
    tell(deps, notification(1, 2, 3, 4, resources=orders))
    assert orders_seen(deps) == []
    assert waiting(database_url) == [("look", f"ServiceRequest/o{number}") for number in range(1, 5)]


def test_what_was_passed_over_between_the_events_of_one_notification_is_missing(deps):
    tell(deps, notification(1))
    tell(deps, notification(7, 3, 4, 9))
    assert deps.store.notices.missing("one", "Subscription/s1") == (2, 5, 6, 8)
    tell(deps, notification(2, 8, 10))
    assert deps.store.notices.missing("one", "Subscription/s1") == (5, 6)


def test_a_stay_among_many_is_looked_at_if_it_is_planned(deps, database_url):
    tell(deps, notification(1, resources=[ORDER]))
    tell(deps, notification(*range(2, 8), focus="Encounter/e{}"))
    assert waiting(database_url) == [("plan", None)]
    tell(deps, notification(*range(8, 12), focus="Encounter/e1"))
    assert waiting(database_url) == [("plan", None), ("look", "Encounter/e1")]


def test_what_waits_to_be_looked_at_already_is_not_put_in_twice_among_many(deps, database_url):
    tell(deps, notification(1, 2))
    tell(deps, notification(*range(3, 9), focus="ServiceRequest/o1"))
    tell(deps, notification(9, 10, 11, 12, 13))
    looks = [reference for _, reference in waiting(database_url)]
    assert sorted(looks) == sorted(f"ServiceRequest/o{number}" for number in (1, 2, 9, 10, 11, 12, 13))


def test_many_events_heard_by_several_processes_at_once_are_looked_at_once(deps, database_url):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda first: tell(deps, notification(*range(first, first + 40))), range(1, 60, 5)))
    looks = [reference for task, reference in waiting(database_url) if task == "look"]
    assert sorted(looks) == sorted({f"ServiceRequest/o{number}" for number in range(1, 96)})


def test_a_resource_that_comes_along_is_taken_in_at_once(deps, database_url):
    tell(deps, notification(1, resources=[ORDER]))
    assert orders_seen(deps) == ["ServiceRequest/o1"]
    assert [task for task, _ in waiting(database_url)] == ["plan"]


def test_an_order_that_comes_along_without_its_stay_is_looked_at(deps, database_url):
    stayless = {name: value for name, value in ORDER.items() if name != "encounter"}
    tell(deps, notification(1, resources=[stayless]))
    assert waiting(database_url) == [("look", "ServiceRequest/o1")]


def test_an_event_without_focus_has_the_ehr_searched(deps, database_url):
    tell(deps, notification(1, focus=""))
    assert waiting(database_url) == [("round", "")]


@pytest.mark.parametrize("focus", ["Observation/{}", "Encounter/{}", "Patient/{}"])
def test_what_is_nothing_to_us_is_counted_and_left(deps, database_url, focus):
    tell(deps, notification(1, 2, focus=focus))
    assert waiting(database_url) == []
    assert deps.store.notices.missing("one", "Subscription/s1") == ()


def test_events_that_overtake_each_other_are_not_lost(deps, database_url):
    tell(deps, notification(1))
    for number in (3, 2, 4):
        tell(deps, notification(number))
    assert deps.store.notices.missing("one", "Subscription/s1") == ()
    assert [reference for task, reference in waiting(database_url) if task == "look"] == [
        f"ServiceRequest/o{number}" for number in (1, 3, 2, 4)
    ]


def test_a_gap_is_noticed_and_its_healing_waits_a_little_for_the_late(deps, database_url):
    tell(deps, notification(1))
    tell(deps, notification(4))
    assert deps.store.notices.missing("one", "Subscription/s1") == (2, 3)
    assert ("heal", "Subscription/s1") in waiting(database_url)
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT scheduled_at > now() FROM procrastinate_jobs WHERE task_name = 'heal'"
        ).fetchone()
    assert row == (True,)


def test_a_heartbeat_moves_no_counter_but_tells_of_an_event_that_never_came(deps, database_url):
    tell(deps, notification(1))
    tell(deps, notification(kind="heartbeat", count=1))
    assert ("heal", "Subscription/s1") not in waiting(database_url)
    tell(deps, notification(kind="heartbeat", count=2))
    assert ("heal", "Subscription/s1") in waiting(database_url)
    tell(deps, notification(2))
    assert deps.store.notices.missing("one", "Subscription/s1") == ()


def test_a_handshake_is_the_beginning_of_the_count(deps, database_url):
    tell(deps, notification(kind="handshake", count=0))
    tell(deps, notification(2))
    assert deps.store.notices.missing("one", "Subscription/s1") == (1,)
    assert ("heal", "Subscription/s1") in waiting(database_url)


def test_an_ehr_that_counts_anew_after_a_handshake_is_heard(deps, database_url):
    for number in (1, 2, 3):
        tell(deps, notification(number))
    tell(deps, notification(kind="handshake", count=0))
    tell(deps, notification(1))
    assert [reference for _, reference in waiting(database_url)].count("ServiceRequest/o1") == 1
    assert deps.store.notices.hear("one", "Subscription/s1", [1]) == (frozenset(), False)
    assert deps.store.notices.missing("one", "Subscription/s1") == ()


def test_what_was_lost_is_asked_for_where_the_ehr_sends_events_again(deps, database_url):
    again = notification(2, 3, kind="query-event", resources=[{**ORDER, "id": "o2"}, {**ORDER, "id": "o3"}])
    deps.ehrs["one"] = ehr = Answering(again=again)
    tell(deps, notification(1, focus="Patient/{}"))
    tell(deps, notification(4, focus="Patient/{}"))
    heal("Subscription/s1", HOSPITAL, deps)
    assert ehr.asked == [("Subscription/s1", 2, 3)]
    # One plans the stay; the other one may be late, so it is read before it counts.
    assert orders_seen(deps) == ["ServiceRequest/o2"]
    assert ("look", "ServiceRequest/o3") in waiting(database_url)
    assert deps.store.notices.missing("one", "Subscription/s1") == ()


@pytest.mark.parametrize("again", [None, notification(2, kind="query-event", focus="Patient/{}")])
def test_what_is_still_missing_is_searched_for(deps, again):
    deps.ehrs["one"] = Answering(ORDER, again=again)
    tell(deps, notification(1, focus="Patient/{}"))
    tell(deps, notification(4, focus="Patient/{}"))
    heal("Subscription/s1", HOSPITAL, deps)
    assert orders_seen(deps) == ["ServiceRequest/o1"]
    assert deps.store.notices.missing("one", "Subscription/s1") == ()


def test_nothing_is_asked_of_the_ehr_when_all_came_in_the_end(deps):
    tell(deps, notification(1))
    heal("Subscription/s1", HOSPITAL, deps)  # there is no EHR here to be asked


def test_a_notification_of_another_hospitals_server_is_refused(deps, database_url):
    with pytest.raises(NotAllowed):
        tell(deps, notification(1), replace(HOSPITAL, fhir_base_url="https://ehr.example.org/fhir"))
    assert waiting(database_url) == []


def test_numbers_of_two_hospitals_do_not_meet(deps, database_url):
    tell(deps, notification(1))
    tell(deps, notification(1), replace(HOSPITAL, id="two"))
    assert len(waiting(database_url)) == 2


def test_numbers_may_be_numbers_and_the_status_that_of_r4b(deps, database_url):
    status = {
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": 7,
        "subscription": {"reference": "Subscription/s1"},
        "notificationEvent": [{"eventNumber": 7, "focus": {"reference": "ServiceRequest/o7"}}],
    }
    tell(deps, {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]})
    assert waiting(database_url) == [("look", "ServiceRequest/o7")]


def test_an_event_without_a_number_is_refused():
    bundle = notification(1)
    bundle["entry"][0]["resource"]["parameter"][-1]["part"][0]["valueString"] = "first"
    with pytest.raises(BadInput, match="event-number"):
        notification_in(bundle)


def test_a_type_that_nobody_knows_is_refused_with_those_that_are():
    with pytest.raises(BadInput, match=NotificationType.HEARTBEAT):
        notification_in(notification(kind="greeting"))
