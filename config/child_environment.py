"""The environment of the processes we start: ours, with what the child needs. config alone touches the environment."""

import os
from collections.abc import Mapping

#: Local servers are reached directly, whatever proxy the machine has.
_DIRECT = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"}


def child_environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with the given HOMEWARD_ settings in place of its own, and no proxy for 127.0.0.1."""
    here = os.environ  # noqa: TID251  this is config
    inherited = {name: value for name, value in here.items() if not name.startswith("HOMEWARD_")}
    return inherited | _DIRECT | dict(settings or {})
