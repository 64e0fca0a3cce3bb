"""The model of publishing for as many steps as one wants: `python -m tests.model --steps 20000 --seed 1`.

The last line is the verdict. A failure is told by the shortest example that was found of it.
"""

import argparse
import sys
import traceback
from typing import Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.test_publishing import Publishing, PublishingWithoutVersions

_RUNS_AT_ONCE: Final = 100
_STEPS_OF_A_RUN: Final = 25
#: EHRs that keep versions and those that do not, in turn.
_KINDS: Final = (Publishing, PublishingWithoutVersions)


def main() -> int:
    """Run until so many steps are done; return 1 after a failure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    chosen = settings(
        max_examples=_RUNS_AT_ONCE,
        stateful_step_count=_STEPS_OF_A_RUN,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    number = asked.seed
    while Publishing.steps < asked.steps:
        try:
            run_state_machine_as_test(seed(number)(_KINDS[number % len(_KINDS)]), settings=chosen)
        except Exception:  # noqa: BLE001  whatever it is, it is the verdict
            traceback.print_exc()
            _say(f"Model of publishing: FAILED with seed {number}, within {Publishing.steps:,} steps.")
            return 1
        number += 1
    _say(
        f"Model of publishing: {Publishing.steps:,} steps in {Publishing.runs:,} runs from seed {asked.seed} on; each ended with the "
        "EHR as it is wanted, or with a person's words."
    )
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
