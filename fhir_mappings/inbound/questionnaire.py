"""Questionnaire → what its items ask and what their options are called, for responses that only name the item.

R4 keeps a question's codes in the form; a response repeats the linkId, and often no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fhir_mappings.inbound.codes import codes
from fhir_mappings.inbound.elements import Json, items, text
from fhir_mappings.inbound.references import Shared
from fhir_mappings.inbound.values import points_of
from service.domain.codes import Code

#: A form that is longer is an accident or an attack.
_MAX_ITEMS: Final = 2000
_FORM: Final = "Questionnaire"


@dataclass(frozen=True, slots=True)
class Asked:
    """One item of a form: its codes, words and definition, and its options' words and points by code."""

    codes: tuple[Code, ...] = ()
    text: str = ""
    definition: str = ""
    displays: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)


NOT_ASKED: Final = Asked()


def index_forms(forms: list[Json]) -> dict[str, Json]:
    """Forms by their url, and by url|version; of two versions the later one stands for the url alone."""
    found: dict[str, Json] = {}
    for form in sorted(forms, key=lambda form: (text(form.get("version")), text(form.get("date")))):
        if url := text(form.get("url")):
            found[url] = found[f"{url}|{text(form.get('version'))}"] = form
    return found


def form_address(response: Json) -> str:
    """The address of the form that was answered: R4's canonical, STU3's reference, or the extension in their place."""
    given = response.get("questionnaire")
    if isinstance(given, dict):
        given = given.get("reference")
    if isinstance(given, str) and given.strip():
        return given.strip()
    beside = [response.get("_questionnaire"), response]
    extensions = (extension for place in items(beside) for extension in items(place.get("extension")))
    for extension in extensions:
        if "questionnaire" in text(extension.get("url")).lower():
            named = (
                extension.get(name) for name in ("valueUri", "valueUrl", "valueCanonical", "valueString")
            )
            if address := next((text(value) for value in named if text(value)), ""):
                return address
    return ""


def find_form(response: Json, shared: Shared) -> Json:
    """The form of a response: contained in it, or read along with it; {} when it is not here."""
    address = form_address(response)
    contained = [
        resource for resource in items(response.get("contained")) if resource.get("resourceType") == _FORM
    ]
    for form in contained:
        if address in {f"#{text(form.get('id'))}", text(form.get("url")), _canonical(form)}:
            return form
    if found := _shared_form(address, shared):
        return found
    return contained[0] if len(contained) == 1 else {}


def asked_by_link(form: Json) -> dict[str, Asked]:
    """Every item of a form by its linkId, at any depth."""
    return {text(item.get("linkId")): _asked(item) for item in _items_of(form) if text(item.get("linkId"))}


def _shared_form(address: str, shared: Shared) -> Json:
    """By its full address with and without the version, else by Questionnaire/id where it is relative."""
    bare = address.partition("|")[0]
    relative = bare.partition("/_history/")[0]
    known = (shared.get(name) for name in (address, bare, relative) if name)
    found = next((form for form in known if form), {})
    return found if found.get("resourceType") == _FORM else {}


def _canonical(form: Json) -> str:
    return f"{text(form.get('url'))}|{text(form.get('version'))}"


def _items_of(form: Json) -> Iterator[Json]:
    waiting, seen = items(form.get("item")), 0
    while waiting and seen < _MAX_ITEMS:
        item = waiting.pop()
        seen += 1
        yield item
        waiting += items(item.get("item"))


def _asked(item: Json) -> Asked:
    options = [*items(item.get("answerOption")), *items(item.get("option"))]
    values = [value for option in options if (value := _option(option))]
    return Asked(
        codes=codes(item.get("code")),
        text=text(item.get("text")),
        definition=text(item.get("definition")),
        displays={code: display for code, display, _ in values if display},
        points={
            name: score for code, display, score in values if score is not None for name in (code, display)
        },
    )


def _option(option: Json) -> tuple[str, str, float | None] | None:
    """The code, the words and the points of one option."""
    coding = option.get("valueCoding")
    if isinstance(coding, dict):
        return text(coding.get("code")), text(coding.get("display")), points_of(option, coding)
    said = next((text(option[key]) for key in option if key.startswith("value")), "")
    return (said, said, points_of(option)) if said else None
