from contextlib import suppress

import pytest

from service import metrics
from service.errors import EhrUnavailable


def _count(outcome: str) -> float:
    [family] = metrics.STEP_SECONDS.collect()
    labels = {"tenant": "example", "step": "plan", "outcome": outcome}
    return sum(
        sample.value
        for sample in family.samples
        if sample.name.endswith("_count") and sample.labels == labels
    )


@pytest.mark.parametrize(
    ("error", "outcome"), [(None, "done"), (EhrUnavailable(), "EhrUnavailable"), (KeyError("Zelda"), "fault")]
)
def test_a_step_is_measured_by_its_outcome(error, outcome):
    before = _count(outcome)
    with suppress(EhrUnavailable, KeyError), metrics.step("example", "plan"):
        if error:
            raise error
    assert _count(outcome) == before + 1


def test_metrics_of_one_process_are_told_without_a_shared_folder(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    stored = metrics.StoredMetric(
        "homeward_discharges", "By state", ("tenant", "state"), {("example", "failed"): 2}
    )
    text, content_type = metrics.rendered([stored])
    assert b'homeward_discharges{state="failed",tenant="example"} 2.0' in text
    assert content_type.startswith("text/plain")


def test_metrics_of_several_processes_are_read_from_their_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    text, _content_type = metrics.rendered([])
    assert b"homeward_step_seconds_count" not in text


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, "2xx"), (201, "2xx"), (302, "3xx"), (404, "404"), (418, "4xx"), (503, "5xx"), (0, "none")],
)
def test_a_call_of_an_ehr_is_counted_by_what_its_answer_says(status, told):
    def count():
        [family] = metrics.EHR_CALLS.collect()
        labels = {"tenant": "counted", "method": "GET", "status": told}
        return sum(s.value for s in family.samples if s.name.endswith("_total") and s.labels == labels)

    before = count()
    metrics.count_ehr_call("counted", "GET", status)
    assert count() == before + 1
