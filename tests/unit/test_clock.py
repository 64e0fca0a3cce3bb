"""The one clock: followed, moved, and the only one that the code asks."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from config.settings import load_settings
from service import bootstrap, clock
from service.ehr.breaker import FAILURES, REST_SECONDS, Breaker
from service.errors import ConfigurationError, EhrUnavailable
from tests.movable_clock import MovableClock

ROOT = Path(__file__).parent.parent.parent
HOUR = 3600.0
TENANTS = """
tenants:
  - id: prairie
    organization: Prairie Test Hospital
    fhir_base_url: {base}
    time_zone: America/Chicago
"""


@pytest.fixture
def movable(tmp_path) -> Iterator[MovableClock]:
    made = MovableClock(tmp_path)
    clock.follow(str(made.file))
    yield made
    clock.follow("")


def test_nobody_has_moved_it():
    before = datetime.now(UTC)
    assert clock.moved_seconds() == 0
    assert before <= clock.now() <= datetime.now(UTC)
    assert abs(clock.monotonic() - clock.machine_seconds()) < 1


def test_both_readings_are_moved_and_the_machine_is_not(movable):
    day, seconds, machine = clock.now(), clock.monotonic(), clock.machine_seconds()
    movable.advance(hours=1)
    movable.advance(minutes=30)
    assert timedelta(hours=1.5) <= clock.now() - day < timedelta(hours=1.6)
    assert 1.5 * HOUR <= clock.monotonic() - seconds < 1.6 * HOUR
    assert clock.machine_seconds() - machine < HOUR


def test_who_sleeps_is_woken_by_a_move(movable):
    sleeper = Thread(target=clock.sleep, args=[HOUR], daemon=True)
    sleeper.start()
    sleeper.join(0.2)
    assert sleeper.is_alive()
    movable.advance(hours=1)
    sleeper.join(20)
    assert not sleeper.is_alive()


def test_what_rests_is_tried_again_when_the_clock_says_so(movable):
    breaker = Breaker()

    def call(error: EhrUnavailable | None) -> None:
        with breaker.watched():
            if error:
                raise error

    for _ in range(FAILURES):
        with pytest.raises(EhrUnavailable):
            call(EhrUnavailable("silent"))
    with pytest.raises(EhrUnavailable, match="left alone"):
        call(None)
    movable.advance(seconds=REST_SECONDS)
    call(None)


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1"])
def test_a_file_that_says_no_time_stops_who_follows_it(movable, text):
    movable.file.write_text(text)
    with pytest.raises(ConfigurationError, match="HOMEWARD_CLOCK_FILE"):
        clock.now()


def test_a_file_that_is_gone_stops_who_follows_it(movable):
    movable.file.unlink()
    with pytest.raises(ConfigurationError, match="HOMEWARD_CLOCK_FILE"):
        clock.monotonic()


@pytest.mark.parametrize(
    "others",
    [
        {"HOMEWARD_BIND": "0.0.0.0:8000"},
        {"HOMEWARD_BIND": "homeward.example:8000"},
        {"HOMEWARD_PUBLIC_URL": "https://homeward.example"},
        {"HOMEWARD_BIND": "unix:/run/homeward.sock", "HOMEWARD_PUBLIC_URL": "https://homeward.example"},
    ],
)
def test_nobody_elses_clock_can_be_moved(others):
    assert load_settings(others).clock_file == ""
    with pytest.raises(ConfigurationError, match="unset it"):
        load_settings({**others, "HOMEWARD_CLOCK_FILE": "clock.txt"})


@pytest.mark.parametrize("others", [{}, {"HOMEWARD_BIND": "[::1]:0"}, {"HOMEWARD_BIND": "unix:/tmp/a.sock"}])
def test_a_test_may_move_its_own(others):
    assert load_settings({**others, "HOMEWARD_CLOCK_FILE": "clock.txt"}).clock_file == "clock.txt"


def test_a_hospital_elsewhere_is_not_served_by_a_moved_clock(tmp_path):
    file = tmp_path / "tenants.yaml"
    settings = load_settings({"HOMEWARD_TENANTS_FILE": str(file), "HOMEWARD_CLOCK_FILE": "clock.txt"})
    file.write_text(TENANTS.format(base="http://127.0.0.1:9/fhir"))
    assert list(bootstrap.tenants_of(settings, ())) == ["prairie"]
    file.write_text(TENANTS.format(base="https://ehr.example/fhir"))
    with pytest.raises(ConfigurationError, match="prairie"):
        bootstrap.tenants_of(settings, ())


#: Who may ask the machine, and why. Each is a file of service/ or config/.
EXCEPTIONS = {
    "service/clock.py": "it is the clock",
    "service/sandbox/moved.py": "puts the clock in place of what the sandbox's libraries ask",
    "service/store/allowances.py": "the database's clock, moved on by what the clock was moved",
    "service/store/tables.py": "the default of a column that a trigger keeps, for processes of the version before",
    "service/jobs/control.py": "the queue's own times: what is due, and who is alive",
    "service/jobs/faults.py": "the queue's own times: when a job failed last",
    "service/jobs/moments.py": "the queue's own times: those that lie further ahead than any can",
    "service/jobs/queue.py": "the queue's own times: heartbeats, and jobs that a move brings nearer",
    "service/jobs/worker.py": "the queue's own times: jobs that are due by the database's clock",
}
_READINGS = {
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "localtime",
}
_SQL = (
    "now()",
    "current_timestamp",
    "clock_timestamp",
    "statement_timestamp",
    "localtimestamp",
    "current_date",
)


def asks_the_machine(source: str) -> list[int]:
    """The lines that read a clock of the machine or the database: by module, by class or in a piece of SQL."""
    tree = ast.parse(source)
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        getattr(node, "lineno", 0)
        for node in ast.walk(tree)
        if _imports_time(node) or _reads(node) or (id(node) not in documents and _is_sql_of_now(node))
    ]


def _imports_time(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time"
    return isinstance(node, ast.Import) and any(name.name == "time" for name in node.names)


def _reads(node: ast.AST) -> bool:
    """`datetime.now`, `date.today`, `func.now` and their like, whether called here or handed on."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name | ast.Attribute):
        return False
    of = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
    if of == "func":
        return node.attr in {sql.strip("()") for sql in _SQL}
    return of in {"datetime", "date", "time"} and node.attr in _READINGS


def _is_sql_of_now(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(word in node.value.lower() for word in _SQL)
    )


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from time import monotonic",
        "import datetime\nx = datetime.datetime.now()",
        "f(datetime.now)",
        "date.today()",
        "select(func.now())",
        "func.clock_timestamp()",
        "run('SELECT 1 WHERE at < NOW() - x')",
        "Q = 'UPDATE a SET b = CURRENT_TIMESTAMP'",
    ],
)
def test_who_asks_the_machine_is_found(source):
    assert asks_the_machine(source)


@pytest.mark.parametrize("source", ["clock.now()", "deps.now()", "'''Says now() of it.'''", "self.time.hour"])
def test_who_asks_the_clock_is_not(source):
    assert not asks_the_machine(source)


def test_nothing_else_asks_the_machine():
    files = sorted(
        file
        for room in ("service", "config", "fhir_mappings")
        for file in (ROOT / room).rglob("*.py")
        if "migrations" not in file.parts  # what they leave in the database goes by its clock
    )
    asking = {str(file.relative_to(ROOT)) for file in files if asks_the_machine(file.read_text())}
    assert asking == set(EXCEPTIONS)
