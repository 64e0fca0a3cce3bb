"""The folder in which the metrics of several processes meet. prometheus_client reads its variable when imported."""

import os
import shutil
import tempfile
from typing import Final

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
#: The process that made the folder, and the folder: its forked children must not remove it.
_made: dict[int, str] = {}


def share_metrics() -> None:
    """Let this process and its children write metrics to one folder; call it before prometheus_client is imported."""
    if _VARIABLE not in os.environ:  # noqa: TID251  config is the one reader of the environment
        folder = tempfile.mkdtemp(prefix="homeward-metrics-")
        os.environ[_VARIABLE] = _made[os.getpid()] = folder  # noqa: TID251


def forget_metrics() -> None:
    """Remove the folder, if this process made it."""
    if folder := _made.pop(os.getpid(), None):
        shutil.rmtree(folder, ignore_errors=True)
