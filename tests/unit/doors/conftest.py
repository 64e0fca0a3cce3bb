from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from config.settings import load_settings
from service.app import create_app
from service.domain.plan import BedsideQuestion, Plan
from service.doors import wiring
from tests import builders
from tests.unit.doors.doubles import Doubles

House = Callable[..., FlaskClient]


@pytest.fixture
def doubles(monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """The adapters in memory; intake, which has tests of its own, only remembers what it was given."""
    made = Doubles()
    monkeypatch.setattr(wiring, "intake", lambda trigger, _deps: made.take_in(trigger))
    return made


@pytest.fixture
def house(doubles: Doubles) -> House:
    """A test client of the application with these settings; open access unless they say otherwise."""

    def build(environment: dict[str, str] | None = None) -> Any:
        given = {"HOMEWARD_OPEN_ACCESS": "on"} if environment is None else environment
        return create_app(load_settings(given), cast("Any", doubles)).test_client()

    return build


@pytest.fixture
def client(house: House) -> FlaskClient:
    return house()


@pytest.fixture
def plan() -> Plan:
    """Needs with evidence, a referral with a place to go to, a goal, a visit and a question."""
    found = builders.planned(
        builders.need(interventions=builders.interventions()), builders.need("transport", present=False)
    )
    question = BedsideQuestion("housing", "Is your home safe to return to?")
    return replace(found, bedside_questions=(question, *found.bedside_questions))
