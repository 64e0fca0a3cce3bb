"""A hospital's codes of orders to discharge a patient: which codes are those, and how they are searched for.

Systems are compared as one, however order and setting spell them: as address, OID or name, with version or edition.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache

from fhir_mappings.inbound.code_systems import short_name, system_key
from fhir_mappings.inbound.codes import codes
from fhir_mappings.systems import SHORT_NAMES


def is_coded_so(concept: object, order_codes: Collection[str]) -> bool:
    """Whether any coding of an order's code is one of order_codes ("system|code")."""
    meant = _compared(frozenset(order_codes))
    return any((system_key(code.system), code.code) in meant for code in codes(concept))


def searched_codes(order_codes: Iterable[str]) -> str:
    """The value of a search for these codes: as the hospital writes them, and under each address of the same system."""
    return ",".join(sorted({token for order_code in order_codes for token in _spellings(order_code)}))


@lru_cache(maxsize=64)
def _compared(order_codes: frozenset[str]) -> frozenset[tuple[str, str]]:
    split = (order_code.rpartition("|") for order_code in order_codes)
    return frozenset(
        (system_key(code.system), code.code)
        for system, _, number in split
        for code in codes({"system": system, "code": number})
    )


def _spellings(order_code: str) -> set[str]:
    system, _, code = order_code.rpartition("|")
    bare = system.partition("|")[0]  # a search names a system without its version
    name = short_name(bare)
    return {f"{url}|{code}" for url in (bare, *(url for url, known in SHORT_NAMES.items() if known == name))}
