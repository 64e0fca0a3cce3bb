"""Secrets stand outside of the files that need them: `env:NAME` or `file:PATH`."""

from collections.abc import Mapping
from pathlib import Path

from config.marked_yaml import Entry


def secret(entry: Entry, environ: Mapping[str, str]) -> str:
    """What the reference stands for, without white space around it; never empty."""
    kind, _, place = entry.text().partition(":")
    if kind == "env":
        value = environ.get(place, "").strip()
    elif kind == "file":
        value = file_content(Path(place))
    else:
        raise entry.wrong("a secret never stands in this file: write env:NAME or file:PATH")
    if not value:
        missing = f"the variable {place}" if kind == "env" else f"the file {place}"
        raise entry.wrong(f"{missing} is missing or empty: put the secret there before the start")
    return value


def file_content(path: Path) -> str:
    """The text of a file without white space around it; "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
