"""The web server as it runs in production: gunicorn with several processes, a real database, real sockets."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psycopg
import pytest
import requests

from service.doors.slow_callers import READING_SECONDS
from service.sandbox.homeward_process import free_port
from service.store import Store
from tests.processes import answers, running, wait_until
from tests.unit.doors.keys import keys_file

TOKEN = "an API token of the tests"
SECRET = "a subscription secret of the tests"
MARK = "Zelda-Testperson"
TENANTS = """\
tenants:
  - id: demo
    fhir_base_url: http://127.0.0.1:9/fhir
    organization: Example Hospital
    subscription_secret: file:{secret}
"""


@dataclass
class Web:
    url: str
    log: Path

    def ask(self, method: str, path: str, **more) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | more.pop("headers", {})
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, headers=headers, timeout=30, **more)


@pytest.fixture(scope="module")
def web(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "secret").write_text(SECRET)
    (folder / "tenants.yaml").write_text(TENANTS.format(secret=folder / "secret"))
    ward = {"key": TOKEN, "scopes": ["plans:read", "discharges:write"], "role": "clinician"}
    keys = keys_file(folder, ward=ward)
    address = f"127.0.0.1:{free_port(0)}"
    settings = {
        "HOMEWARD_DATABASE_URL": database_url,
        "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
        "HOMEWARD_API_KEYS_FILE": str(keys),
        "HOMEWARD_BIND": address,
        "HOMEWARD_PUBLIC_URL": f"http://{address}",
        "HOMEWARD_WEB_WORKERS": "2",
        "HOMEWARD_MAX_BODY_BYTES": "100000",
    }
    with running("web", settings, folder / "log") as process:
        wait_until(lambda: answers(f"http://{address}/livez") or process.poll() is not None, "the start")
        yield Web(f"http://{address}", folder / "log")
    assert process.returncode == 0


def _order(number: str, encounter: str, **more) -> dict[str, object]:
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
        "encounter": {"reference": f"Encounter/{encounter}"},
    } | more


def _notify(web: Web, order: dict[str, object]) -> int:
    return web.ask(
        "PUT",
        f"/subscriptions/demo/ServiceRequest/{order['id']}",
        json=order,
        headers={"Authorization": f"Bearer {SECRET}"},
    ).status_code


def test_the_same_order_twenty_times_at_once_is_one_discharge(web: Web, store: Store):
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: _notify(web, _order("o1", "many")), range(20))) == {204}
    assert [found.encounter for found in store.discharges.latest("demo")].count("Encounter/many") == 1


def test_a_discharge_asked_for_over_rest_can_be_followed_and_cancelled(web: Web):
    asked = web.ask("POST", "/api/v1/discharges", json={"tenant": "demo", "encounter": "e7", "order": "o7"})
    assert asked.status_code == 202
    followed = web.ask("GET", asked.headers["Location"]).json()
    assert (followed["state"], followed["encounter"], followed["plan"]) == ("received", "Encounter/e7", None)
    assert followed["history"][0]["what"] == "received ServiceRequest/o7"
    assert web.ask("POST", f"{asked.headers['Location']}/cancel").json()["state"] == "cancelling"
    assert web.ask("GET", f"/discharges/{followed['id']}").status_code == 200


def test_an_order_that_is_said_to_be_deleted_is_looked_for_before_its_discharge_is_called_off(
    web: Web, store: Store, database_url: str
):
    assert _notify(web, _order("o9", "e9")) == 204
    with_secret = {"Authorization": f"Bearer {SECRET}"}
    assert web.ask("DELETE", "/subscriptions/demo/ServiceRequest/o9", headers=with_secret).status_code == 204
    [found] = [made for made in store.discharges.latest("demo") if made.encounter == "Encounter/e9"]
    assert found.state == "received"
    with psycopg.connect(database_url) as connection:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'look' AND args->>'reference' = %s"
        assert connection.execute(query, ["ServiceRequest/o9"]).fetchone() == (1,)


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(web: Web):
    chunks = (b" " * 10_000 for _ in range(20))
    assert web.ask("POST", "/api/v1/discharges", data=chunks).status_code == 413


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "size", "status", "said"),
    [
        ({}, 90_000, 401, "close"),
        ({}, 1_000, 401, "keep-alive"),
        (AUTHORIZED, 200_000, 413, "close"),
        (AUTHORIZED, 90_000, 400, "keep-alive"),  # read whole
    ],
)
def test_a_connection_is_kept_if_the_answer_says_so_whatever_was_read_of_the_body(
    web, headers, size, status, said
):
    with _kept(web) as connection:
        connection.request("POST", "/api/v1/discharges", b"{" * size, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"], bool(answer.read())) == (status, said, True)
        connection.auto_open = said == "close"
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(("headers", "status", "said"), [({}, 401, "close"), (AUTHORIZED, 400, "keep-alive")])
def test_a_body_of_unknown_length_lets_the_connection_live_once_it_was_read(web, headers, status, said):
    with _kept(web) as connection:
        connection.request("POST", "/api/v1/discharges", iter([b"{"]), headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (status, said)


@pytest.mark.parametrize(
    "chunks", ["ZZ\r\n{}\r\n0\r\n\r\n", "2\r\n{}XX0\r\n\r\n", "2;\x01\r\n{}\r\n", "5\r\n{}"]
)
def test_a_body_in_broken_chunks_is_refused_as_one_that_was_cut_off(web, chunks):
    head = "POST /api/v1/discharges HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    with _kept(web) as connection:
        connection.connect()
        connection.sock.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n{chunks}".encode())
        connection.sock.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection.sock)
        answer.begin()
        assert (answer.status, answer.headers["Connection"]) == (400, "close")
        assert json.loads(answer.read())["type"] == "/docs#http-bad-request"


@contextmanager
def _kept(web: Web) -> Iterator[HTTPConnection]:
    """One connection of one caller."""
    with closing(HTTPConnection(web.url.removeprefix("http://"), timeout=30)) as connection:
        yield connection


def test_ready_only_with_a_worker(web: Web):
    answer = web.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "worker": "none alive; run homeward worker",
    }


def test_metrics_are_added_up_over_all_processes(web: Web):
    def count() -> float:
        text = web.ask("GET", "/metrics").text
        return float(re.findall(r'requests_total\{door="openapi",method="GET",status="200"\} (\S+)', text)[0])

    web.ask("GET", "/docs")
    before = count()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: web.ask("GET", "/docs"), range(40)))
    assert count() == before + 40


def test_nothing_of_a_person_reaches_a_log_a_problem_or_a_metric(web: Web):
    attempts = [
        web.ask("GET", f"/{MARK}?name={MARK}"),
        web.ask("GET", f"/discharges/{MARK}"),
        web.ask("GET", "/", headers={"Authorization": f"Bearer {MARK}"}),
        web.ask("GET", "/livez", headers={"X-Request-Id": MARK, "User-Agent": MARK, "Referer": MARK}),
        web.ask("POST", "/api/v1/discharges", data=f'{{"{MARK}": '),
        web.ask("POST", "/api/v1/discharges", json={MARK: MARK}),
        web.ask("POST", "/api/v1/discharges", json={"tenant": MARK, "encounter": "e1"}),
        web.ask("POST", "/api/v1/discharges", json={"tenant": "demo", "encounter": f"{MARK}/é"}),
        web.ask("PUT", f"/subscriptions/{MARK}/Patient/{MARK}", json={"name": MARK}),
        web.ask(
            "PUT",
            "/subscriptions/demo/ServiceRequest/x",
            headers={"Authorization": f"Bearer {SECRET}"},
            data=MARK,
        ),
        web.ask("BREW", f"/{MARK}"),
    ]
    for answer in attempts:
        assert MARK not in answer.text
        assert MARK not in str(answer.headers)
    _notify(web, _order("o8", "e8", subject={"display": MARK}, note=[{"text": MARK}]))
    assert MARK not in web.ask("GET", "/metrics").text
    assert MARK not in web.log.read_text()


def test_every_line_of_the_log_is_json(web: Web):
    web.ask("GET", "/nowhere")
    lines = [json.loads(line) for line in web.log.read_text().splitlines()]
    assert {"answered"} <= {line["event"] for line in lines}


def test_a_probe_leaves_no_line(web: Web):
    web.ask("GET", "/readyz")
    before = web.log.read_text()
    for path in ("/livez", "/readyz", "/metrics"):
        web.ask("GET", path)
    assert web.log.read_text() == before


HEAD = "POST /api/v1/discharges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n"
SLOW = {
    "in a word": "PO",
    "in the head": HEAD,
    "in a body that nobody wants": f"{HEAD}\r\n{{",
    "in a body that is read": f"{HEAD}Authorization: Bearer {TOKEN}\r\n\r\n{{",
}
STOPS, TRICKLES = b"", b" "


@pytest.fixture(scope="module")
def slow(web: Web) -> Iterator[dict[tuple[str, bytes], Future[float]]]:
    """All slow callers at once, and after how many seconds each was sent away."""
    with ThreadPoolExecutor(2 * len(SLOW)) as callers:
        yield {
            (sent, drop): callers.submit(_seconds_until_cut_off, web.url, SLOW[sent].encode(), drop)
            for sent in SLOW
            for drop in (STOPS, TRICKLES)
        }


@pytest.mark.parametrize("sent", SLOW)
@pytest.mark.parametrize("drop", [STOPS, TRICKLES], ids=["stops", "trickles"])
def test_a_caller_who_sends_too_slowly_is_cut_off(slow, sent, drop):
    assert slow[sent, drop].result() < 2 * READING_SECONDS + 5


def _seconds_until_cut_off(url: str, sent: bytes, drop: bytes) -> float:
    host, _, port = url.removeprefix("http://").partition(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=0.5) as caller:
        caller.sendall(sent)
        while time.monotonic() < begun + 60:
            try:
                if not caller.recv(4096):
                    break
            except TimeoutError:
                caller.sendall(drop)
            except ConnectionError:
                break
    return time.monotonic() - begun
