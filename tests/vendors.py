"""What the two big vendors say they can do, as Homeward holds them capable of it."""

from functools import cache
from pathlib import Path

import orjson

from config.ehr_quirks import load_quirks
from service.ehr.capability import Capability, capability_from
from service.ehr.quirks import with_quirks

_STATEMENTS = Path(__file__).parents[1] / "service" / "sandbox" / "statements"


@cache
def vendor(name: str) -> Capability:
    """Of "epic-like" or "oracle-like", quirks included."""
    statement = orjson.loads((_STATEMENTS / f"{name}.json").read_bytes())
    return with_quirks(capability_from(statement), load_quirks())
