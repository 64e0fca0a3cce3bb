"""The ledger in SQL: one row for each resource of a discharge, what we want in the EHR and what we know is there.

Every method is one statement, however many rows: they travel as one JSON array, so that the statement is always the same
and neither SQLAlchemy nor PostgreSQL has to read it again.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    RowMapping,
    TableValuedAlias,
    Text,
    Update,
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

from service.domain.discharge import DischargeState
from service.domain.publication import Draft, InFlight, Landing, LedgerEntry, WriteState
from service.domain.write_reason import IMPOSSIBLE, SHUT_OUT, reason_of
from service.store.repository import Repository
from service.store.tables import discharges
from service.store.tables import publications as ledger

#: What a new plan does not change: unknown until looked for, held by a cancelled discharge, or a person's.
_STANDING = (
    WriteState.SENDING.value,
    WriteState.UNKNOWN.value,
    WriteState.ON_HOLD.value,
    WriteState.THEIRS.value,
)
#: What stays as it is while the draft means the same: the EHR has it, or does not want it.
_SETTLED = (WriteState.LANDED.value, WriteState.REFUSED.value)
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
#: What is known of the EHR, and only the holder of a ledger changes.
_KNOWN = {
    "state": Text(),
    "reference": Text(),
    "etag": Text(),
    "reason_code": Text(),
    "detail": Text(),
    "sent": JSONB(),
    "sent_digest": Text(),
    "in_flight": JSONB(),
    "observed": Text(),
    "status_before": Text(),
    "status_given": Text(),
    "attempts": Integer(),
    "tried": DateTime(timezone=True),
    "refused_as": Text(),
}
_ENTRIES = "entries"
#: In these columns of the version before nothing of ours is read back.
_STORED_AS = {WriteState.IMPOSSIBLE: WriteState.WAITING}


class Publications(Repository):
    """The ledgers of all discharges."""

    def want(self, discharge: UUID, drafts: Sequence[Draft]) -> None:
        """Make these drafts what is wanted in the EHR, in this order.

        A draft that means what was written stays LANDED, one that means what was refused stays REFUSED; a changed or
        withdrawn one becomes WAITING and keeps its receipt; what is unknown (SENDING, UNKNOWN), held (ON_HOLD) or a
        person's (THEIRS) keeps its state, and what is in flight stays what it is. What is no longer wanted is forgotten if it
        was never sent, and otherwise marked so.
        """
        others = of(discharge) & ledger.c.key.not_in([draft.key for draft in drafts])
        unsent = ledger.c.state.in_([WriteState.WAITING.value, WriteState.REFUSED.value]) & (
            ledger.c.reference == ""
        )
        forgotten = delete(ledger).where(others, unsent).cte("forgotten")
        unwanted = update(ledger).where(others, ~unsent).values(wanted=False, changes=ledger.c.changes + 1)
        with self._connect() as connection:
            if not drafts:
                connection.execute(unwanted.add_cte(forgotten))
                return
            upsert = wanted(discharge).add_cte(forgotten, unwanted.cte("unwanted"))
            connection.execute(upsert, rows_of(drafts))

    def witness(self, tenant: str, resource_type: str, other_than: UUID) -> str:
        """The newest resource of this type that we wrote for another discharge of a tenant and that stands; "" for none."""
        mine = ledger.c.discharge_id == discharges.c.id
        query = select(ledger.c.reference).join(discharges, mine)
        query = query.where(
            discharges.c.tenant == tenant,
            discharges.c.id != other_than,
            ledger.c.resource_type == resource_type,
            ledger.c.state == WriteState.LANDED.value,
            ledger.c.reference != "",
        )
        with self._connect() as connection:
            return connection.execute(query.order_by(discharges.c.changed.desc()).limit(1)).scalar() or ""

    def shut_out(self, tenant: str, since: datetime) -> Sequence[UUID]:
        """The published discharges of a tenant, made since then, with a wish that its EHR or its policy did not let be written."""
        query = select(discharges.c.id).where(
            discharges.c.tenant == tenant,
            discharges.c.state == DischargeState.PUBLISHED.value,
            discharges.c.created >= since,
            select(ledger.c.key)
            .where(
                ledger.c.discharge_id == discharges.c.id,
                ledger.c.wanted,
                ledger.c.reason_code.in_([reason.value for reason in SHUT_OUT]),
            )
            .exists(),
        )
        with self._connect() as connection:
            return connection.execute(query.order_by(discharges.c.created.desc())).scalars().all()

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


def wanted(discharge: UUID) -> Insert:
    """Drafts become rows, or bring theirs up to date; to be executed with `rows_of` them."""
    row = _insert(discharge)
    new = row.excluded
    same = ledger.c.digest == new.digest
    stays = or_(ledger.c.state.in_(_STANDING), and_(ledger.c.state.in_(_SETTLED), same))
    # The same meaning in other words (another day's dates): the row keeps the words that the EHR was given.
    body = case((and_(same, stays), ledger.c.body), else_=new.body)
    # A changed wish is tried at once, and what was said of the one before is over.
    goes_on = or_(stays, same)
    content = {name: new[name] for name in _CONTENT if name != "key"}
    return row.on_conflict_do_update(
        index_elements=["discharge_id", "key"],
        set_=content
        | {
            "body": body,
            "state": case((stays, ledger.c.state), else_=WriteState.WAITING.value),
            "reason_code": case((goes_on, ledger.c.reason_code), else_=""),
            "detail": case((goes_on, ledger.c.detail), else_=""),
            "problem": case((goes_on, ledger.c.problem), else_=""),
            "attempts": case((goes_on, ledger.c.attempts), else_=0),
            "wanted": True,
            "changes": ledger.c.changes + 1,
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
        "state": literal(WriteState.WAITING.value),
        "wanted": literal(value=True),
        "reference": literal(""),
        "etag": literal(""),
        "problem": literal(""),
    }
    chosen = select(*(given.c[name] for name in _CONTENT), *fixed.values())
    return insert(ledger).from_select([*_CONTENT, *fixed], chosen)


def saved(discharge: UUID) -> Update:
    """What is known of entries becomes that of their rows; to be executed with `rows_to_save`.

    A receipt, a refusal or what is not possible is about one wish: where another has been made meanwhile, that one waits.
    """
    given = listed(_ENTRIES, key=Text(), about=Text(), problem=Text(), **_KNOWN)
    about_another = (given.c.about != "") & (given.c.about != ledger.c.digest)
    known: dict[str, Any] = {name: given.c[name] for name in _KNOWN} | {"problem": given.c.problem}
    for name in ("reason_code", "detail", "problem"):
        known[name] = case((about_another, ""), else_=given.c[name])
    known["state"] = case((about_another, WriteState.WAITING.value), else_=given.c.state)
    mine = update(ledger).where(of(discharge), ledger.c.key == given.c.key)
    return mine.values(known | {"changes": ledger.c.changes + 1}).returning(ledger.c.key, ledger.c.digest)


def rows_to_save(entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    """The parameters for `saved`."""
    return {_ENTRIES: [_row_to_save(entry) for entry in entries]}


def _row_to_save(entry: LedgerEntry) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in _KNOWN if name != "reason_code"},
        "key": entry.draft.key,
        "state": _STORED_AS.get(entry.state, entry.state).value,
        "reason_code": entry.reason.value,
        "problem": entry.problem,
        "in_flight": asdict(entry.in_flight) if entry.in_flight else None,
        "tried": entry.tried.isoformat() if entry.tried else None,
        "about": entry.settles,
    }


def _entry(row: RowMapping) -> LedgerEntry:
    draft = Draft(row["key"], row["resource_type"], row["identifier"], row["full_url"], row["body"])
    reason = reason_of(row["reason_code"])
    state = WriteState(row["state"])
    if state is WriteState.WAITING and reason in IMPOSSIBLE:
        state = WriteState.IMPOSSIBLE
    names = _KNOWN.keys() - {"state", "reason_code", "in_flight"} | {"wanted", "since"}
    known = {name: row[name] for name in names}
    return LedgerEntry(
        draft,
        state,
        row["digest"],
        reason=reason,
        in_flight=_in_flight(row["in_flight"]),
        rung=Landing(row["rung"]),
        **known,
    )


def _in_flight(stored: dict[str, Any] | None) -> InFlight | None:
    if not stored:
        return None
    states = {name: WriteState(stored[name]) for name in ("was", "becomes")}
    reason = reason_of(stored.get("reason", ""))
    return InFlight(**{**stored, **states, "reason": reason})
