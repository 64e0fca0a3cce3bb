"""The book that each mode plays from."""

from collections.abc import Mapping
from typing import Final

from service.sandbox.written.athena import ATHENA
from service.sandbox.written.epic import EPIC
from service.sandbox.written.frame import Book
from service.sandbox.written.meditech import MEDITECH
from service.sandbox.written.oracle import ORACLE

#: By vendor, as its own pages have it.
WRITTEN: Final[Mapping[str, Book]] = {
    "epic-like": EPIC,
    "oracle-like": ORACLE,
    "meditech-like": MEDITECH,
    "athena-like": ATHENA,
}
