"""The subscription door: how soon an EHR's notification is answered, beside an empty route in the same run.

gunicorn as in production; each caller is a process of its own with one connection, so that Python here does not wait for
Python there. Half of the notifications are new orders, half are repeats, as an EHR's stays bring many.
"""

import http.client
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import orjson
import yaml

from benchmarks.figures import Figure
from config.child_environment import child_environment
from service.sandbox.homeward_process import free_port
from service.store import embedded, migrations

_TENANT: Final = "bench"
_P99_MILLISECONDS: Final = 30.0
#: However many events a notification has, it is answered this soon.
_ANSWER_MILLISECONDS: Final = 50.0
_EVENTS: Final = 20
_EACH: Final = 400
_WARM: Final = 50
_WAIT_SECONDS: Final = 30.0


def figures() -> list[Figure]:
    """99th percentiles with one caller and with four, and their ratio to the liveness probe's."""
    with _web() as (port, secret):
        _times(port, secret, callers=2, each=_WARM)
        empty = _p99(_times(port, "", callers=4, each=_EACH))
        alone = _p99(_times(port, secret, callers=1, each=_EACH))
        four = _p99(_times(port, secret, callers=4, each=_EACH))
        many = _p99(_many(port, secret))
    return [
        Figure("notification, one caller, 99th percentile", alone, "ms", _P99_MILLISECONDS),
        Figure("notification, four callers, 99th percentile", four, "ms", _P99_MILLISECONDS),
        Figure("the same, against an empty route with four callers", four / empty, "times"),
        Figure(
            f"a notification of {_EVENTS} events, one caller, 99th percentile",
            many,
            "ms",
            _ANSWER_MILLISECONDS,
        ),
    ]


@contextmanager
def _web() -> Iterator[tuple[int, str]]:
    """A web server with a database of its own; its port and the tenant's subscription secret."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="homeward-bench-")))
        folder.chmod(0o711)
        url = running.enter_context(embedded.throwaway())
        migrations.upgrade(url)
        secret = secrets.token_urlsafe(16)
        (folder / "secret").write_text(secret, encoding="utf-8")
        tenant = {
            "id": _TENANT,
            "fhir_base_url": "http://127.0.0.1:9/fhir",
            "organization": "Example Hospital",
            "subscription_secret": f"file:{folder / 'secret'}",
        }
        (folder / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
        port = free_port(0)
        environment = {
            "HOMEWARD_DATABASE_URL": url,
            "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
            "HOMEWARD_BIND": f"127.0.0.1:{port}",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "web"],
            env=child_environment(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.callback(process.wait)
        running.callback(process.terminate)
        _wait_until_it_answers(port)
        yield port, secret


def _times(port: int, secret: str, *, callers: int, each: int) -> list[float]:
    """Milliseconds of every call of all callers; without a secret the liveness probe is called."""
    with ProcessPoolExecutor(callers, get_context("spawn")) as pool:
        calls = [pool.submit(_call, port, secret, each) for _ in range(callers)]
        return [spent for call in calls for spent in call.result()]


def _call(port: int, secret: str, count: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/fhir+json"}
    spent, name = [], ""
    for number in range(count):
        name = secrets.token_hex(8) if number % 2 == 0 else name
        body = orjson.dumps(_order(name))
        path = f"/subscriptions/{_TENANT}/ServiceRequest/{name}"
        begun = time.perf_counter()
        if secret:
            connection.request("PUT", path, body, headers)
        else:
            connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        spent.append(1000 * (time.perf_counter() - begun))
        if answer.status >= 300:  # noqa: PLR2004  not a success
            raise RuntimeError(f"the web server answered {answer.status}")
    return spent


def _many(port: int, secret: str) -> list[float]:
    """Milliseconds of topic-based notifications of many events, each of an order that was not heard of before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/fhir+json"}
    spent = []
    for first in range(1, (_WARM + _EACH) * _EVENTS, _EVENTS):
        body = orjson.dumps(_notification(first))
        begun = time.perf_counter()
        connection.request("POST", f"/subscriptions/{_TENANT}", body, headers)
        answer = connection.getresponse()
        answer.read()
        spent.append(1000 * (time.perf_counter() - begun))
        if answer.status >= 300:  # noqa: PLR2004  not a success
            raise RuntimeError(f"the web server answered {answer.status}")
    return spent[_WARM:]


def _notification(first: int) -> dict[str, object]:
    base = "http://127.0.0.1:9/fhir"
    events = [
        {"eventNumber": str(number), "focus": {"reference": f"{base}/ServiceRequest/many-{number}"}}
        for number in range(first, first + _EVENTS)
    ]
    status = {
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": str(first + _EVENTS - 1),
        "subscription": {"reference": f"{base}/Subscription/bench"},
        "notificationEvent": events,
    }
    return {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}


def _order(name: str) -> dict[str, object]:
    return {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58000006"}]},
        "subject": {"reference": f"Patient/{name}"},
        "encounter": {"reference": f"Encounter/{name}"},
    }


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/livez")
            connection.getresponse().read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
