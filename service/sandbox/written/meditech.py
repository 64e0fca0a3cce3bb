"""MEDITECH as its statement has it: messages and answers are created, all else is read. Its row in docs/sandbox.md has no number."""

from typing import Final

from service.sandbox.written import listed, parts
from service.sandbox.written.frame import Book
from service.sandbox.written.pages import Paging

#: No status of a refusal is documented. "continue" is the parameter by which its statement has a search go on.
MEDITECH: Final = Book(
    (
        *listed.listed_only(405),
        listed.no_bundles(),
        parts.ignore_conditions(0),
        *Paging("continue", listed=True).entries(0),
    )
)
