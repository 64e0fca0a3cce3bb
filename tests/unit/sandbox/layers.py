"""An ASGI layer asked without a server: what it answers, and what reached the application behind it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from service.sandbox.asgi import App, Message, Receive, Scope, Send, Told

Json = dict[str, Any]


class Behind:
    """Stands in for the EHR: remembers what it was asked and answers each with the same."""

    def __init__(self, answer: Json | None = None) -> None:
        self.answer = answer or {"resourceType": "Bundle", "type": "searchset"}
        self.came: list[tuple[str, str, Mapping[str, str], Json]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.came.append((scope["method"], scope["path"], headers, json.loads(body or b"{}")))
        start = {"type": "http.response.start", "status": 200, "headers": [(b"ETag", b'W/"1"')]}
        await send(start)
        await send(
            {"type": "http.response.body", "body": json.dumps(self._answer(self.came[-1][3])).encode()}
        )

    def _answer(self, asked: Json) -> Json:
        if asked.get("resourceType") != "Bundle":
            return self.answer
        entries = [{"response": {"status": "200 OK"}} for _ in asked["entry"]]
        return {"resourceType": "Bundle", "type": f"{asked['type']}-response", "entry": entries}


def ask(
    layer: App, method: str, address: str, body: Json | None = None, headers: Mapping[str, str] | None = None
) -> Told | None:
    """The layer's answer to a request, None when it gave none; address is relative to the FHIR base."""
    return asyncio.run(_asked(layer, method, address, body, headers or {}))


async def _asked(
    layer: App, method: str, address: str, body: Json | None, headers: Mapping[str, str]
) -> Told | None:
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": f"/fhir/{path}".rstrip("/"),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(body).encode() if body is not None else b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await layer(scope, receive, send)
    if not sent:
        return None
    told = tuple((name.decode().lower(), value.decode()) for name, value in sent[0]["headers"])
    return Told(sent[0]["status"], told, sent[1]["body"])
