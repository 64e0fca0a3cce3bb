"""Which forms are asked for: bounded, and of the EHR alone."""

import pytest

from fhir_mappings import systems
from fhir_mappings.bundle import Search
from fhir_mappings.form_searches import MAX_FORMS, form_searches
from service.domain.record import GapReason
from service.ehr.capability import Capability, ResourceCapability
from tests.builders import resource

BASE = "https://ehr.example/fhir/r4"
FORM = "http://forms.example/Questionnaire/hvs"


def _offered(*, url: bool = True):
    found = ResourceCapability(frozenset({"search-type"}), frozenset({"url"} if url else ()))
    return Capability(resources={"Questionnaire": found})


def _response(address, number="q", link="1.1", **item):
    asked = {"linkId": link, "answer": [{"valueString": "Often true"}], **item}
    return resource("QuestionnaireResponse", number, questionnaire=address, item=[asked])


@pytest.mark.parametrize(
    ("address", "search"),
    [
        (FORM, Search("Questionnaire", (("url", FORM),))),
        (f"{FORM}|2.0", Search("Questionnaire", (("url", FORM),))),
        ("Questionnaire/SH-1", Search("Questionnaire", id="SH-1")),
        (f"{BASE}/Questionnaire/SH-1", Search("Questionnaire", id="SH-1")),
        (f"{BASE}/Questionnaire/SH-1/_history/3", Search("Questionnaire", id="SH-1")),
        (
            "https://elsewhere.example/Questionnaire/9",
            Search("Questionnaire", (("url", "https://elsewhere.example/Questionnaire/9"),)),
        ),
    ],
)
def test_a_form_is_asked_of_the_ehr_by_its_id_or_its_url(address, search):
    assert form_searches([_response(address)], _offered(), BASE) == ((search,), ())


@pytest.mark.parametrize(
    "address",
    [
        FORM,
        "urn:uuid:1",
        "Questionnaire/../Patient/1",
        "Questionnaire/a?b=c",
        "//elsewhere.example/x",
        f"{BASE}/../x",
        "x" * 600,
    ],
)
def test_what_cannot_be_asked_for_is_a_gap_and_dials_nothing(address):
    searches, (gap,) = form_searches([_response(address)], _offered(url=False), BASE)
    assert searches == ()
    assert (gap.about, gap.reason, gap.count) == ("Questionnaire", GapReason.NOT_OFFERED, 1)
    assert address not in gap.detail


@pytest.mark.parametrize(
    "response",
    [
        _response(FORM, link="/88122-7"),
        _response(FORM, code=[{"system": systems.LOINC, "code": "88122-7"}]),
        _response(FORM, answer=[]),
        _response(""),
        {**_response("#f"), "contained": [{"resourceType": "Questionnaire", "id": "f"}]},
    ],
)
def test_a_form_that_would_tell_nothing_is_not_asked_for(response):
    assert form_searches([response], _offered(), BASE) == ((), ())


def test_a_form_that_is_here_is_not_asked_for():
    form = {"resourceType": "Questionnaire", "id": "f", "url": FORM}
    assert form_searches([_response(FORM), form], _offered(), BASE) == ((), ())


def test_each_form_is_asked_for_once_and_no_more_than_a_few():
    same = [_response(FORM, number=str(n)) for n in range(30)]
    many = [_response(f"Questionnaire/{n}", number=f"m{n}") for n in range(30)]
    searches, (gap,) = form_searches([*same, *many], _offered(), BASE)
    assert len(searches) == len(set(searches)) == MAX_FORMS
    assert gap.count == 31 - MAX_FORMS
