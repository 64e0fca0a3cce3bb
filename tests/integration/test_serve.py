"""`homeward serve`: everything in one command, whatever is killed."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.domain.community_service import CommunityService
from service.sandbox.homeward_process import free_port
from service.store import Store, embedded, open_engine
from service.store.postgres_home import find_home
from tests.processes import answers, children_of, running, wait_until


@dataclass
class Served:
    url: str
    pid: int
    state_dir: Path

    def ready(self) -> bool:
        return answers(f"{self.url}/readyz")

    def child(self, name: str) -> int:
        """The pid of the child whose command line holds this name; 0 while there is none."""
        return next((pid for command, pid in children_of(self.pid).items() if name in command), 0)

    def database(self) -> Path:
        """The file in which a running PostgreSQL keeps its pid."""
        return find_home(self.state_dir).data / "postmaster.pid"

    def postmaster(self) -> int:
        return int(self.database().read_text().split()[0])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state_dir = tmp_path_factory.mktemp("served") / "state"
    address = f"127.0.0.1:{free_port(0)}"
    settings = {
        "HOMEWARD_STATE_DIR": str(state_dir),
        "HOMEWARD_BIND": address,
        "HOMEWARD_PUBLIC_URL": f"http://{address}",
        "HOMEWARD_OPEN_ACCESS": "on",
        "HOMEWARD_WEB_WORKERS": "1",
    }
    with running("serve", settings, state_dir.parent / "log") as process:
        found = Served(f"http://{address}", process.pid, state_dir)
        wait_until(lambda: found.ready() or process.poll() is not None, "readiness")
        assert process.poll() is None, (state_dir.parent / "log").read_text()[-2000:]
        yield found
    assert process.returncode == 0
    assert not answers(f"http://{address}/livez")
    assert not found.database().exists()
    embedded.remove(state_dir)


@pytest.mark.parametrize("name", ["gunicorn", "worker"])
def test_a_part_that_is_killed_comes_back(served: Served, name: str):
    before = served.child(name)
    assert before
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: served.child(name) not in {0, before}, f"a new {name}")
    wait_until(served.ready, "readiness")


def test_the_database_that_is_killed_comes_back_with_all_it_held(served: Served):
    held = CommunityService("s1", "Example Pantry", "Example Organization", frozenset({"food-pantry"}))
    with closing(Store(open_engine(embedded.start(served.state_dir)))) as store:
        store.directory.load("demo", [held])
        os.kill(served.postmaster(), signal.SIGKILL)
        wait_until(served.ready, "readiness")
        assert store.directory.of("demo").candidates({"food-pantry"}, "") == (held,)


def test_open_access_on_a_network_is_refused_before_anything_starts(tmp_path: Path):
    settings = {
        "HOMEWARD_STATE_DIR": str(tmp_path / "state"),
        "HOMEWARD_BIND": "0.0.0.0:0",
        "HOMEWARD_OPEN_ACCESS": "on",
    }
    with running("serve", settings, tmp_path / "log") as process:
        assert process.wait(30) == 2
    assert (tmp_path / "log").read_text().startswith("homeward: HOMEWARD_OPEN_ACCESS is on")
    assert not (tmp_path / "state").exists()


def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path: Path):
    with running("web", {"HOMEWARD_WEB_WORKERS": "many"}, tmp_path / "log") as process:
        assert process.wait(30) == 2
    [line] = (tmp_path / "log").read_text().splitlines()
    assert "HOMEWARD_WEB_WORKERS" in line


def test_a_wrong_api_keys_file_stops_the_start_with_one_sentence(tmp_path: Path):
    (tmp_path / "keys.yaml").write_text("keys: none")
    settings = {"HOMEWARD_API_KEYS_FILE": str(tmp_path / "keys.yaml"), "HOMEWARD_STATE_DIR": str(tmp_path)}
    with running("serve", settings, tmp_path / "log") as process:
        assert process.wait(30) == 2
    [line] = (tmp_path / "log").read_text().splitlines()
    assert "keys.yaml" in line
