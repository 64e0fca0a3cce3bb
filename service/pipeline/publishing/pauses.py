"""What of a discharge is still to become of by itself, and when it is tried again. Pure."""

from collections.abc import Sequence
from typing import Final

from fhir_mappings.withdrawal import is_hold_task
from service.domain.publication import LedgerEntry, WriteStanding, WriteState
from service.domain.write_reason import KEPT_BACK, WITH_CLINICIANS, WriteReason

#: Between the tries of a wish that the EHR did not let through, in seconds; the last again and again.
PAUSES: Final = (10, 60, 300, 900, 3600)
#: These wait for people, not for the EHR.
_AT_REST: Final = KEPT_BACK | WITH_CLINICIANS | {WriteReason.NOT_SIGNED}


def seconds_until_next_try(entries: Sequence[LedgerEntry], *, off: bool = False) -> int | None:
    """When what is not yet as it is wanted is to be tried again, None when nothing is left to do.

    off: the discharge was called off.
    """
    waiting = [entry for entry in entries if is_unfinished(entry, off=off)]
    if not waiting:
        return None
    tries = [entry.attempts for entry in waiting if entry.attempts]
    return PAUSES[min(min(tries, default=1), len(PAUSES)) - 1]


def is_unfinished(entry: LedgerEntry, *, off: bool = False) -> bool:
    """Whether something is still to become of this entry by itself."""
    if entry.state in {WriteState.REFUSED, WriteState.IMPOSSIBLE}:
        return False
    if entry.attempts or entry.state is WriteState.SENDING:
        return True
    if off or not entry.wanted or is_hold_task(entry.draft):
        return False
    if entry.reason in _AT_REST:
        return False
    return entry.standing in {
        WriteStanding.WAITING,
        WriteStanding.UNKNOWN,
        WriteStanding.ON_HOLD,
        WriteStanding.WITHDRAWN,
    }
