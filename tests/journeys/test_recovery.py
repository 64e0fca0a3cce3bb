"""An EHR that was away comes back: what waits for it runs at once, however late its own hour would come."""

from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg

from config.directory_file import load_directory
from config.settings import load_settings
from service import clock
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.sandbox.ehr import start_sandbox
from service.sandbox.homeward_process import free_port
from service.sandbox.inpatients import inpatients, load_inpatients
from tests.movable_clock import MovableClock
from tests.processes import running, wait_until

_TENANTS = """\
tenants:
  - id: one
    fhir_base_url: http://127.0.0.1:{port}/fhir
    organization: Example Hospital
    connect_timeout_seconds: 2
"""
_PUT_OFF = """
    UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'
    WHERE status = 'todo' AND attempts > 0 AND scheduled_at > now() RETURNING id
"""


def test_an_ehr_that_comes_back_wakes_what_waits_for_it(new_database, tmp_path):
    patient, port, movable = inpatients()[0], free_port(0), MovableClock(tmp_path)
    (tmp_path / "tenants.yaml").write_text(_TENANTS.format(port=port))
    environ = {
        "HOMEWARD_DATABASE_URL": new_database("template_for_tests"),
        "HOMEWARD_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        **movable.settings,
    }
    with ExitStack() as stack:
        stack.callback(clock.follow, "")
        deps = build_deps(load_settings(environ))
        stack.callback(deps.store.close)
        deps.store.directory.load("one", load_directory())
        stack.enter_context(running("worker", environ, tmp_path / "log"))
        discharge = intake(Trigger("one", patient.encounter, Action.PLAN, "rest"), deps)
        assert discharge is not None

        def is_put_off() -> bool:
            with psycopg.connect(environ["HOMEWARD_DATABASE_URL"]) as connection:
                return bool(connection.execute(_PUT_OFF).fetchone())

        def is_published() -> bool:
            return deps.store.discharges.get(discharge.id).state is DischargeState.PUBLISHED

        wait_until(is_put_off, "a retry that waits for an hour")
        sandbox = stack.enter_context(start_sandbox(tmp_path, port=port, clock_file=str(movable.file)))
        list(load_inpatients(sandbox.base_url, datetime.now(UTC).date()))
        assert not is_published()
        movable.advance(seconds=31)  # a worker asks so often; what waits in the queue is left where it is
        wait_until(is_published, "waking")
