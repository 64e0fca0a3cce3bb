import multiprocessing
import time
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Event as Flag
from threading import Thread
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from service.domain.absence import Shown
from service.domain.audit import AuditEntry, Event, event_of
from service.domain.community_service import CommunityService
from service.domain.discharge import CallOff, Discharge, DischargeState, StayStatus
from service.domain.publication import Draft, Receipt, WriteState
from service.domain.record import GapReason, Lasting
from service.domain.sensitivity import Label
from service.domain.unread import Unread
from service.domain.write_reason import WriteReason, reason_of
from service.errors import HomewardError, NotFound, StoreUnavailable
from service.store import Store, open_engine
from service.store.overview import Asked
from tests.marks import mark_landed, mark_sending

_AT = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)


@pytest.fixture
def discharge(store):
    number = uuid4()
    made = Discharge(number, "one", f"Encounter/{number}", "", DischargeState.RECEIVED, 1, _AT, _AT)
    assert store.discharges.add(made)
    return made


# --- discharges ---------------------------------------------------------------------------------
def test_a_discharge_comes_back_as_it_was(store, discharge):
    assert store.discharges.get(discharge.id) == discharge


def test_a_stay_has_one_discharge(store, discharge):
    assert not store.discharges.add(replace(discharge, id=uuid4()))


def test_an_unknown_discharge_is_said_so(store):
    with pytest.raises(NotFound):
        store.discharges.get(uuid4())


def test_a_discharge_is_found_by_any_order_it_ever_had(store, discharge):
    order = f"ServiceRequest/{discharge.id}"
    store.discharges.remember_order(discharge.id, order)
    assert store.discharges.of_order("one", order) == discharge
    assert store.discharges.of_order("two", order) is None


def test_nothing_of_a_unit_is_kept_when_it_fails(store, discharge):
    failed = discharge.failed("The EHR refused this.", _AT)
    with suppress(ZeroDivisionError), store.begin() as unit:
        unit.discharges.save(failed)
        _ = 1 / 0
    assert store.discharges.get(discharge.id) == discharge


def test_discharges_are_counted_by_hospital_and_state(store):
    tenant = f"tenant-{uuid4()}"
    for number in range(2):
        store.discharges.add(
            Discharge(uuid4(), tenant, f"Encounter/{number}", "", DischargeState.PUBLISHED, 1, _AT, _AT)
        )
    assert store.discharges.count()[tenant, DischargeState.PUBLISHED] == 2


def test_what_plans_lack_is_due_when_the_ehr_answers_again(store, discharge):
    """Of that hospital alone; what it refused, and what another transaction holds, keep their time."""
    later = _AT + timedelta(hours=1)

    def lacking(resource_type, lasting=Lasting.PASSING):
        return Unread(resource_type, GapReason.UNREADABLE, lasting, since=_AT, due=later)

    def due():
        return {lack.resource_type: lack.due for lack in store.unread.of(discharge.id)}

    refused, goal = lacking("Coverage", Lasting.PERHAPS), lacking("Goal")
    store.unread.keep(discharge.id, discharge.tenant, [lacking("Observation"), goal, refused])
    store.unread.wake_passing("another", _AT)
    assert set(due().values()) == {later}
    with store.begin() as unit:
        unit._connection.execute(  # noqa: SLF001
            text("SELECT 1 FROM unread WHERE discharge_id = :id AND resource_type = 'Goal' FOR UPDATE"),
            {"id": discharge.id},
        )
        store.unread.wake_passing(discharge.tenant, _AT)
    assert due() == {"Observation": _AT, "Goal": later, "Coverage": later}


# --- codes of a later version, during a rolling update --------------------------------------------
class TakeBackError(Exception):
    """Ends a transaction of which nothing is to be kept."""


def test_what_only_a_later_version_knows_is_read_and_decides_nothing(store, discharge):
    told = (
        """DO $$ DECLARE name text; BEGIN
            FOR name IN SELECT conname FROM pg_constraint
                WHERE conrelid = 'discharges'::regclass AND contype = 'c' AND conname LIKE '%call_off'
            LOOP EXECUTE format('ALTER TABLE discharges DROP CONSTRAINT %I', name); END LOOP; END $$""",
        "UPDATE discharges SET call_off = 'of-later', stay = 'of-later' WHERE id = :id",
        """INSERT INTO audit (at, tenant, discharge_id, actor, event, reference)
        VALUES (now(), 'one', :id, 'rest', 'of a later version', '')""",
    )
    with suppress(TakeBackError), store.begin() as unit:
        for words in told:
            unit._connection.execute(text(words), {"id": discharge.id} if ":id" in words else {})  # noqa: SLF001
        [*_, entry] = unit.audit.of(discharge.id)
        listed = {other.id: other for other in unit.overview.find(Asked(), limit=None)}
        found = (unit.discharges.get(discharge.id), listed[discharge.id])
        raise TakeBackError
    assert str(entry.event) == "of a later version"
    assert [(other.call_off, other.stay) for other in found] == [(CallOff.NONE, StayStatus.UNTOLD)] * 2
    assert not found[0].call_off.may_be_undone


@pytest.mark.parametrize(
    ("read", "codes", "decides_nothing"),
    [
        (event_of, Event, "of-later"),
        (reason_of, WriteReason, WriteReason.OTHER),
        (CallOff.of, CallOff, CallOff.NONE),
        (StayStatus.of, StayStatus, StayStatus.UNTOLD),
        (Shown.of, Shown, Shown.UNANSWERED),
    ],
)
def test_each_code_that_only_a_later_version_knows_has_a_reading(read, codes, decides_nothing):
    assert read("of-later") == decides_nothing
    assert [read(code.value) for code in codes] == list(codes)


# --- errors -------------------------------------------------------------------------------------
def test_what_the_database_refuses_is_told_without_the_rows_content(store):
    with pytest.raises(HomewardError, match="SQLSTATE 22P02") as caught, store.begin() as unit:
        unit._connection.execute(text("SELECT CAST(:words AS int)"), {"words": "Zelda Testperson"})  # noqa: SLF001
    assert "Zelda" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def _pid(unit):
    return unit._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()  # noqa: SLF001


def _open_of(pids, store):
    with store.begin() as unit:
        asked = text("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(:pids)")
        return unit._connection.execute(asked, {"pids": pids}).scalar_one()  # noqa: SLF001


def test_a_connection_that_is_in_use_while_the_store_is_closed_is_closed_afterwards(store, database_url):
    closed = Store(open_engine(database_url))
    with closed.begin() as used_before:
        closed.close()
        with closed.begin() as opened_after:
            pids = [_pid(used_before), _pid(opened_after)]
            assert _open_of(pids, store) == 2
    until = time.monotonic() + 10
    while _open_of(pids, store) and time.monotonic() < until:
        time.sleep(0.01)
    assert _open_of(pids, store) == 0


def test_a_database_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable):
        Store(open_engine(f"postgresql://homeward@/homeward?host={tmp_path}")).ping()


def test_what_is_too_large_for_the_database_is_not_to_be_sent_again(store):
    name = "".join(uuid4().hex for _ in range(500))
    with pytest.raises(HomewardError, match="54000") as refused, store.begin() as unit:
        unit.notices.hear("one", name, {1})
    assert not refused.value.retryable


def _ping_inherited(store, told):
    store.ping()
    told.put(_backend(store))


def _backend(store):
    with store.begin() as unit:
        return _pid(unit)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_connections_of_its_own(database_url):
    # Of its own, because a store that others used may hold more than one connection.
    with closing(Store(open_engine(database_url))) as parents:
        ours = _backend(parents)
        fork = multiprocessing.get_context("fork")
        told = fork.Queue()
        child = fork.Process(target=_ping_inherited, args=(parents, told))
        child.start()
        assert told.get(timeout=20) != ours
        child.join(20)
        assert _backend(parents) == ours


# --- audit --------------------------------------------------------------------------------------
def test_the_trail_is_in_order_and_cannot_be_changed(store, discharge, database_url):
    entries = [
        AuditEntry(_AT, "one", "rest", event, discharge.id) for event in (Event.RECEIVED, Event.PLANNED)
    ]
    for entry in entries:
        store.audit.record(entry)
    assert store.audit.of(discharge.id) == tuple(entries)
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with psycopg.connect(database_url) as connection, pytest.raises(psycopg.Error, match="append-only"):
            connection.execute(statement)


# --- the ledger ---------------------------------------------------------------------------------
def draft(key, **body):
    number = f"urn:uuid:{key}"
    return Draft(key, "Goal", number, number, {"resourceType": "Goal", **body})


def states(store, discharge):
    return {entry.draft.key: entry.state for entry in store.publications.entries(discharge.id)}


def test_what_is_no_longer_wanted_is_forgotten_if_never_sent_and_marked_if_it_was(store, discharge):
    store.publications.want(discharge.id, [draft("sent"), draft("unsent")])
    with store.hold(discharge.id) as ledger:
        mark_landed(ledger, [Receipt("sent", "Goal/1", "")])
    store.publications.want(discharge.id, [draft("other")])
    wanted = {entry.draft.key: entry.wanted for entry in store.publications.entries(discharge.id)}
    assert wanted == {"sent": False, "other": True}


def test_a_receipt_for_a_body_that_a_new_plan_replaced_leaves_it_to_be_updated(store, discharge):
    store.publications.want(discharge.id, [draft("a", text="before")])
    with store.hold(discharge.id) as ledger:
        ledger.entries()
        mark_sending(ledger, ["a"])
        store.publications.want(discharge.id, [draft("a", text="after")])
        mark_landed(ledger, [Receipt("a", "Goal/1", 'W/"1"')])
        [entry] = ledger.entries()
    assert (entry.state, entry.reference) == (WriteState.WAITING, "Goal/1")


def test_a_task_about_a_withdrawal_is_added_once(store, discharge):
    with store.hold(discharge.id) as ledger:
        ledger.add([draft("hold")])
        mark_landed(ledger, [Receipt("hold", "Task/1", "")])
        ledger.add([draft("hold"), draft("another")])
    assert states(store, discharge) == {"hold": WriteState.LANDED, "another": WriteState.WAITING}


def test_every_step_of_publishing_is_committed_at_once(store, discharge):
    store.publications.want(discharge.id, [draft("a")])
    with store.hold(discharge.id) as ledger:
        mark_sending(ledger, ["a"])
        assert states(store, discharge) == {"a": WriteState.SENDING}


def test_two_never_hold_the_same_discharge_at_once(store, discharge):
    order = []
    holding, release = Flag(), Flag()

    def first():
        with store.hold(discharge.id):
            holding.set()
            release.wait(10)
            order.append("first")

    def second():
        with store.hold(discharge.id):
            order.append("second")

    threads = [Thread(target=first), Thread(target=second)]
    threads[0].start()
    holding.wait(10)
    threads[1].start()
    threads[1].join(0.5)
    release.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]


def test_no_transaction_is_open_while_a_discharge_is_held(store, discharge, database_url):
    store.publications.want(discharge.id, [draft("a")])
    with store.hold(discharge.id) as ledger, psycopg.connect(database_url) as connection:
        ledger.entries()
        [(count,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        ).fetchall()
    assert count == 0


def test_who_lost_the_hold_can_record_nothing_more(store, discharge, database_url):
    store.publications.want(discharge.id, [draft("a")])
    with store.hold(discharge.id) as ledger:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                mark_landed(ledger, [Receipt("a", "Goal/1", "")])
    assert states(store, discharge) == {"a": WriteState.WAITING}
    with store.hold(discharge.id) as ledger:
        assert len(ledger.entries()) == 1


# --- the directory ------------------------------------------------------------------------------
PANTRY = CommunityService(
    "pantry",
    "Example Pantry",
    "Example Charity",
    frozenset({"food-pantry", "home-delivered-meals"}),
    latitude=1.5,
    longitude=-2.5,
    postal_codes=frozenset({"02139", "02140"}),
    languages=frozenset({"en", "es"}),
    minimum_age=60,
    verified=date(2024, 1, 2),
)
SHELTER = CommunityService(
    "shelter",
    "Example House",
    "Example Charity",
    frozenset({"emergency-shelter"}),
    labels=frozenset({Label.SDV}),
)


@pytest.fixture
def directory(store):
    tenant = f"tenant-{uuid4()}"
    assert store.directory.load(tenant, [PANTRY, SHELTER]) == 2
    return store.directory.of(tenant)


def test_candidates_come_back_as_they_were_loaded(directory):
    assert directory.candidates({"food-pantry", "emergency-shelter"}, "02139") == (PANTRY, SHELTER)


def test_candidates_answer_one_of_the_services(directory):
    assert directory.candidates({"food-pantry"}, "02139") == (PANTRY,)
    assert directory.candidates({"legal-aid"}, "02139") == ()


def test_candidates_serve_the_place_or_everywhere(directory):
    assert directory.candidates({"food-pantry", "emergency-shelter"}, "99999") == (SHELTER,)
    assert directory.candidates({"food-pantry"}, "02140-1234") == (PANTRY,)
    assert directory.candidates({"food-pantry"}, "") == (PANTRY,)


def test_loading_again_replaces_one_hospitals_directory_and_no_others(store):
    one, other = f"tenant-{uuid4()}", f"tenant-{uuid4()}"
    store.directory.load(one, [PANTRY])
    store.directory.load(other, [PANTRY])
    store.directory.load(one, [SHELTER])
    services = {"food-pantry", "emergency-shelter"}
    assert store.directory.of(one).candidates(services, "") == (SHELTER,)
    assert store.directory.of(other).candidates(services, "") == (PANTRY,)
