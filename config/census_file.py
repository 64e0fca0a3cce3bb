"""Reads a census: who is in hospital, as the hospital exports it for an EHR that is searched patient by patient."""

import re
from pathlib import Path

from service.errors import ConfigurationError


def read_census(path: Path) -> tuple[str, ...]:
    """The patients ("Patient/7") of a text file with one FHIR id or reference a line; empty lines and # are skipped.

    ConfigurationError names the file and the line, never what stands there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ConfigurationError(
            f"The census {path.name} cannot be read ({why}); correct census_list."
        ) from None
    entries = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
    return tuple(dict.fromkeys(_patient(entry, path, number) for number, entry in entries if entry))


def _patient(entry: str, path: Path, number: int) -> str:
    found = re.fullmatch(r"(?:Patient/)?([A-Za-z0-9.-]{1,64})", entry)
    if found is None:
        raise ConfigurationError(f"{path.name}, line {number}: expected a Patient's FHIR id or Patient/id.")
    return f"Patient/{found[1]}"
