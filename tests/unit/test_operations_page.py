from pathlib import Path

from prometheus_client import Counter

from service import metrics

PAGE = Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()


def test_every_metric_is_explained_to_those_who_watch_it():
    known = [
        metrics.REQUESTS,
        metrics.REQUEST_SECONDS,
        metrics.TRIGGERS,
        metrics.HOOK_FEEDBACK,
        metrics.STEP_SECONDS,
    ]
    for metric in known:
        [family] = metric.describe()
        name = f"{family.name}_total" if isinstance(metric, Counter) else family.name
        assert f"`{name}`" in PAGE
    assert "`homeward_discharges`" in PAGE


def test_every_command_that_runs_for_long_is_explained():
    for command in ("serve", "web", "worker", "migrate"):
        assert f"`homeward {command}`" in PAGE
