"""One strict server for the whole run, with the sample inpatients in it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from service.sandbox.inpatients import Inpatient, load_inpatients
from tests.hapi.strict_server import strict_server


@pytest.fixture(scope="session")
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FHIR base URL."""
    with strict_server(tmp_path_factory.mktemp("hapi") / "hapi.log") as url:
        yield url


@pytest.fixture(scope="session")
def patients(hapi: str, today: date) -> tuple[Inpatient, ...]:
    """Who is in."""
    return tuple(load_inpatients(hapi, today))
