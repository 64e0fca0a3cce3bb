"""A tenant's open discharges in SQL, in the order of leaving, a page at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Uuid,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from service.domain.caseload import IN_THE_LEDGER, NOT_TAKEN, OpenDischarge, Place, Unwritten, Wanted
from service.domain.discharge import DischargeState
from service.domain.plan import Plan
from service.domain.publication import WriteStanding, WriteState, standing_of_write
from service.domain.write_reason import WriteReason, reason_of
from service.store.discharges import discharge_of
from service.store.plan_json import plan_from_json
from service.store.repository import Repository
from service.store.tables import discharges, plan_versions, publications

_OFF = (DischargeState.CANCELLING.value, DischargeState.CANCELLED.value)
_WAITING = [state.value for state in IN_THE_LEDGER]
#: Which of these the EHR has not taken, `standing_of_write` says.
_UNWRITTEN = (WriteState.WAITING.value, WriteState.SENDING.value, WriteState.REFUSED.value)
_LABELLED = publications.c.body[("meta", "security")].is_not(None).label("labelled")
_Counts = Mapping[WriteState, int]


class Caseload(Repository):
    """What is open in all hospitals."""

    def page(
        self, tenant: str, wanted: Wanted, *, after: Place | None, limit: int
    ) -> tuple[OpenDischarge, ...]:
        """At most so many of a tenant's open discharges, those after a place in their order.

        Open are those that nobody called off, while they are followed, and all of which something waits for a person.
        """
        newest, leaving = _newest()
        query = select(discharges, newest.c.version, leaving).join(newest, true(), isouter=True)
        query = query.where(discharges.c.tenant == tenant, *_conditions(wanted, leaving))
        if after is not None:
            query = query.where(
                tuple_(leaving, discharges.c.id)
                > tuple_(literal(after.leaving), literal(after.discharge, Uuid))
            )
        query = query.order_by(leaving, discharges.c.id).limit(limit)
        with self._connect() as connection:
            rows = connection.execute(query).mappings().all()
            plans = _plans(connection, [(row["id"], row["version"]) for row in rows if row["version"]])
            written = _written(connection, [row["id"] for row in rows])
            unwritten = _unwritten(connection, [row["id"] for row in rows])
        return tuple(
            _open(
                row, plans.get(row["id"]), written.get(row["id"], {}), unwritten.get(row["id"], Unwritten())
            )
            for row in rows
        )


def _newest() -> tuple[Any, Any]:
    """The newest plan of each discharge, and its day of leaving, "" without a plan."""
    mine = select(plan_versions.c.version, plan_versions.c.leaving).where(
        plan_versions.c.discharge_id == discharges.c.id
    )
    newest = mine.order_by(plan_versions.c.version.desc()).limit(1).lateral("newest")
    return newest, func.coalesce(newest.c.leaving, "").label("leaving")


def _conditions(wanted: Wanted, leaving: Any) -> Iterable[Any]:
    waits = exists().where(publications.c.discharge_id == discharges.c.id, _is_waiting())
    followed = (leaving == "") | (leaving >= wanted.since.isoformat())
    failed = discharges.c.state == DischargeState.FAILED.value
    yield or_(discharges.c.state.not_in(_OFF) & followed, failed, waits)
    if wanted.states:
        yield discharges.c.state.in_([state.value for state in wanted.states])
    if wanted.leaving_from:
        yield leaving >= wanted.leaving_from.isoformat()
    if wanted.leaving_until:
        yield (leaving != "") & (leaving <= wanted.leaving_until.isoformat())


def _plans(connection: Connection, versions: Sequence[tuple[UUID, int]]) -> Mapping[UUID, Plan]:
    """These versions; why each need was raised is most of a plan, and not read here."""
    key = tuple_(plan_versions.c.discharge_id, plan_versions.c.version)
    content = plan_versions.c.content.op("-")(literal("explanations"))
    query = select(plan_versions.c.discharge_id, content.label("content")).where(key.in_(versions))
    return {row.discharge_id: plan_from_json(row.content) for row in connection.execute(query)}


def _is_waiting() -> ColumnElement[bool]:
    """What waits for a person; what one of them signed in the EHR does not."""
    return publications.c.state.in_(_WAITING) & (publications.c.reason_code != WriteReason.SIGNED_THERE.value)


def _written(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[bool, _Counts]]:
    """Writes that wait by their state, those that carry security labels (True) apart."""
    of_these = publications.c.discharge_id.in_(ids), _is_waiting()
    columns = publications.c.discharge_id, publications.c.state, _LABELLED
    query = select(*columns, func.count().label("number")).where(*of_these).group_by(*columns)
    found: dict[UUID, dict[bool, dict[WriteState, int]]] = {}
    for row in connection.execute(query):
        of_both = found.setdefault(row.discharge_id, {False: {}, True: {}})
        of_both[row.labelled][WriteState(row.state)] = row.number
    return found


def _unwritten(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, Unwritten]:
    """What the EHR has not taken of each of these."""
    row = publications.c
    columns = row.discharge_id, row.state, row.reason_code, row.wanted, _LABELLED
    of_these = row.discharge_id.in_(ids), row.state.in_(_UNWRITTEN)
    query = select(*columns, func.count()).where(*of_these).group_by(*columns)
    counts: dict[UUID, Counter[WriteStanding]] = {}
    restricted: dict[UUID, Counter[WriteStanding]] = {}
    for discharge, state, reason, wanted, labelled, number in connection.execute(query):
        standing = standing_of_write(WriteState(state), reason_of(reason), wanted=wanted)
        if standing not in NOT_TAKEN:
            continue
        for told in (counts, restricted) if labelled else (counts,):
            told.setdefault(discharge, Counter())[standing] += number
    return {
        discharge: Unwritten(found, restricted.get(discharge, Counter()))
        for discharge, found in counts.items()
    }


def _open(
    row: RowMapping, plan: Plan | None, waiting: Mapping[bool, _Counts], unwritten: Unwritten
) -> OpenDischarge:
    values = {column.name: row[column.name] for column in discharges.columns}
    discharge = discharge_of(values)
    restricted = waiting.get(True, {})
    written = Counter(waiting.get(False, {})) + Counter(restricted)
    return OpenDischarge(discharge, plan, written, restricted, Place(row["leaving"], discharge.id), unwritten)
