"""Faults in front of the sandbox EHR, as networks, gateways and busy servers make them; drawn from a seed.

The n-th request of a run meets the same fate in every run with the same seed and rate. What is applied before the answer
is lost is applied at once, never late: a server that wakes up after minutes is another story.
"""

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any, Final

from service import clock
from service.sandbox.asgi import App, Asked, Receive, Scope, Send, Told, answer_of, fhir, outcome, read, tell
from service.sandbox.mode import Mode
from service.sandbox.spells import DONE, SLOW_SECONDS, Spell, Trouble, bundled, met

#: Where the counts of what went wrong are read, from inside.
COUNTS: Final = "sandbox/faults"
#: Where a PUT from inside says which spells are on now, and whether single requests still fail: {"spells": [], "flaky": true}.
CONTROL: Final = "sandbox/spells"
#: A request that hangs is dropped after this: longer than a client of the fault suite waits.
HANG_SECONDS: Final = 4.0
_SLOW_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1


class Fault(StrEnum):
    """What goes wrong. "After" means that the EHR did what it was asked before."""

    ERROR_AFTER = "500 after"
    BAD_GATEWAY = "502 before"
    UNAVAILABLE = "503 before"
    GATEWAY_TIMEOUT_AFTER = "504 after"
    BUSY_SECONDS = "429, seconds"
    BUSY_DATE = "429, HTTP date"
    HANGS = "no answer, before"
    HANGS_AFTER = "no answer, after"
    RESET = "connection reset, before"
    RESET_AFTER = "connection reset, after"
    TRUNCATED = "answer cut off"
    LOGIN_PAGE = "HTML login page"
    SLOW = "slow"
    STALE_ETAG = "stale ETag"


_STATUS: Final = {
    Fault.ERROR_AFTER: 500,
    Fault.BAD_GATEWAY: 502,
    Fault.UNAVAILABLE: 503,
    Fault.GATEWAY_TIMEOUT_AFTER: 504,
    Fault.BUSY_SECONDS: 429,
    Fault.BUSY_DATE: 429,
}
_APPLIED: Final = frozenset(
    {
        Fault.ERROR_AFTER,
        Fault.GATEWAY_TIMEOUT_AFTER,
        Fault.HANGS_AFTER,
        Fault.RESET_AFTER,
        Fault.TRUNCATED,
        Fault.SLOW,
    }
)
_SILENT: Final = frozenset({Fault.HANGS, Fault.HANGS_AFTER, Fault.RESET, Fault.RESET_AFTER})
_PAUSES: Final = {Fault.HANGS: HANG_SECONDS, Fault.HANGS_AFTER: HANG_SECONDS, Fault.SLOW: _SLOW_SECONDS}
_LOGIN_PAGE: Final = b"<!DOCTYPE html><html><title>Sign in</title><body><form>Password</form></body></html>"
#: No version of any resource.
_STALE: Final = 'W/"gone"'


class Fates:
    """What becomes of each request in turn: the same sequence for the same seed."""

    def __init__(self, mode: Mode) -> None:
        self._rate = mode.fault_rate
        self._random = random.Random(mode.seed)  # noqa: S311  the same sequence every time is the point

    def __call__(self, asked: Asked) -> Fault | None:
        """The next of the sequence. Two numbers are drawn for each request, so that none shifts the others."""
        chance, which = self._random.random(), self._random.random()
        faults = [fault for fault in Fault if fault is not Fault.STALE_ETAG or _carries_version(asked)]
        return faults[int(which * len(faults))] if chance < self._rate else None


class Flaky:
    """The ASGI layer: each request meets its fate.

    drop ends the connection of an ASGI scope without a word, as a reset does.
    """

    def __init__(
        self,
        app: App,
        fate: Callable[[Asked], Fault | None],
        drop: Callable[[Scope], None],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app = app
        self._fate = fate
        self._drop = drop
        self._pause = pause
        self._counts: Counter[str] = Counter()
        self._spells: list[Spell] = []
        self._fails = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it go wrong."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = await read(scope, receive)
        if asked.inside:
            await tell(await self._undisturbed(asked), send)
            return
        told = await self._fated(asked)
        if told is not None:
            await tell(told, send)
            return
        self._drop(scope)
        await receive()  # returns when the server has noticed that the connection is gone

    async def _undisturbed(self, asked: Asked) -> Told:
        if asked.path.endswith(COUNTS):
            return fhir(dict(self._counts))
        if asked.path.endswith(CONTROL) and asked.method == "PUT":
            wanted = json.loads(asked.body)
            self._spells = [Spell.loaded(told) for told in wanted["spells"]]
            self._fails = wanted["flaky"]
            return fhir({})
        return await answer_of(self._app, asked)

    async def _fated(self, asked: Asked) -> Told | None:
        """What a spell or the request's own fate makes of it; None for a connection that ends without an answer."""
        found = met(self._spells, asked)
        if found is None:
            fault = self._fate(asked) if self._fails else None
            self._counts[fault.value if fault else "none"] += 1
            return await self._told(asked, fault)
        spell, places = found
        self._counts[spell.trouble.value] += 1
        self._spend(spell)
        return await self._spelled(asked, spell, places)

    def _spend(self, spell: Spell) -> None:
        """One time less; a spell whose times are over has ended."""
        if spell.times:
            spell.times -= 1
            if not spell.times:
                self._spells = [other for other in self._spells if other is not spell]

    async def _spelled(self, asked: Asked, spell: Spell, places: frozenset[int]) -> Told | None:
        """The wrong answer: to all of it, or to the entries of a batch in these places."""
        if spell.trouble in DONE:
            told = await answer_of(self._app, spell.rewritten(asked))
            await self._pause(SLOW_SECONDS if spell.trouble is Trouble.SLOW else 0.0)
            return None if spell.trouble is Trouble.LOST else told
        if not places:
            return spell.answer()
        asked_for = bundled(asked)
        others = [entry for place, entry in enumerate(asked_for) if place not in places]
        answered: list[dict[str, Any]] = []
        if others:
            told = await answer_of(self._app, asked.with_body({**asked.resource(), "entry": others}))
            answered = json.loads(told.body).get("entry", [])
            if len(answered) != len(others):
                return told
        rest = iter(answered)
        entries = [spell.entry() if place in places else next(rest) for place in range(len(asked_for))]
        return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": entries})

    async def _told(self, asked: Asked, fault: Fault | None) -> Told | None:
        """What is answered; None for a connection that ends without an answer."""
        if fault is None or fault is Fault.STALE_ETAG:
            return await answer_of(self._app, _stale(asked) if fault else asked)
        told = await answer_of(self._app, asked) if fault in _APPLIED else None
        await self._pause(_PAUSES.get(fault, 0.0))
        if fault in _SILENT:
            return None
        if fault in _STATUS:
            return _unwell(fault)
        if told is None:
            return Told(200, (("content-type", "text/html"),), _LOGIN_PAGE)
        return told if fault is Fault.SLOW else replace(told, body=told.body[: len(told.body) // 2])


def _unwell(fault: Fault) -> Told:
    told = fhir(outcome("transient", "The server is not well."), _STATUS[fault])
    if fault is Fault.BUSY_SECONDS:
        return told.with_header("retry-after", str(_RETRY_SECONDS))
    if fault is Fault.BUSY_DATE:
        at = clock.now() + timedelta(seconds=_RETRY_SECONDS)
        return told.with_header("retry-after", format_datetime(at, usegmt=True))
    return told


def _carries_version(asked: Asked) -> bool:
    return "if-match" in asked.headers or any(map(_has_version, bundled(asked)))


def _stale(asked: Asked) -> Asked:
    """The same request about a version that is no more: the EHR itself refuses it."""
    if "if-match" in asked.headers:
        return asked.with_header("if-match", _STALE)
    entries = [
        {**entry, "request": {**entry["request"], "ifMatch": _STALE}} if _has_version(entry) else entry
        for entry in bundled(asked)
    ]
    return asked.with_body({**asked.resource(), "entry": entries})


def _has_version(entry: dict[str, Any]) -> bool:
    return "ifMatch" in entry.get("request", {})


def reset(transport: asyncio.Transport) -> None:
    """End a connection the rude way: the other side gets a TCP reset instead of an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
