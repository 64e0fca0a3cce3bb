"""The store: repositories, units of work, and the hold on one discharge."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from service import clock
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Draft, Ledger
from service.store.allowances import Allowances
from service.store.answers import Answers
from service.store.audit import Audit
from service.store.brakes import Brakes, CalledOffOrders
from service.store.caseload import Caseload
from service.store.decisions import Decisions
from service.store.directory import CommunityServices
from service.store.discharges import Discharges
from service.store.doubts import Doubts
from service.store.ehr_clocks import Alarms, EhrClocks
from service.store.engine import close_engine, database_errors
from service.store.held_ledger import HeldLedger
from service.store.hospitals import Hospitals
from service.store.migrations import at_head
from service.store.notices import Notices
from service.store.offers import Offers
from service.store.overview import Overview
from service.store.plans import Plans
from service.store.publications import Publications
from service.store.repository import Connect
from service.store.sessions import Sessions
from service.store.shared_resources import SharedResources
from service.store.spent_tokens import SpentTokens
from service.store.unclaimed import UnclaimedStays
from service.store.unread import UnreadTypes
from service.store.watches import Watches

#: How long a job waits for another that still writes the same discharge, before it is put back into the queue.
_HOLD_WAIT = "30s"
#: What PostgreSQL makes room for at a time.
_PAGE_BYTES = 8192


class _Repositories:
    def __init__(self, connect: Connect) -> None:
        self.discharges = Discharges(connect)
        self.plans = Plans(connect)
        self.publications = Publications(connect)
        self.directory = CommunityServices(connect)
        self.audit = Audit(connect)
        self.caseload = Caseload(connect)
        self.decisions = Decisions(connect)
        self.answers = Answers(connect)
        self.offers = Offers(connect)
        self.overview = Overview(connect)
        self.ehr_clocks = EhrClocks(connect)
        self.alarms = Alarms(connect)
        self.sessions = Sessions(connect)
        self.shared_resources = SharedResources(connect)
        self.spent_tokens = SpentTokens(connect)
        self.hospitals = Hospitals(connect)
        self.unclaimed = UnclaimedStays(connect)
        self.watches = Watches(connect)
        self.notices = Notices(connect)
        self.doubts = Doubts(connect)
        self.unread = UnreadTypes(connect)
        self.brakes = Brakes(connect)
        self.called_off_orders = CalledOffOrders(connect)


class Unit(_Repositories):
    """One transaction: everything done through its repositories is committed together, or not at all."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(lambda: nullcontext(connection))
        self._connection = connection

    @property
    def driver_connection(self) -> object:
        """The psycopg connection of this transaction, on which the queue defers jobs."""
        return self._connection.connection.driver_connection


class Store(_Repositories):
    """The whole store. A repository's method called here is a short transaction of its own.

    Every method raises StoreUnavailable when the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(self._connect)
        self._engine = engine
        # Each of their methods is one statement, and somebody waits for it.
        self.allowances = Allowances(self._connect_without_transaction)
        self.discharges = Discharges(self._connect_without_transaction)
        self.offers = Offers(self._connect_without_transaction)
        self.spent_tokens = SpentTokens(self._connect_without_transaction)

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        """One unit of work, committed when it is left without an exception."""
        with self._connect() as connection:
            yield Unit(connection)

    @contextmanager
    def hold(self, discharge: UUID) -> Iterator[Ledger]:
        """The ledger of a discharge, while no other process can hold it. No transaction is open meanwhile.

        Raises StoreUnavailable when another holds it for long.
        """
        with self._alone(int.from_bytes(discharge.bytes[:8], signed=True)) as connection:
            yield HeldLedger(connection, discharge)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep all other processes out of what has this name. No transaction is open meanwhile.

        Raises StoreUnavailable when another is in it for long.
        """
        with self._alone(int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)):
            yield

    @contextmanager
    def _alone(self, key: int) -> Iterator[Connection]:
        with database_errors():
            connection = self._engine.connect()
        # Each statement is a commit of its own, without a round trip to begin it and one to end it.
        with connection.execution_options(isolation_level="AUTOCOMMIT"):
            _lock(connection, key)
            try:
                yield connection
            finally:
                _unlock(connection, key)

    def ping(self) -> None:
        """One question to the database."""
        with self._connect() as connection:
            connection.execute(text("SELECT 1"))

    def try_writing(self) -> None:
        """Take a discharge in and take it back: StoreUnavailable where the database would not keep one.

        A page is made on the way, so that a disk without room for one is noticed. Nothing is left of it.
        """
        with database_errors(), self._engine.connect() as connection:
            _take_in_a_trial(Unit(connection))
            connection.rollback()

    def at_head(self) -> bool:
        """Whether the database has the newest migration."""
        with self._connect() as connection:
            return at_head(connection)

    def close(self) -> None:
        """Give back all connections; one that a thread still uses, as soon as it is done with it."""
        self.allowances.close()
        close_engine(self._engine)

    def _connect(self) -> AbstractContextManager[Connection]:
        return _committed(self._engine)

    @contextmanager
    def _connect_without_transaction(self) -> Iterator[Connection]:
        """Each statement is a commit of its own: two round trips less."""
        with database_errors(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _take_in_a_trial(unit: Unit) -> None:
    """What a discharge needs kept, and a row as large as a page, which no compression makes smaller."""
    at, trial = clock.now(), uuid4()
    unit.discharges.add(Discharge(trial, "", str(trial), "", DischargeState.RECEIVED, 1, at, at))
    unit.publications.want(trial, [Draft("", "", str(trial), "", {})])
    unit.sessions.keep(str(trial), {"trial": secrets.token_hex(_PAGE_BYTES)}, expires=at)


@contextmanager
def _committed(engine: Engine) -> Iterator[Connection]:
    with database_errors(), engine.begin() as connection:
        yield connection


def _lock(connection: Connection, key: int) -> None:
    # Sent as one, the two are one transaction, to which SET LOCAL keeps. key is a number of ours.
    with database_errors(), connection.begin():
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{_HOLD_WAIT}'; SELECT pg_advisory_lock({key:d})"
        )


def _unlock(connection: Connection, key: int) -> None:
    """Let go. A connection that cannot say so is closed, which lets go as well."""
    with suppress(DBAPIError):
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            connection.commit()
            return
    connection.invalidate()
