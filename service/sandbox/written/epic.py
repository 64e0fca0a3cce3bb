"""Epic as its own pages and published tests have it: one book, in the order in which its rules are met."""

from typing import Final

from service.sandbox.written import listed
from service.sandbox.written.epic_record_rules import GRANTS, GROUPS, KEPT_BACK, RECORDS
from service.sandbox.written.epic_search_rules import REMARKS, SEARCHES
from service.sandbox.written.epic_write_rules import TAKEN
from service.sandbox.written.frame import Book

EPIC: Final = Book(
    (
        *GRANTS,
        *listed.listed_only(405, parameters=False),
        listed.no_bundles(),
        *TAKEN,
        *KEPT_BACK,
        *GROUPS,
        *SEARCHES,
        *RECORDS,
        *REMARKS,
    ),
)
