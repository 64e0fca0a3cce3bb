import threading
import time

import pytest

from config.settings import load_settings
from service.app import create_app
from service.doors import wiring
from service.doors.wiring import Wiring
from service.errors import ConfigurationError, StoreUnavailable
from tests.processes import wait_until


def test_the_adapters_are_built_once_however_many_callers_come_first(monkeypatch, doubles):
    built = []

    def slowly(_settings):
        time.sleep(0.05)
        built.append(doubles)
        return doubles

    monkeypatch.setattr(wiring, "build_deps", slowly)
    shared = Wiring(load_settings({}))
    callers = [threading.Thread(target=shared.deps) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(built) == 1


def test_making_the_application_opens_nothing(monkeypatch):
    monkeypatch.setattr(wiring, "build_deps", lambda _settings: pytest.fail("opened before the fork"))
    create_app(load_settings({}))


def test_what_could_not_be_built_is_tried_again_by_the_next_caller(monkeypatch, doubles):
    answers = [StoreUnavailable(), doubles]

    def sometimes(_settings):
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    monkeypatch.setattr(wiring, "build_deps", sometimes)
    shared = Wiring(load_settings({}))
    shared.warm()
    wait_until(lambda: len(answers) == 1, "the warming")
    assert shared.deps() is doubles


def test_a_wrong_configuration_is_said_by_readiness_without_its_details(monkeypatch):
    def wrong(_settings):
        raise ConfigurationError("/somewhere/tenants.yaml:7: an unknown key")

    monkeypatch.setattr(wiring, "build_deps", wrong)
    answer = create_app(load_settings({})).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["database"] == "not configured correctly; the log says what to change"
    assert "tenants.yaml" not in answer.text
