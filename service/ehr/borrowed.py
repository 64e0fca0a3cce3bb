"""A tenant's EHR read with a token that a caller lent us for one call."""

from dataclasses import replace

from service.ehr.auth import FixedCredentials
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.errors import EhrUnavailable


class BorrowedEhr(Ehr):
    """The same server, seen with the caller's rights. The token lives in this object alone: close and drop it.

    Somebody waits for the answer, so nothing is tried twice, and no answer is waited for longer than `seconds`.
    """

    def __init__(self, ehr: Ehr, token: str, *, seconds: float) -> None:
        hurried = replace(ehr.tenant, connect_timeout_seconds=seconds, read_timeout_seconds=seconds)
        super().__init__(
            hurried,
            credentials=FixedCredentials(f"Bearer {token}"),
            allowance=ehr.allowance,
            patience_seconds=seconds,
            sleep=_no_time,
        )
        self._own = ehr

    def capability(self) -> Capability:
        """What /metadata says is the same for everyone, and known already."""
        return self._own.capability()


def _no_time(_seconds: float) -> None:
    raise EhrUnavailable("The EHR did not answer at once, and there is no time to ask again.")
