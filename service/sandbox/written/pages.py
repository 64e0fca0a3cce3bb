"""Pages of searches whose next links carry a token that says nothing to a client."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from service.sandbox.asgi import Asked, Told
from service.sandbox.written import parts
from service.sandbox.written.frame import Change, Entry, Question, Retelling, with_resource

Query = tuple[tuple[str, str], ...]

_SEARCH: Final = frozenset({"search-type"})
#: The most that the EHR behind gives on one page.
_ALL: Final = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """A search that goes on: what it asked, where it goes on, and when it began, in seconds since 1970."""

    query: Query
    began: float

    @property
    def offset(self) -> int:
        """How many resources stand on the pages before."""
        return next((int(value) for name, value in self.query if name == "_offset"), 0)

    def token(self) -> str:
        """As a next link carries it."""
        return urlsafe_b64encode(json.dumps([self.query, self.began]).encode()).decode()


def session_of(token: str) -> Session | None:
    """The session of a next link; None for what is none."""
    try:
        query, began = json.loads(urlsafe_b64decode(token.encode()))
        return Session(tuple((str(name), str(value)) for name, value in query), float(began))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Paging:
    """How a vendor pages: the parameter of its next links, the longest page and the most on all pages (0: no bound).

    With a longest page each is cut to two thirds of what is asked for: some parameters filter after the page is cut.
    With listed it is a parameter of the statement: types that do not list it have all on one page, and a next link
    carries the question's own parameters as well.
    """

    parameter: str
    size: int = 0
    most: int = 0
    listed: bool = False

    def session(self, question: Question) -> Session | None:
        """The session that a question goes on with; None where it begins one."""
        return next(filter(None, map(session_of, question.values(self.parameter))), None)

    def entries(self, row: int) -> tuple[Entry, ...]:
        """The rules that make pages so."""
        return (
            Change(
                row=row,
                name="short pages",
                about="Pages are short.",
                interactions=_SEARCH,
                change=self._go_on,
            ),
            Retelling(
                row=row,
                name="opaque links",
                about="Next links are opaque.",
                interactions=_SEARCH,
                retell=self._name_pages,
            ),
        )

    def has_expired(self, seconds: Callable[[Question], float]) -> Callable[[Question], bool]:
        """Whether the page that is asked for is of a session that is over after so long, or of none."""

        def expired(question: Question) -> bool:
            if self.parameter not in question.names:
                return False
            session = self.session(question)
            return session is None or question.at - session.began > seconds(question)

        return expired

    def _is_for(self, question: Question) -> bool:
        listed = question.listed.get(question.resource_type, {}).get("searchParam", [])
        return not self.listed or self.parameter in {parameter["name"] for parameter in listed}

    def _go_on(self, question: Question) -> Asked:
        session = self.session(question)
        if session:
            return question.asked.with_query(session.query)
        query = question.asked.query
        if not self._is_for(question):
            return question.asked.with_query([*query, ("_count", str(_ALL))])
        if not self.size:
            return question.asked
        asked = next((int(value) for name, value in query if name == "_count" and value.isdigit()), self.size)
        cut = max(1, min(asked, self.size) * 2 // 3)
        return question.asked.with_query(
            [*(pair for pair in query if pair[0] != "_count"), ("_count", str(cut))]
        )

    def _name_pages(self, question: Question, told: Told) -> Told:
        """The only links are that to itself and one to the next page."""
        answer = parts.searchset_of(told)
        links = {link["relation"]: link["url"] for link in answer.get("link", [])}
        if not links or not self._is_for(question):
            return told
        before = self.session(question)
        kept = [
            {"relation": "self", "url": self._address(question, before) if before else links.get("self", "")}
        ]
        query = tuple(parse_qsl(urlsplit(links.get("next", "")).query, keep_blank_values=True))
        following = Session(query, before.began if before else question.at)
        if query and not (self.most and following.offset >= self.most):
            kept.append({"relation": "next", "url": self._address(question, following)})
        return with_resource(told, {**answer, "link": kept})

    def _address(self, question: Question, session: Session) -> str:
        own = [pair for pair in question.asked.query if self.listed and pair[0] != self.parameter]
        query = urlencode([*own, (self.parameter, session.token())])
        return f"{parts.base_of(question.asked)}/{question.resource_type}?{query}"
