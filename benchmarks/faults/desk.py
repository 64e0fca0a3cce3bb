"""What people do on Homeward's side: ask for plans and decide about them by REST, again when the web was not there."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import requests

from benchmarks.faults.deployment import KEY, PERSON, TENANT
from service import clock
from service.sandbox.claims import read_page

_PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.3
_UNAVAILABLE, _OUTDATED = 503, 412
_REASON: Final = "Agreed with the family"

Json = dict[str, Any]


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy would not reach 127.0.0.1
    session.headers["Authorization"] = f"Bearer {KEY}"
    return session


class Absent(Exception):
    """The web did not do it in all that time."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A social worker with her REST client."""

    url: str
    _http: requests.Session = field(default_factory=_session, repr=False)

    def ask(self, encounter: str, order: str) -> UUID:
        """Have a stay planned; its discharge."""
        body = {"tenant": TENANT, "encounter": encounter, "order": order}
        answer = self._asked("POST", "", json=body)
        answer.raise_for_status()
        return UUID(answer.json()["id"])

    def items(self, discharge: UUID) -> list[Json]:
        """The items of the plan as it stands."""
        found: list[Json] = self._plan(discharge)["items"]
        return found

    def decide(self, discharge: UUID, key: str, verb: str) -> bool:
        """Approve or decline an item ("" for the whole plan); whether it stands so now."""
        path = f"items/{key}/{verb}" if key else f"plan/{verb}"
        return self._signed(discharge, "POST", path, {"reason": _REASON})

    def sign(self, discharge: UUID) -> bool:
        """Sign the plan as a whole with every item that is open; whether it stands so now."""
        return self._signed(discharge, "POST", "plan/approve", {"reason": _REASON})

    def is_open(self, discharge: UUID) -> bool:
        """Whether the plan, or an item that is ours to decide about, waits for a decision."""
        plan = self._plan(discharge)
        stands = [plan["state"], *(item["state"] for item in plan["items"] if not item["existing"])]
        return "proposed" in stands

    def landing(self, discharge: UUID) -> list[Json]:
        """Where each item stands, as the status document says."""
        answer = self._asked("GET", f"/{discharge}")
        answer.raise_for_status()
        rows: list[Json] = answer.json()["landing"]
        return rows

    def landing_on_page(self, discharge: UUID) -> list[Json]:
        """The same, as the page says."""
        answer = self._fetched("GET", f"/discharges/{discharge}")
        answer.raise_for_status()
        return [dict(row) for row in read_page(answer.text)]

    def reword(self, discharge: UUID, key: str, text: str) -> bool:
        """Change an item's words."""
        return self._signed(discharge, "PATCH", f"items/{key}", {"text": text})

    def call_off(self, discharge: UUID) -> bool:
        """Cancel a discharge here."""
        return self._asked("POST", f"/{discharge}/cancel").ok

    def _signed(self, discharge: UUID, method: str, path: str, body: Json) -> bool:
        """Sign what is on the plan as it stands now; read again when it has changed meanwhile."""
        deadline = clock.machine_seconds() + _PATIENCE_SECONDS
        while clock.machine_seconds() < deadline:
            seen = self._asked("GET", f"/{discharge}/plan").headers.get("ETag", "")
            answer = self._asked(method, f"/{discharge}/{path}", json=body, headers={"If-Match": seen})
            if answer.status_code != _OUTDATED:
                return answer.ok or self._stands(discharge, path)
        return False

    def _stands(self, discharge: UUID, path: str) -> bool:
        """Whether it was done already, by a request whose answer was lost."""
        key = path.removeprefix("items/").rpartition("/")[0]
        state = {"approve": "approved", "decline": "declined"}.get(path.rpartition("/")[2])
        plan = self._plan(discharge)
        found = [plan] if key == "plan" else [item for item in plan["items"] if item["key"] == key]
        return bool(found) and found[0]["state"] == state and found[0]["decided"]["by"] == PERSON

    def _plan(self, discharge: UUID) -> Json:
        answer = self._asked("GET", f"/{discharge}/plan")
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        return self._fetched(method, f"/api/v1/discharges{path}", **more)

    def _fetched(self, method: str, path: str, **more: Any) -> requests.Response:
        """The answer; asked again while the web is away. Absent when it stays away."""
        deadline = clock.machine_seconds() + _PATIENCE_SECONDS
        while clock.machine_seconds() < deadline:
            try:
                answer = self._http.request(method, f"{self.url}{path}", timeout=10, **more)
            except requests.RequestException:
                clock.sleep(_PAUSE_SECONDS)
                continue
            if answer.status_code != _UNAVAILABLE:
                return answer
            clock.sleep(_PAUSE_SECONDS)
        raise Absent(method)
