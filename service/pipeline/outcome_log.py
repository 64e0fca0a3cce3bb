"""One line for each discharge that was written or withdrawn: which, how its resources stand, how long it took. No PHI."""

from collections import Counter
from collections.abc import Sequence

import structlog

from service.domain.discharge import Discharge
from service.domain.publication import LedgerEntry, WriteStanding

_log = structlog.stdlib.get_logger(__name__)


def log_published(discharge: Discharge, entries: Sequence[LedgerEntry], seconds: float) -> None:
    """Say how the resources of a discharge stand after they were written; in another line what the EHR refused."""
    counts = Counter(entry.standing for entry in entries)
    if counts[WriteStanding.WAITING]:
        _log.info("a discharge waits for the ehr", **_fields(discharge, counts, seconds))
    else:
        _log.info("a discharge is published", **_fields(discharge, counts, seconds))
    for entry in entries:
        if entry.standing is WriteStanding.REFUSED:
            _log.warning(
                "the ehr refused a resource",
                discharge=str(discharge.id),
                tenant=discharge.tenant,
                resource_type=entry.draft.resource_type,
                reason=entry.reason.value,
            )


def log_withdrawn(discharge: Discharge, entries: Sequence[LedgerEntry], seconds: float) -> None:
    """Say how the resources of a discharge stand after it was called off."""
    counts = Counter(entry.standing for entry in entries)
    _log.info("a discharge is withdrawn", **_fields(discharge, counts, seconds))


def _fields(
    discharge: Discharge, counts: Counter[WriteStanding], seconds: float
) -> dict[str, str | int | float]:
    return {
        "discharge": str(discharge.id),
        "tenant": discharge.tenant,
        "round": discharge.round,
        "seconds": round(seconds, 3),
        **{standing.value.replace("-", "_"): number for standing, number in counts.items()},
    }
