"""The books of what is lent to each process, in SQL: read, changed by a pure function, put back if still the same."""

import secrets
from typing import Any, Final

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service import clock
from service.domain.allowance import Book, Grant, Limit, Share, Wish, lend
from service.errors import StoreUnavailable
from service.store.repository import Connect, Repository
from service.store.tables import allowances

#: One time in so many what nobody has asked for in a day is dropped.
_TIDY_EVERY: Final = 1000
_DAY_SECONDS: Final = 86_400.0
#: So often another process may be quicker; each time one of them got what it wanted.
_TRIES: Final = 20
#: The commit does not wait for the disk: what a crash of the machine takes back lapses in seconds anyway.
_NO_WAIT: Final = func.set_config("synchronous_commit", "off", True)  # noqa: FBT003  PostgreSQL's own parameter
_CLOCK: Final = func.extract("epoch", func.clock_timestamp())


class Allowances(Repository):
    """One book for each limit, by name. The clock is the database's, so that hosts need not agree on the time."""

    def __init__(self, connect: Connect) -> None:
        super().__init__(connect)
        self._closed = False

    def lend(self, name: str, limit: Limit, wish: Wish) -> Grant:
        """What this wish gets. StoreUnavailable when the book cannot be asked, or too many ask at once."""
        if self._closed:
            raise StoreUnavailable
        if secrets.randbelow(_TIDY_EVERY) == 0:
            self.forget(_DAY_SECONDS)
        mine = allowances.c.name == name
        with self._connect() as connection:
            for _ in range(_TRIES):
                row = (
                    connection.execute(select(allowances, _CLOCK.label("now")).where(mine)).mappings().first()
                )
                if row is None:
                    new = insert(allowances).values(name=name, version=0, full_at=0.0, shares={})
                    connection.execute(new.on_conflict_do_nothing())
                    continue
                book, grant = lend(_book(row), wish, limit, now=float(row["now"]) + clock.moved_seconds())
                as_read = mine & (allowances.c.version == row["version"])
                put = update(allowances).where(as_read).values(version=row["version"] + 1, **_row(book))
                if connection.execute(put.returning(_NO_WAIT)).first() is not None:
                    return grant
        raise StoreUnavailable

    def forget(self, quiet_seconds: float) -> None:
        """Drop the books in which nothing has been lent for so long: a new one begins full as well."""
        with self._connect() as connection:
            since = _CLOCK + (clock.moved_seconds() - quiet_seconds)
            connection.execute(delete(allowances).where(allowances.c.full_at < since))

    def close(self) -> None:
        """Lend nothing more: what is still held lapses by itself."""
        self._closed = True


def _book(row: RowMapping) -> Book:
    return Book(row["full_at"], {name: Share(*share) for name, share in row["shares"].items()})


def _row(book: Book) -> dict[str, Any]:
    shares = {name: [share.holds, share.wants, share.until] for name, share in book.shares.items()}
    return {"full_at": book.full_at, "shares": shares}
