from pathlib import Path

import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from service import metrics
from service.pipeline.setup import REMEDIES, Lack
from service.pipeline.stored_metrics import stored_metrics
from tests.unit.doors.doubles import Doubles

PAGE = Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()


def _names() -> set[str]:
    own = [found for found in vars(metrics).values() if isinstance(found, MetricWrapperBase)]
    told = {
        f"{family.name}_total" if isinstance(one, Counter) else family.name
        for one in own
        for family in one.describe()
    }
    return told | {metric.name for metric in stored_metrics(Doubles())}  # type: ignore[arg-type]  # as much as is asked of it


def test_every_metric_is_explained_to_those_who_watch_it_and_no_other():
    explained = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `homeward_")}
    assert explained == _names()


def test_the_alert_rules_are_rules_about_metrics_that_there_are():
    rules = yaml.safe_load(PAGE.split("```yaml")[1].split("```")[0])["groups"][0]["rules"]
    assert rules
    for rule in rules:
        asked = {
            word for word in rule["expr"].replace("(", " ").replace("{", " ").split() if "homeward_" in word
        }
        assert asked
        assert {word.split("[")[0].rstrip(")") for word in asked} <= _names()


def test_every_command_that_runs_for_long_is_explained():
    for command in ("serve", "web", "worker", "migrate"):
        assert f"`homeward {command}`" in PAGE


def test_each_thing_that_may_be_missing_has_a_remedy():
    assert set(REMEDIES) == set(Lack)
