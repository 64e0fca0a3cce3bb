"""A CapabilityStatement as rules: what it does not list is not done."""

from collections.abc import Mapping
from typing import Any, Final

from service.sandbox.written.frame import BUNDLES, Question, Rule

#: Asked of no resource type in particular; _offset is how the EHR's own next links page, _page what an opened link is about.
ALWAYS: Final = frozenset({"_format", "_pretty", "_offset", "_page", "_include", "_revinclude"})
_SEARCH: Final = frozenset({"search-type"})


def types_of(statement: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What a statement lists, by resource type."""
    return {resource["type"]: resource for resource in statement["rest"][0]["resource"]}


def listed_only(refusal: int, *, parameters: bool = True) -> tuple[Rule, ...]:
    """Types, interactions, search parameters and includes that the statement does not list are refused.

    refusal is the status for an interaction. With parameters False a parameter that is not listed is taken: another entry says
    what becomes of it.
    """
    rules = (
        Rule(
            row=1,
            name="unlisted type",
            about="There is no such resource here.",
            refuses=lambda question: (
                bool(question.asked.path) and question.resource_type not in question.listed
            ),
            status=404,
            code="not-supported",
        ),
        Rule(
            row=1,
            name="unlisted interaction",
            about="The resource type does not offer this interaction.",
            refuses=lambda question: bool(question.asked.path) and not _is_offered(question),
            status=refusal,
            code="not-supported",
        ),
        Rule(
            row=0,
            name="unlisted include",
            about="A search brings along nothing but what the statement lists.",
            interactions=_SEARCH,
            refuses=_brings_more,
            status=400,
            code="not-supported",
        ),
    )
    unlisted = Rule(
        row=13,
        name="unlisted parameter",
        about="The search has a parameter that is not listed for this resource type.",
        interactions=_SEARCH,
        refuses=lambda question: bool(unlisted_names(question)),
        status=400,
        code="not-supported",
    )
    return (*rules, unlisted) if parameters else rules


def unlisted_names(question: Question) -> frozenset[str]:
    """The search parameters of a question that the statement does not list for its type."""
    listed = question.listed.get(question.resource_type, {}).get("searchParam", [])
    return question.names - ALWAYS - {parameter["name"] for parameter in listed}


def no_bundles(status: int = 405) -> Rule:
    """Neither batch nor transaction."""
    return Rule(
        row=28,
        name="bundles",
        about="Bundles are not taken.",
        refuses=lambda question: not question.asked.path,
        status=status,
        code="not-supported",
    )


def batches_of_reads() -> tuple[Rule, ...]:
    """A batch may read; what writes, and what is no batch, is refused as a whole."""
    return (
        Rule(
            row=10,
            name="transaction",
            about="Transactions are not taken.",
            interactions=frozenset({"transaction"}),
            refuses=lambda _: True,
            status=422,
            code="not-supported",
        ),
        Rule(
            row=10,
            name="batch that writes",
            about="A batch may only read.",
            interactions=frozenset({"batch"}),
            refuses=lambda question: any(map(_writes, question.body.get("entry", []))),
            status=422,
            code="processing",
        ),
        Rule(
            row=0,
            name="other requests of the base",
            about="Nothing but a batch is taken here.",
            refuses=lambda question: not question.asked.path and question.interaction not in BUNDLES,
            status=405,
            code="not-supported",
        ),
    )


def _is_offered(question: Question) -> bool:
    offered = question.listed.get(question.resource_type, {}).get("interaction", [])
    return question.interaction in {interaction["code"] for interaction in offered}


def _brings_more(question: Question) -> bool:
    taken = set(question.listed.get(question.resource_type, {}).get("searchInclude", []))
    return any(
        name.startswith(("_include", "_revinclude")) and not taken & {"*", value}
        for name, value in question.asked.query
    )


def _writes(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("request", {}).get("method", "")) != "GET"
