"""What Homeward remembers, in PostgreSQL: discharges, plan versions, the ledger, the directory, the audit trail."""

from service.store.engine import open_engine
from service.store.store import Store, Unit

__all__ = ["Store", "Unit", "open_engine"]
