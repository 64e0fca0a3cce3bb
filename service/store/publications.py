"""The ledger in SQL: one row for each resource of a discharge, what we want in the EHR and what we know is there.

Every method is one statement, however many rows: they travel as one JSON array, so that the statement is always the same
and neither SQLAlchemy nor PostgreSQL has to read it again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    case,
    column,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert

from service.domain.publication import Draft, Landing, LedgerEntry, WriteState
from service.store.repository import Repository
from service.store.tables import publications as ledger

#: What a new plan does not change: unknown until looked for, held by a cancelled discharge, or a person's.
_STANDING = (
    WriteState.SENDING.value,
    WriteState.UNKNOWN.value,
    WriteState.ON_HOLD.value,
    WriteState.CONFLICT.value,
)
#: What stays as it is while the draft means the same: the EHR has it, or does not want it.
_SETTLED = (WriteState.WRITTEN.value, WriteState.REFUSED.value)
#: What a draft brings into its row.
_CONTENT = {
    "key": Text(),
    "position": Integer(),
    "resource_type": Text(),
    "identifier": Text(),
    "full_url": Text(),
    "body": JSONB(),
    "digest": Text(),
}
_DRAFTS = "drafts"
#: What a statement that changes rows gives back of them: all but the bodies.
KNOWN = (
    *(
        ledger.c[name]
        for name in ("key", "digest", "state", "wanted", "reference", "etag", "problem", "rung", "reason")
    ),
    (ledger.c.sent == ledger.c.body).label("is_sent"),
)


class Publications(Repository):
    """The ledgers of all discharges."""

    def want(self, discharge: UUID, drafts: Sequence[Draft]) -> None:
        """Make these drafts what is wanted in the EHR, in this order.

        A draft that means what was written stays WRITTEN, one that means what was refused stays REFUSED; a changed or
        withdrawn one becomes PENDING and keeps its receipt; what is unknown (SENDING, UNKNOWN), held (ON_HOLD) or a
        person's (CONFLICT) keeps its state. What is no longer wanted is forgotten if it was never sent, and otherwise
        marked so.
        """
        others = of(discharge) & ledger.c.key.not_in([draft.key for draft in drafts])
        unsent = ledger.c.state.in_([WriteState.PENDING.value, WriteState.REFUSED.value]) & (
            ledger.c.reference == ""
        )
        forgotten = delete(ledger).where(others, unsent).cte("forgotten")
        unwanted = update(ledger).where(others, ~unsent).values(wanted=False)
        with self._connect() as connection:
            if not drafts:
                connection.execute(unwanted.add_cte(forgotten))
                return
            upsert = wanted(discharge).add_cte(forgotten, unwanted.cte("unwanted"))
            connection.execute(upsert, rows_of(drafts))

    def entries(self, discharge: UUID) -> tuple[LedgerEntry, ...]:
        """The ledger of a discharge as it stands, in the order of the plan."""
        with self._connect() as connection:
            return tuple(entry for _, entry in rows(connection, discharge))


def of(discharge: UUID) -> ColumnElement[bool]:
    """The rows of one discharge."""
    return ledger.c.discharge_id == discharge


def rows(connection: Connection, discharge: UUID) -> list[tuple[int, LedgerEntry]]:
    """The rows of one discharge as positions and entries, in the order of the plan."""
    query = select(ledger).where(of(discharge)).order_by(ledger.c.position, ledger.c.key)
    return [(row["position"], _entry(row)) for row in connection.execute(query).mappings()]


def after(entry: LedgerEntry, row: RowMapping) -> LedgerEntry:
    """The entry with what is now known of it: `row` has the columns `KNOWN`, and the same draft."""
    known = {name: row[name] for name in ("reference", "etag", "problem", "wanted", "reason")}
    sent = entry.draft.body if row["is_sent"] else entry.sent
    return replace(entry, state=WriteState(row["state"]), rung=Landing(row["rung"]), sent=sent, **known)


def wanted(discharge: UUID) -> Insert:
    """Drafts become rows, or bring theirs up to date; to be executed with `rows_of` them."""
    row = _insert(discharge)
    new = row.excluded
    same = ledger.c.digest == new.digest
    stays = or_(ledger.c.state.in_(_STANDING), and_(ledger.c.state.in_(_SETTLED), same))
    # The same meaning in other words (another day's dates): the row keeps the words that the EHR was given.
    body = case((and_(same, stays), ledger.c.body), else_=new.body)
    content = {name: new[name] for name in _CONTENT if name != "key"}
    return row.on_conflict_do_update(
        index_elements=["discharge_id", "key"],
        set_=content
        | {
            "body": body,
            "state": case((stays, ledger.c.state), else_=WriteState.PENDING.value),
            "wanted": True,
        },
    )


def added(discharge: UUID) -> Insert:
    """Drafts become rows where there are none yet; to be executed with `rows_of` them."""
    return _insert(discharge).on_conflict_do_nothing()


def rows_of(drafts: Sequence[Draft], *, first: int = 0) -> dict[str, Any]:
    """The parameters for drafts that stand in the ledger from this position on."""
    return {
        _DRAFTS: [
            {name: getattr(draft, name) for name in _CONTENT if name != "position"} | {"position": position}
            for position, draft in enumerate(drafts, start=first)
        ]
    }


def listed(name: str, **columns: Any) -> TableValuedAlias:
    """A JSON array parameter of this name as a table of these columns."""
    return (
        func.jsonb_to_recordset(bindparam(name, type_=JSONB()))
        .table_valued(*(column(each, kind) for each, kind in columns.items()))
        .render_derived(name=f"given_{name}", with_types=True)
    )


def _insert(discharge: UUID) -> Insert:
    given = listed(_DRAFTS, **_CONTENT)
    fixed = {
        "discharge_id": literal(discharge),
        "state": literal(WriteState.PENDING.value),
        "wanted": literal(value=True),
        "reference": literal(""),
        "etag": literal(""),
        "problem": literal(""),
    }
    chosen = select(*(given.c[name] for name in _CONTENT), *fixed.values())
    return insert(ledger).from_select([*_CONTENT, *fixed], chosen)


def _entry(row: RowMapping) -> LedgerEntry:
    draft = Draft(row["key"], row["resource_type"], row["identifier"], row["full_url"], row["body"])
    known = {name: row[name] for name in ("reference", "etag", "problem", "wanted", "reason", "sent")}
    return LedgerEntry(draft, WriteState(row["state"]), row["digest"], rung=Landing(row["rung"]), **known)
