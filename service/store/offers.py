"""Cards and suggestions shown to clinicians, in SQL."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from service.domain.offer import Answer, Offer, OfferKind
from service.store.publications import listed
from service.store.repository import Repository
from service.store.tables import discharges, offers


class Offers(Repository):
    """What was shown for all discharges."""

    def show(self, shown: Sequence[Offer]) -> None:
        """Remember that these were shown, and to whom last; what was answered before stays answered."""
        if not shown:
            return
        # In one order, so that two calls that show the same cards cannot wait for each other.
        rows = [_row(offer) for offer in sorted(shown, key=lambda one: one.id)]
        with self._connect() as connection:
            connection.execute(_SHOW, {_ROWS: rows})

    def of(self, discharge: UUID) -> tuple[Offer, ...]:
        """All that was ever shown for a discharge."""
        return self._all(select(offers).where(offers.c.discharge_id == discharge).order_by(offers.c.id))

    def lock(self, tenants: Collection[str], ids: Collection[UUID]) -> tuple[Offer, ...]:
        """Those of these that were shown for these tenants, held until the unit ends."""
        mine = select(discharges.c.id).where(discharges.c.tenant.in_(tenants))
        query = select(offers).where(offers.c.id.in_(ids), offers.c.discharge_id.in_(mine))
        return self._all(query.order_by(offers.c.id).with_for_update())

    def save(self, offer: Offer) -> None:
        """Write the offer as it now is."""
        with self._connect() as connection:
            connection.execute(update(offers).where(offers.c.id == offer.id).values(_row(offer)))

    def _all(self, query: Select[Any]) -> tuple[Offer, ...]:
        with self._connect() as connection:
            return tuple(_offer(row) for row in connection.execute(query).mappings())


def _row(offer: Offer) -> dict[str, Any]:
    row = {name: getattr(offer, name) for name in _COLUMNS if name != "discharge_id"}
    return row | {"discharge_id": offer.discharge, "kind": offer.kind.value, "answer": offer.answer.value}


def _show() -> Insert:
    """Rows that travel as one JSON array: the statement is always the same, and is read only once."""
    given = listed(_ROWS, **{column.name: column.type for column in offers.columns})
    rows = insert(offers).from_select(_COLUMNS, select(*(given.c[name] for name in _COLUMNS)))
    news = {"shown_to": rows.excluded.shown_to, "shown": rows.excluded.shown}
    return rows.on_conflict_do_update(index_elements=["id"], set_=news)


_ROWS: Final = "shown"
_COLUMNS: Final = [str(column.name) for column in offers.columns]
_SHOW: Final = _show()


def _offer(row: RowMapping) -> Offer:
    values = {"discharge" if name == "discharge_id" else name: value for name, value in row.items()}
    return Offer(**{**values, "kind": OfferKind(row["kind"]), "answer": Answer(row["answer"])})
