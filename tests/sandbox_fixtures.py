"""A real FHIR server for tests: the sandbox EHR with its inpatients. Imported by the conftest of each suite that needs it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from service.sandbox.ehr import Sandbox, start_sandbox
from service.sandbox.inpatients import load_inpatients


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for the whole run, with all inpatients as of today; a test must leave them as they are."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        list(load_inpatients(running.base_url, datetime.now(UTC).date()))
        yield running


@pytest.fixture
def empty_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One of its own for a test that changes things."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running
