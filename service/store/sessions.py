"""What a secret of a browser stands for until its time is over: a launch that is under way, a session that it began.

Only the secret's digest is known here, so that who reads the database can be nobody.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select

from service.domain.watch import CLOCKS_DIFFER
from service.store.repository import Repository
from service.store.tables import sessions

#: No session is made for longer; one that ends later was made by a clock that was ahead.
LONGEST: Final = timedelta(hours=1)


class Sessions(Repository):
    """The launches and sessions of all browsers."""

    def keep(self, digest: str, content: Mapping[str, Any], *, expires: datetime) -> None:
        """Keep this until then; content is JSON."""
        values = {"digest": digest, "content": dict(content), "expires": expires}
        with self._connect() as connection:
            connection.execute(insert(sessions).values(values))

    def of(self, digest: str, now: datetime) -> dict[str, Any] | None:
        """What is kept; None once its time is over."""
        holds = sessions.c.expires.between(now, now + LONGEST + CLOCKS_DIFFER) & (sessions.c.expires > now)
        query = select(sessions.c.content).where(sessions.c.digest == digest, holds)
        with self._connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def take(self, digest: str, now: datetime) -> dict[str, Any] | None:
        """The same, and from now on it is gone: of two who ask at once, one gets it."""
        row = (
            delete(sessions)
            .where(sessions.c.digest == digest)
            .returning(sessions.c.content, sessions.c.expires)
        )
        with self._connect() as connection:
            found = connection.execute(row).first()
        holds = found and now < found.expires <= now + LONGEST + CLOCKS_DIFFER
        return dict(found.content) if found and holds else None

    def forget(self, before: datetime) -> None:
        """Drop whatever was over before then, or would hold for longer than any may."""
        over = (sessions.c.expires < before) | (sessions.c.expires > before + LONGEST + CLOCKS_DIFFER)
        with self._connect() as connection:
            connection.execute(delete(sessions).where(over))
