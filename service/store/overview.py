"""What an operator asks of all discharges at once, in SQL: which there are, and how their writes stand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from service.domain.decision import Choice
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import WriteStanding, WriteState, standing_of_write
from service.domain.write_reason import IMPOSSIBLE, KEPT_BACK, WriteReason, reason_of
from service.store.discharges import discharge_of
from service.store.held_ledger import ADDED, ALSO
from service.store.repository import Repository
from service.store.tables import decisions, discharges, publications

#: States of a write that may be waiting; which of them are, `standing_of_write` says.
_UNSETTLED = (WriteState.WAITING.value, WriteState.SENDING.value)
#: What is not possible, or rests until a person signs, does not wait for the EHR.
_AT_REST = tuple(reason.value for reason in IMPOSSIBLE | KEPT_BACK | {WriteReason.NOT_SIGNED})
Counts = Mapping[WriteStanding, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which discharges: of a hospital, in these states (any without), changed since then, or with writes that wait."""

    tenant: str = ""
    states: tuple[DischargeState, ...] = ()
    since: datetime | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """The wishes of a hospital that the EHR has not taken yet: how many, how many before a moment, the oldest of them."""

    tenant: str
    approved: bool
    number: int
    long: int
    oldest: datetime


class Overview(Repository):
    """Discharges and writes of all hospitals, counted and listed."""

    def find(self, asked: Asked, *, limit: int | None) -> tuple[Discharge, ...]:
        """The discharges asked for, those that changed last first."""
        query = select(discharges).where(*_conditions(asked))
        query = query.order_by(discharges.c.changed.desc(), discharges.c.id).limit(limit)
        with self._connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(discharge_of(row) for row in rows)

    def writes_of(self, ids: Collection[UUID]) -> Mapping[UUID, Counts]:
        """How many writes of each of these discharges stand how."""
        query = _counted(publications.c.discharge_id).where(publications.c.discharge_id.in_(ids))
        return self._counts(query)

    def writes_of_tenants(self) -> Mapping[str, Counts]:
        """How many writes of each hospital stand how."""
        mine = publications.c.discharge_id == discharges.c.id
        return self._counts(_counted(discharges.c.tenant).select_from(publications).join(discharges, mine))

    def waits(self, before: datetime) -> tuple[Wait, ...]:
        """What waits, by hospital and by whether a person has approved anything of the plan; `long` since before then."""
        approved = exists().where(
            decisions.c.discharge_id == discharges.c.id, decisions.c.choice == Choice.APPROVED.value
        )
        long = func.count().filter(publications.c.since <= before)
        columns = discharges.c.tenant, approved.label("approved")
        query = (
            select(*columns, func.count(), long, func.min(publications.c.since))
            .join(discharges, publications.c.discharge_id == discharges.c.id)
            .where(_is_waiting(), publications.c.reason_code != WriteReason.LEFT_TO_CLINICIAN.value)
            .group_by(*columns)
        )
        with self._connect() as connection:
            return tuple(Wait(*row) for row in connection.execute(query))

    def _counts(self, query: Select[Any]) -> Mapping[Any, Counts]:
        found: dict[Any, dict[WriteStanding, int]] = {}
        with self._connect() as connection:
            for owner, state, reason, wanted, decided_next, number in connection.execute(query):
                standing = standing_of_write(WriteState(state), reason_of(reason), wanted=wanted)
                if decided_next and standing is WriteStanding.LEFT:
                    standing = WriteStanding.WAITING
                mine = found.setdefault(owner, {})
                mine[standing] = mine.get(standing, 0) + number
        return found


def _counted(owner: ColumnElement[Any]) -> Select[Any]:
    row = publications.c
    columns = row.state, row.reason_code, row.wanted, _decided_next().label("decided_next")
    return select(owner, *columns, func.count()).group_by(owner, *columns)


def _decided_next() -> ColumnElement[bool]:
    """What of the lower rungs is wanted, only the run says that a new plan or a decision has coming."""
    stay = discharges.alias("stay")
    is_coming = exists().where(
        stay.c.id == publications.c.discharge_id, stay.c.state == DischargeState.PLANNED.value
    )
    return and_(publications.c.position.between(ALSO, ADDED - 1), is_coming)


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
    refused = publications.c.state == WriteState.REFUSED.value
    return exists().where(publications.c.discharge_id == discharges.c.id, or_(_is_waiting(), refused))


def _is_waiting() -> ColumnElement[bool]:
    expected = publications.c.reason_code.not_in(_AT_REST)
    return publications.c.state.in_(_UNSETTLED) & publications.c.wanted & expected
