"""The ledger in SQL: one row for each resource of a discharge, what we want in the EHR and what we know is there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from service.domain.publication import Draft, LedgerEntry, WriteState, digest_of
from service.store.repository import Repository
from service.store.tables import publications as ledger

#: What a new plan does not change: unknown until looked for, held by a cancelled discharge, or a person's.
_STANDING = (WriteState.SENDING.value, WriteState.ON_HOLD.value, WriteState.CONFLICT.value)


class Publications(Repository):
    """The ledgers of all discharges."""

    def want(self, discharge: UUID, drafts: Sequence[Draft]) -> None:
        """Make these drafts what is wanted in the EHR, in this order.

        A draft as it was written stays WRITTEN; a changed or withdrawn one becomes PENDING and keeps its receipt; what
        is unknown (SENDING), held (ON_HOLD) or a person's (CONFLICT) keeps its state. What is no longer wanted is
        forgotten if it was never sent, and otherwise marked so.
        """
        others = of(discharge) & ledger.c.key.not_in([draft.key for draft in drafts])
        unsent = (ledger.c.state == WriteState.PENDING.value) & (ledger.c.reference == "")
        with self._connect() as connection:
            connection.execute(delete(ledger).where(others, unsent))
            connection.execute(update(ledger).where(others).values(wanted=False))
            for position, draft in enumerate(drafts):
                connection.execute(_wanted(discharge, position, draft))

    def entries(self, discharge: UUID) -> tuple[LedgerEntry, ...]:
        """The ledger of a discharge as it stands, in the order of the plan."""
        with self._connect() as connection:
            return entries_of(connection, discharge)


def of(discharge: UUID) -> ColumnElement[bool]:
    """The rows of one discharge."""
    return ledger.c.discharge_id == discharge


def entries_of(connection: Connection, discharge: UUID) -> tuple[LedgerEntry, ...]:
    """The rows of one discharge as entries, in the order of the plan."""
    query = select(ledger).where(of(discharge)).order_by(ledger.c.position, ledger.c.key)
    return tuple(_entry(row) for row in connection.execute(query).mappings())


def new_row(discharge: UUID, position: int, draft: Draft) -> Insert:
    """The row of a draft that has not been sent."""
    return insert(ledger).values(
        **_content(position, draft),
        discharge_id=discharge,
        key=draft.key,
        state=WriteState.PENDING.value,
        reference="",
        etag="",
        problem="",
    )


def _wanted(discharge: UUID, position: int, draft: Draft) -> Insert:
    row = new_row(discharge, position, draft)
    as_written = and_(ledger.c.state == WriteState.WRITTEN.value, ledger.c.digest == row.excluded.digest)
    state = case(
        (or_(ledger.c.state.in_(_STANDING), as_written), ledger.c.state), else_=WriteState.PENDING.value
    )
    return row.on_conflict_do_update(
        index_elements=["discharge_id", "key"], set_={**_content(position, draft), "state": state}
    )


def _content(position: int, draft: Draft) -> dict[str, Any]:
    return {
        "position": position,
        "resource_type": draft.resource_type,
        "identifier": draft.identifier,
        "full_url": draft.full_url,
        "body": draft.body,
        "digest": digest_of(draft.body),
        "wanted": True,
    }


def _entry(row: RowMapping) -> LedgerEntry:
    draft = Draft(row["key"], row["resource_type"], row["identifier"], row["full_url"], row["body"])
    receipt = {"reference": row["reference"], "etag": row["etag"]}
    return LedgerEntry(
        draft,
        WriteState(row["state"]),
        row["digest"],
        **receipt,
        problem=row["problem"],
        wanted=row["wanted"],
    )
