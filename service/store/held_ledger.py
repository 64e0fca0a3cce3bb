"""The ledger of one discharge while it is held: the port through which publishing records what it does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Text, update

from service.domain.publication import Draft, Landed, LedgerEntry
from service.errors import StoreUnavailable
from service.store.engine import database_errors
from service.store.publications import added, listed, of, rows, rows_of, rows_to_save, saved, wanted
from service.store.tables import publications as ledger

#: Positions behind every plan's own: its lower rungs, then what no plan asked for.
ALSO: Final = 10_000
ADDED: Final = 20_000


class HeldLedger:
    """A Ledger on the very connection that holds the discharge's lock.

    Who lost that connection lost the lock, and can record nothing more: a worker taken for dead that comes back finds
    out at its next step. Only the holder writes what is known of the EHR, so the rows are read once and then follow from
    what is saved; they are read again when a new plan has changed one meanwhile.
    """

    def __init__(self, connection: Connection, discharge: UUID) -> None:
        self._connection = connection
        self._discharge = discharge
        self._rows: dict[str, tuple[int, LedgerEntry]] | None = None

    def entries(self) -> tuple[LedgerEntry, ...]:
        """See Ledger."""
        if self._rows is None:
            with self._commit():
                self._rows = {
                    entry.draft.key: (at, entry) for at, entry in rows(self._connection, self._discharge)
                }
        return tuple(entry for _, entry in sorted(self._rows.values(), key=_in_order))

    def add(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        if drafts:
            with self._commit():
                self._connection.execute(added(self._discharge), rows_of(drafts, first=ADDED))
            self._rows = None

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        if drafts:
            with self._commit():
                self._connection.execute(wanted(self._discharge), rows_of(drafts, first=ALSO))
            self._rows = None

    def land(self, landed: Sequence[Landed]) -> None:
        """See Ledger."""
        given = listed("landed", key=Text(), rung=Text())
        mine = update(ledger).where(of(self._discharge), ledger.c.key == given.c.key)
        change = mine.values(rung=given.c.rung, changes=ledger.c.changes + 1)
        if not landed:
            return
        with self._commit():
            self._connection.execute(change, {"landed": [asdict(item) for item in landed]})
        for item in landed:
            if self._rows and item.key in self._rows:
                at, entry = self._rows[item.key]
                self._rows[item.key] = at, replace(entry, rung=item.rung)

    def save(self, entries: Sequence[LedgerEntry]) -> None:
        """See Ledger."""
        if not entries:
            return
        with self._commit():
            digests: dict[str, str] = dict(
                map(tuple, self._connection.execute(saved(self._discharge), rows_to_save(entries)))
            )
        for entry in entries:
            same_wish = digests.get(entry.draft.key) == entry.digest and entry.settles in {"", entry.digest}
            if self._rows is None or not same_wish:
                self._rows = None  # a new plan wants something else now
                return
            at, before = self._rows[entry.draft.key]
            self._rows[entry.draft.key] = at, replace(entry, wanted=before.wanted)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        if self._connection.invalidated:
            raise StoreUnavailable("The hold on this discharge was lost with the database connection.")
        with database_errors(), self._connection.begin():
            yield


def _in_order(row: tuple[int, LedgerEntry]) -> tuple[int, str]:
    at, entry = row
    return at, entry.draft.key
