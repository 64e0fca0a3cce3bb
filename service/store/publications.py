"""The ledger in SQL: one row for each resource of a discharge, what we want in the EHR and what we know is there."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, case, delete, Update, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from service.domain.publication import Draft, LedgerEntry, Receipt, WriteState
from service.errors import StoreUnavailable
from service.store.engine import database_errors
from service.store.repository import Repository
from service.store.tables import publications

#: What a new plan does not change: unknown until looked for, held by a cancelled discharge, or a person's.
_STANDING = (WriteState.SENDING, WriteState.ON_HOLD, WriteState.CONFLICT)
#: A confirmed body that is no longer the wanted one is to be sent again, as an update.
_as_sent = case(
    (publications.c.sent.in_(["", publications.c.digest]), WriteState.WRITTEN.value),
    else_=WriteState.PENDING.value,
)


def digest_of(draft: Draft) -> str:
    """SHA-256 of the body with sorted keys: the same resource has the same digest."""
    return hashlib.sha256(orjson.dumps(draft.body, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Publications(Repository):
    """The ledgers of all discharges."""

    def want(self, discharge: UUID, drafts: Sequence[Draft]) -> None:
        """Make these drafts what is wanted in the EHR, in this order.

        A draft as it was written stays WRITTEN; a changed or withdrawn one becomes PENDING and keeps its receipt; what
        is unknown (SENDING), held (ON_HOLD) or a person's (CONFLICT) keeps its state. What is no longer wanted is
        forgotten if it was never sent, and otherwise marked so.
        """
        others = _of(discharge) & publications.c.key.not_in([draft.key for draft in drafts])
        unsent = (publications.c.state == WriteState.PENDING.value) & (publications.c.reference == "")
        with self._connect() as connection:
            connection.execute(delete(publications).where(others, unsent))
            connection.execute(update(publications).where(others).values(wanted=False))
            for position, draft in enumerate(drafts):
                connection.execute(_upsert(discharge, position, draft))

    def entries(self, discharge: UUID) -> tuple[LedgerEntry, ...]:
        """The ledger of a discharge as it stands, in the order of the plan."""
        with self._connect() as connection:
            return _entries(connection, discharge)


class HeldLedger:
    """The Ledger of one discharge, on the very connection that holds the discharge's lock.

    Who lost that connection lost the lock, and can record nothing more: a worker taken for dead that comes back finds
    out at its next step.
    """

    def __init__(self, connection: Connection, discharge: UUID) -> None:
        self._connection = connection
        self._discharge = discharge
        self._read: dict[str, str] = {}

    def entries(self) -> tuple[LedgerEntry, ...]:
        """See Ledger."""
        with database_errors(), self._transaction():
            entries = _entries(self._connection, self._discharge)
        self._read = {entry.draft.key: entry.digest for entry in entries}
        return entries

    def sending(self, keys: Collection[str]) -> None:
        """See Ledger."""
        with database_errors(), self._transaction():
            for key in keys:
                sent = self._read.get(key, publications.c.digest)
                self._connection.execute(self._update(key).values(state=WriteState.SENDING.value, sent=sent))

    def written(self, receipts: Sequence[Receipt]) -> None:
        """See Ledger."""
        with database_errors(), self._transaction():
            for receipt in receipts:
                self._set(receipt, WriteState.WRITTEN)

    def mark(self, key: str, state: WriteState, reference: str = "", etag: str = "") -> None:
        """See Ledger."""
        with database_errors(), self._transaction():
            self._set(Receipt(key, reference, etag), state)

    def _transaction(self) -> Any:
        if self._connection.invalidated:
            raise StoreUnavailable("The hold on this discharge was lost with the database connection.")
        return self._connection.begin()

    def _set(self, receipt: Receipt, state: WriteState) -> None:
        known = {"reference": receipt.reference, "etag": receipt.etag}
        values: dict[str, Any] = {column: value for column, value in known.items() if value}
        values["state"] = _as_sent if state is WriteState.WRITTEN else state.value
        self._connection.execute(self._update(receipt.key).values(values))

    def _update(self, key: str) -> Update:
        return update(publications).where(_of(self._discharge), publications.c.key == key)


def _of(discharge: UUID) -> ColumnElement[bool]:
    return publications.c.discharge_id == discharge


def _entries(connection: Connection, discharge: UUID) -> tuple[LedgerEntry, ...]:
    query = select(publications).where(_of(discharge)).order_by(publications.c.position, publications.c.key)
    return tuple(_entry(row) for row in connection.execute(query).mappings())


def _upsert(discharge: UUID, position: int, draft: Draft) -> Insert:
    wanted = {
        "position": position,
        "resource_type": draft.resource_type,
        "identifier": draft.identifier,
        "full_url": draft.full_url,
        "body": draft.body,
        "digest": digest_of(draft),
        "wanted": True,
    }
    new = {"discharge_id": discharge, "key": draft.key, "state": WriteState.PENDING.value}
    row = insert(publications).values(wanted | new | {"sent": "", "reference": "", "etag": ""})
    stays = or_(
        publications.c.state.in_([state.value for state in _STANDING]),
        (publications.c.state == WriteState.WRITTEN.value) & (publications.c.digest == row.excluded.digest),
    )
    state = case((stays, publications.c.state), else_=WriteState.PENDING.value)
    return row.on_conflict_do_update(index_elements=["discharge_id", "key"], set_={**wanted, "state": state})


def _entry(row: RowMapping) -> LedgerEntry:
    draft = Draft(row["key"], row["resource_type"], row["identifier"], row["full_url"], row["body"])
    return LedgerEntry(
        draft,
        WriteState(row["state"]),
        row["digest"],
        reference=row["reference"],
        etag=row["etag"],
        wanted=row["wanted"],
    )
