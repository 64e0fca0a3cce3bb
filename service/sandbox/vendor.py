"""A vendor in front of the sandbox EHR: one ASGI layer that plays from the vendor's book (`service.sandbox.written`)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from service import clock
from service.sandbox.asgi import App, Asked, Receive, Scope, Send, Told, answer_of, fhir, read, tell
from service.sandbox.mode import INSIDE, statement
from service.sandbox.written.books import WRITTEN
from service.sandbox.written.frame import Book, Json, Question, header_of, resource_of
from service.sandbox.written.listed import types_of

#: Where a PUT from inside sets the switches that a vendor's rules read, such as {"lacking": ["DocumentReference.create"]}.
SWITCHES: Final = "sandbox/switches"
#: Where an app gets its token; the EHR behind knows who may.
_TOKENS: Final = "auth/token"
_SUCCESS: Final = range(200, 300)


class Vendor:
    """The ASGI layer: what the book refuses never reaches the EHR behind it. book is another than the vendor's own in tests."""

    def __init__(self, app: App, vendor: str, *, book: Book | None = None) -> None:
        self._app = app
        self._statement = statement(vendor)
        self._listed = types_of(self._statement)
        self._book = book or WRITTEN[vendor]
        self._switches: dict[str, Any] = {}
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await tell(await self._told(await read(scope, receive)), send)

    async def _told(self, asked: Asked) -> Told:
        if asked.inside and asked.path == SWITCHES and asked.method == "PUT":
            self._switches.update(asked.resource())
            return fhir(self._switches)
        if asked.inside or asked.path.startswith("."):
            return await answer_of(self._app, asked)
        if asked.path == "metadata":
            return fhir(self._statement)
        if asked.path == _TOKENS:
            return self._book.retold(self._question(asked), await answer_of(self._app, asked))
        return await self._answer(asked)

    def _question(self, asked: Asked) -> Question:
        self._number += 1
        opened, now = self._book.opened(asked), clock.now().timestamp()
        return Question(opened, self._listed, opened.resource(), self._number, self._switches, at=now)

    async def _answer(self, asked: Asked) -> Told:
        """What the vendor answers, by its book."""
        question = self._question(asked)
        question = replace(question, found=await self._look_up(question))
        refusal = self._book.refusal(question)
        if refusal:
            return refusal.told()
        if question.interaction == "batch":
            return await self._answer_each(question)
        return self._book.retold(question, await answer_of(self._app, self._book.changed(question)))

    async def _look_up(self, question: Question) -> dict[str, Json]:
        """What the rules want to know of the EHR, seen from inside."""
        found = {}
        for reference in self._book.looked_up(question):
            told = await answer_of(self._app, _inside(question.asked, reference))
            if resource_of(told):
                found[reference] = resource_of(told)
        return found

    async def _answer_each(self, question: Question) -> Told:
        """The entries of a batch, each as if it had come alone, in the order of the questions."""
        answers = [
            _entry(await self._answer(_single(question.asked, entry)))
            for entry in question.body.get("entry", [])
        ]
        return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": answers})


def _single(asked: Asked, entry: Mapping[str, Any]) -> Asked:
    """One entry of a batch as a request of its own."""
    request = entry.get("request", {})
    address = urlsplit(str(request.get("url", "")))
    body = json.dumps(entry["resource"]).encode() if "resource" in entry else b""
    alone = asked.moved(str(request.get("method", "")), address.path.strip("/"), body)
    return alone.with_query(parse_qsl(address.query, keep_blank_values=True))


def _inside(asked: Asked, path: str) -> Asked:
    """A read or a search of the hospital's own side."""
    address = urlsplit(path)
    alone = asked.moved("GET", address.path).with_query(parse_qsl(address.query))
    names = {name.lower(): value for name, value in INSIDE.items()}
    return replace(alone, headers=names)


def _entry(told: Told) -> Json:
    """An answer as an entry of a batch-response."""
    status = f"{told.status} {HTTPStatus(told.status).phrase}"
    resource = json.loads(told.body) if told.body else None
    if told.status not in _SUCCESS:
        return {"response": {"status": status, **({"outcome": resource} if resource else {})}}
    version = header_of(told, "etag")
    response = {"status": status, **({"etag": version} if version else {})}
    return {"response": response, **({"resource": resource} if resource else {})}
