import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.logging import FIELDS, WITHHELD, configure_logging
from service.domain.publication import WriteStanding
from service.errors import EhrUnavailable

ROOT = Path(__file__).parents[3]
NAME = "Zelda Testperson"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    before = logging.root.handlers[:], logging.root.level
    configure_logging("info")
    [handler] = [h for h in logging.root.handlers if h not in before[0]]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written := io.StringIO())
    yield written
    logging.root.handlers[:], logging.root.level = before[0], before[1]
    structlog.contextvars.clear_contextvars()


def _raise(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


def _only(lines: io.StringIO) -> dict[str, Any]:
    [line] = lines.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_carries_the_fields_an_operator_needs(lines):
    structlog.stdlib.get_logger("service.x").info("answered", tenant="demo", status=202, door="discharges")
    line = _only(lines)
    assert line["event"] == "answered"
    assert (line["tenant"], line["status"], line["door"], line["level"]) == (
        "demo",
        202,
        "discharges",
        "info",
    )


def test_a_field_that_nobody_allowed_does_not_appear(lines):
    structlog.stdlib.get_logger("service.x").info("answered", patient=NAME, encounter="Encounter/7")
    assert "Testperson" not in lines.getvalue()
    assert "Encounter/7" not in lines.getvalue()


@pytest.mark.parametrize(
    "field", ["tenant", "state", "step", "status", "request", "discharge", "route", "reason"]
)
def test_a_value_of_another_shape_is_withheld(lines, field):
    structlog.stdlib.get_logger("service.x").info("answered", **{field: NAME})
    assert _only(lines)[field] == WITHHELD


def test_an_exception_is_told_by_class_and_place_and_not_by_its_message(lines):
    try:
        _raise(ValueError(NAME))
    except ValueError:
        structlog.stdlib.get_logger("service.x").exception("failed")
    error = _only(lines)["error"]
    assert error["class"] == "ValueError"
    assert error["frames"][0].startswith("unit/config/test_logging.py:")
    assert "Testperson" not in lines.getvalue()


def test_our_own_errors_say_their_sentence_and_the_class_of_their_cause(lines):
    try:
        _raise(EhrUnavailable("GET Patient: no answer within 30 s."), KeyError(NAME))
    except EhrUnavailable as error:
        structlog.stdlib.get_logger("service.x").warning("failed", exc_info=error)
    told = _only(lines)["error"]
    assert (told["message"], told["cause"]) == ("GET Patient: no answer within 30 s.", "KeyError")
    assert "Testperson" not in lines.getvalue()


def test_of_a_librarys_message_only_its_place_is_kept(lines):
    logging.getLogger("somelibrary").error("could not parse %s", NAME)
    line = _only(lines)
    assert line["event"] == "a library's message"
    assert str(line["where"]).startswith("test_logging:")
    assert "Testperson" not in lines.getvalue()


def test_of_a_telling_librarys_message_the_template_is_kept_without_its_values(lines):
    logging.getLogger("gunicorn.error").error("Error handling request %s", f"/x?name={NAME}")
    assert _only(lines)["event"] == "Error handling request %s"
    assert "Testperson" not in lines.getvalue()


def test_a_librarys_exception_is_told_without_its_message(lines):
    try:
        _raise(RuntimeError(NAME))
    except RuntimeError:
        logging.getLogger("gunicorn.error").exception("Exception in %s", "worker")
    assert _only(lines)["error"]["class"] == "RuntimeError"
    assert "Testperson" not in lines.getvalue()


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in our source, with its place."""
    for folder in ("service", "config", "fhir_mappings"):
        for path in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                match call:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=level)) if (
                        level in LEVELS
                    ):
                        yield f"{path.relative_to(ROOT)}:{call.lineno}", call


def test_every_event_in_our_source_is_a_fixed_text():
    """An event is not checked for its shape, so nothing may be put into it."""
    fixed = [isinstance(call.args[0], ast.Constant) for _, call in _log_calls()]
    assert fixed
    assert all(fixed)


#: Who names its fields by code: the words of each standing of a write.
SPREAD = {"service/pipeline/outcome_log.py": {standing.value.replace("-", "_") for standing in WriteStanding}}


def test_every_field_in_our_source_is_one_that_appears():
    unknown = {
        f"{place} {word.arg}"
        for place, call in _log_calls()
        for word in call.keywords
        if word.arg not in {*FIELDS, "exc_info"}
        if word.arg is not None or place.partition(":")[0] not in SPREAD
    }
    assert unknown == set()
    assert {name for names in SPREAD.values() for name in names} <= set(FIELDS)
