from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from service.cli import main
from service.commands.options import Moment
from service.domain.discharge import DischargeState
from service.jobs import JobState

COMMANDS = [
    ("jobs", "list"),
    ("jobs", "show"),
    ("jobs", "retry"),
    ("jobs", "cancel"),
    ("discharges", "list"),
    ("discharges", "show"),
    ("discharges", "replan"),
    ("discharges", "republish"),
]


def _help(*command: str) -> str:
    shown = CliRunner().invoke(main, [*command, "--help"], prog_name="homeward")
    assert shown.exit_code == 0
    return shown.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_examples_exit_codes_and_both_forms(command):
    said = " ".join(_help(*command).split())
    assert f"Usage: homeward {' '.join(command)} " in said
    assert f"Examples: homeward {' '.join(command)}" in said
    assert "[table|json]" in said
    assert "Exit code" in said or "exit codes" in said


@pytest.mark.parametrize(
    "command", [("jobs", "retry"), ("jobs", "cancel"), ("discharges", "replan"), ("discharges", "republish")]
)
def test_what_changes_something_can_be_tried_first(command):
    assert "--dry-run" in _help(*command)


def test_help_lists_the_groups_and_every_command_of_each():
    assert "\n  jobs " in _help()
    assert "\n  discharges " in _help()
    for group, name in COMMANDS:
        assert f"\n  {name} " in _help(group)


def test_the_states_that_may_be_named_are_those_there_are():
    assert f"[{'|'.join(state.value for state in JobState)}]" in "".join(_help("jobs", "list").split())
    states = "|".join(state.value for state in DischargeState)
    assert f"[{states}]" in "".join(_help("discharges", "list").split())


@pytest.mark.parametrize(
    ("text", "ago"), [("90m", timedelta(minutes=90)), ("24h", timedelta(hours=24)), ("7d", timedelta(days=7))]
)
def test_a_while_ago_is_read(text, ago):
    read = Moment().convert(text, None, None)
    assert abs(datetime.now(UTC) - ago - read) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:00:00+01:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_day_or_a_time_is_read(text, at):
    assert Moment().convert(text, None, None) == at


@pytest.mark.parametrize("text", ["", "yesterday", "24", "-1h", "999999d", "2026-13-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(click.BadParameter, match="24h"):
        Moment().convert(text, None, None)
