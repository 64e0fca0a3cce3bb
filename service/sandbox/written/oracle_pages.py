"""Oracle Health: pages, versions and warnings (rows 11, 12, 15 and 17)."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from service.sandbox.asgi import Asked, Told
from service.sandbox.written import parts
from service.sandbox.written.frame import (
    ANY,
    READS,
    WRITES,
    Change,
    Json,
    Opening,
    Question,
    Retelling,
    each_resource,
    header_of,
    resource_of,
    with_resource,
)
from service.sandbox.written.oracle_bodies import codes_of

_SEARCH: Final = frozenset({"search-type"})
#: The page that an opened link is about, counted from 0; no vendor's parameter.
_PAGE: Final = "_page"
#: Entries of a page where nobody says otherwise, and at most.
_SIZES: Final[Mapping[str, tuple[int, int]]] = {"DocumentReference": (10, 100), "Observation": (50, 200)}
_OTHERS: Final = (50, 100)
#: All that sekmet gives at once.
_ALL: Final = 1000
#: How long a token lives (cerner/fhir.cerner.com, authorization pages).
_TOKEN_SECONDS: Final = 570
#: One searchset in so many is said to be incomplete.
_INCOMPLETE: Final = 5


def _open_page(asked: Asked) -> Asked:
    """The search that a link to a page came from."""
    context = dict(asked.query).get("pageContext", "")
    if not context:
        return asked
    try:
        query = json.loads(urlsafe_b64decode(context))
    except ValueError:
        return asked
    return asked.with_query((name, value) for name, value in query)


def _ask_for_all(question: Question) -> Asked:
    query = [
        (name, value) for name, value in question.asked.query if name not in {_PAGE, "_count", "_offset"}
    ]
    return question.asked.with_query([*query, ("_count", str(_ALL))])


def _drop_own_parameters(question: Question) -> Asked:
    """What only this vendor knows ("-relationship-level") has done its part in the rules; the EHR behind knows none of it."""
    return question.asked.with_query(pair for pair in question.asked.query if not pair[0].startswith("-"))


def _size_of(question: Question) -> int:
    usual, most = _SIZES.get(question.resource_type, _OTHERS)
    asked = next(iter(question.values("_count")), "")
    return min(int(asked), most) if asked.isdigit() and int(asked) else usual


def _is_social(entry: Mapping[str, Any]) -> bool:
    resource = entry.get("resource", {})
    social = "social-history" in codes_of(resource.get("category"))
    return bool(resource.get("resourceType") == "Observation" and social)


def _cut(question: Question, told: Told) -> Told:
    """One page: social history is all on the first one, and each later one begins with the last entry of the one before."""
    answer = parts.searchset_of(told)
    if not answer:
        return told
    page, size = int(next(iter(question.values(_PAGE)), "0")), _size_of(question)
    found = answer.get("entry", [])
    social = [entry for entry in found if _is_social(entry)]
    others = [entry for entry in found if not _is_social(entry)]
    begin, end = page * size, (page + 1) * size
    shown = others[begin - 1 : end] if page else [*social, *others[:end]]
    links = [{"relation": "self", "url": _self(question)}]
    if end < len(others):
        links.append({"relation": "next", "url": _next(question, page + 1)})
    cut = {name: part for name, part in answer.items() if name != "entry"}
    return with_resource(told, {**cut, "link": links, **({"entry": shown} if shown else {})})


def _next(question: Question, page: int) -> str:
    query = [[name, value] for name, value in question.asked.query if name != _PAGE]
    context = urlsafe_b64encode(json.dumps([*query, [_PAGE, str(page)]]).encode()).decode()
    return f"{_base_of(question)}{question.resource_type}?pageContext={context}&direction=NEXT"


def _self(question: Question) -> str:
    """The question as it was asked; it does not show how many were asked for."""
    asked = [(name, value) for name, value in question.asked.query if name not in {_PAGE, "_count"}]
    return f"{_base_of(question)}{question.resource_type}?{urlencode(asked)}"


def _base_of(question: Question) -> str:
    host = question.asked.headers.get("host", "")
    return f"http://{host}/fhir/" if host else ""


# --- versions ------------------------------------------------------------------------------------------

#: How a version is spelled, by type: they start at 0, and some are composed.
_SPELLINGS: Final[Mapping[str, str]] = {
    "Condition": "{}$0",
    "Communication": "135-{}",
    "Provenance": "{}$0",
    "Observation": "{}$0",
}
_USUAL: Final = "{}"


def _spell(resource_type: str, version: str) -> str:
    number = str(int(version) - 1) if version.isdigit() else version
    return _SPELLINGS.get(resource_type, _USUAL).format(number)


def _spell_versions(question: Question, told: Told) -> Told:
    def spelled(resource: Json) -> Json:
        version = resource.get("meta", {}).get("versionId")
        if version is None:
            return resource
        return {
            **resource,
            "meta": {**resource["meta"], "versionId": _spell(resource["resourceType"], version)},
        }

    told = each_resource(told, spelled)
    found = re.fullmatch(r'W/"(\d+)"', header_of(told, "etag"))
    return (
        told.with_header("etag", f'W/"{_spell(question.resource_type, found.group(1))}"') if found else told
    )


def _read_version(question: Question) -> Asked:
    """The EHR's own version of an If-Match; one that is spelled otherwise is no version of anything."""
    sent = question.asked.headers.get("if-match", "")
    if not sent:
        return question.asked
    pattern = re.escape(_SPELLINGS.get(question.resource_type, _USUAL)).replace(r"\{\}", r"(\d+)")
    found = re.fullmatch(rf'W/"{pattern}"', sent)
    version = str(int(found.group(1)) + 1) if found else "none"
    return question.asked.with_header("if-match", f'W/"{version}"')


# --- tokens --------------------------------------------------------------------------------------------


def _tell_scopes_of_the_app(question: Question, told: Told) -> Told:
    """What the app is registered for (the switch "scopes", a list), whatever was asked for, and for how long."""
    granted = resource_of(told)
    if "access_token" not in granted:
        return told
    scopes = " ".join(question.switches.get("scopes", [])) or granted.get("scope", "")
    return with_resource(told, {**granted, "scope": scopes, "expires_in": _TOKEN_SECONDS})


# --- warnings ------------------------------------------------------------------------------------------


def _say_incomplete(question: Question, told: Told) -> Told:
    answer = parts.searchset_of(told)
    if not answer.get("entry") or question.number % _INCOMPLETE:
        return told
    text = "Other search results were found but could not be expressed."
    issue = {"severity": "warning", "code": "suppressed", "details": {"text": text}}
    warning = {
        "fullUrl": "urn:uuid:4e6c8f0e-0000-4000-8000-000000000135",
        "resource": {"resourceType": "OperationOutcome", "issue": [issue]},
        "search": {"mode": "outcome"},
    }
    return with_resource(told, {**answer, "entry": [*answer["entry"], warning]})


TOKENS: Final = Retelling(
    row=39,
    name="token",
    about="A token has the app's scopes, whatever was asked for.",
    types=frozenset({"auth"}),
    retell=_tell_scopes_of_the_app,
)
VERSIONS: Final = (
    Change(
        row=12,
        name="versions read",
        about="A version is spelled the vendor's way.",
        interactions=WRITES,
        change=_read_version,
    ),
    Retelling(
        row=11,
        name="versions",
        about="A version starts at 0 or is composed.",
        interactions=READS | WRITES,
        retell=_spell_versions,
    ),
)
OPENING: Final = Opening(
    row=17,
    name="page links",
    about="A link to a page carries the search it came from.",
    types=ANY,
    open=_open_page,
)
PAGES: Final = (
    Change(
        row=13,
        name="parameters of its own",
        about="A search may carry parameters that are not FHIR's.",
        interactions=_SEARCH,
        change=_drop_own_parameters,
    ),
    Change(
        row=17,
        name="all of a search",
        about="Pages are cut from the whole.",
        interactions=_SEARCH,
        change=_ask_for_all,
    ),
    Retelling(
        row=17,
        name="pages",
        about="A page has a next link without the old parameters; an id comes twice; social history is on the first.",
        interactions=_SEARCH,
        retell=_cut,
    ),
    Retelling(
        row=15,
        name="suppressed results",
        about="Now and then a searchset says that other results could not be expressed.",
        interactions=_SEARCH,
        retell=_say_incomplete,
    ),
)
