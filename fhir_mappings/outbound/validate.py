"""The last gate before a resource leaves: R4 by fhir.resources, then what that library does not check.

It checks neither required bindings nor invariants nor the narrative; profiles it does not know. A failure names element
paths and rules, never content: what is wrong here may be about a person.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Final

from pydantic_core import ValidationError

from fhir_mappings import systems
from fhir_mappings.outbound.bindings import REQUIRED, SDOH_DOMAINS
from fhir_mappings.outbound.elements import Json
from service.errors import InvalidResource

#: The XHTML our narratives use, a part of what FHIR allows (txt-1).
_NARRATIVE_ELEMENTS: Final = frozenset({"div", "p", "b", "h3", "ul", "li"})
_Parts = tuple[Any, ...]


def validate(body: Json) -> Json:
    """The same body, valid R4; InvalidResource names what is broken: "Goal.target.0.dueDate (value_error)"."""
    problems = [*_shape(body), *_bindings(body), *_broken_rules(body)]
    if problems:
        raise InvalidResource(f"Not valid FHIR: {'; '.join(problems)}.")
    return body


def load_models(kinds: Iterable[str]) -> None:
    """Import the R4B models of these resource types now rather than at their first use."""
    for kind in kinds:
        _model(kind)


def _shape(body: Json) -> list[str]:
    kind = body["resourceType"]
    try:
        _model(kind).model_validate(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return [f"{'.'.join(map(str, (kind, *problem['loc'])))} ({problem['type']})" for problem in found]
    return []


@cache
def _model(kind: str) -> Any:
    """The R4B model of a resource type, imported on first use: the command line starts without it."""
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def _bindings(body: Json) -> list[str]:
    return [
        f"{path} (required binding)"
        for path, value in _leaves(body["resourceType"], body)
        if path in REQUIRED and value not in REQUIRED[path]
    ]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every primitive with its element path; a contained resource begins a path of its own."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            root = value.get("resourceType", path)
            waiting += [(f"{root}.{name}", part) for name, part in value.items()]
        elif isinstance(value, list):
            waiting += [(path, part) for part in value]
        else:
            yield path, value


def _broken_rules(body: Json) -> list[str]:
    parts = tuple(_parts(body))  # walked once for all rules
    return [f"{body['resourceType']} ({name})" for name, holds in _RULES if not holds(body, parts)]


def _nothing_empty(_: Json, parts: _Parts) -> bool:
    """ele-1 for objects and lists, and no null."""
    return all(part not in ("", [], {}, None) for part in parts)


def _contains_nothing(body: Json, parts: _Parts) -> bool:
    """dom-3 and ref-1, for whoever changes it later as well: nothing is contained, so no local reference names anything."""
    named = (part["reference"] for part in parts if isinstance(part, dict) and "reference" in part)
    return "contained" not in body and not any(str(reference).startswith("#") for reference in named)


def _periods_run_forward(_: Json, parts: _Parts) -> bool:
    """per-1; our dates are whole days, so their text orders them."""
    return all(
        part["start"] <= part["end"]
        for part in parts
        if isinstance(part, dict) and part.keys() >= {"start", "end"}
    )


def _activity_is_reference_or_detail(body: Json, _: _Parts) -> bool:
    activities = body.get("activity", ()) if body["resourceType"] == "CarePlan" else ()
    return all(("reference" in part) != ("detail" in part) for part in activities)


def _detail_has_measure(body: Json, _: _Parts) -> bool:
    targets = body.get("target", ()) if body["resourceType"] == "Goal" else ()
    return all("measure" in part for part in targets if "detailString" in part)


def _device_acts_for_someone(body: Json, _: _Parts) -> bool:
    return all("onBehalfOf" in part for part in body.get("agent", ()))


def _care_plan_is_assess_plan(body: Json, _: _Parts) -> bool:
    if body["resourceType"] != "CarePlan":
        return True
    wanted = {"system": systems.US_CORE_CAREPLAN_CATEGORY, "code": "assess-plan"}
    codings = (one for category in body.get("category", ()) for one in category.get("coding", ()))
    return any(wanted.items() <= one.items() for one in codings)


def _attachments_hold_something(body: Json, _: _Parts) -> bool:
    contents = body.get("content", ()) if body["resourceType"] == "DocumentReference" else ()
    return all(part.get("attachment", {}).keys() & {"data", "url"} for part in contents)


def _social_domain_is_known(_: Json, parts: _Parts) -> bool:
    return all(
        part["code"] in SDOH_DOMAINS
        for part in parts
        if isinstance(part, dict) and part.get("system") == systems.SDOHCC
    )


def _narrative_is_plain_xhtml(body: Json, _: _Parts) -> bool:
    if "text" not in body:
        return True
    try:
        # Our own text, escaped by the same library: there is no entity in it to expand.
        root = ET.fromstring(body["text"]["div"])  # noqa: S314
    except ET.ParseError:
        return False
    allowed = {f"{{{systems.XHTML}}}{name}" for name in _NARRATIVE_ELEMENTS}
    return all(
        (element.tag in allowed and not element.attrib) or _is_web_link(element) for element in root.iter()
    )


def _is_web_link(element: ET.Element) -> bool:
    """Whether it is a link to a page, and no more."""
    address = element.attrib.get("href", "")
    is_link = element.tag == f"{{{systems.XHTML}}}a" and element.attrib.keys() == {"href"}
    return is_link and address.startswith(("https://", "http://"))


def _parts(value: Any) -> Iterator[Any]:
    """Everything inside a JSON value."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        waiting += inside
        yield from inside


_RULES: Final[tuple[tuple[str, Callable[[Json, _Parts], bool]], ...]] = (
    ("ele-1", _nothing_empty),
    ("dom-3", _contains_nothing),
    ("per-1", _periods_run_forward),
    ("cpl-3", _activity_is_reference_or_detail),
    ("gol-1", _detail_has_measure),
    ("txt-1", _narrative_is_plain_xhtml),
    ("us-core-careplan:AssessPlan", _care_plan_is_assess_plan),
    ("us-core-provenance-1", _device_acts_for_someone),
    ("us-core-6", _attachments_hold_something),
    ("SDOHCC-ValueSetSDOHCategory", _social_domain_is_known),
)
