"""The two big vendors' CapabilityStatements, trimmed to the resource types that Homeward uses."""

from pathlib import Path
from typing import Any

import orjson

import service.sandbox

FOLDER = Path(service.sandbox.__file__).parent / "statements"


def vendor_statements() -> dict[str, Any]:
    """By vendor: epic, oracle."""
    return {name: orjson.loads((FOLDER / f"{name}-like.json").read_bytes()) for name in ("epic", "oracle")}
