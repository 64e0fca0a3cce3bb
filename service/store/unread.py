"""What plans lack because of a fault, in SQL: one row for each discharge and resource type."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, and_, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.discharge import DischargeState
from service.domain.record import GapReason, Lasting
from service.domain.unread import ASKED_FOR, FIRST_PAUSES, Unread, pause_after
from service.store.repository import Repository
from service.store.tables import discharges, unread

#: A discharge whose planning or withdrawal is under way is not asked for: that reads, or needs no reading.
_RESTING = (DischargeState.PLANNED.value, DischargeState.PUBLISHED.value, DischargeState.FAILED.value)


class UnreadTypes(Repository):
    """The resource types that the plans of all discharges lack."""

    def of(self, discharge: UUID) -> tuple[Unread, ...]:
        """What the plan of a discharge lacks, by resource type."""
        query = select(unread).where(unread.c.discharge_id == discharge).order_by(unread.c.resource_type)
        with self._connect() as connection:
            return tuple(_unread(row) for row in connection.execute(query).mappings())

    def keep(self, discharge: UUID, tenant: str, found: Iterable[Unread]) -> None:
        """Make these what the plan lacks; what it lacked before keeps its time.

        A type that this hospital has refused for an hour, for whichever plan, is not asked for every few minutes.
        """
        wanted = {lack.resource_type: lack for lack in found}
        before = {lack.resource_type: lack for lack in self.of(discharge)}
        if not wanted and not before:
            return
        gone = (unread.c.discharge_id == discharge) & unread.c.resource_type.not_in(wanted)
        settled = self._refused_for_long(tenant, wanted)
        with self._connect() as connection:
            connection.execute(delete(unread).where(gone))
            for lack in wanted.values():
                known = before.get(lack.resource_type)
                row = _row(discharge, _continued(lack, known, is_settled=lack.resource_type in settled))
                statement = insert(unread).values(row)
                statement = statement.on_conflict_do_update(
                    index_elements=["discharge_id", "resource_type"], set_=row
                )
                connection.execute(statement)

    def take_due(
        self, at: datetime, tenants: Collection[str], *, limit: int
    ) -> tuple[tuple[UUID, str, str], ...]:
        """The discharges of these tenants of which something is to be asked for again, as (id, tenant, encounter).

        Each is given to one caller only, and its next time is set.
        """
        due = (
            select(unread.c.discharge_id, unread.c.resource_type, discharges.c.tenant, discharges.c.encounter)
            .join(discharges, discharges.c.id == unread.c.discharge_id)
            .where(
                unread.c.due <= at,
                unread.c.since > at - ASKED_FOR,
                discharges.c.tenant.in_(tenants),
                discharges.c.state.in_(_RESTING),
            )
            .order_by(unread.c.due)
            .limit(limit)
            .with_for_update(of=unread, skip_locked=True)
        )
        with self._connect() as connection:
            rows = connection.execute(due).all()
            for discharge, resource_type, _, _ in rows:
                self._ask(discharge, resource_type, at)
        return tuple(dict.fromkeys((row[0], row[2], row[3]) for row in rows))

    def wake(self, tenant: str, resource_types: Collection[str], at: datetime) -> None:
        """A hospital gave these types just now: whatever lacks them is asked for at once."""
        theirs = select(discharges.c.id).where(discharges.c.tenant == tenant)
        lacking = and_(unread.c.discharge_id.in_(theirs), unread.c.resource_type.in_(resource_types))
        with self._connect() as connection:
            connection.execute(update(unread).where(lacking, unread.c.due > at).values(due=at))

    def wake_passing(self, tenant: str, at: datetime) -> None:
        """A hospital's EHR answers again: whatever it could not give while it was away is asked for at once.

        A row that another transaction holds is left to it: whoever notices may be in one, and must not wait for itself.
        """
        key = unread.c.discharge_id, unread.c.resource_type
        waiting = (
            select(*key)
            .join(discharges, discharges.c.id == unread.c.discharge_id)
            .where(
                discharges.c.tenant == tenant, unread.c.lasting == Lasting.PASSING.value, unread.c.due > at
            )
            .with_for_update(of=unread, skip_locked=True)
        )
        with self._connect() as connection:
            connection.execute(update(unread).where(tuple_(*key).in_(waiting)).values(due=at))

    def forget(self, discharge: UUID, resource_types: Collection[str] | None = None) -> None:
        """Nothing of this discharge is to be asked for; or nothing of these types."""
        statement = delete(unread).where(unread.c.discharge_id == discharge)
        if resource_types is not None:
            statement = statement.where(unread.c.resource_type.in_(resource_types))
        with self._connect() as connection:
            connection.execute(statement)

    def _ask(self, discharge: UUID, resource_type: str, at: datetime) -> None:
        this = (unread.c.discharge_id == discharge) & (unread.c.resource_type == resource_type)
        with self._connect() as connection:
            row = connection.execute(select(unread).where(this)).mappings().one()
            asked = _unread(row).asked(at)
            connection.execute(update(unread).where(this).values(tries=asked.tries, due=asked.due))

    def _refused_for_long(self, tenant: str, resource_types: Collection[str]) -> frozenset[str]:
        query = (
            select(unread.c.resource_type)
            .join(discharges, discharges.c.id == unread.c.discharge_id)
            .where(
                discharges.c.tenant == tenant,
                unread.c.resource_type.in_(resource_types),
                unread.c.lasting == Lasting.PERHAPS.value,
            )
            .group_by(unread.c.resource_type)
            .having(func.max(unread.c.tries) >= len(FIRST_PAUSES))
        )
        with self._connect() as connection:
            return frozenset(connection.execute(query).scalars())


def _continued(lack: Unread, known: Unread | None, *, is_settled: bool) -> Unread:
    """What lacks now, with the times of what lacked before; for another reason it lacks only since now."""
    if known is not None:
        since = known.since if known.reason is lack.reason else lack.since
        return replace(lack, since=since, due=known.due, tries=known.tries)
    if is_settled and lack.lasting is Lasting.PERHAPS:
        tries = len(FIRST_PAUSES)
        return replace(lack, tries=tries, due=lack.since + pause_after(tries, lack.lasting))
    return lack


def _row(discharge: UUID, lack: Unread) -> dict[str, object]:
    return {
        "discharge_id": discharge,
        "resource_type": lack.resource_type,
        "reason": lack.reason.value,
        "lasting": lack.lasting.value,
        "since": lack.since,
        "due": lack.due,
        "tries": lack.tries,
        "searches": lack.searches,
    }


def _unread(row: RowMapping) -> Unread:
    return Unread(
        resource_type=row["resource_type"],
        reason=GapReason(row["reason"]),
        lasting=Lasting(row["lasting"]),
        since=row["since"],
        due=row["due"],
        tries=row["tries"],
        searches=row["searches"],
    )
