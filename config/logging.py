"""JSON logs that PHI cannot reach.

A log line is built from an allowlist: each field has a name known here and a shape its value must have; anything else is
left out. Of a library's record only the place in its source is kept, and for a few libraries the template of the
message, never the values filled into it. Of an exception: its class, our own message if the exception is ours, and
the frames (file, line, function) without values.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor

from service.errors import HomewardError

WITHHELD: Final = "withheld"
_FRAMES: Final = 12


def _matching(pattern: str) -> Callable[[Any], bool]:
    whole = re.compile(pattern)
    return lambda value: whole.fullmatch(str(value)) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


_name = _matching(r"[A-Za-z][A-Za-z0-9_.:/*-]{0,79}")
_uuid = _matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Field → the shape of its value. Ids of the EHR are PHI, so there is no field for them.
FIELDS: Final[dict[str, Callable[[Any], bool]]] = {
    "request": _uuid,
    "discharge": _uuid,
    "tenant": _name,
    "door": _name,
    "method": _name,
    "route": _matching(r"[A-Za-z0-9_.:/<>*-]{1,120}"),
    "step": _name,
    "state": _matching(r"[a-z][a-z -]{0,39}"),
    "outcome": _matching(r"[a-z][a-z -]{0,39}"),
    "action": _name,
    "resource_type": _name,
    "elements": _matching(
        r"[A-Za-z][A-Za-z.]{0,79}(, [A-Za-z][A-Za-z.]{0,79}){0,30}"
    ),  # names of FHIR, never what stands in them
    "interaction": _name,
    "rung": _name,
    "reason": _matching(r"[a-z][a-z -]{0,59}|([A-Z][a-z]+){2,5}"),  # words of ours, or the class of an error
    "command": _name,
    "process": _name,
    "address": _matching(r"[0-9a-zA-Z.:\[\]/_-]{1,200}"),
    "version": _matching(r"[0-9A-Za-z._+-]{1,60}"),
    "status": _number,
    "seconds": _number,
    "count": _number,
    "job": _number,
    "attempt": _number,
    "round": _number,
    "pid": _number,
    "exit_code": _number,
    # How many resources of a discharge stand how in the EHR.
    "jobs": _number,
    "landed": _number,
    "waiting": _number,
    "waiting_for_signature": _number,
    "replaced": _number,
    "refused": _number,
    "not_possible": _number,
    "theirs": _number,
    "unknown": _number,
    "on_hold": _number,
    "withdrawn": _number,
    "left": _number,
}
#: Libraries whose message templates tell an operator something; the others tell by their place.
_TELLING: Final = ("gunicorn", "alembic", "flask")
#: A library's WARNING and above is enough, except where its start is worth a line. Of an outage the worker tells itself.
_LEVELS: Final = {"gunicorn.error": "INFO", "procrastinate": "WARNING", "psycopg.pool": "ERROR"}


def configure_logging(level: str) -> None:
    """Send everything, ours and the libraries', as JSON lines to stderr. level is Settings.log_level."""
    structlog.configure(
        processors=[*_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(logging_config(level))


def ensure_logging(level: str) -> None:
    """The same unless it is done already: structlog's own default prints values, on the output of a command."""
    if not structlog.is_configured():
        configure_logging(level)


def logging_config(level: str) -> dict[str, Any]:
    """The standard library's logging as a dictConfig; gunicorn takes it as `logconfig_dict`."""
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [_library_event, *_common()],
        "use_get_message": False,  # the values are never filled in
        "pass_foreign_args": True,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, only_allowed, _json],
    }
    quiet = {name: {"level": floor, "handlers": [], "propagate": True} for name, floor in _LEVELS.items()}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": line},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {**quiet, "service": {"level": level.upper()}, "config": {"level": level.upper()}},
    }


def only_allowed(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The event with only the fields named here; a value of another shape is withheld."""
    kept = {
        name: event[name]
        for name in ("timestamp", "level", "logger", "event", "where", "error")
        if name in event
    }
    for name, fits in FIELDS.items():
        if event.get(name) not in (None, ""):
            kept[name] = event[name] if fits(event[name]) else WITHHELD
    return kept


def described(error: BaseException) -> dict[str, Any]:
    """What may be told of an exception: class, our own safe message, frames without values, causes."""
    told: dict[str, Any] = {"class": type(error).__qualname__, "frames": list(_frames(error.__traceback__))}
    if isinstance(error, HomewardError):
        told["message"] = str(error)
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        told["cause"] = type(cause).__qualname__
    return told


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
    ]


def _library_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A library's record: where it was said, and its template if the library is a telling one; never its values."""
    record: logging.LogRecord = event["_record"]
    # Only a template with values of its own is surely a fixed text; one without may have them written into it.
    telling = record.name.split(".")[0] in _TELLING and bool(event.pop("positional_args", None))
    event["event"] = str(record.msg) if telling else "a library's message"
    event["where"] = f"{record.module}:{record.lineno}"
    return event


def _exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if raised is True else raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["error"] = described(error)
    return event


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    yield from frames[-_FRAMES:]


def _short(path: str) -> str:
    """The last three parts of a path: enough to find the file, and nothing of the machine."""
    return "/".join(Path(path).parts[-3:])


def _json(_logger: Any, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=lambda _value: WITHHELD).decode()
