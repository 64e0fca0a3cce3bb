"""Faults that last: for a while, or for so many requests, an EHR or a gateway before it gives one wrong answer.

Unlike the faults of `flaky`, which meet one request each, a spell is begun and ended from outside (`flaky.CONTROL`), and is
about some resource types, about reads or writes, or about everything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from service.sandbox.asgi import Asked, Told, fhir, outcome

Json = dict[str, Any]

SLOW_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1
_PAGE: Final = (
    b"<!DOCTYPE html><html><title>Not here</title><body><p>The page cannot be shown.</p></body></html>"
)
_READ_METHODS: Final = frozenset({"GET", "HEAD"})


class Trouble(StrEnum):
    """What is answered while a spell lasts."""

    NOT_FOUND = "404"
    NOT_FOUND_PAGE = "404, HTML page"
    GONE = "410"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    UNPROCESSABLE = "422"
    BUSY = "429 with Retry-After"
    UNAVAILABLE = "503"
    PAGE = "200, HTML page"
    EMPTY = "searches find nothing"
    SLOW = "answers after 2 s"
    LOST = "done, and the answer lost"
    NOTES_LEFT_OUT = "no note is kept"
    NOTES_ENDED = "a newline after each note"


class Asks(StrEnum):
    """What is asked of the EHR."""

    READS = "reads"
    WRITES = "writes"
    ALL = "all"


_STATUS: Final[Mapping[Trouble, int]] = {
    Trouble.NOT_FOUND: 404,
    Trouble.NOT_FOUND_PAGE: 404,
    Trouble.GONE: 410,
    Trouble.UNAUTHORIZED: 401,
    Trouble.FORBIDDEN: 403,
    Trouble.UNPROCESSABLE: 422,
    Trouble.BUSY: 429,
    Trouble.UNAVAILABLE: 503,
    Trouble.PAGE: 200,
}
_PAGES: Final = frozenset({Trouble.NOT_FOUND_PAGE, Trouble.PAGE})
#: These the EHR does as it is asked; what is wrong is when, or whether, it answers.
DONE: Final = frozenset({Trouble.SLOW, Trouble.LOST, Trouble.NOTES_LEFT_OUT, Trouble.NOTES_ENDED})
#: Of these, what is kept is not quite what was sent.
REWRITTEN: Final = frozenset({Trouble.NOTES_LEFT_OUT, Trouble.NOTES_ENDED})


@dataclass(slots=True)
class Spell:
    """One trouble: of these types (none: of everything), for these asks, for `times` requests (0: until it is ended)."""

    trouble: Trouble
    types: frozenset[str] = field(default_factory=frozenset)
    asks: Asks = Asks.ALL
    times: int = 0

    def dumped(self) -> Json:
        """As the control takes it."""
        return {
            "trouble": self.trouble.value,
            "types": sorted(self.types),
            "asks": self.asks.value,
            "times": self.times,
        }

    @classmethod
    def loaded(cls, told: Mapping[str, Any]) -> Self:
        """What `dumped` wrote."""
        return cls(Trouble(told["trouble"]), frozenset(told["types"]), Asks(told["asks"]), told["times"])

    def meets(self, method: str, path: str) -> bool:
        """Whether a request, or an entry of a Bundle, is met."""
        kind, _, rest = path.partition("?")[0].strip("/").partition("/")
        reads = method in _READ_METHODS or rest == "_search"
        if self.trouble is Trouble.EMPTY and (not reads or rest not in {"", "_search"}):
            return False
        if self.types and kind not in self.types:
            return False
        return self.asks is Asks.ALL or reads is (self.asks is Asks.READS)

    def answer(self) -> Told:
        """The wrong answer to a whole request."""
        if self.trouble in _PAGES:
            return Told(_STATUS[self.trouble], (("content-type", "text/html"),), _PAGE)
        if self.trouble is Trouble.EMPTY:
            return fhir(_nothing_found())
        told = fhir(outcome("processing", "The server does not do this now."), _STATUS[self.trouble])
        return told.with_header("retry-after", str(RETRY_SECONDS)) if self.trouble is Trouble.BUSY else told

    def entry(self) -> Json:
        """The wrong answer to one entry of a batch."""
        if self.trouble is Trouble.EMPTY:
            return {"resource": _nothing_found(), "response": {"status": "200"}}
        said = outcome("processing", "The server does not do this now.")
        return {"response": {"status": str(_STATUS[self.trouble]), "outcome": said}}

    def rewritten(self, asked: Asked) -> Asked:
        """A request as an EHR understands it that keeps notes in its own way, or not at all."""
        if self.trouble not in REWRITTEN or asked.method not in {"POST", "PUT"}:
            return asked
        if entries := bundled(asked):
            written = [
                {**entry, "resource": self._with_notes(entry["resource"])} if "resource" in entry else entry
                for entry in entries
            ]
            return asked.with_body({**asked.resource(), "entry": written})
        return asked.with_body(self._with_notes(asked.resource()))

    def _with_notes(self, resource: Json) -> Json:
        if "note" not in resource:
            return resource
        if self.trouble is Trouble.NOTES_LEFT_OUT:
            return {name: part for name, part in resource.items() if name != "note"}
        notes = [{**note, "text": f"{note.get('text', '')}\n"} for note in resource["note"]]
        return {**resource, "note": notes}

    @property
    def is_whole(self) -> bool:
        """Whether it is about the answer as a whole, never about one entry of a Bundle."""
        return self.trouble in DONE or self.trouble in _PAGES


def met(spells: Iterable[Spell], asked: Asked) -> tuple[Spell, frozenset[int]] | None:
    """The first spell that a request meets, and the places of the entries of a batch that alone it meets (none: all of it)."""
    entries = bundled(asked)
    for spell in spells:
        places = frozenset(place for place, entry in enumerate(entries) if spell.meets(*_line(entry)))
        alone = bool(spell.types) and not spell.is_whole and asked.resource().get("type") == "batch"
        if entries and places:
            return spell, places if alone or spell.trouble is Trouble.EMPTY else frozenset()
        if not entries and spell.meets(asked.method, asked.path):
            return spell, frozenset()
    return None


def bundled(asked: Asked) -> list[Json]:
    """The entries of a batch or transaction; [] for any other request."""
    if asked.path or asked.method != "POST":
        return []
    found: list[Json] = asked.resource().get("entry", [])
    return found


def _line(entry: Mapping[str, Any]) -> tuple[str, str]:
    request = entry.get("request", {})
    return str(request.get("method", "")), str(request.get("url", ""))


def _nothing_found() -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []}
