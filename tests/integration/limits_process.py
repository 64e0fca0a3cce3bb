"""One process of a deployment that asks an EHR as fast as it is let: DATABASE_URL EHR_URL SECONDS RATE SLOTS."""

import sys
import threading
import time
from contextlib import suppress
from functools import partial

from config.tenants import Tenant
from service.ehr.client import Ehr, limit_of
from service.ehr.lent import LentAllowance
from service.errors import EhrError
from service.store import Store, open_engine

_THREADS = 4


def main(url: str, ehr_url: str, seconds: float, rate: float, slots: int) -> None:
    """Ask for a Patient in each thread again and again, through the one client that speaks to an EHR."""
    tenant = Tenant(
        id="one",
        fhir_base_url=ehr_url,
        organization="Example Hospital",
        max_connections=slots,
        requests_per_second=rate,
    )
    store = Store(open_engine(url))
    allowance = LentAllowance(limit_of(tenant), partial(store.allowances.lend, "ehr one"))
    with Ehr(tenant, allowance=allowance) as ehr:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()  # all begin together
        until = time.monotonic() + seconds

        def ask() -> None:
            while time.monotonic() < until:
                with suppress(EhrError):
                    ehr.read("Patient/1")

        asking = [threading.Thread(target=ask) for _ in range(_THREADS)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()


if __name__ == "__main__":
    database, ehr_at, lasting, per_second, at_once = sys.argv[1:]
    main(database, ehr_at, float(lasting), float(per_second), int(at_once))
