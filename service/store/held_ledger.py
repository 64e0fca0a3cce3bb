"""The ledger of one discharge while it is held: the port through which publishing records what it does."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final
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
from service.store.publications import KNOWN, added, after, listed, of, rows, rows_of, wanted
from service.store.tables import publications as ledger

#: Positions behind every plan's own: its lower rungs, then what no plan asked for.
_ALSO: Final = 10_000
_ADDED: Final = 20_000


class HeldLedger:
    """A Ledger on the very connection that holds the discharge's lock.

    Who lost that connection lost the lock, and can record nothing more: a worker taken for dead that comes back finds
    out at its next step. Only the holder writes what is known of the EHR, so the rows are read once and then follow from
    what each statement returns; they are read again when a new plan has changed one meanwhile.
    """

    def __init__(self, connection: Connection, discharge: UUID) -> None:
        self._connection = connection
        self._discharge = discharge
        self._rows: dict[str, tuple[int, LedgerEntry]] | None = None
        self._digests: dict[str, str] = {}

    def entries(self) -> tuple[LedgerEntry, ...]:
        """See Ledger."""
        if self._rows is None:
            with self._commit():
                self._rows = {
                    entry.draft.key: (at, entry) for at, entry in rows(self._connection, self._discharge)
                }
            # The first reading counts: what is sent was read at some time after it.
            digests = {key: entry.digest for key, (_, entry) in self._rows.items()}
            self._digests = digests | self._digests
        return tuple(entry for _, entry in sorted(self._rows.values(), key=_in_order))

    def add(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        if drafts:
            with self._commit():
                self._connection.execute(added(self._discharge), rows_of(drafts, first=_ADDED))
            self._rows = None

    def want_also(self, drafts: Sequence[Draft]) -> None:
        """See Ledger."""
        if drafts:
            with self._commit():
                self._connection.execute(wanted(self._discharge), rows_of(drafts, first=_ALSO))
            self._rows = None
            # Changed by us, not by a plan that came meanwhile: what is sent is what is read next.
            for draft in drafts:
                self._digests.pop(draft.key, None)

    def land(self, landed: Sequence[Landed]) -> None:
        """See Ledger."""
        given = listed("landed", key=Text(), rung=Text(), reason=Text())
        change = self._rows_in(given).values(rung=given.c.rung, reason=given.c.reason)
        if landed:
            self._change(change, {"landed": [asdict(one) for one in landed]})

    def sending(self, keys: Collection[str]) -> None:
        """See Ledger."""
        mine = of(self._discharge) & ledger.c.key.in_(keys)
        if keys:
            self._change(update(ledger).where(mine).values(state=WriteState.SENDING.value))

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
        given_rows = [asdict(one) | {"digest": self._digests.get(one.key)} for one in receipts]
        if given_rows:
            self._change(change, {"receipts": given_rows})

    def mark(
        self, key: str, state: WriteState, *, reference: str = "", etag: str = "", problem: str = ""
    ) -> None:
        """See Ledger."""
        known = {name: value for name, value in (("reference", reference), ("etag", etag)) if value}
        mine = of(self._discharge) & (ledger.c.key == key)
        self._change(update(ledger).where(mine).values(state=state.value, problem=problem, **known))

    def _change(self, change: Update, parameters: dict[str, Any] | None = None) -> None:
        with self._commit():
            changed = self._connection.execute(change.returning(*KNOWN), parameters).mappings().all()
        if self._rows is None:
            return
        for row in changed:
            at, before = self._rows.get(row["key"], (0, None))
            if before is None or before.digest != row["digest"]:
                self._rows = None
                return
            self._rows[row["key"]] = at, after(before, row)

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


def _in_order(row: tuple[int, LedgerEntry]) -> tuple[int, str]:
    at, entry = row
    return at, entry.draft.key
