"""A child of the demo never outlives it, even when the demo is killed.

`python -m service.sandbox.leash COMMAND…` puts itself on the leash and becomes COMMAND: the kernel's parent-death
signal survives exec. It is sent when the thread that started the child ends, so start children from one that stays.
Where the kernel has none (macOS), the ordinary stopping of children has to do.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Ask the kernel to send us SIGTERM when the parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


if __name__ == "__main__":
    die_with_parent()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  the demo's own command line
