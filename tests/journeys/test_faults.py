"""A small fault suite: `make faults` does the same with hundreds of discharges, in docs/reliability.md."""

import pytest

from benchmarks.faults.rounds import run
from service.sandbox.mode import mode_of

COUNT = 10


@pytest.mark.parametrize(
    ("words", "killing"), [("full", False), ("epic-like", True), ("oracle-like", False)], ids=str
)
def test_nothing_is_lost_doubled_or_overwritten_while_the_ehr_fails_and_workers_die(tmp_path, words, killing):
    mode = mode_of(words).failing(rate=0.2, seed=7)
    result = run(mode, COUNT, killing=killing, log=tmp_path / "workers.log")
    assert result.lost == ()
    assert result.finished + result.unknown == COUNT
    assert (result.duplicates, result.overwritten) == (0, 0)
    assert result.edits == 1
    assert sum(result.faults.values()) - result.faults["none"] > COUNT / 2
    if words != "oracle-like":
        assert result.unknown == 0
