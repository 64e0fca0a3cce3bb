"""The demo's social worker: she signs plans by REST, and reads what Homeward says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import requests

from service import clock
from service.errors import ConfigurationError
from service.sandbox.claims import read_page

_TIMEOUT_SECONDS: Final = 20
#: A plan may change under her eyes; she reads it again and signs what then stands, for so long.
_PATIENCE_SECONDS: Final = 30.0
_OUTDATED: Final = 412
#: What stands in the way of leaving is seen to; an approval over it takes a reason.
_REASON: Final = "Agreed with the family"

Row = dict[str, Any]


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy would not reach 127.0.0.1
    return session


@dataclass(frozen=True, slots=True)
class SocialWorker:
    """Somebody who works with plans at this address of Homeward, which asks nobody for a credential."""

    url: str
    _http: requests.Session = field(default_factory=_session, repr=False)

    def sign(self, discharge: UUID) -> None:
        """Approve the whole plan as it stands; ConfigurationError when Homeward does not take it."""
        deadline = clock.machine_seconds() + _PATIENCE_SECONDS
        status = _OUTDATED
        while status == _OUTDATED and clock.machine_seconds() < deadline:
            seen = self._http.get(f"{self._api(discharge)}/plan", timeout=_TIMEOUT_SECONDS)
            status = self._http.post(
                f"{self._api(discharge)}/plan/approve",
                json={"reason": _REASON},
                headers={"If-Match": seen.headers.get("ETag", "")},
                timeout=_TIMEOUT_SECONDS,
            ).status_code
        if status != requests.codes.ok:
            raise ConfigurationError(f"Homeward did not take the signature (HTTP {status}); see its log.")

    def landing(self, discharge: UUID) -> Sequence[Row]:
        """Where each item stands, as the status document says."""
        answer = self._http.get(self._api(discharge), timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        rows: Sequence[Row] = answer.json()["landing"]
        return rows

    def landing_on_page(self, discharge: UUID) -> Sequence[Row]:
        """The same, as the page says."""
        answer = self._http.get(f"{self.url}/discharges/{discharge}", timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return [dict(row) for row in read_page(answer.text)]

    def _api(self, discharge: UUID) -> str:
        return f"{self.url}/api/v1/discharges/{discharge}"
