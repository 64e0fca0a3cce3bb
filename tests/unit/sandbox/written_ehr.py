"""A vendor's book of written rules in front of a real, empty FHIR server in this process."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sekmet.main import create_app

from service.sandbox.asgi import Told
from service.sandbox.ehr_process import _settings, add_missing_searches
from service.sandbox.mode import INSIDE
from service.sandbox.vendor import SWITCHES, Vendor
from service.sandbox.written.books import WRITTEN
from tests.unit.sandbox.layers import ask

Json = dict[str, Any]
BASE = "http://ehr.example.org/fhir"


class WrittenEhr:
    """Asked from outside as an app asks, and from inside as the hospital's own people do. without: an entry taken out."""

    def __init__(self, vendor: str, folder: Path, *, without: str = "") -> None:
        add_missing_searches()
        book = WRITTEN[vendor]
        app = create_app(_settings(BASE, ":memory:", str(folder)))
        self._layer = Vendor(app, vendor, book=book.without(without) if without else book)

    def ask(self, method: str, address: str, body: Json | None = None, **headers: str) -> Told:
        """What an app is answered."""
        told = ask(
            self._layer, method, address, body, {name.replace("_", "-"): headers[name] for name in headers}
        )
        assert told is not None
        return told

    def post(self, body: Json, **headers: str) -> Told:
        return self.ask("POST", body["resourceType"], body, **headers)

    def read(self, address: str) -> Json:
        """The resource in an answer, whatever its status."""
        told = self.ask("GET", address)
        found: Json = json.loads(told.body) if told.body else {}
        return found

    def matches(self, address: str) -> list[Json]:
        return [one for one in self._entries(address) if one["resourceType"] != "OperationOutcome"]

    def remarks(self, address: str) -> list[str]:
        """The vendor's codes beside what a search found."""
        return [code for one in self._entries(address) for code in codes(one)]

    def _entries(self, address: str) -> list[Json]:
        return [entry["resource"] for entry in self.read(address).get("entry", [])]

    def put(self, *resources: Json) -> None:
        """Have the hospital's own side write these."""
        for resource in resources:
            told = ask(self._layer, "PUT", f"{resource['resourceType']}/{resource['id']}", resource, INSIDE)
            assert told is not None
            assert told.status in {200, 201}

    def delete(self, reference: str) -> None:
        """Have the hospital's own side delete this."""
        ask(self._layer, "DELETE", reference, None, INSIDE)

    def held(self, address: str) -> list[Json]:
        """What the hospital's own side finds."""
        told = ask(self._layer, "GET", address, None, INSIDE)
        assert told is not None
        found = json.loads(told.body)
        return [entry["resource"] for entry in found.get("entry", [])]

    def switch(self, **switches: Any) -> None:
        told = ask(self._layer, "PUT", SWITCHES, switches, INSIDE)
        assert told is not None
        assert told.status == 200


def codes(outcome: Mapping[str, Any]) -> list[str]:
    """The vendor's own codes in an OperationOutcome, none in anything else."""
    return [
        coding["code"]
        for issue in outcome.get("issue", [])
        for coding in issue.get("details", {}).get("coding", [])
    ]


def code_of(told: Told) -> str:
    """The vendor's code in a refusal, "" for none."""
    return next(iter(codes(json.loads(told.body))), "") if told.body else ""
