"""An EHR that takes neither batch nor transaction: each read and each write is a request of its own."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from service.sandbox.asgi import App, Asked, Receive, Scope, Send, Told, answer_of, fhir, outcome, read, tell

_BUNDLED: Final = frozenset({"batch", "transaction"})
_OK, _NOT_FOUND = 200, 404


class Singles:
    """The ASGI layer: what comes as a Bundle is not taken, and the CapabilityStatement says so."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await tell(await self._told(await read(scope, receive)), send)

    async def _told(self, asked: Asked) -> Told:
        if not asked.path and not asked.inside:
            return fhir(outcome("not-supported", "No Bundle is taken here."), _NOT_FOUND)
        told = await answer_of(self._app, asked)
        if asked.path != "metadata" or told.status != _OK:
            return told
        return replace(told, body=json.dumps(_without_bundles(json.loads(told.body))).encode())


def _without_bundles(statement: Mapping[str, Any]) -> dict[str, Any]:
    """The statement without the interactions of the whole system that carry others."""
    rest = [
        {
            **side,
            "interaction": [
                interaction
                for interaction in side.get("interaction", [])
                if interaction["code"] not in _BUNDLED
            ],
        }
        for side in statement["rest"]
    ]
    return {**statement, "rest": rest}
