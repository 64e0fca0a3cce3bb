"""What the two big vendors say they can do, as Homeward holds them capable of it."""

from functools import cache

from config.ehr_quirks import load_quirks
from config.vendor_statements import read_vendor_statement
from service.ehr.capability import Capability, capability_from
from service.ehr.quirks import with_quirks

_PRODUCTS = {"epic-like": "epic", "oracle-like": "oracle-health"}


@cache
def vendor(name: str) -> Capability:
    """Of "epic-like" or "oracle-like", quirks included."""
    return with_quirks(capability_from(read_vendor_statement(_PRODUCTS[name])), load_quirks())
