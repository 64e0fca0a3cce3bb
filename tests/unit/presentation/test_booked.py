"""When and where, on the sheet a patient takes home."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from service.domain.protocol import FollowUpTemplate, Interventions
from service.domain.record import Kind, Language, Slot
from service.domain.sensitivity import Label
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a

CHICAGO = ZoneInfo("America/Chicago")
AT = datetime(2024, 3, 8, 20, 30, tzinfo=UTC)
CLINIC = Slot(AT, "Example Heart Clinic, 1 Example Street", "555-0100")
BH = frozenset({Label.BH})


def sheet(slot, *, reader=Reader.PATIENT, zone=CHICAGO, asked=True, speaks="en", **more):
    given = {"codes": (), "text": "Heart visit", "status": "booked", "began": date(2024, 3, 8), **more}
    booked = a.fact("3", Kind.APPOINTMENT, reference="Appointment/3", slot=slot, **given)
    visit = Interventions(
        follow_ups=(FollowUpTemplate("x", "Heart visit", 7, patient_text="See your doctor."),)
    )
    about = a.record(booked, patient=a.person(languages=(Language(speaks),)))
    plan = a.planned(*([a.need(interventions=visit)] if asked else []), about=about)
    text = patient_sheet(plan, reader, zone=zone)
    return next((line for line in text.splitlines() if "8" in line and "2024" in line), "")


def test_a_visit_says_day_and_time_where_the_hospital_is_and_where_to_go():
    assert sheet(CLINIC) == (
        "- See your doctor. It is booked for Friday, March 8, 2024 at 2:30 PM. "
        "Go to: Example Heart Clinic, 1 Example Street. Call 555-0100."
    )


def test_the_day_is_the_one_there():
    late = Slot(datetime(2024, 3, 9, 2, 0, tzinfo=UTC))
    assert "Friday, March 8, 2024 at 8:00 PM. Ask for the place before you leave." in sheet(late)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (None, "for Friday, March 8, 2024. Ask for the time and place before you leave."),
        (datetime(2024, 3, 8, 6, 0, tzinfo=UTC), "for Friday, March 8, 2024. Ask for the time and place"),
    ],
)
def test_no_time_on_record_is_no_time_on_the_sheet_and_midnight_is_none(at, said):
    assert said in sheet(Slot(at) if at else None)
    assert "Ask for the time before you leave." in sheet(Slot(at, "Clinic 4"))


def test_without_the_hospitals_zone_the_clock_on_record_counts_and_utc_is_none():
    there = datetime.fromisoformat("2024-03-08T14:30:00-06:00")
    assert "at 2:30 PM" in sheet(Slot(there), zone=ZoneInfo("UTC"))
    assert "Ask for the time and place" in sheet(Slot(AT), zone=ZoneInfo("UTC"))


def test_in_spanish_too():
    assert sheet(CLINIC, speaks="es").endswith(
        "Su cita es el viernes, 8 de marzo de 2024. Hora: 2:30 pm. "
        "Vaya a: Example Heart Clinic, 1 Example Street. Llame al 555-0100."
    )


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        (
            CLINIC,
            "at 2:30 PM. Go to: Example Heart Clinic, 1 Example Street. Call 555-0100. Ask what it is for.",
        ),
        (Slot(AT), "at 2:30 PM. Ask what it is for, and for the place."),
        (Slot(None, "Clinic 4"), "2024. Go to: Clinic 4. Ask what it is for, and for the time."),
        (None, "2024. Ask what it is for, and for the time and place."),
    ],
)
def test_a_visit_that_only_the_record_knows_says_when_and_where_and_not_what_for(slot, said):
    line = sheet(slot, asked=False)
    assert line.startswith("- You also have a visit on Friday, March 8, 2024")
    assert line.endswith(said)
    assert "Heart visit" not in line


def test_where_it_is_may_tell_others_what_it_is_for():
    assert "Heart Clinic" not in sheet(CLINIC, asked=False, reader=Reader.PROXY)
    assert "at 2:30 PM" in sheet(CLINIC, asked=False, reader=Reader.PROXY)
    assert "Heart Clinic" in sheet(CLINIC, reader=Reader.PROXY)


@pytest.mark.parametrize("asked", [True, False])
def test_of_sensitive_care_the_patient_is_told_when_and_nobody_is_told_where(asked):
    told = sheet(CLINIC, asked=asked, labels=BH)
    assert "at 2:30 PM" in told
    assert "Heart Clinic" not in told
    assert "555-0100" not in told
    assert sheet(CLINIC, asked=asked, labels=BH, reader=Reader.PROXY) == ""
