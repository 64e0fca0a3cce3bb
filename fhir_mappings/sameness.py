"""Whether a server still says what we sent it, in its own spelling.

A server may reorder a list, add and drop displays, put its own coding first, add ids, write an instant in another offset or
with less precision, turn a contained resource into one of its own, move an attachment behind a URL. None of this is
anybody's edit. `still_says` is asymmetric: what is found may say more than was said.
"""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fhir_mappings.references import literal

Json = dict[str, Any]

_TIME: Final = re.compile(r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}.*)?)?)?")
_DAY: Final = len("2024-03-05")
_TAG: Final = re.compile(r"<[^>]*>")
#: A part of a value that a server may leave out or word anew while the value stays the same.
_INCIDENTAL: Final = frozenset({"authorString", "display", "id", "size", "time", "title", "type"})
_URN: Final = "urn:uuid:"


def still_says(said: Any, found: Any) -> bool:
    """Return True if everything that was said stands in what was found, whatever else stands there."""
    if isinstance(said, dict):
        return isinstance(found, dict) and _object_says(said, found)
    if isinstance(said, list):
        return isinstance(found, list) and _list_says(said, found)
    if isinstance(said, str):
        return isinstance(found, str) and _text_says(said, found)
    return bool(said == found) and isinstance(said, bool) == isinstance(found, bool)


def words_of(narrative: Any) -> str:
    """The words of a Narrative, without markup and however spaced; "" where there are none."""
    div = narrative.get("div") if isinstance(narrative, dict) else None
    return _spaced(html.unescape(_TAG.sub(" ", div))) if isinstance(div, str) else ""


def names_of(item: Any) -> Iterator[object]:
    """By what an item of a list is told from the others, what tells surest first.

    Two items are the same one if they share a name; a value with no name of its own is told by all that it says.
    """
    if not isinstance(item, dict):
        yield _text_name(item)
    elif isinstance(item.get("reference"), str):
        yield "reference", _reference_name(item["reference"])
    elif "coding" in item or item.keys() <= {"text", "id"}:
        yield from _concept_names(item)
    elif "value" in item and "system" in item:
        yield "identifier", item["system"], item["value"]
    elif "code" in item and isinstance(item["code"], str):
        yield "coding", item.get("system", ""), item["code"]
    else:
        yield from _part_names(item)


def is_ours_elsewhere(said: str, found: str, contained: Mapping[str, str]) -> bool:
    """Return True if a reference to a contained resource ("#author") may have become one to a resource of its type.

    contained is the type of each resource contained in what was said, by id.
    """
    kind = contained.get(said.removeprefix("#")) if said.startswith("#") else None
    return kind is not None and literal(found).partition("/")[0] == kind


def _object_says(said: Json, found: Json) -> bool:
    if isinstance(said.get("reference"), str):
        return _reference_says(said["reference"], found.get("reference"))
    if isinstance(said.get("identifier"), dict):
        return _logical_reference_says(said, found)
    if "div" in said:
        return words_of(said) == words_of(found)
    if isinstance(said.get("coding"), list):
        return _concept_says(said, found)
    if "data" in said:
        return _attachment_says(said, found)
    return all(
        still_says(part, found[name]) if name in found else name in _INCIDENTAL
        for name, part in said.items()
        if name != "id"
    )


def _reference_says(said: str, found: Any) -> bool:
    """A link to another draft has another name in the EHR, so any name is its name."""
    if not isinstance(found, str):
        return False
    return said.startswith(_URN) or _reference_name(said) == _reference_name(found)


def _logical_reference_says(said: Json, found: Json) -> bool:
    """A reference by identifier, which a server may resolve, or of which it may keep the words alone."""
    if isinstance(found.get("identifier"), dict):
        return still_says(said["identifier"], found["identifier"])
    if "display" in found:
        return "display" in said and still_says(said["display"], found["display"])
    kind = literal(str(found.get("reference", ""))).partition("/")[0]
    return bool(kind) and kind == said.get("type")


def _concept_says(said: Json, found: Json) -> bool:
    """A coding may have gone where the server has none of its system; then the words must be the same."""
    ours, theirs = set(codings_of(said)), set(codings_of(found))
    lost, systems = ours - theirs, {system for system, _ in theirs}
    reworded = "text" in said and "text" in found and not still_says(said["text"], found["text"])
    if reworded or any(system in systems for system, _ in lost):
        return False
    return not lost or ("text" in said and "text" in found)


def _attachment_says(said: Json, found: Json) -> bool:
    """What was sent in base64 may stand behind a URL, and a content type may come with its parameters."""
    kinds = [str(part.get("contentType", "")).partition(";")[0].casefold() for part in (said, found)]
    return kinds[0] == kinds[1] and (found.get("data") == said["data"] or "url" in found)


def _list_says(said: list[Any], found: list[Any]) -> bool:
    left = list(found)
    for item in said:
        place = next((place for place, other in enumerate(left) if still_says(item, other)), None)
        if place is None:
            return False
        del left[place]
    return True


def _text_says(said: str, found: str) -> bool:
    if _spaced(said) == _spaced(found):
        return True
    return bool(_TIME.fullmatch(said) and _TIME.fullmatch(found)) and _is_same_time(said, found)


def _is_same_time(said: str, found: str) -> bool:
    """The same second, or the same day or month where one of them gives no more."""
    one, other = _instant(said), _instant(found)
    if one and other:
        return abs((one - other).total_seconds()) < 1
    if one and len(found) <= _DAY:
        return any(day.isoformat().startswith(found) for day in (one.date(), one.astimezone(UTC).date())) or (
            said.startswith(found)
        )
    if other and len(said) == _DAY:
        return found.startswith(said)
    return len(found) < len(said) and said.startswith(f"{found}-")


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if len(text) > _DAY else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def codings_of(concept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """System and code of each coding of a CodeableConcept, a system that is not there as ""."""
    codings = concept.get("coding")
    for coding in codings if isinstance(codings, list) else []:
        if isinstance(coding, dict) and "code" in coding:
            yield str(coding.get("system", "")), str(coding["code"])


def _reference_name(reference: str) -> str:
    return reference if reference.startswith(("#", "urn:")) else literal(reference) or reference


def _concept_names(concept: Json) -> Iterator[object]:
    for system, code in codings_of(concept):
        yield "coding", system, code
    if isinstance(concept.get("text"), str):
        yield "text", _spaced(concept["text"]).casefold()


#: Of a part that is neither a reference nor coded: the elements that name it, each by itself.
_NAMING: Final = (
    "url",
    "reference",
    "attachment",
    "identifier",
    "detail",
    "description",
    "measure",
    "code",
    "who",
    "what",
    "contentType",
    "text",
    "display",
    "type",
)


def _part_names(part: Json) -> Iterator[object]:
    """An activity is told by what it asks for: its reference, or the code or words of its detail."""
    if part.get("id"):
        yield "id", part["id"]
    named = False
    for element in _NAMING:
        for name in names_of(part[element]) if element in part else ():
            named = True
            yield element, name
    if not named:
        yield "nameless"


def _text_name(item: Any) -> object:
    return "value", _spaced(item) if isinstance(item, str) else repr(item)


def _spaced(text: str) -> str:
    return " ".join(text.split())
