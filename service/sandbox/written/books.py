"""The book that each mode plays from."""

from collections.abc import Mapping
from typing import Final

from service.sandbox.written.frame import Book
from service.sandbox.written.lax import LAX

#: By vendor, as its own pages have it; who is not here is played by its statement.
WRITTEN: Final[Mapping[str, Book]] = {}


def book_of(vendor: str, *, written: bool) -> Book:
    """A vendor's rules: the written ones where they are asked for and there are any, else its statement's."""
    return WRITTEN.get(vendor, LAX[vendor]) if written else LAX[vendor]
