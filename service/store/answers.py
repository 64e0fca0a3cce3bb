"""Answers to requests that carry an Idempotency-Key, kept a day so that a repeat gets the same one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.watch import CLOCKS_DIFFER
from service.store.repository import Repository
from service.store.tables import answers

_KEPT: Final = timedelta(hours=24)
#: A process that died while it answered holds its key no longer than this.
_PATIENCE: Final = timedelta(minutes=1)
#: The status of a request that is still being answered.
UNANSWERED: Final = 0


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer: request is a digest of what was asked; status is UNANSWERED while it is being worked on."""

    request: str
    status: int
    headers: dict[str, str]
    body: str


class Answers(Repository):
    """The answers of the last day, by caller and the key they chose."""

    def begin(self, caller: str, key: str, request: str, at: datetime) -> KeptAnswer | None:
        """None: this request is new and from now on being answered; otherwise what was asked and answered before."""
        mine = (answers.c.caller == caller) & (answers.c.key == key)
        # One that began in the future did so by a clock that was ahead and was put back.
        long_since = (answers.c.at < at - _PATIENCE) | (answers.c.at > at + CLOCKS_DIFFER)
        given_up = (answers.c.status == UNANSWERED) & long_since
        row = {"caller": caller, "key": key, "request": request, "at": at}
        new = insert(answers).values(**row, status=UNANSWERED, headers={}, body="").on_conflict_do_nothing()
        with self._connect() as connection:
            connection.execute(delete(answers).where((answers.c.at < at - _KEPT) | (mine & given_up)))
            if connection.execute(new.returning(answers.c.key)).first() is not None:
                return None
            found = connection.execute(select(answers).where(mine)).mappings().first()
        if found is None:  # its own request failed just now, and let go of the key
            return self.begin(caller, key, request, at)
        return KeptAnswer(found["request"], found["status"], found["headers"], found["body"])

    def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """This is what it was answered."""
        mine = (answers.c.caller == caller) & (answers.c.key == key)
        given = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        with self._connect() as connection:
            connection.execute(update(answers).where(mine).values(given))

    def drop(self, caller: str, key: str) -> None:
        """It was refused and has changed nothing: the same key may be tried again."""
        with self._connect() as connection:
            connection.execute(delete(answers).where(answers.c.caller == caller, answers.c.key == key))
