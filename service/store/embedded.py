"""A PostgreSQL of our own, for the demo, the tests and small sites: a real database with nothing to install.

It listens on a unix socket in a folder that only its user can enter. It is started by PostgreSQL's own `initdb` and
`pg_ctl -w start`, which survive what a crash leaves behind. It outlives the process that started it, as a database
should; `stop` ends it.
"""

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from service import clock
from service.errors import ConfigurationError, StoreUnavailable
from service.store.postgres_home import SOCKET_NAME, Home, alone, find_home

_NAME = "homeward"
#: Long enough for the recovery after a crash and for orphaned backends of a killed server to leave.
_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.3
_SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "timezone=UTC",
    # What fails in a session is told to the session. Its words and values are PHI: they stay out of PostgreSQL's log.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
)


def start(state_dir: Path) -> str:
    """The URL of the embedded PostgreSQL of this state directory, running when this returns.

    May be called at any time and by any number of processes at once. Raises ConfigurationError when the place or the
    user is unsuitable, StoreUnavailable when PostgreSQL does not come up.
    """
    home = find_home(state_dir)
    if not _answers(home):
        with alone(home.lock):
            _bring_up(home)
    return _url(home, _NAME)


def stop(state_dir: Path) -> None:
    """End the embedded PostgreSQL of this state directory, if it runs."""
    home = find_home(state_dir)
    with alone(home.lock):
        if (home.data / "postmaster.pid").exists():
            home.run("pg_ctl", "-D", str(home.data), "-m", "fast", "-w", "stop")


def remove(state_dir: Path) -> None:
    """Stop the embedded PostgreSQL of this state directory and delete all it held, wherever that is."""
    stop(state_dir)
    home = find_home(state_dir)
    shutil.rmtree(home.socket, ignore_errors=True)
    shutil.rmtree(home.base)
    link = state_dir / "postgres"
    if link.is_symlink():
        link.unlink()


@contextmanager
def throwaway() -> Iterator[str]:
    """The URL of a PostgreSQL for one use: nothing is left of it afterwards."""
    # Any user may pass through the folder: as root, PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="homeward-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        state_dir = Path(folder, "state")
        try:
            yield start(state_dir)
        finally:
            remove(state_dir)


def _url(home: Home, database: str) -> str:
    return f"postgresql://{_NAME}@/{database}?host={quote(str(home.socket), safe='')}"


def _answers(home: Home) -> bool:
    try:
        psycopg.connect(_url(home, _NAME), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _bring_up(home: Home) -> None:
    if not home.data.exists():
        _initialise(home)
    deadline = clock.machine_seconds() + _START_SECONDS
    while not _serves(home):
        if clock.machine_seconds() > deadline:
            raise StoreUnavailable(f"The embedded PostgreSQL does not start; see {home.log}.")
        for lock in (home.data / "postmaster.pid", home.socket / f"{SOCKET_NAME}.lock"):
            _forget_stranger(lock)
        place = shlex.join(["-k", str(home.socket)])
        home.run("pg_ctl", "-D", str(home.data), "-l", str(home.log), "-o", place, "-w", "start")
        clock.sleep(_PAUSE_SECONDS)


def _initialise(home: Home) -> None:
    """A new cluster appears whole or not at all: an initdb that was killed leaves nothing that looks like one."""
    new = home.base / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    made = home.run(
        "initdb", "-D", str(new), "-U", _NAME, "--auth=trust", "--encoding=UTF8", "--no-locale", *settings
    )
    if made.returncode:
        raise ConfigurationError(
            f"PostgreSQL could not set up its data in {home.base}. Check that the disk has room and can be written."
        )
    new.rename(home.data)


def _serves(home: Home) -> bool:
    """Whether it answers and has our database, which is made if it is missing."""
    try:
        with psycopg.connect(_url(home, "postgres"), connect_timeout=5, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_NAME]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_NAME)))
    except psycopg.OperationalError:
        return False
    return True


def _forget_stranger(lock: Path) -> None:
    """Remove a stale lock file whose process is no PostgreSQL: another program that got its number, or a zombie.

    PostgreSQL itself forgets a number that is free; it refuses to start while any process of its user has it. A zombie
    stays for ever where the container's first process collects none.
    """
    try:
        pid = lock.read_text().split("\n", 1)[0].strip()
        command = Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return
    if b"postgres" not in command:
        lock.unlink(missing_ok=True)
