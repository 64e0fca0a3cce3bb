"""The ledger of one discharge while it is held: the port through which publishing records what it does."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, case, func, select, update

from service.domain.publication import Draft, LedgerEntry, Receipt, WriteState
from service.errors import StoreUnavailable
from service.store.engine import database_errors
from service.store.publications import entries_of, new_row, of
from service.store.tables import publications as ledger


class HeldLedger:
    """A Ledger on the very connection that holds the discharge's lock.

    Who lost that connection lost the lock, and can record nothing more: a worker taken for dead that comes back finds
    out at its next step.
    """

    def __init__(self, connection: Connection, discharge: UUID) -> None:
        self._connection = connection
        self._discharge = discharge
        self._digests: dict[str, str] = {}

    def entries(self) -> tuple[LedgerEntry, ...]:
        """See Ledger."""
        with self._commit():
            entries = entries_of(self._connection, self._discharge)
        # The first reading counts: what is sent was read at some time after it.
        self._digests = {entry.draft.key: entry.digest for entry in entries} | self._digests
        return entries

    def add(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        last = select(func.coalesce(func.max(ledger.c.position), -1)).where(of(self._discharge))
        with self._commit():
            first = 1 + self._connection.execute(last).scalar_one()
            for position, draft in enumerate(drafts, start=first):
                row = new_row(self._discharge, position, draft)
                self._connection.execute(row.on_conflict_do_nothing())

    def sending(self, keys: Collection[str]) -> None:
        """See Ledger."""
        with self._commit():
            for key in keys:
                self._set(key, state=WriteState.SENDING.value)

    def written(self, receipts: Sequence[Receipt]) -> None:
        """See Ledger."""
        with self._commit():
            for receipt in receipts:
                key = receipt.key
                self._set(
                    key, state=self._written(key), problem="", **_known(receipt.reference, receipt.etag)
                )

    def mark(
        self, key: str, state: WriteState, *, reference: str = "", etag: str = "", problem: str = ""
    ) -> None:
        """See Ledger."""
        with self._commit():
            self._set(key, state=state.value, problem=problem, **_known(reference, etag))

    @contextmanager
    def _commit(self) -> Iterator[None]:
        if self._connection.invalidated:
            raise StoreUnavailable("The hold on this discharge was lost with the database connection.")
        with database_errors(), self._connection.begin():
            yield

    def _set(self, key: str, **values: Any) -> None:
        self._connection.execute(
            update(ledger).where(of(self._discharge), ledger.c.key == key).values(values)
        )

    def _written(self, key: str) -> ColumnElement[str]:
        """WRITTEN, unless a new plan changed the body meanwhile: then what is there must be brought up to date."""
        unchanged = ledger.c.digest == self._digests.get(key, ledger.c.digest)
        return case((unchanged, WriteState.WRITTEN.value), else_=WriteState.PENDING.value)


def _known(reference: str, etag: str) -> dict[str, str]:
    return {name: value for name, value in (("reference", reference), ("etag", etag)) if value}
