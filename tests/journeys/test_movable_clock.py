"""A test's clock moves web, worker and EHR together, each a process of its own."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from config.directory_file import load_directory
from config.settings import load_settings
from service import clock
from service.bootstrap import build_deps
from service.domain.discharge import DischargeState
from service.domain.watch import Watch, Way
from service.sandbox.ehr import start_sandbox
from service.sandbox.homeward_process import free_port
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import load_inpatients
from tests.movable_clock import MovableClock
from tests.processes import answers, running, wait_until

_HOUR = timedelta(hours=1)
_TENANTS = """\
tenants:
  - id: one
    fhir_base_url: {url}
    organization: Example Hospital
    poll_seconds: 600
"""


@pytest.fixture
def stage(new_database, tmp_path):
    """A hospital that is searched in an hour, with Homeward and its EHR by a clock that the test moves."""
    movable = MovableClock(tmp_path)
    with ExitStack() as stack:
        stack.callback(clock.follow, "")
        sandbox = stack.enter_context(start_sandbox(tmp_path, clock_file=str(movable.file)))
        patients = list(load_inpatients(sandbox.base_url, datetime.now(UTC).date()))
        (tmp_path / "tenants.yaml").write_text(_TENANTS.format(url=sandbox.base_url))
        environ = {
            "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
            "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
            "HOMEWARD_BIND": f"127.0.0.1:{free_port(0)}",
            "HOMEWARD_OPEN_ACCESS": "on",
            **movable.settings,
        }
        deps = build_deps(load_settings(environ))
        stack.callback(deps.store.close)
        deps.store.directory.load("one", load_directory())
        with deps.store.begin() as unit:
            unit.watches.save(Watch("one", Way.POLL, due=deps.now() + _HOUR, since=deps.now()))
        stack.enter_context(running("serve", environ, tmp_path / "log"))
        address = f"http://{environ['HOMEWARD_BIND']}"
        wait_until(lambda: answers(f"{address}/readyz"), "the start of web and worker")
        yield movable, Hospital(sandbox.base_url), patients, deps, address


def test_an_hour_that_a_test_moves_is_an_hour_for_web_worker_and_ehr(stage):
    movable, hospital, patients, deps, address = stage
    order = hospital.order_discharge(patients[0], datetime.now(UTC))
    assert deps.store.discharges.of_stay("one", patients[0].encounter) is None
    movable.advance(hours=1, minutes=1, database=deps.settings.database_url)
    moved = datetime.now(UTC) + _HOUR

    def is_published() -> bool:
        found = deps.store.discharges.of_stay("one", patients[0].encounter)
        return found is not None and found.state is DischargeState.PUBLISHED

    wait_until(is_published, "the round of an hour later, and the plan")
    [plan] = hospital.care_plans(patients[0])
    assert datetime.fromisoformat(plan["meta"]["lastUpdated"]) > moved
    body = {"tenant": "one", "encounter": patients[1].encounter}
    with requests.Session() as session:
        session.trust_env = False
        asked = session.post(f"{address}/api/v1/discharges", json=body, timeout=30)
        metadata = session.get(f"{hospital.base_url}/metadata", timeout=30)
    assert asked.status_code == 202
    found = deps.store.discharges.of_stay("one", patients[1].encounter)
    assert found is not None
    assert min(entry.at for entry in deps.store.audit.of(found.id)) > moved
    assert parsedate_to_datetime(metadata.headers["Date"]) > moved
    assert hospital.read(order)["meta"]["lastUpdated"] < plan["meta"]["lastUpdated"]
