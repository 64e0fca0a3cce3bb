"""The ledger of one discharge while it is held: the port through which publishing records what it does."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    TableValuedAlias,
    Text,
    Update,
    case,
    func,
    null,
    update,
)

from service.domain.publication import Draft, Landed, LedgerEntry, Receipt, WriteState
from service.errors import StoreUnavailable
from service.store.engine import database_errors
from service.store.publications import added, entries_of, listed, of, rows_of, wanted
from service.store.tables import publications as ledger

#: Positions behind every plan's own: its lower rungs, then what no plan asked for.
_ALSO: Final = 10_000
_ADDED: Final = 20_000


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
        if drafts:
            with self._commit():
                self._connection.execute(added(self._discharge), rows_of(drafts, first=_ADDED))

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        if drafts:
            with self._commit():
                self._connection.execute(wanted(self._discharge), rows_of(drafts, first=_ALSO))

    def land(self, landed: Sequence[Landed]) -> None:
        """See Ledger."""
        given = listed("landed", key=Text(), rung=Text(), reason=Text())
        change = self._rows_in(given).values(rung=given.c.rung, reason=given.c.reason)
        if landed:
            with self._commit():
                self._connection.execute(change, {"landed": [asdict(one) for one in landed]})

    def sending(self, keys: Collection[str]) -> None:
        """See Ledger."""
        mine = of(self._discharge) & ledger.c.key.in_(keys)
        if keys:
            with self._commit():
                self._connection.execute(update(ledger).where(mine).values(state=WriteState.SENDING.value))

    def written(self, receipts: Sequence[Receipt]) -> None:
        """See Ledger."""
        given = listed("receipts", key=Text(), reference=Text(), etag=Text(), digest=Text())
        # Unless a new plan changed the body meanwhile: then what is there must be brought up to date.
        unchanged = ledger.c.digest == func.coalesce(given.c.digest, ledger.c.digest)
        change = self._rows_in(given).values(
            state=case((unchanged, WriteState.WRITTEN.value), else_=WriteState.PENDING.value),
            sent=case((unchanged, ledger.c.body), else_=null()),
            problem="",
            reference=_or_as_before(given.c.reference, ledger.c.reference),
            etag=_or_as_before(given.c.etag, ledger.c.etag),
        )
        rows = [asdict(one) | {"digest": self._digests.get(one.key)} for one in receipts]
        if rows:
            with self._commit():
                self._connection.execute(change, {"receipts": rows})

    def mark(
        self, key: str, state: WriteState, *, reference: str = "", etag: str = "", problem: str = ""
    ) -> None:
        """See Ledger."""
        known = {name: value for name, value in (("reference", reference), ("etag", etag)) if value}
        mine = of(self._discharge) & (ledger.c.key == key)
        change = update(ledger).where(mine).values(state=state.value, problem=problem, **known)
        with self._commit():
            self._connection.execute(change)

    def _rows_in(self, given: TableValuedAlias) -> Update:
        return update(ledger).where(of(self._discharge), ledger.c.key == given.c.key)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        if self._connection.invalidated:
            raise StoreUnavailable("The hold on this discharge was lost with the database connection.")
        with database_errors(), self._connection.begin():
            yield


def _or_as_before(given: ColumnElement[str], before: ColumnElement[str]) -> ColumnElement[str]:
    return func.coalesce(func.nullif(given, ""), before)
