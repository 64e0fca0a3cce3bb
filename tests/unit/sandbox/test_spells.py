"""Faults that last: begun and ended from inside, for some types and asks, for a while or for so many requests."""

import json
from typing import Any

import pytest

from service.sandbox.flaky import CONTROL, COUNTS, Flaky
from service.sandbox.mode import INSIDE
from service.sandbox.spells import Asks, Spell, Trouble
from tests.unit.sandbox.layers import Behind, ask

ORDER = {"resourceType": "ServiceRequest", "status": "draft"}


async def in_no_time(_seconds):
    pass


class Spellbound:
    """An EHR on which these spells have been cast."""

    def __init__(self, *spells: Spell) -> None:
        self.behind = Behind()
        self.dropped: list[Any] = []
        self.layer = Flaky(self.behind, lambda _asked: None, self.dropped.append, pause=in_no_time)
        self.cast(*spells)

    def cast(self, *spells: Spell) -> None:
        wanted = {"spells": [spell.dumped() for spell in spells], "flaky": False}
        told = ask(self.layer, "PUT", CONTROL, wanted, INSIDE)
        assert told is not None
        assert told.status == 200

    def ask(self, method: str, address: str, body: Any = None) -> Any:
        return ask(self.layer, method, address, body, {})


def spell(trouble: Trouble, *types: str, asks: Asks = Asks.ALL, times: int = 0) -> Spell:
    return Spell(trouble, frozenset(types), asks, times)


@pytest.mark.parametrize(
    ("trouble", "status", "reaches"),
    [
        (Trouble.NOT_FOUND, 404, False),
        (Trouble.NOT_FOUND_PAGE, 404, False),
        (Trouble.GONE, 410, False),
        (Trouble.UNAUTHORIZED, 401, False),
        (Trouble.FORBIDDEN, 403, False),
        (Trouble.UNPROCESSABLE, 422, False),
        (Trouble.BUSY, 429, False),
        (Trouble.UNAVAILABLE, 503, False),
        (Trouble.PAGE, 200, False),
        (Trouble.SLOW, 200, True),
    ],
)
def test_each_trouble_answers_as_real_servers_do(trouble, status, reaches):
    ehr = Spellbound(spell(trouble))
    told = ehr.ask("GET", "Goal/1")
    assert told.status == status
    assert bool(ehr.behind.came) is reaches
    is_page = trouble in {Trouble.PAGE, Trouble.NOT_FOUND_PAGE}
    assert told.body.startswith(b"<!DOCTYPE html>") is is_page
    assert (dict(told.headers).get("retry-after") is not None) is (trouble is Trouble.BUSY)


def test_a_lost_answer_is_of_something_done():
    ehr = Spellbound(spell(Trouble.LOST, asks=Asks.WRITES))
    assert ehr.ask("POST", "ServiceRequest", ORDER) is None
    assert len(ehr.behind.came) == len(ehr.dropped) == 1
    assert ehr.ask("GET", "ServiceRequest/1").status == 200


def test_searches_find_nothing_and_reads_by_id_go_on():
    ehr = Spellbound(spell(Trouble.EMPTY, "Condition"))
    assert json.loads(ehr.ask("GET", "Condition?patient=1").body)["total"] == 0
    assert ehr.behind.came == []
    assert ehr.ask("GET", "Condition/1").status == 200
    assert len(ehr.behind.came) == 1


def test_it_is_about_its_types_and_asks_alone():
    ehr = Spellbound(spell(Trouble.FORBIDDEN, "Task", asks=Asks.WRITES))
    assert ehr.ask("POST", "Task", {"resourceType": "Task"}).status == 403
    assert ehr.ask("GET", "Task/1").status == 200
    assert ehr.ask("POST", "Task/_search").status == 200
    assert ehr.ask("POST", "Goal", {"resourceType": "Goal"}).status == 200


def test_so_many_times_and_then_no_more():
    ehr = Spellbound(spell(Trouble.UNPROCESSABLE, times=1))
    statuses = [ehr.ask("POST", "ServiceRequest", ORDER).status for _ in range(3)]
    assert statuses == [422, 200, 200]


def test_it_lasts_until_it_is_ended_and_is_counted():
    ehr = Spellbound(spell(Trouble.NOT_FOUND))
    assert [ehr.ask("GET", "Goal/1").status for _ in range(3)] == [404, 404, 404]
    ehr.cast()
    assert ehr.ask("GET", "Goal/1").status == 200
    counted = ask(ehr.layer, "GET", COUNTS, headers=INSIDE)
    assert counted is not None
    assert json.loads(counted.body) == {"404": 3, "none": 1}


def bundle(kind: str, *asked: tuple[str, str]) -> dict[str, Any]:
    entries = [{"request": {"method": method, "url": url}} for method, url in asked]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def test_of_a_batch_only_its_entries_go_wrong():
    ehr = Spellbound(spell(Trouble.UNAVAILABLE, "Observation", asks=Asks.READS))
    told = ehr.ask("POST", "", bundle("batch", ("GET", "Observation?patient=1"), ("GET", "Goal?patient=1")))
    assert told.status == 200
    statuses = [entry["response"]["status"] for entry in json.loads(told.body)["entry"]]
    assert statuses == ["503", "200 OK"]
    [(_, _, _, came)] = ehr.behind.came
    assert [entry["request"]["url"] for entry in came["entry"]] == ["Goal?patient=1"]


def test_of_a_batch_whose_entries_all_find_nothing_none_reaches_the_ehr():
    ehr = Spellbound(spell(Trouble.EMPTY))
    told = ehr.ask("POST", "", bundle("batch", ("GET", "Goal?patient=1"), ("GET", "Task?patient=1")))
    assert [entry["resource"]["total"] for entry in json.loads(told.body)["entry"]] == [0, 0]
    assert ehr.behind.came == []


@pytest.mark.parametrize("trouble", [Trouble.UNPROCESSABLE, Trouble.NOT_FOUND_PAGE])
def test_a_transaction_goes_wrong_as_a_whole(trouble):
    ehr = Spellbound(spell(trouble, "Goal", asks=Asks.WRITES))
    told = ehr.ask("POST", "", bundle("transaction", ("POST", "Goal"), ("POST", "Task")))
    assert told.status in {404, 422}
    assert ehr.behind.came == []
    assert ehr.ask("POST", "", bundle("transaction", ("POST", "Task"))).status == 200


@pytest.mark.parametrize(
    ("trouble", "kept"),
    [(Trouble.NOTES_LEFT_OUT, {}), (Trouble.NOTES_ENDED, {"note": [{"text": "On hold\n"}]})],
)
def test_an_ehr_keeps_notes_in_its_own_way(trouble, kept):
    ehr = Spellbound(spell(trouble, "ServiceRequest", asks=Asks.WRITES))
    noted = {**ORDER, "note": [{"text": "On hold"}]}
    ehr.ask("PUT", "ServiceRequest/1", noted)
    entry = {"request": {"method": "PUT", "url": "ServiceRequest/1"}, "resource": noted}
    ehr.ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    single, bundle = (body for *_, body in ehr.behind.came)
    assert single == bundle["entry"][0]["resource"] == {**ORDER, **kept}
