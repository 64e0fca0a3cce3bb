"""What operators are told by itself: metrics, alarms, clocks and log lines, on a real database and real sockets."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import requests

from config.logging import only_allowed
from config.tenants import Tenant
from service.domain.discharge import Discharge, DischargeState
from service.domain.ehr_clock import first_measure
from service.domain.publication import Draft, WriteStanding, WriteState
from service.domain.write_reason import WriteReason
from service.doors.metrics_port import open_metrics_port
from service.ehr.skew import SkewMeter
from service.jobs import Jobs
from service.pipeline import chores, outcome_log, rounds
from service.pipeline.chores import measure_clocks, tell_what_waits
from service.pipeline.outcome_log import log_published, log_withdrawn
from service.pipeline.setup import find_missing
from service.sandbox.homeward_process import free_port
from service.store import Store

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MARK = "Zelda-Testperson"
HOSPITAL = Tenant(id="demo", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")


@pytest.fixture
def deps(store: Store, database_url: str) -> Any:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, discharges, alarms, ehr_clocks, watches CASCADE")
    jobs = Jobs(database_url, lambda: pytest.fail("this process does not work"))
    return SimpleNamespace(store=store, jobs=jobs, tenants={"demo": HOSPITAL}, now=lambda: datetime.now(UTC))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The lines since it was asked last, as far as they may be written."""
    lines: list[dict[str, Any]] = []

    def write(event: str, **fields: Any) -> None:
        lines.append(dict(only_allowed(None, "", {"event": event, **fields})))

    logger = SimpleNamespace(info=write, warning=write, error=write)
    for module in (chores, outcome_log):
        monkeypatch.setattr(module, "_log", logger)

    def take() -> list[dict[str, Any]]:
        taken = list(lines)
        lines.clear()
        return taken

    return take


def waiting(store: Store, *states: WriteState, reason: WriteReason = WriteReason.NONE) -> UUID:
    made = Discharge(uuid4(), "demo", f"Encounter/{uuid4()}", "", DischargeState.PUBLISHED, 1, NOW, NOW)
    store.discharges.add(made)
    drafts = [
        Draft(f"goal:{MARK}-{number}", "Goal", f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}", {"a": MARK})
        for number, _ in enumerate(states)
    ]
    store.publications.want(made.id, drafts)
    with store.hold(made.id) as ledger:
        entries = zip(ledger.entries(), states, strict=True)
        ledger.save([entry.moved_to(state, reason) for entry, state in entries])
    return made.id


def age(url: str, hours: float) -> None:
    """As if everything had stood so for this long."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE publications DISABLE TRIGGER publications_since")
        connection.execute("UPDATE publications SET since = now() - make_interval(mins => %s)", [hours * 60])
        connection.execute("ALTER TABLE publications ENABLE TRIGGER publications_since")


def since(url: str) -> datetime:
    with psycopg.connect(url) as connection:
        [(found,)] = connection.execute("SELECT since FROM publications").fetchall()
    assert isinstance(found, datetime)
    return found


def test_a_wish_waits_since_it_was_made_however_often_it_is_tried(deps, database_url):
    discharge = waiting(deps.store, WriteState.WAITING)
    age(database_url, 2)
    began = since(database_url)
    with deps.store.hold(discharge) as ledger:
        for state in (WriteState.SENDING, WriteState.WAITING, WriteState.SENDING):
            ledger.save([entry.moved_to(state) for entry in ledger.entries()])
    assert since(database_url) == began
    assert deps.store.publications.entries(discharge)[0].since == began
    with deps.store.hold(discharge) as ledger:
        ledger.save(
            [entry.moved_to(WriteState.LANDED, sent_digest=entry.digest) for entry in ledger.entries()]
        )
    assert since(database_url) > began


def test_what_waits_is_counted_and_told_once_an_hour_for_all_workers(deps, database_url, logged):
    waiting(deps.store, WriteState.WAITING, WriteState.SENDING, WriteState.REFUSED)
    waiting(deps.store, WriteState.WAITING, reason=WriteReason.NOTHING_TO_SPEAK_OF)
    waiting(deps.store, WriteState.WAITING, reason=WriteReason.LEFT_TO_CLINICIAN)
    tell_what_waits(deps)
    assert logged() == []
    age(database_url, 2)
    [wait] = deps.store.overview.waits(deps.now() - timedelta(hours=1))
    assert (wait.number, wait.long, wait.approved) == (2, 2, False)
    for _ in range(3):
        tell_what_waits(deps)
    [line] = logged()
    assert (line["event"], line["tenant"], line["count"]) == (
        "writes have waited for over an hour",
        "demo",
        2,
    )
    assert line["seconds"] >= 7200
    deps.now = lambda: datetime.now(UTC) + timedelta(hours=1)
    tell_what_waits(deps)
    assert len(logged()) == 1


@pytest.mark.parametrize(
    ("state", "standing"),
    [(DischargeState.PLANNED, WriteStanding.WAITING), (DischargeState.PUBLISHED, WriteStanding.LEFT)],
)
def test_a_document_of_which_only_the_next_run_knows_waits_until_then(deps, state, standing):
    """A decision names what the plan itself wants; what stands of it on lower rungs, the run says."""
    discharge = waiting(deps.store, WriteState.LANDED)
    document = Draft("plan-document", "DocumentReference", "urn:uuid:d", "urn:uuid:d", {"a": MARK})
    with deps.store.hold(discharge) as ledger:
        [goal] = ledger.entries()
        ledger.want_also([document])
        ledger.save(
            [
                entry.moved_to(WriteState.LANDED, reference="DocumentReference/1", sent_digest=entry.digest)
                for entry in ledger.entries()
                if entry.draft.resource_type == "DocumentReference"
            ]
        )
    deps.store.publications.want(discharge, [goal.draft])
    deps.store.discharges.save(replace(deps.store.discharges.get(discharge), state=state))
    told = {WriteStanding.LANDED: 1, standing: 1}
    assert deps.store.overview.writes_of_tenants()["demo"] == told
    assert deps.store.overview.writes_of([discharge])[discharge] == told


def test_what_a_person_approved_and_the_ehr_has_not_is_told_apart(deps, database_url):
    discharge = waiting(deps.store, WriteState.WAITING)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO decisions (discharge_id, act, item, choice, at, content) VALUES (%s, %s, '', 'approved', now(), '{}')",
            [discharge, uuid4()],
        )
    [wait] = deps.store.overview.waits(deps.now())
    assert wait.approved


def test_a_clock_that_is_off_is_kept_and_told_once_an_hour(deps, logged):
    meter = SkewMeter()
    deps.ehr = lambda _: SimpleNamespace(skew=meter)
    measure_clocks(deps)
    assert deps.store.ehr_clocks.all() == {}
    for _ in range(3):
        meter.note({"Date": "Sun, 01 Mar 2026 02:30:00 GMT"}, NOW, NOW, took=0)
        measure_clocks(deps)
    known = deps.store.ehr_clocks.of("demo")
    assert known is not None
    assert known.ahead == pytest.approx(-1799.5)
    [line] = logged()
    assert (line["event"], line["seconds"]) == ("the clock of an ehr is off", -1800)


def test_polling_looks_back_as_far_as_the_ehr_is_behind(deps, monkeypatch):
    asked = []

    def find(_ehr, _tenant, since, *, door):  # noqa: ARG001  as it is called
        asked.append(since)
        return SimpleNamespace(triggers=(), without_stay=(), lacking=None)

    monkeypatch.setattr(rounds, "find_orders", find)
    monkeypatch.setattr(rounds, "searchable", lambda *_: True)
    deps.now = lambda: NOW
    deps.ehr = lambda _: SimpleNamespace(capability=lambda: None)
    rounds.search_since_last(HOSPITAL, deps)
    deps.store.ehr_clocks.measure("demo", -1800.0, NOW)
    rounds.search_since_last(HOSPITAL, deps)
    deps.store.ehr_clocks.measure("demo", 5.0, NOW + timedelta(minutes=5))
    rounds.search_since_last(HOSPITAL, deps)
    plain = NOW - rounds.LOOK_BACK - rounds.OVERLAP
    assert asked == [plain, plain - timedelta(minutes=30), plain - timedelta(minutes=30)]


def test_a_worker_alone_tells_its_metrics_and_that_it_lives(deps):
    waiting(deps.store, WriteState.LANDED, WriteState.WAITING)
    deps.store.ehr_clocks.measure("demo", first_measure("demo", 3.0, NOW).ahead, NOW)
    port = free_port(0)
    server = open_metrics_port(f"127.0.0.1:{port}", deps)
    with closing(requests.Session()) as session:
        session.trust_env = False
        address = f"http://127.0.0.1:{port}"
        assert session.get(f"{address}/livez", timeout=5).text == "ok\n"
        text = session.get(f"{address}/metrics", timeout=5).text
        assert session.get(f"{address}/else", timeout=5).status_code == 404
        assert session.post(f"{address}/metrics", timeout=5).status_code == 405
    server.shutdown()
    server.server_close()
    assert 'homeward_writes{standing="waiting",tenant="demo"} 1.0' in text
    assert 'homeward_writes{standing="landed",tenant="demo"} 1.0' in text
    assert 'homeward_oldest_waiting_write_seconds{approved="no",tenant="demo"}' in text
    assert "homeward_step_seconds" in text
    assert MARK not in text


def test_a_worker_says_in_one_line_how_a_discharge_stands_and_what_was_refused(deps, logged):
    discharge = deps.store.discharges.get(
        waiting(deps.store, WriteState.LANDED, WriteState.LANDED, WriteState.REFUSED)
    )
    entries = deps.store.publications.entries(discharge.id)
    log_published(discharge, entries, 1.23456)
    published, refused = logged()
    assert (published["event"], published["landed"], published["refused"]) == (
        "a discharge is published",
        2,
        1,
    )
    assert (published["discharge"], published["seconds"]) == (str(discharge.id), 1.235)
    assert (refused["event"], refused["resource_type"]) == ("the ehr refused a resource", "Goal")
    log_withdrawn(discharge, entries, 1.0)
    [withdrawn] = logged()
    assert withdrawn["event"] == "a discharge is withdrawn"
    assert MARK not in json.dumps([published, refused, withdrawn])


def test_a_discharge_with_something_that_waits_is_not_said_to_be_published(deps, logged):
    discharge = deps.store.discharges.get(waiting(deps.store, WriteState.LANDED, WriteState.WAITING))
    log_published(discharge, deps.store.publications.entries(discharge.id), 1.0)
    [line] = logged()
    assert (line["event"], line["waiting"]) == ("a discharge waits for the ehr", 1)


def test_what_a_deployment_lacks_is_read_from_its_database(deps):
    assert {missing.lack.value for missing in find_missing(deps)} == {
        "no-secret",
        "not-heard-of",
        "no-directory",
    }
