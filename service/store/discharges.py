"""Discharges in SQL, and every order ever seen for each."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.absence import Shown
from service.domain.brake import TakenBack
from service.domain.discharge import CallOff, Discharge, DischargeState, SeenOrder, StayStatus
from service.domain.publication import WriteState
from service.errors import NotFound
from service.store.repository import Repository
from service.store.tables import discharge_orders, discharges, doubts, publications


class Discharges(Repository):
    """The discharges of all tenants."""

    def add(self, discharge: Discharge) -> bool:
        """Whether it was new: False when this stay of this tenant is already known."""
        row = insert(discharges).values(_row(discharge)).on_conflict_do_nothing()
        with self._connect() as connection:
            return connection.execute(row.returning(discharges.c.id)).first() is not None

    def get(self, discharge: UUID) -> Discharge:
        """The discharge of this id; NotFound if there is none."""
        return self._one(select(discharges).where(discharges.c.id == discharge))

    def lock(self, discharge: UUID) -> Discharge:
        """The same, held against all others until the unit ends."""
        return self._one(select(discharges).where(discharges.c.id == discharge).with_for_update())

    def lock_stay(self, tenant: str, encounter: str) -> Discharge | None:
        """The discharge of this stay, held until the unit ends; None if the stay is not known."""
        stay = (discharges.c.tenant == tenant) & (discharges.c.encounter == encounter)
        with self._connect() as connection:
            row = connection.execute(select(discharges).where(stay).with_for_update()).mappings().first()
            return discharge_of(row) if row else None

    def of_stay(self, tenant: str, encounter: str) -> Discharge | None:
        """The discharge of this stay as it stands now; None if the stay is not known."""
        stay = (discharges.c.tenant == tenant) & (discharges.c.encounter == encounter)
        with self._connect() as connection:
            row = connection.execute(select(discharges).where(stay)).mappings().first()
            return discharge_of(row) if row else None

    def known_stays(self, tenant: str, encounters: Collection[str]) -> frozenset[str]:
        """Which of these stays have a discharge."""
        theirs = (discharges.c.tenant == tenant) & discharges.c.encounter.in_(encounters)
        with self._connect() as connection:
            return frozenset(connection.execute(select(discharges.c.encounter).where(theirs)).scalars())

    def of_order(self, tenant: str, order: str) -> Discharge | None:
        """The discharge for which this order was ever seen; None if there is none."""
        seen = discharge_orders.c.discharge_id == discharges.c.id
        query = select(discharges).join(discharge_orders, seen)
        query = query.where(discharges.c.tenant == tenant, discharge_orders.c.order == order).limit(1)
        with self._connect() as connection:
            row = connection.execute(query).mappings().first()
            return discharge_of(row) if row else None

    def standing_of_order(self, tenant: str, order: str) -> Discharge | None:
        """The discharge that this order stands for now, held until the unit ends; None where it was called off."""
        seen = (discharge_orders.c.discharge_id == discharges.c.id) & ~discharge_orders.c.cancelled
        query = select(discharges).join(discharge_orders, seen)
        query = query.where(discharges.c.tenant == tenant, discharge_orders.c.order == order).limit(1)
        with self._connect() as connection:
            row = connection.execute(query.with_for_update()).mappings().first()
            return discharge_of(row) if row else None

    def save(self, discharge: Discharge) -> None:
        """Write the discharge as it now is."""
        values = _row(discharge)
        with self._connect() as connection:
            connection.execute(update(discharges).where(discharges.c.id == discharge.id).values(values))

    def latest(
        self, tenant: str, *, states: tuple[DischargeState, ...] = tuple(DischargeState), limit: int = 50
    ) -> tuple[Discharge, ...]:
        """A tenant's discharges in these states, the last changed first."""
        wanted = discharges.c.state.in_([state.value for state in states])
        query = select(discharges).where(discharges.c.tenant == tenant, wanted)
        query = query.order_by(discharges.c.changed.desc(), discharges.c.id).limit(limit)
        with self._connect() as connection:
            return tuple(discharge_of(row) for row in connection.execute(query).mappings())

    def count(self) -> Mapping[tuple[str, DischargeState], int]:
        """How many there are, by tenant and state."""
        query = select(discharges.c.tenant, discharges.c.state, func.count()).group_by(
            discharges.c.tenant, discharges.c.state
        )
        with self._connect() as connection:
            return {
                (tenant, DischargeState(state)): number for tenant, state, number in connection.execute(query)
            }

    def standing(self, tenant: str, *, limit: int) -> tuple[Discharge, ...]:
        """A tenant's discharges that nobody called off, the last changed first."""
        off = (DischargeState.CANCELLING, DischargeState.CANCELLED)
        return self.latest(tenant, states=tuple(s for s in DischargeState if s not in off), limit=limit)

    def looked_after(self, tenant: str, since: datetime, *, limit: int) -> tuple[Discharge, ...]:
        """Those that stand, and those called off since then of which the EHR may show that it was a mistake, or something rests."""
        doubtful = [why.value for why in CallOff if why.may_be_undone]
        rests = exists().where(
            publications.c.discharge_id == discharges.c.id, publications.c.state == WriteState.ON_HOLD.value
        )
        off = (discharges.c.call_off.in_(doubtful) | rests) & (discharges.c.changed >= since)
        query = select(discharges).where(discharges.c.tenant == tenant, _stands() | off)
        query = query.order_by(discharges.c.changed.desc(), discharges.c.id).limit(limit)
        with self._connect() as connection:
            return tuple(discharge_of(row) for row in connection.execute(query).mappings())

    def held(self, tenant: str) -> tuple[Discharge, ...]:
        """Those that would be called off, were the hospital's brake not closed."""
        query = select(discharges).where(discharges.c.tenant == tenant, discharges.c.held != "")
        with self._connect() as connection:
            rows = connection.execute(query.order_by(discharges.c.created)).mappings()
            return tuple(discharge_of(row) for row in rows)

    def count_held(self) -> Mapping[str, int]:
        """How many are held, by tenant; those of which none is are left out."""
        query = select(discharges.c.tenant, func.count()).where(discharges.c.held != "")
        with self._connect() as connection:
            rows = connection.execute(query.group_by(discharges.c.tenant))
            return {row[0]: row[1] for row in rows}

    def count_taken_back(self, tenant: str, since: datetime, missed: datetime) -> TakenBack:
        """How many plans were taken back since then, are missed in the EHR (by a look since `missed`), and stand."""
        taken = (discharges.c.tenant == tenant) & (discharges.c.called_off >= since)
        references = discharges.c.encounter, discharges.c.order
        absent = (doubts.c.tenant == tenant) & (doubts.c.shown == Shown.ABSENT.value)
        in_doubt = exists().where(absent, doubts.c.last >= missed, doubts.c.reference.in_(references))
        standing = (discharges.c.tenant == tenant) & _stands()
        query = select(
            func.count().filter(taken & (discharges.c.call_off == CallOff.ABSENCE.value)),
            func.count().filter(taken & (discharges.c.call_off == CallOff.WORDS.value)),
            func.count().filter(standing & in_doubt),
            func.count().filter(standing),
        ).select_from(discharges)
        with self._connect() as connection:
            return TakenBack(*connection.execute(query.where(discharges.c.tenant == tenant)).one())

    def order_seen(self, discharge: UUID, order: str) -> SeenOrder | None:
        """What is known of an order; None for one never seen."""
        columns = (
            getattr(discharge_orders.c, name) for name in ("cancelled", "ended", "told", "in_ehr", "hint")
        )
        with self._connect() as connection:
            row = connection.execute(select(*columns).where(_of(discharge, order))).mappings().first()
            return SeenOrder(**row) if row else None

    def remember_order(
        self, discharge: UUID, order: str, told: str = "", *, in_ehr: bool = False, hint: bool = False
    ) -> None:
        """This order stands, and says this of its date; whether the EHR showed it, or a notification alone told of it."""
        values = {"cancelled": False, "ended": False, "told": told, "in_ehr": in_ehr, "hint": hint}
        self._put(discharge, order, values)

    def show_orders(self, tenant: str, orders: Collection[str]) -> None:
        """The EHR has shown these orders: from now on they may be missed there."""
        theirs = select(discharges.c.id).where(discharges.c.tenant == tenant)
        new = ~discharge_orders.c.in_ehr | discharge_orders.c.hint
        shown = discharge_orders.c.order.in_(orders) & new & discharge_orders.c.discharge_id.in_(theirs)
        with self._connect() as connection:
            connection.execute(update(discharge_orders).where(shown).values(in_ehr=True, hint=False))

    def supersede_order(self, discharge: UUID, order: str) -> None:
        """Another order stands in its place: whatever is told of it later starts nothing."""
        self._put(discharge, order, {"cancelled": True, "ended": False})

    def end_order(self, discharge: UUID, order: str) -> None:
        """The EHR called this order off; it may say that it stands again."""
        self._put(discharge, order, {"cancelled": True, "ended": True})

    def cancel_orders(self, discharge: UUID) -> None:
        """All orders seen so far no longer stand."""
        mine = discharge_orders.c.discharge_id == discharge
        with self._connect() as connection:
            connection.execute(update(discharge_orders).where(mine).values(cancelled=True, ended=False))

    def _put(self, discharge: UUID, order: str, values: dict[str, Any]) -> None:
        row = insert(discharge_orders).values(discharge_id=discharge, order=order, **values)
        row = row.on_conflict_do_update(index_elements=["discharge_id", "order"], set_=values)
        with self._connect() as connection:
            connection.execute(row)

    def _one(self, query: Select[Any]) -> Discharge:
        with self._connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound
        return discharge_of(row)


def _stands() -> ColumnElement[bool]:
    return discharges.c.state.not_in([DischargeState.CANCELLING.value, DischargeState.CANCELLED.value])


def _of(discharge: UUID, order: str) -> Any:
    return (discharge_orders.c.discharge_id == discharge) & (discharge_orders.c.order == order)


def _row(discharge: Discharge) -> dict[str, Any]:
    codes = {"state": discharge.state, "stay": discharge.stay, "call_off": discharge.call_off}
    return asdict(discharge) | {column: code.value for column, code in codes.items()}


def discharge_of(row: Mapping[Any, Any]) -> Discharge:
    """The discharge of a row that has all its columns; codes that only a later version knows decide nothing."""
    codes = {"stay": StayStatus.of(row["stay"]), "call_off": CallOff.of(row["call_off"])}
    return Discharge(**{**row, **codes, "state": DischargeState(row["state"])})
