"""The demo's people: what they sign, what they read, and when they say that a chart is not right."""

from typing import Any
from uuid import UUID

import pytest
import requests
from rich.console import Console

from service.errors import ConfigurationError
from service.sandbox import scenes, social_worker
from service.sandbox.chart import Chart
from service.sandbox.inpatients import inpatients
from service.sandbox.scenes import Ward
from service.sandbox.social_worker import SocialWorker
from service.sandbox.verify import Moment
from tests.builders import need, planned

DISCHARGE = UUID(int=7)
CLAIM = {"item": "care-plan", "title": "CarePlan", "rung": "document", "standing": "landed", "reference": ""}
CLAIM |= {"reason": "It stands in the plan document.", "problem": ""}
PAGE = {**CLAIM, "standing": ""}


class Answered(requests.Session):
    """Answers with these in turn and keeps what it was sent."""

    def __init__(self, *statuses: int, body: Any = None) -> None:
        super().__init__()
        self.statuses, self.body = list(statuses), body
        self.sent: list[tuple[str, str, Any]] = []

    def request(self, method: Any, url: Any, *_: Any, **options: Any) -> requests.Response:
        self.sent.append((method, str(url), options))
        answer = requests.Response()
        answer.status_code = self.statuses.pop(0)
        answer.headers["ETag"] = f'"{len(self.sent)}"'
        return answer


def test_she_signs_what_stands_and_reads_again_what_has_changed_meanwhile():
    http = Answered(200, 412, 200, 200)
    SocialWorker("http://127.0.0.1:1", http).sign(DISCHARGE)
    asked = [(method, options.get("headers")) for method, _, options in http.sent]
    assert asked == [
        ("GET", None),
        ("POST", {"If-Match": '"1"'}),
        ("GET", None),
        ("POST", {"If-Match": '"3"'}),
    ]


def test_a_signature_that_is_not_taken_is_told_by_its_status():
    with pytest.raises(ConfigurationError, match=r"HTTP 422"):
        SocialWorker("http://127.0.0.1:1", Answered(200, 422)).sign(DISCHARGE)


def test_she_does_not_try_for_ever(monkeypatch):
    monkeypatch.setattr(social_worker, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(ConfigurationError, match=r"HTTP 412"):
        SocialWorker("http://127.0.0.1:1", Answered()).sign(DISCHARGE)


class Empty:
    """A hospital whose chart holds nothing, and a social worker who is told otherwise."""

    def __init__(self, said: list[Any], on_page: list[Any]) -> None:
        self.said, self.on_page = said, on_page

    def chart(self, _patient: object) -> Chart:
        return Chart(())

    def landing(self, _discharge: object) -> list[Any]:
        return self.said

    def landing_on_page(self, _discharge: object) -> list[Any]:
        return self.on_page


def ward(said: list[Any], on_page: list[Any]) -> tuple[Ward, Console]:
    people: Any = Empty(said, on_page)
    console = Console(record=True, width=200, quiet=False, file=None)
    return Ward(people, inpatients()[0], people, "athena-like", console), console


def test_what_status_document_or_page_claim_in_vain_is_told_with_who_says_so(monkeypatch):
    monkeypatch.setattr(scenes, "problems", lambda *_, **__: ())
    people, _ = ward([CLAIM], [PAGE])
    wrong = people.wrong(DISCHARGE, planned(need("food-insecurity")), Moment.SIGNED)
    assert [sentence.rpartition("(")[2] for sentence in wrong] == [
        "So says the status document.)",
        "So says the page.)",
    ]
    people, _ = ward([], [])
    assert people.wrong(DISCHARGE, planned(need("food-insecurity")), Moment.SIGNED) == ()


def test_a_scene_shows_the_chart_and_why_the_rest_is_not_in_it(capsys):
    people, _ = ward([CLAIM], [])
    people.show(DISCHARGE, Moment.PROPOSED)
    said = capsys.readouterr().out
    assert "Before anybody has signed" in said
    assert "In the chart: nothing" in said
    assert "1 of the plan: It stands in the plan document." in said
