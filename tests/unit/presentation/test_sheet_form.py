"""In which form a sheet is given: large, aloud, in writing; and that the form tells nothing that is withheld."""

import pytest

from service.domain.evidence import Certainty
from service.domain.record import Language
from service.domain.sensitivity import Label
from service.presentation.patient_sheet import Reader, patient_sheet, sheet_note, write_sheet
from service.presentation.sheet_form import Contact, SheetForm, find_sheet_form
from tests import builders as a
from tests.cases_reader import TODAY
from tests.unit.pipeline.assess.shipped import CONTENT

UNSURE = (a.evidence(certainty=Certainty.UNCERTAIN),)


@pytest.mark.parametrize(
    ("need", "large_print", "read_aloud", "contact"),
    [
        ("vision-rehabilitation", True, True, Contact.PHONE),
        ("personal-health-literacy", False, True, Contact.PHONE),
        ("hearing-communication", False, False, Contact.IN_WRITING),
        ("digital-access", False, False, Contact.NO_PHONE),
        ("food-insecurity", False, False, Contact.PHONE),
    ],
)
def test_a_need_decides_the_form(need, large_print, read_aloud, contact):
    form = find_sheet_form(a.planned(a.need(need)))
    assert (form.large_print, form.read_aloud, form.contact) == (large_print, read_aloud, contact)
    assert bool(form.why) is (form != SheetForm())


def test_the_codes_of_the_form_are_needs_that_exist():
    known = {protocol.ref.id for protocol in CONTENT.protocols}
    assert known >= {
        "vision-rehabilitation",
        "personal-health-literacy",
        "hearing-communication",
        "digital-access",
    }


def test_what_only_words_hint_at_is_enough_for_large_print_and_says_so():
    hinted = a.need("vision-rehabilitation", present=False, evidence=UNSURE)
    form = find_sheet_form(a.planned(hinted))
    assert form.large_print
    assert form.why == ("Vision rehabilitation, to be confirmed",)


def test_what_nobody_asked_or_somebody_asked_and_ruled_out_changes_nothing():
    assert find_sheet_form(a.planned(a.need("vision-rehabilitation", present=False))) == SheetForm()
    assert find_sheet_form(a.planned(a.need("digital-access", present=False))) == SheetForm()


def test_a_withheld_need_gives_no_form():
    labelled = a.need("vision-rehabilitation", labels=frozenset({Label.BH}))
    assert find_sheet_form(a.planned(labelled)) == SheetForm()


def test_a_language_without_a_sheet_is_read_aloud_by_an_interpreter():
    about = a.record(patient=a.person(languages=(Language("vi"),)))
    form = find_sheet_form(a.planned(about=about))
    assert form.read_aloud
    assert form.why == ("No translation into Vietnamese",)
    assert not find_sheet_form(
        a.planned(about=a.record(patient=a.person(languages=(Language("es"),))))
    ).read_aloud


def test_the_staff_are_told_and_the_sheet_is_not():
    plan = a.planned(a.need("vision-rehabilitation"), a.need("hearing-communication"))
    note = sheet_note(plan).text
    for said in ("large print", "Read it aloud to the patient once.", "not by voice"):
        assert said in note
        assert said not in patient_sheet(plan, Reader.PATIENT)
    assert "relay service" in patient_sheet(plan, Reader.PATIENT)


def test_the_parts_of_a_sheet_say_what_its_text_says():
    plan = a.planned(a.need(interventions=a.interventions()))
    sheet = write_sheet(plan, Reader.PATIENT)
    assert sheet is not None
    assert sheet.as_text() == patient_sheet(plan, Reader.PATIENT)
    assert all(part.lines for part in sheet.parts)
    assert plan.today == TODAY
