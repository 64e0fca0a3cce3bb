"""CapabilityStatements of products that publish theirs, trimmed to the resource types that a discharge is about."""

import json
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).parent / "vendors" / "statements"


def read_vendor_statement(vendor: str) -> dict[str, Any]:
    """The statement of a product ("epic"); OSError for a product of which none is kept."""
    statement: dict[str, Any] = json.loads((_FOLDER / f"{vendor}.json").read_text(encoding="utf-8"))
    return statement
