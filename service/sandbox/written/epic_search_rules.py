"""Epic's written rules about searches: what they must say, what is left out, their remarks and pages. Rows 29 to 32."""

from collections.abc import Callable
from typing import Final

from service.sandbox.asgi import Asked, Told
from service.sandbox.written import epic_searches as searches
from service.sandbox.written import parts
from service.sandbox.written.epic_issues import coded, refusal_of, warned
from service.sandbox.written.frame import Change, Entry, Json, Question, Retelling, Rule, with_resource
from service.sandbox.written.pages import Paging

_SEARCH: Final = frozenset({"search-type"})
#: Switches: whether 4119 stands beside matches (true without it), types of which the app sees a part, seconds for which a next
#: link is good.
WARNS, PARTIAL, SESSION_SECONDS = "warns", "partial", "session_seconds"
_PAGING: Final = Paging(searches.SESSION, size=searches.PAGE, most=searches.MOST)


def _listed(question: Question) -> frozenset[str]:
    listed = question.listed.get(question.resource_type, {}).get("searchParam", [])
    return frozenset(parameter["name"] for parameter in listed)


def _without_parameters(question: Question) -> searches.Narrowed:
    return searches.leave_out_parameters(question.asked.query, _listed(question))


def _without_values(question: Question) -> searches.Narrowed:
    return searches.leave_out_values(question.resource_type, question.asked.query)


def _narrow(narrowed: Callable[[Question], searches.Narrowed]) -> Callable[[Question], Asked]:
    return lambda question: question.asked.with_query(narrowed(question).query)


def _add(told: Told, *entries: Json) -> Told:
    answer = parts.searchset_of(told)
    if not answer or not entries:
        return told
    return with_resource(told, {**answer, "entry": [*answer.get("entry", []), *entries]})


def _remark(
    narrowed: Callable[[Question], searches.Narrowed], number: str
) -> Callable[[Question, Told], Told]:
    def retell(question: Question, told: Told) -> Told:
        left_out = narrowed(question).left_out
        return _add(told, warned(number, left_out)) if left_out else told

    return retell


def _tell_partial(question: Question, told: Told) -> Told:
    return (
        _add(told, warned("59204")) if question.resource_type in question.switches.get(PARTIAL, []) else told
    )


def _cap(question: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    if answer.get("total", 0) <= searches.MOST:
        return told
    if question.resource_type == "Patient":
        return refusal_of("4127", 400).told()
    return _add(with_resource(told, {**answer, "total": searches.MOST}), warned("59133"))


def _is_match(entry: Json) -> bool:
    return bool(entry.get("resource", {}).get("resourceType") != "OperationOutcome")


def _warn(question: Question, told: Told) -> Told:
    """4119 beside matches."""
    matches = any(map(_is_match, parts.searchset_of(told).get("entry", [])))
    return _add(told, warned("4119")) if matches and question.switches.get(WARNS, True) else told


def _tell_emptiness(question: Question, told: Told) -> Told:
    """4101 where there is nothing: neither here nor on a next page."""
    answer = parts.searchset_of(told)
    more = any(link.get("relation") == "next" for link in answer.get("link", []))
    if not answer or more or _PAGING.session(question) or any(map(_is_match, answer.get("entry", []))):
        return told
    return _add(with_resource(told, {**answer, "total": 0}), warned("4101"))


def _seconds(question: Question) -> float:
    return float(question.switches.get(SESSION_SECONDS, searches.SESSION_SECONDS))


SEARCHES: Final[tuple[Entry, ...]] = (
    coded(
        "59108",
        Rule(
            row=31,
            name="kind of a search",
            about="A search for Observation says category or code, one for CarePlan category.",
            interactions=_SEARCH,
            refuses=lambda question: searches.lacks(question.resource_type, question.names, "59108"),
            status=400,
        ),
    ),
    coded(
        "4110",
        Rule(
            row=31,
            name="patient of a search",
            about="The search must say whose resources it is about.",
            interactions=_SEARCH,
            refuses=lambda question: searches.lacks(question.resource_type, question.names, "4110"),
            status=400,
        ),
    ),
    coded(
        "4113",
        Rule(
            row=32,
            name="expired pages",
            about="The session of this search is over.",
            interactions=_SEARCH,
            refuses=_PAGING.has_expired(_seconds),
            status=400,
        ),
    ),
    Change(
        row=30,
        name="unknown parameters",
        about="A parameter that is not listed is left out.",
        interactions=_SEARCH,
        change=_narrow(_without_parameters),
    ),
    Change(
        row=30,
        name="unknown values",
        about="A value that a parameter does not know is left out.",
        interactions=_SEARCH,
        change=_narrow(_without_values),
    ),
    *_PAGING.entries(32),
    Retelling(
        row=30,
        name="remark on parameters",
        about="4122 beside what was found without a parameter.",
        interactions=_SEARCH,
        retell=_remark(_without_parameters, "4122"),
    ),
    Retelling(
        row=30,
        name="remark on values",
        about="59101 beside what was found without a value.",
        interactions=_SEARCH,
        retell=_remark(_without_values, "59101"),
    ),
    Retelling(
        row=30,
        name="remark on a partial grant",
        about="59204 where the app sees a part.",
        interactions=_SEARCH,
        retell=_tell_partial,
    ),
    Retelling(row=30, name="cap", about="More than 100 are not given.", interactions=_SEARCH, retell=_cap),
)

REMARKS: Final[tuple[Entry, ...]] = (
    Retelling(
        row=29, name="entire record", about="4119 beside every match.", interactions=_SEARCH, retell=_warn
    ),
    Retelling(
        row=29,
        name="no results",
        about="4101 where nothing was found.",
        interactions=_SEARCH,
        retell=_tell_emptiness,
    ),
)
