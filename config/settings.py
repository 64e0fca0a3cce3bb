"""All settings of a deployment, read once from the environment. Nothing else reads the environment."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from config.addresses import is_loopback
from service.errors import ConfigurationError

#: Requests that one web process works on at once. Each may hold a body, and what was read of it.
WEB_THREADS: Final = 16
_HIGHEST_PORT = 65_535


class _MustError(ValueError):
    """What a setting must be. The words are ours, so that they may be shown: no value is in them."""

    def __init__(self, what: str) -> None:
        super().__init__(f"must {what}")


def _setting(
    variable: str, default: str, meaning: str, parse: Callable[[str], Any] = str, *, secret: bool = False
) -> Any:
    """A field read from HOMEWARD_<variable>; its meaning is the README's configuration table."""
    metadata = {"variable": f"HOMEWARD_{variable}", "default": default, "meaning": meaning, "parse": parse}
    return field(metadata=metadata, repr=not secret)


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < 1:
        raise _MustError("be a whole number, 1 or more")
    return int(text)


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise _MustError("be on or off")
    return text == "on"


def _address(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise _MustError("begin with http:// or https://")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"https?://[^/\s*]+", origin) for origin in origins):
        raise _MustError("be origins like https://ehr.example.org, separated by commas")
    return origins


def _level(text: str) -> str:
    if text not in {"debug", "info", "warning", "error"}:
        raise _MustError("be debug, info, warning or error")
    return text


def _listening(text: str) -> str:
    found = re.fullmatch(r"unix:/.+|(?:[^:/]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})", text)
    if found is None or int(found[1] or 0) > _HIGHEST_PORT:
        raise _MustError("be like 127.0.0.1:8000, [::1]:8000 or unix:/path")
    return text


def _tcp(text: str) -> str:
    if text and (text.startswith("unix:") or _listening(text) != text):
        raise ValueError("must be like 127.0.0.1:9000 or [::1]:9000")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment. Secrets never show in repr."""

    database_url: str = _setting(
        "DATABASE_URL",
        "",
        "PostgreSQL URL; empty runs an embedded PostgreSQL in the state directory",
        secret=True,
    )
    state_dir: Path = _setting("STATE_DIR", ".state", "where the embedded database lives", Path)
    public_url: str = _setting(
        "PUBLIC_URL",
        "",
        "the address by which others reach this service; empty: 127.0.0.1 and the port of HOMEWARD_BIND",
        _address,
    )
    tenants_file: str = _setting("TENANTS_FILE", "", "YAML file of the hospitals served; see docs/tenants.md")
    content_dir: str = _setting(
        "CONTENT_DIR",
        "",
        "folder of protocols, instruments and terminology, laid out like config/; empty: what is shipped; see docs/protocols.md",
    )
    api_keys_file: str = _setting("API_KEYS_FILE", "", "YAML file of the API keys taken; see docs/api.md")
    open_access: bool = _setting(
        "OPEN_ACCESS", "off", "on: no credential is asked for. Only for the demo, only on 127.0.0.1", _switch
    )
    bind: str = _setting("BIND", "127.0.0.1:8000", "address and port the web server listens on", _listening)
    metrics_bind: str = _setting(
        "METRICS_BIND",
        "",
        "address and port on which a worker tells its metrics; empty: none. Each worker of a host needs one of its own",
        _tcp,
    )
    web_workers: int = _setting("WEB_WORKERS", "2", "web processes", _count)
    job_concurrency: int = _setting("JOB_CONCURRENCY", "4", "jobs one worker runs at a time", _count)
    calls_per_minute: int = _setting(
        "CALLS_PER_MINUTE", "600", "calls one API caller may make in a minute", _count
    )
    max_body_bytes: int = _setting("MAX_BODY_BYTES", "8388608", "largest request body", _count)
    hook_origins: tuple[str, ...] = _setting(
        "HOOK_ORIGINS", "", "origins of browsers that may call /cds-services, separated by commas", _origins
    )
    clock_file: str = _setting(
        "CLOCK_FILE",
        "",
        "for tests only: file with the seconds by which the clock is moved on. Only on 127.0.0.1, only with an EHR there",
    )
    log_level: str = _setting("LOG_LEVEL", "info", "debug, info, warning or error", _level)

    @property
    def linked_url(self) -> str:
        """The public address for links in charts; "" where nobody named one, for our own leads nowhere from another screen."""
        return "" if self.public_url == _own_address(self.bind) else self.public_url


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment; ConfigurationError lists everything wrong at once, without any value."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for item in fields(Settings):
        variable = item.metadata["variable"]
        try:
            values[item.name] = item.metadata["parse"](environ.get(variable, item.metadata["default"]))
        except _MustError as error:
            problems.append(f"{variable} {error}")
        except ValueError:
            problems.append(f"{variable} is not valid")
    problems += _unknown(environ)
    if problems:
        raise ConfigurationError("; ".join(sorted(problems)) + ". See the configuration table in README.md.")
    values["public_url"] = values["public_url"] or _own_address(values["bind"])
    settings = Settings(**values)
    _refuse_a_moved_clock_for_others(settings)
    return settings


def _refuse_a_moved_clock_for_others(settings: Settings) -> None:
    """Nobody but a test on this machine lives by a clock that can be moved."""
    hosts = (urlsplit(f"//{settings.bind}").hostname, urlsplit(settings.public_url).hostname)
    local = settings.bind.startswith("unix:") or is_loopback(hosts[0] or "")
    if settings.clock_file and not (local and is_loopback(hosts[1] or "")):
        raise ConfigurationError(
            "HOMEWARD_CLOCK_FILE is for tests on this machine: unset it, or let HOMEWARD_BIND and HOMEWARD_PUBLIC_URL "
            "name 127.0.0.1."
        )


def _own_address(bind: str) -> str:
    port = bind.rpartition(":")[2]
    return f"http://127.0.0.1:{port if port.isdecimal() else 8000}"


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    """A misspelt variable would otherwise be a setting that silently does not hold."""
    known = {item.metadata["variable"] for item in fields(Settings)}
    for name in environ:
        if name.startswith("HOMEWARD_") and name not in known:
            meant = "".join(
                f" (did you mean {one}?)" for one in get_close_matches(name, known, n=1, cutoff=0.8)
            )
            yield f"{name} is not a setting of Homeward{meant}"


def content_folder() -> Path | None:
    """The deployment's own content folder; None where it has what is shipped."""
    named = settings_of_this_process().content_dir
    return Path(named) if named else None


def settings_of_this_process() -> Settings:
    """Settings from the environment this process was started with."""
    return load_settings(os.environ)  # noqa: TID251  config is the one reader of the environment
