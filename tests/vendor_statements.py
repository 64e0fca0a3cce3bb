"""The two big vendors' CapabilityStatements, trimmed to the resource types that Homeward uses."""

from pathlib import Path
from typing import Any, Final

import config
from config.vendor_statements import read_vendor_statement

_PRODUCTS: Final = {"epic": "epic", "oracle": "oracle-health"}
#: The file of each.
FILES: Final = {
    name: Path(config.__file__).parent / "vendors" / "statements" / f"{product}.json"
    for name, product in _PRODUCTS.items()
}


def vendor_statements() -> dict[str, Any]:
    """By vendor: epic, oracle."""
    return {name: read_vendor_statement(product) for name, product in _PRODUCTS.items()}
