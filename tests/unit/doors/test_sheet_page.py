"""The patient's own sheet as a page to be printed: large where it must be, in its language, with nothing withheld on it."""

import html
import re

import pytest

from service.domain.assessment import Outcome
from service.domain.discharge import DischargeState
from service.domain.record import Language
from service.domain.sensitivity import Label
from service.doors import guard
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a

BLIND = a.need("vision-rehabilitation", interventions=a.interventions())


@pytest.fixture
def show(client, doubles):
    def show(*needs, query="", **more):
        made = doubles.keep(state=DischargeState.PUBLISHED)
        doubles.store.planned[made.id] = a.planned(*needs, **more)
        return client.get(f"/discharges/{made.id}/sheet{query}")

    return show


def words(page):
    """What stands between the tags of the main part."""
    main = page.partition("<main>")[2].partition("</main>")[0]
    return [html.unescape(said).strip() for said in re.split(r"<[^>]+>", main) if said.strip()]


def test_the_page_says_what_the_sheet_says_and_nothing_else(show):
    answer = show(BLIND)
    plan = a.planned(BLIND)
    lines = [
        line.removeprefix("- ") for line in patient_sheet(plan, Reader.PATIENT, phone="").splitlines() if line
    ]
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    said = words(answer.text)
    assert len(said) == len(lines)
    same = [one for one, line in zip(said, lines, strict=True) if one.casefold() == line.casefold()]
    assert len(same) >= len(lines) - 1  # the hospital's phone number stands on the page alone


@pytest.mark.parametrize(
    ("needs", "query", "large"),
    [
        ([BLIND], "", True),
        ([BLIND], "?print=normal", False),
        ([a.need()], "", False),
        ([a.need()], "?print=large", True),
        ([a.need()], "?print=%3Cscript%3E", False),
    ],
)
def test_large_print_is_chosen_by_the_need_and_by_the_link(show, needs, query, large):
    text = show(*needs, query=query).text
    assert ('<body class="large">' in text) is large
    assert ("Normal print" in text) is large
    assert ("Large print" in text) is not large
    assert "<script" not in text


def test_the_page_is_in_the_language_of_the_sheet(show):
    about = a.record(patient=a.person(languages=(Language("es"),)))
    assert '<html lang="es">' in show(a.need(), about=about).text
    assert '<html lang="en">' in show(a.need()).text


def test_what_is_withheld_on_the_sheet_is_not_on_the_page(show):
    secret = a.need(
        "zebrafish",
        title="Zebrafish",
        labels=frozenset({Label.SDV}),
        interventions=a.interventions("zebra-den"),
    )
    assert words(show(BLIND, secret).text) == words(show(BLIND).text)


def test_it_does_not_name_the_patient_nor_the_staffs_note(show):
    text = show(BLIND).text
    assert "Testperson" not in text
    assert "Read it aloud" not in text


@pytest.mark.parametrize("outcome", [Outcome.DIED, Outcome.TRANSFERRED])
def test_who_does_not_go_home_has_no_page(show, outcome):
    assert show(BLIND, outcome=outcome).status_code == 404


def test_before_there_is_a_plan_there_is_no_page(client, doubles):
    assert client.get(f"/discharges/{doubles.keep().id}/sheet").status_code == 404


def test_the_plan_leads_to_the_sheet_and_the_sheet_back(client, doubles):
    made = doubles.keep(state=DischargeState.PUBLISHED)
    doubles.store.planned[made.id] = a.planned(BLIND)
    plan = client.get(f"/discharges/{made.id}").text
    assert f'href="/discharges/{made.id}/sheet"' in plan
    assert "Print it in large print." in plan
    assert f'href="/discharges/{made.id}"' in client.get(f"/discharges/{made.id}/sheet").text


def test_a_role_that_sees_nothing_sensitive_gets_the_sheet_of_the_open_part(show, monkeypatch):
    monkeypatch.setattr(guard.Caller, "sees_sensitive_items", lambda _self: False)
    secret = a.need("zebrafish", labels=frozenset({Label.BH}), interventions=a.interventions("zebra-den"))
    text = show(BLIND, secret).text
    assert "ebra" not in text
    assert "Your care after the hospital" not in text
