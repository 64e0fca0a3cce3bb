"""Tokens that may be used once, shared by all web processes: whoever writes the row first was first."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from service.store.repository import Repository
from service.store.tables import spent_tokens


class SpentTokens(Repository):
    """The tokens let in whose time is not over."""

    def spend(self, digest: str, expires: datetime) -> bool:
        """Whether this token had not been spent; from now on it is."""
        row = insert(spent_tokens).values(digest=digest, expires=expires).on_conflict_do_nothing()
        with self._connect() as connection:
            return connection.execute(row.returning(spent_tokens.c.digest)).first() is not None

    def forget(self, before: datetime) -> None:
        """Drop what expired before then: it would be refused for its age alone."""
        with self._connect() as connection:
            connection.execute(delete(spent_tokens).where(spent_tokens.c.expires < before))
