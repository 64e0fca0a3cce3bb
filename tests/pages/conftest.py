"""A running Homeward whose inpatients all have a plan, and a browser to look at its pages with."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import requests
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from service.sandbox.ehr import Sandbox
from service.sandbox.homeward_process import free_port
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient, inpatients
from tests.processes import answers, running, wait_until
from tests.sandbox_fixtures import sandbox

__all__ = ["sandbox"]

_TENANT = "one"
#: Chromium as root, without calling home.
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Ward:
    """Where Homeward is, the EHR as its own users see it, and the page of each inpatient's discharge by id."""

    url: str
    hospital: Hospital
    pages: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def ward(sandbox: Sandbox, postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One for the whole run."""
    folder = tmp_path_factory.mktemp("homeward")
    bind = f"127.0.0.1:{free_port(0)}"
    tenant = {
        "id": _TENANT,
        "fhir_base_url": sandbox.base_url,
        "organization": "Example Hospital",
        "write_policy": "full",
    }
    (folder / "tenants.yaml").write_text(yaml.safe_dump({"tenants": [tenant]}), encoding="utf-8")
    settings = {
        "HOMEWARD_DATABASE_URL": postgresql,
        "HOMEWARD_TENANTS_FILE": str(folder / "tenants.yaml"),
        "HOMEWARD_BIND": bind,
        "HOMEWARD_PUBLIC_URL": f"http://{bind}",
        "HOMEWARD_OPEN_ACCESS": "on",
        "HOMEWARD_WEB_WORKERS": "1",
    }
    with running("serve", settings, folder / "homeward.log"):
        wait_until(lambda: answers(f"http://{bind}/readyz"), "the start of Homeward", 120)
        yield _planned(Ward(f"http://{bind}", Hospital(sandbox.base_url)))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    path = Path(shutil.which("chromium") or "chromium")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new window; what the browser complains about is a failure."""
    context = browser.new_context()
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert not complaints


def _planned(ward: Ward) -> Ward:
    """Every inpatient's discharge is asked for, and its plan published."""
    with requests.Session() as session:
        session.trust_env = False
        asked = {who.id: _ask(session, ward.url, who) for who in inpatients()}
        for who, location in asked.items():
            wait_until(partial(_is_published, session, location), "the plan of an inpatient", 180)
            ward.pages[who] = f"{ward.url}/discharges/{location.rpartition('/')[2]}"
    return ward


def _ask(session: requests.Session, url: str, who: Inpatient) -> str:
    body = {"tenant": _TENANT, "encounter": who.encounter}
    answer = session.post(f"{url}/api/v1/discharges", json=body, timeout=30)
    assert answer.status_code == 202, answer.status_code
    return f"{url}{answer.headers['Location']}"


def _is_published(session: requests.Session, location: str) -> bool:
    return bool(session.get(location, timeout=30).json()["state"] == "published")
