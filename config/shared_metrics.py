"""The folder in which the metrics of several processes meet. prometheus_client reads its variable when imported."""

import os
import tempfile
from typing import Final

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics() -> None:
    """Let this process and its children write metrics to one folder; call it before prometheus_client is imported."""
    if _VARIABLE not in os.environ:  # noqa: TID251  config is the one reader of the environment
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="homeward-metrics-")  # noqa: TID251
