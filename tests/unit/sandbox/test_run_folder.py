import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.sandbox.run_folder import run_folder
from service.store import embedded

_HOLDER = """\
import sys, time
from pathlib import Path
from service.sandbox.run_folder import run_folder
with run_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def another_run(tmp_path):
    """A run in another process, and its folder."""
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_nothing_is_left_of_a_run_that_ended(tmp_path):
    with run_folder(tmp_path) as folder:
        (folder / "tenants.yaml").touch()
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_is_left_alone(tmp_path, another_run):
    _process, other = another_run
    with run_folder(tmp_path) as folder:
        assert other.is_dir()
        assert folder != other


def test_what_a_killed_run_left_goes_with_its_database(tmp_path, another_run, monkeypatch):
    process, left = another_run
    (left / "postgres").mkdir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    removed: list[Path] = []
    monkeypatch.setattr(embedded, "remove", removed.append)
    with run_folder(tmp_path):
        assert not left.exists()
    assert removed == [left]


def test_a_folder_of_another_user_is_in_nobodys_way(tmp_path, monkeypatch):
    left = tmp_path / "run-of-another-user"
    (left / "postgres").mkdir(parents=True)
    monkeypatch.setattr(embedded, "remove", _refuse)
    with run_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert left.is_dir()


def _refuse(_folder):
    raise ConfigurationError
