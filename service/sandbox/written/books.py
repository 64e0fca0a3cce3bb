"""The book that each mode plays from."""

from collections.abc import Mapping
from typing import Final

from service.sandbox.written.athena import ATHENA
from service.sandbox.written.epic import EPIC
from service.sandbox.written.frame import Book
from service.sandbox.written.lax import LAX
from service.sandbox.written.meditech import MEDITECH
from service.sandbox.written.oracle import ORACLE

#: By vendor, as its own pages have it.
WRITTEN: Final[Mapping[str, Book]] = {
    "epic-like": EPIC,
    "oracle-like": ORACLE,
    "meditech-like": MEDITECH,
    "athena-like": ATHENA,
}


def book_of(vendor: str, *, written: bool) -> Book:
    """A vendor's rules: the written ones where they are asked for or there are no others, else its statement's."""
    known, usual = (WRITTEN, LAX) if written else (LAX, WRITTEN)
    return known[vendor] if vendor in known else usual[vendor]
