"""The folder of one run of the demo, and the end of whatever runs that were killed left behind.

A run holds a lock on its folder as long as it lives: a folder that nobody holds is of a run that was killed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from service.errors import HomewardError
from service.store import embedded

_PREFIX: Final = "run-"


@contextmanager
def run_folder(home: Path) -> Iterator[Path]:
    """A folder in home for as long as the block lasts. What killed runs left in home, their databases too, goes first."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # One at a time, so that nobody takes a folder that is just being made for one left behind.
        with _locked(home):
            for left in sorted(home.glob(f"{_PREFIX}*")):
                _remove_unless_held(left)
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(dir=home, prefix=_PREFIX)))
            held.enter_context(_locked(folder))
        yield folder


def _remove_unless_held(folder: Path) -> None:
    """What cannot be removed, such as a folder of another user, stays and is in nobody's way."""
    with suppress(OSError, HomewardError), _locked(folder, wait=False):
        if (folder / "postgres").is_symlink() or (folder / "postgres").exists():
            embedded.remove(folder)
        shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """While this process alone has the folder; the lock goes with the process. BlockingIOError if another has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
