"""The commands that an operator runs by hand, on a real database."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from click.testing import CliRunner

from config.directory_file import load_directory
from config.logging import configure_logging
from service.cli import main
from service.commands import subscribe as command
from service.domain.watch import Way
from service.pipeline.subscribe import Means, Standing, Subscribed
from service.store import Store, migrations

Run = Callable[..., tuple[int, str, str]]


def _homeward(settings: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    shown = CliRunner(env=settings).invoke(main, arguments, prog_name="homeward")
    return shown.exit_code, shown.stdout, shown.stderr


@pytest.fixture
def _as_at_the_start() -> Iterator[None]:
    """Nobody has set up logging before this command, whose log lines must not stand between what it says."""
    structlog.reset_defaults()
    yield
    configure_logging("info")  # the command's own goes to what was its stderr


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(
        "tenants:\n  - {id: demo, fhir_base_url: http://127.0.0.1:9/fhir, organization: Example Hospital}\n"
    )
    settings = {"HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_TENANTS_FILE": str(tenants)}
    return lambda *arguments, **more: _homeward(settings | more.get("settings", {}), *arguments)


@pytest.mark.usefixtures("_as_at_the_start")
def test_an_empty_database_is_brought_to_the_newest_version_and_again_is_harmless(new_database):
    settings = {"HOMEWARD_DATABASE_URL": new_database()}
    for _ in range(2):
        code, said, _errors = _homeward(settings, "migrate")
        assert (code, said) == (0, "The database is at the newest version.\n")


def test_the_migrations_make_exactly_our_tables():
    assert _homeward({}, "migrate", "--check")[:2] == (0, "The migrations make exactly our tables.\n")


def test_a_database_that_does_not_answer_is_exit_1_and_one_sentence():
    code, said, errors = _homeward(
        {"HOMEWARD_DATABASE_URL": "postgresql://u:hidden@127.0.0.1:9/n"}, "migrate"
    )
    assert (code, said) == (1, "")
    assert errors == "homeward: The database is not reachable; try again shortly.\n"


def test_a_database_without_our_tables_is_exit_1_and_names_the_remedy(run: Run, new_database):
    settings = {"HOMEWARD_DATABASE_URL": new_database()}
    code, _said, errors = run("directory", "load", "demo", settings=settings)
    assert (code, errors) == (
        1,
        "homeward: The database lacks what this version needs; run `homeward migrate`.\n",
    )


def test_the_sample_directory_is_loaded_as_a_whole_however_often(run: Run, store: Store):
    sample = load_directory()
    for _ in range(2):
        code, said, _errors = run("directory", "load", "demo")
        assert (code, said.split()[0]) == (0, str(len(sample)))
    assert store.directory.of("demo").candidates({"food-pantry"}, "")


def test_who_loaded_a_directory_stands_in_the_trail(run: Run, new_database):
    url = new_database()
    migrations.upgrade(url)
    run("directory", "load", "demo", settings={"HOMEWARD_DATABASE_URL": url})
    with psycopg.connect(url) as connection:
        told = connection.execute("SELECT tenant, actor, event, reference FROM audit").fetchall()
    assert told == [
        ("demo", "homeward directory load", "directory replaced", f"{len(load_directory())} services")
    ]


def test_a_directory_for_an_unknown_hospital_is_refused(run: Run):
    code, said, errors = run("directory", "load", "elsewhere")
    assert (code, said) == (2, "")
    assert "no such hospital" in errors


def test_a_directory_with_a_mistake_changes_nothing(run: Run, store: Store, tmp_path: Path):
    run("directory", "load", "demo")
    before = store.directory.of("demo").candidates({"food-pantry"}, "")
    (tmp_path / "broken").mkdir()
    code, _said, errors = run("directory", "load", "demo", str(tmp_path / "broken"))
    assert code == 2
    assert ".csv" in errors
    assert store.directory.of("demo").candidates({"food-pantry"}, "") == before


def test_a_hospital_whose_ehr_does_not_answer_cannot_be_subscribed_to_and_is_told_so(run: Run):
    assert run("subscribe", "demo") == (1, "", "homeward: GET metadata: the EHR does not answer.\n")
    code, said, errors = run("subscribe", "elsewhere")
    assert (code, said) == (2, "")
    assert "no such hospital" in errors


@pytest.mark.parametrize(("status", "faults", "code"), [("active", (), 0), ("error", ("status",), 1)])
def test_how_a_subscription_stands_is_told_to_people_and_to_programs(
    run: Run, monkeypatch: pytest.MonkeyPatch, status: str, faults: tuple[str, ...], code: int
):
    standing = Standing("orders", "Subscription/7", status, faults, "nothing")
    found = Subscribed("demo", Means(Way.REST_HOOK, "The EHR lists Subscription."), (standing,), watched=True)
    monkeypatch.setattr(command, "subscribe", lambda *_, **__: found)
    shown, table, _errors = run("subscribe", "demo", "--check")
    assert shown == code
    assert "R4 rest-hook subscription" in table
    assert "Subscription/7" in table
    assert ("HOMEWARD_PUBLIC_URL" in table) == bool(code)
    _code, text, _errors = run("subscribe", "demo", "--format", "json")
    document = json.loads(text)
    assert (document["way"], document["holds"]) == (Way.REST_HOOK.value, not code)
    assert document["subscriptions"][0]["faults"] == list(faults)


def test_an_ehr_that_nobody_looks_at_yet_does_not_tell_us(run: Run, monkeypatch: pytest.MonkeyPatch):
    found = Subscribed("demo", Means(Way.POLL, "Orders are searched for by code."))
    monkeypatch.setattr(command, "subscribe", lambda *_, **__: found)
    code, said, _errors = run("subscribe", "demo", "--check")
    assert code == 1
    assert "run this once without --check" in said
    assert json.loads(run("subscribe", "demo", "--format", "json")[1])["watched"] is False
