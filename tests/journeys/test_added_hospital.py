"""A rolling update adds a hospital: the worker of before, which does not know it, runs beside one that does."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from config.directory_file import load_directory
from config.settings import load_settings
from service.bootstrap import build_deps
from service.domain.discharge import Action, DischargeState, Trigger
from service.pipeline.intake import intake
from service.sandbox.ehr import start_sandbox
from service.sandbox.inpatients import load_inpatients
from tests.processes import running, wait_until

OLD, NEW = "old-hospital", "new-hospital"
MANY = 4
_TENANT = "  - {{id: {id}, fhir_base_url: '{url}', organization: Example Hospital}}\n"
_LEFT = "SELECT queue_name, status::text, attempts FROM procrastinate_jobs WHERE task_name LIKE '%plan%'"


def test_jobs_of_an_added_hospital_are_left_to_the_worker_that_knows_it(new_database, tmp_path):
    database = new_database("template_for_tests")
    with ExitStack() as stack:
        bases = {name: stack.enter_context(start_sandbox(tmp_path / name)).base_url for name in (OLD, NEW)}
        before, after = settings(tmp_path, database, {OLD: bases[OLD]}), settings(tmp_path, database, bases)
        deps = build_deps(load_settings(after))
        stack.callback(deps.store.close)

        def ordered(tenant: str) -> list[UUID]:
            patients = list(load_inpatients(bases[tenant], datetime.now(UTC).date()))[:MANY]
            deps.store.directory.load(tenant, load_directory())
            asked = [Trigger(tenant, patient.encounter, Action.PLAN, "rest") for patient in patients]
            return [found.id for trigger in asked if (found := intake(trigger, deps))]

        def states(discharges: list[UUID]) -> set[DischargeState]:
            return {deps.store.discharges.get(discharge).state for discharge in discharges}

        stack.enter_context(running("worker", before, tmp_path / "before.log"))
        unknown, known = ordered(NEW), ordered(OLD)
        wait_until(lambda: states(known) == {DischargeState.PUBLISHED}, "the plans of the known hospital")
        assert states(unknown) == {DischargeState.RECEIVED}
        with psycopg.connect(database) as connection:
            left = connection.execute(_LEFT).fetchall()
        assert left == MANY * [(NEW, "todo", 0)]
        stack.enter_context(running("worker", after, tmp_path / "after.log"))
        wait_until(lambda: states(unknown) == {DischargeState.PUBLISHED}, "the plans of the added hospital")
        assert states(known) == {DischargeState.PUBLISHED}
    assert (len(known), len(unknown)) == (MANY, MANY)


def settings(folder: Path, database: str, bases: dict[str, str]) -> dict[str, str]:
    """Of a version that knows these hospitals."""
    file = folder / f"{len(bases)}-tenants.yaml"
    file.write_text("tenants:\n" + "".join(_TENANT.format(id=name, url=url) for name, url in bases.items()))
    return {"HOMEWARD_DATABASE_URL": database, "HOMEWARD_TENANTS_FILE": str(file)}
