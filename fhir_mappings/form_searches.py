"""Which forms are read along with their answers: by an id or an address within the EHR, never from another host."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fhir_mappings.bundle import Search
from fhir_mappings.inbound.questionnaire import find_form, form_address, index_forms
from fhir_mappings.inbound.questionnaire_response import has_unknown_questions
from fhir_mappings.searches import Offered
from service.domain.record import Gap, GapReason

#: As many forms as are read for one patient.
MAX_FORMS: Final = 10
_LONGEST: Final = 512
_BY_ID: Final = re.compile(r"Questionnaire/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?")


def form_searches(
    resources: Iterable[dict[str, Any]], offered: Offered, base: str
) -> tuple[tuple[Search, ...], tuple[Gap, ...]]:
    """The searches for forms whose answers name no question by themselves, and a gap for forms that cannot be asked for.

    A form is known by its id where its address is relative or under the EHR's own base, else by `url` where the EHR's
    statement lists that search. An address in a record decides no host.
    """
    found, missing = set[Search](), 0
    for address in sorted(set(_unknown_forms(resources))):
        search = _search(address, offered, base)
        missing += search is None or len(found) >= MAX_FORMS
        if search and len(found) < MAX_FORMS:
            found.add(search)
    gap = Gap(
        "Questionnaire",
        GapReason.NOT_OFFERED,
        "Forms could not be asked for; their answers count as far as their own words tell.",
        missing,
    )
    return tuple(sorted(found, key=lambda search: search.url)), (gap,) if missing else ()


def _unknown_forms(resources: Iterable[dict[str, Any]]) -> Iterator[str]:
    read = list(resources)
    forms = [resource for resource in read if resource.get("resourceType") == "Questionnaire"]
    shared = {**index_forms(forms), **{f"Questionnaire/{form.get('id')}": form for form in forms}}
    for response in read:
        if response.get("resourceType") != "QuestionnaireResponse" or not form_address(response):
            continue
        if not find_form(response, shared) and has_unknown_questions(response):
            yield form_address(response)


def _search(address: str, offered: Offered, base: str) -> Search | None:
    own = address.removeprefix(f"{base.rstrip('/')}/").partition("|")[0]
    if named := _BY_ID.fullmatch(own):
        return Search("Questionnaire", id=named["id"])
    canonical = address.partition("|")[0]
    if "://" not in canonical or len(canonical) > _LONGEST or not offered.searches("Questionnaire", "url"):
        return None
    return Search("Questionnaire", (("url", canonical),))
