import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from service.errors import StoreUnavailable
from service.jobs import Jobs, Task
from service.store import Store, embedded, migrations, open_engine
from service.store.postgres_home import find_home

_WORKER = Path(__file__).with_name("worker_process.py")


@pytest.fixture
def state_dir():
    folder = Path(tempfile.mkdtemp(prefix="homeward-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "state"
    embedded.remove(folder / "state")
    shutil.rmtree(folder)


@pytest.fixture
def outage(state_dir):
    """A database, its store, its queue, and a way to kill it."""
    url = embedded.start(state_dir)
    migrations.upgrade(url)
    store = Store(open_engine(url))

    def kill():
        pid = (find_home(state_dir).data / "postmaster.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGKILL)

    yield url, store, kill
    store.close()


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_worker_outlives_its_database_and_finishes_what_it_had(outage, state_dir, tmp_path):
    url, store, kill = outage
    record = tmp_path / "record"
    jobs = Jobs(url, lambda: pytest.fail("this process does not work"))
    worker = subprocess.Popen([sys.executable, str(_WORKER), url, str(record), "2"])
    interrupted, later = uuid4(), uuid4()
    try:
        with store.begin() as unit:
            jobs.defer(Task.PLAN, interrupted, unit)
        wait_for(record.exists, 20)
        kill()
        time.sleep(14)  # the step ends, and its end cannot be written down
        embedded.start(state_dir)
        with store.begin() as unit:
            jobs.defer(Task.PLAN, later, unit)
        wait_for(lambda: f"end plan {later}" in record.read_text(), 60)
        wait_for(lambda: not _unfinished(url), 60)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()


def test_a_short_outage_that_the_worker_does_not_notice_loses_no_job_either(outage, state_dir, tmp_path):
    url, store, kill = outage
    record = tmp_path / "record"
    jobs = Jobs(url, lambda: pytest.fail("this process does not work"))
    worker = subprocess.Popen([sys.executable, str(_WORKER), url, str(record), "1"])
    discharges = [uuid4() for _ in range(6)]
    try:
        for discharge in discharges:
            with store.begin() as unit:
                jobs.defer(Task.PLAN, discharge, unit)
        wait_for(record.exists, 20)
        kill()
        embedded.start(state_dir)
        wait_for(lambda: all(f"end plan {one}" in record.read_text() for one in discharges), 60)
        wait_for(lambda: not _unfinished(url), 60)
    finally:
        worker.kill()
        worker.wait()


def test_the_store_says_that_the_database_is_away_and_works_again_when_it_is_back(outage, state_dir):
    _, store, kill = outage
    store.ping()
    kill()
    time.sleep(0.5)
    with pytest.raises(StoreUnavailable):
        store.ping()
    embedded.start(state_dir)
    store.ping()


def _unfinished(url):
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        ).fetchall()
