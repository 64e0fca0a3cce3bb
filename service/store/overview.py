"""What an operator asks of all discharges at once, in SQL: which there are, and how their writes stand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select

from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import WriteStanding, WriteState, standing_of_write
from service.domain.write_reason import IMPOSSIBLE, KEPT_BACK, reason_of
from service.store.repository import Repository
from service.store.tables import discharges, publications

#: States of a write that may be waiting; which of them are, `standing_of_write` says.
_UNSETTLED = (WriteState.WAITING.value, WriteState.SENDING.value)
_NOT_POSSIBLE = tuple(reason.value for reason in IMPOSSIBLE | KEPT_BACK)
Counts = Mapping[WriteStanding, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which discharges: of a hospital, in these states (any without), changed since then, or with writes that wait."""

    tenant: str = ""
    states: tuple[DischargeState, ...] = ()
    since: datetime | None = None
    waiting: bool = False


class Overview(Repository):
    """Discharges and writes of all hospitals, counted and listed."""

    def find(self, asked: Asked, *, limit: int | None) -> tuple[Discharge, ...]:
        """The discharges asked for, those that changed last first."""
        query = select(discharges).where(*_conditions(asked))
        query = query.order_by(discharges.c.changed.desc(), discharges.c.id).limit(limit)
        with self._connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(Discharge(**{**row, "state": DischargeState(row["state"])}) for row in rows)

    def writes_of(self, ids: Collection[UUID]) -> Mapping[UUID, Counts]:
        """How many writes of each of these discharges stand how."""
        query = _counted(publications.c.discharge_id).where(publications.c.discharge_id.in_(ids))
        return self._counts(query)

    def writes_of_tenants(self) -> Mapping[str, Counts]:
        """How many writes of each hospital stand how."""
        mine = publications.c.discharge_id == discharges.c.id
        return self._counts(_counted(discharges.c.tenant).select_from(publications).join(discharges, mine))

    def _counts(self, query: Select[Any]) -> Mapping[Any, Counts]:
        found: dict[Any, dict[WriteStanding, int]] = {}
        with self._connect() as connection:
            for owner, state, reason, wanted, number in connection.execute(query):
                standing = standing_of_write(WriteState(state), reason_of(reason), wanted=wanted)
                mine = found.setdefault(owner, {})
                mine[standing] = mine.get(standing, 0) + number
        return found


def _counted(owner: ColumnElement[Any]) -> Select[Any]:
    columns = publications.c.state, publications.c.reason_code, publications.c.wanted
    return select(owner, *columns, func.count()).group_by(owner, *columns)


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.tenant:
        conditions.append(discharges.c.tenant == asked.tenant)
    if asked.states:
        conditions.append(discharges.c.state.in_([state.value for state in asked.states]))
    if asked.since:
        conditions.append(discharges.c.changed >= asked.since)
    if asked.waiting:
        conditions.append(_waits())
    return conditions


def _waits() -> ColumnElement[bool]:
    """Something of it is not in the EHR yet, or was refused there."""
    possible = publications.c.reason_code.not_in(_NOT_POSSIBLE)
    unsettled = publications.c.state.in_(_UNSETTLED) & publications.c.wanted & possible
    refused = publications.c.state == WriteState.REFUSED.value
    return exists().where(publications.c.discharge_id == discharges.c.id, or_(unsettled, refused))
