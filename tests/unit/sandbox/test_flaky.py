"""Faults from a seed: the same each time, each as real networks and servers make it."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from service.sandbox.flaky import COUNTS, Fates, Fault, Flaky
from service.sandbox.mode import INSIDE, Mode
from tests.unit.sandbox.layers import Behind, ask

ORDER = {"resourceType": "ServiceRequest", "status": "draft"}


async def in_no_time(_seconds):
    pass


class Failing:
    """A server that fails as told: always, in one way; or as the mode says."""

    def __init__(self, fault=None, *, rate=1.0, seed=1):
        self.behind = Behind()
        self.dropped: list[Any] = []
        fate = (lambda _asked: fault) if fault else Fates(Mode("", rate, seed))
        self.layer = Flaky(self.behind, fate, self.dropped.append, pause=in_no_time)

    def ask(self, method="POST", address="ServiceRequest", body=ORDER, headers=None) -> Any:
        return ask(self.layer, method, address, body, headers)  # None: no answer

    def counts(self):
        return json.loads(self.ask("GET", COUNTS, headers=INSIDE).body)


def fates(seed, *, rate=0.2, count=200):
    server = Failing(rate=rate, seed=seed)
    seen = []
    for _ in range(count):
        told = server.ask()
        seen.append((told.status, told.body) if told else None)
    return seen, server


def test_the_same_seed_is_the_same_sequence_and_another_is_another():
    assert fates(7)[0] == fates(7)[0]
    assert fates(7)[0] != fates(8)[0]


def test_about_as_many_go_wrong_as_asked_for_and_all_are_counted():
    _, server = fates(7, rate=0.2, count=2000)
    counts = server.counts()
    assert sum(counts.values()) == 2000
    assert 320 <= 2000 - counts["none"] <= 480
    assert set(counts) == {"none", *(fault.value for fault in Fault if fault is not Fault.STALE_ETAG)}


def test_without_a_rate_nothing_goes_wrong():
    seen, _ = fates(7, rate=0.0)
    assert {status for status, _ in seen} == {200}


@pytest.mark.parametrize(
    ("fault", "status", "applied"),
    [
        (Fault.ERROR_AFTER, 500, True),
        (Fault.BAD_GATEWAY, 502, False),
        (Fault.UNAVAILABLE, 503, False),
        (Fault.GATEWAY_TIMEOUT_AFTER, 504, True),
        (Fault.BUSY_SECONDS, 429, False),
        (Fault.BUSY_DATE, 429, False),
        (Fault.SLOW, 200, True),
    ],
)
def test_a_bad_status_says_before_or_after(fault, status, applied):
    server = Failing(fault)
    assert server.ask().status == status
    assert bool(server.behind.came) is applied


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        (Fault.HANGS, False),
        (Fault.HANGS_AFTER, True),
        (Fault.RESET, False),
        (Fault.RESET_AFTER, True),
    ],
)
def test_a_connection_that_ends_says_nothing(fault, applied):
    server = Failing(fault)
    assert server.ask() is None
    assert len(server.dropped) == 1
    assert bool(server.behind.came) is applied


def test_a_busy_server_says_when_in_both_ways():
    seconds = dict(Failing(Fault.BUSY_SECONDS).ask().headers)["retry-after"]
    assert seconds == "1"
    at = parsedate_to_datetime(dict(Failing(Fault.BUSY_DATE).ask().headers)["retry-after"])
    assert -1 <= (at - datetime.now(UTC)).total_seconds() <= 2


def test_an_answer_that_is_cut_off_is_no_json_though_the_write_was_done():
    server = Failing(Fault.TRUNCATED)
    told = server.ask()
    assert server.behind.came
    with pytest.raises(ValueError, match=r".+"):
        json.loads(told.body)


def test_a_login_page_is_html_with_status_200_and_nothing_was_done():
    server = Failing(Fault.LOGIN_PAGE)
    told = server.ask()
    assert (told.status, told.body[:9]) == (200, b"<!DOCTYPE")
    assert server.behind.came == []


def test_a_stale_etag_is_told_to_the_ehr_itself():
    server = Failing(Fault.STALE_ETAG)
    server.ask("PUT", "ServiceRequest/1", headers={"If-Match": 'W/"3"'})
    entries = [
        {"request": {"method": "PUT", "url": "Goal/1", "ifMatch": 'W/"3"'}},
        {"request": {"method": "POST", "url": "Goal"}},
    ]
    server.ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    (_, _, headers, _), (_, _, _, bundle) = server.behind.came
    assert headers["if-match"] == 'W/"gone"'
    assert [entry["request"].get("ifMatch") for entry in bundle["entry"]] == ['W/"gone"', None]


def test_only_what_carries_a_version_can_be_stale():
    server = Failing(rate=1.0)
    for _ in range(200):
        server.ask()
    assert Fault.STALE_ETAG.value not in server.counts()
    for _ in range(200):
        server.ask("PUT", "ServiceRequest/1", headers={"If-Match": 'W/"3"'})
    assert server.counts()[Fault.STALE_ETAG.value] > 0


def test_the_hospitals_own_side_meets_no_fault():
    server = Failing(rate=1.0)
    assert [server.ask(headers=INSIDE).status for _ in range(20)] == [200] * 20
