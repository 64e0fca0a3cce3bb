from datetime import UTC, date, datetime
from io import StringIO

import pytest
from rich.console import Console

from service.domain.assessment import Blocker, Disposition, Factor, Outcome, Readiness, Verdict
from service.domain.community_service import Matches
from service.domain.plan import Plan
from service.domain.protocol import ProtocolRef, Review, Urgency
from service.domain.record import Gap, GapReason
from service.domain.sensitivity import Label
from service.presentation.table import plan_table
from tests import builders as a


def printed(plan: Plan, width=100, **more):
    out = StringIO()
    Console(file=out, width=width, **more).print(plan_table(plan))
    return out.getvalue()


def a_full_plan():
    return a.planned(
        a.need(interventions=a.interventions(), protocol=ProtocolRef("food-insecurity", "1.0")),
        a.need("self-harm-risk", labels=frozenset({Label.BH}), interventions=a.interventions("wic")),
        a.need("stress", present=False),
        matches=Matches((("food-pantry", (a.match(),)),)),
        disposition=Disposition("home", "Home", (Factor("Stairs at home", "against"),)),
        readiness=Readiness(Verdict.NOT_READY, (Blocker("x", "No oxygen", "A delivery date"),)),
        about=a.record(gaps=(Gap("Coverage", GapReason.REFUSED, "403 Forbidden"),)),
    )


def test_each_part_of_the_plan_has_its_table_in_the_order_of_reading():
    text = printed(a_full_plan())
    titles = [
        "Patient",
        "Needs",
        "Referrals",
        "Goals",
        "Follow-ups",
        "Tasks",
        "To teach",
        "To ask at the bedside",
        "Could not be read",
    ]
    assert [line.strip() for line in text.splitlines() if line.strip() in titles] == titles


@pytest.mark.parametrize(
    "told",
    [
        "Zelda Testperson, age 73, female (Patient/p1)",
        "Encounter/e1, no day of leaving named; plan of 2024-03-05",
        "Readiness: not ready (1 blocker). Going to: Home (suggested).",
        "No oxygen. Cleared by: A delivery date",
        "Speaks against",
        "Stairs at home",
        "LACE (2010): 11, high",
        "Invented finding Z59.41, 2024-03-02",
        "Self harm risk [BH]",
        "3.2 km",
        "no community service found",
        "Has enough of food pantry",
        "Call about food pantry: 2024-03-05 to 2024-03-12",
        "How about stress?",
        "Coverage: refused: 403 Forbidden",
    ],
)
def test_what_a_clinician_looks_for_is_there(told):
    assert told in printed(a_full_plan(), width=120)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, printed(a_full_plan(), width).splitlines())) <= width


def test_where_there_is_no_terminal_it_is_plain_text():
    assert "\x1b" not in printed(a_full_plan())


def test_nothing_in_a_record_can_colour_or_control_the_terminal():
    plan = a.planned(a.need(title="[red]x[/red]\x1b[31m", evidence=(a.evidence(text="\x1b]0;x\x07"),)))
    text = printed(plan, force_terminal=True, color_system="truecolor")
    assert "[red]x[/red]" in text
    assert "\x1b[31m" not in text
    assert "\x1b]0" not in text


def test_an_empty_part_says_none():
    text = printed(a.planned(about=a.record(patient=a.person(name="", birth_date=None))))
    assert "none" in text
    assert "female (Patient/p1)" in text


def test_a_plan_without_verdicts_can_be_shown():
    bare = Plan("t", a.person(), a.stay(), a.TODAY, a.TODAY, a.planned().outcome, ())
    assert "Outlook" in printed(bare)


def test_the_stay_says_whether_the_patient_has_left_or_when():
    gone = a.record(encounter=a.stay(end=datetime(2024, 3, 3, 12, tzinfo=UTC)))
    soon = a.record(encounter=a.stay(planned_end=date(2024, 3, 8)))
    assert "Encounter/e1, left 2024-03-03; plan of 2024-03-05" in printed(a.planned(about=gone), width=120)
    assert "Encounter/e1, to leave 2024-03-08; plan of" in printed(a.planned(about=soon), width=120)


def test_the_id_of_a_protocol_is_broken_at_a_hyphen_and_leaves_room_for_the_evidence():
    long = ProtocolRef("health-insurance-coverage-status", "1.0", Review.PENDING)
    lines = printed(a.planned(a.need(protocol=long)), width=80).splitlines()
    assert [line for line in lines if "health-insurance-" in line]
    assert [line for line in lines if "coverage-status" in line]
    assert any("Invented finding Z59.41, 2024-03-02" in line for line in lines)


def test_what_cannot_wait_stands_first_among_the_needs():
    text = printed(a.planned(a.need("stress"), a.need("food-insecurity", urgency=Urgency.URGENT)))
    assert text.index("Food insecurity") < text.index("Stress")


def test_what_is_to_be_taught_is_there():
    lesson = a.planned(a.need(interventions=a.interventions())).education[0].text
    assert lesson in printed(a.planned(a.need(interventions=a.interventions())))


def test_of_a_patient_who_died_only_what_is_left_to_do_is_shown():
    gone = a.planned(a.need(interventions=a.interventions()), outcome=Outcome.DIED)
    text = printed(gone)
    assert "the patient has died" in text
    assert "Tasks" in text
    for title in ("Needs", "Referrals", "To ask at the bedside", "Compliance", "Risk"):
        assert title not in text
