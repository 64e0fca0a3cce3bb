"""The compliance checklist and BOOST's eight P, from a record to a plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.directory_file import load_directory
from service.domain.assessment import Outcome
from service.domain.checklist import Mark, Shown
from service.domain.codes import Code, System
from service.domain.community_service import LoadedDirectory
from service.domain.decision import WHOLE_PLAN, Choice
from service.domain.need import NeedState
from service.domain.record import Coverage, Encounter, Kind, Language
from service.pipeline.assess import assess
from service.pipeline.decide import decide
from service.pipeline.draft import draft
from service.pipeline.match import match
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT

DIRECTORY = LoadedDirectory(load_directory())
NOT_ASSESSED, PRESENT, ABSENT = NeedState.NOT_ASSESSED, NeedState.PRESENT, NeedState.ABSENT


def plan_of(*statements, **more):
    record = a.record(*statements, **more)
    judged = assess(record, CONTENT, today=a.TODAY)
    return draft(record, judged, match(judged, record.patient, DIRECTORY, today=a.TODAY), tenant="example")


def items(*statements, **more):
    return {item.key: item for item in plan_of(*statements, **more).compliance}


def boost(*statements, **more):
    return {item.key: item for item in plan_of(*statements, **more).boost}


def medicine(name):
    return a.fact(name, Kind.MEDICATION, system=System.TEXT, codes=(Code("", name, f"{name} 5 MG"),))


def order(text, number="9", **more):
    return a.fact(number, Kind.ORDER, text=text, codes=(), reference=f"ServiceRequest/{number}", **more)


# --- compliance -----------------------------------------------------------------------------------
def test_every_component_of_red_and_ideal_and_the_rule_itself_is_asked_for():
    asked = {name for item in items().values() for name in item.frameworks}
    assert {f"RED {number}" for number in range(1, 13)} <= asked
    assert {f"IDEAL {step}" for step in ("Include", "Discuss", "Educate", "Assess", "Listen")} <= asked
    assert {f"42 CFR 482.43(a)({number})" for number in (2, 3, 5, 6, 8)} <= asked
    assert {"42 CFR 482.43", "42 CFR 482.43(a)", "42 CFR 482.43(b)", "42 CFR 482.43(d)(1)"} <= asked


def test_of_an_empty_record_nothing_is_met():
    found = items().values()
    assert not [item.key for item in found if item.mark is Mark.MET]
    assert all(item.owner and item.to_do for item in found)


def test_what_only_a_person_can_say_is_never_met():
    spoken = {item.key for item in CONTENT.checklists.compliance if not (item.met or item.shown)}
    assert {"teach-back", "summary-sent", "choice-list", "discussed-with-patient"} <= spoken


def test_what_is_met_says_why():
    done = a.fact("430193006", Kind.PROCEDURE, system=System.SNOMED, status="completed")
    met = items(done)["reconciliation"]
    assert met.mark is Mark.MET
    assert [one.reference for one in met.evidence] == ["Procedure/430193006"]


def test_wishes_in_words_alone_meet_nothing():
    goal = a.fact("g", Kind.GOAL, text="Patient goal: walk to church", codes=(), reference="Goal/g")
    wishes = a.fact("d", Kind.DOCUMENT, text="Advance directive", codes=(), reference="DocumentReference/d")
    assert items(goal, wishes)["goals-and-preferences"].mark is Mark.OPEN


@pytest.mark.parametrize(
    ("payor", "mark"),
    [("Medicare Part A", Mark.OPEN), ("Example Mutual", Mark.NOT_APPLICABLE), ("", Mark.OPEN)],
)
def test_the_message_from_medicare_is_for_who_has_medicare_or_may_have_it(payor, mark):
    held = (Coverage("Coverage/1", "active", payor=payor),) if payor else ()
    assert items(coverages=held)["important-message"].mark is mark


def test_the_notice_of_observation_is_for_medicare_patients_under_observation():
    held = (Coverage("Coverage/1", "active", payor="Medicare Part A"),)
    watched = a.stay(class_code="OBSENC")
    assert items(coverages=held, encounter=watched)["observation-notice"].mark is Mark.OPEN
    assert items(coverages=held)["observation-notice"].mark is Mark.NOT_APPLICABLE
    other = (Coverage("Coverage/1", "active", payor="Example Mutual"),)
    assert items(coverages=other, encounter=watched)["observation-notice"].mark is Mark.NOT_APPLICABLE


def test_primary_care_takes_over_from_a_medicare_stay():
    held = (Coverage("Coverage/1", "active", payor="Medicare Part A"),)
    item = items(coverages=held)["transitional-care"]
    assert item.mark is Mark.OPEN
    assert "two business days" in item.requirement


def test_a_choice_list_is_for_a_plan_with_such_a_provider_or_without_a_place_to_go():
    at_home = a.answer("96761-2", 95)
    nursing = a.fact("L89.154")
    assert items()["choice-list"].mark is Mark.OPEN
    assert items(at_home)["choice-list"].mark is Mark.NOT_APPLICABLE
    assert items(at_home, nursing)["choice-list"].mark is Mark.OPEN


def test_language_help_is_met_where_it_is_not_needed_or_ordered():
    assert items(a.answer("54899-0", "LA43-5"))["language"].mark is Mark.MET
    spanish = a.person(languages=(Language("es", preferred=True),))
    assert items(patient=spanish)["language"].mark is Mark.OPEN
    interpreter = order("Professional interpreter for teaching, consent and every visit")
    met = items(interpreter, patient=spanish)["language"]
    assert (met.mark, met.evidence[0].reference) == (Mark.MET, "ServiceRequest/9")


def test_visits_are_booked_when_each_of_them_is():
    falls = a.fact("R29.6")
    assert items(falls)["appointments"].mark is Mark.OPEN
    visit = plan_of(falls).follow_ups[0]
    booked = a.fact("v", Kind.APPOINTMENT, text=visit.text, codes=(), status="booked", began=visit.due)
    met = items(falls, booked)["appointments"]
    assert met.mark is Mark.MET
    assert [one.on for one in met.evidence] == [visit.due]


def test_a_directory_takes_nobody_and_services_are_ordered_by_people():
    hungry = a.fact("Z59.41")
    found = items(hungry)
    assert all(one.community_services for one in plan_of(hungry).referrals)
    assert found["availability-and-access"].mark is Mark.OPEN
    assert found["services-and-equipment"].mark is Mark.OPEN
    orders = [order(item.title, f"o{n}") for n, item in enumerate(plan_of(hungry).referrals)]
    assert items(hungry, *orders)["services-and-equipment"].mark is Mark.MET


def test_a_mark_that_rests_on_something_withheld_is_told_to_everybody_as_without_it():
    plan = plan_of(a.fact("F11.20"))
    (item,) = [one for one in plan.compliance if one.key == "services-and-equipment"]
    assert item.mark is Mark.OPEN
    assert plan.shareable().compliance == plan_of().shareable().compliance


def test_who_does_not_go_home_has_no_checklists():
    gone = a.stay(disposition=(Code(System.DISPOSITION, "exp"),))
    plan = plan_of(encounter=gone)
    assert plan.outcome is Outcome.DIED
    assert (plan.compliance, plan.boost) == ((), ())


def done(item, **more):
    """What stands in the record for one item, as somebody did it."""
    return {
        "reconciliation": [
            a.fact("430193006", Kind.PROCEDURE, system=System.SNOMED, status="completed", **more)
        ],
        "diagnosis-education": [
            a.fact("311401005", Kind.PROCEDURE, system=System.SNOMED, status="completed", **more)
        ],
        "caregiver-capability": [a.fact("Z74.2", **more)],
    }[item]


@pytest.mark.parametrize("key", ["reconciliation", "diagnosis-education", "caregiver-capability"])
def test_a_line_is_met_by_what_names_act_actor_and_time_and_by_nothing_less(key):
    met = items(*done(key))[key]
    assert met.mark is Mark.MET
    assert all(one.reference and one.by and one.on for one in met.evidence)
    for lacks in ({"by": ""}, {"began": None}):
        assert items(*done(key, **lacks))[key].mark is Mark.OPEN


@pytest.mark.parametrize("lacks", [{"by": ""}, {"began": None}])
def test_an_order_of_nobody_or_of_no_day_meets_nothing(lacks):
    hungry = a.fact("Z59.41")
    orders = [order(one.title, f"o{n}", **lacks) for n, one in enumerate(plan_of(hungry).referrals)]
    assert items(hungry, *orders)["services-and-equipment"].mark is Mark.OPEN


@pytest.mark.parametrize(
    "undone",
    [{"status": "draft"}, {"status": "on-hold"}, {"intent": "proposal"}, {"intent": "plan"}],
)
def test_an_order_that_nobody_has_signed_yet_meets_nothing(undone):
    hungry = a.fact("Z59.41")
    orders = [order(one.title, f"o{n}", **undone) for n, one in enumerate(plan_of(hungry).referrals)]
    assert items(hungry, *orders)["services-and-equipment"].mark is Mark.OPEN


@pytest.mark.parametrize("status", ["preparation", "in-progress", "on-hold", "unknown", "not-done"])
def test_a_procedure_that_is_not_finished_meets_nothing(status):
    found = replace(done("reconciliation")[0], status=status)
    assert items(found)["reconciliation"].mark is Mark.OPEN


def test_what_we_draft_meets_nothing():
    """A score that we count, services that we find and questions that nobody has answered."""
    found = items(a.fact("I50.9"), a.fact("Z59.41"), a.answer("96761-2", 60))
    met = {key: item for key, item in found.items() if item.mark is Mark.MET}
    assert met == {}
    assert found["early-identification"].mark is Mark.OPEN
    assert found["needs-evaluated"].mark is Mark.OPEN


def test_a_plan_is_supervised_once_a_named_person_has_approved_it_and_only_as_long():
    plan = plan_of(a.fact("Z59.41"))
    key = "developed-by-qualified-staff"

    def item(*decisions):
        return next(one for one in decide(plan, decisions).compliance if one.key == key)

    assert item().mark is Mark.OPEN
    approved = item(a.decision(WHOLE_PLAN))
    assert approved.mark is Mark.MET
    assert [one.by for one in approved.evidence] == ["Practitioner/dana"]
    assert all(one.on for one in approved.evidence)
    assert item(a.decision(WHOLE_PLAN, Choice.DECLINED, reason="No")).mark is Mark.OPEN
    assert item(a.decision(plan.referrals[0].key)).mark is Mark.OPEN


def test_the_document_says_of_each_item_what_meets_it():
    """Which is a table to read, checked against the file that decides."""
    text = (Path(__file__).parents[3] / "docs" / "compliance.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {cells[1].strip().strip("`"): cells[3].strip() for cells in rows}
    rules = {rule.key: rule for rule in CONTENT.checklists.compliance}
    assert list(told) == list(rules)
    assert len(told) == 26
    for key, rule in rules.items():
        assert told[key].startswith("Nothing yet") is not bool(
            rule.met or (rule.shown and rule.shown is not Shown.SERVICES_TAKEN)
        ), key


# --- BOOST ----------------------------------------------------------------------------------------
def test_there_are_eight_p_and_of_an_empty_record_none_is_known():
    found = boost()
    assert len(found) == 8
    assert {item.state for item in found.values()} == {NOT_ASSESSED}


@pytest.mark.parametrize(
    ("key", "state", "said"),
    [
        ("problem-medications", PRESENT, [medicine("Digoxin")]),
        ("problem-medications", PRESENT, [medicine("Aspirin"), medicine("Clopidogrel")]),
        ("problem-medications", PRESENT, [medicine("Coumadin 5 MG Oral Tablet")]),
        ("problem-medications", ABSENT, [medicine("Aspirin")]),
        ("problem-medications", NOT_ASSESSED, [medicine("Aspirin"), medicine("Examplevin 5 MG Oral Tablet")]),
        ("problem-medications", NOT_ASSESSED, [a.fact("00056017270", Kind.MEDICATION, system=System.NDC)]),
        ("problem-medications", NOT_ASSESSED, [a.fact("855332", Kind.MEDICATION, system=System.RXNORM)]),
        (
            "problem-medications",
            NOT_ASSESSED,
            [a.fact("4711", Kind.MEDICATION, system="https://ehr.example")],
        ),
        (
            "principal-diagnosis",
            NOT_ASSESSED,
            [a.fact("L89.154"), a.fact("4711", system="https://ehr.example")],
        ),
        ("psychological", PRESENT, [a.answer("55758-7", 4)]),
        ("psychological", ABSENT, [a.answer("55758-7", 0)]),
        ("principal-diagnosis", PRESENT, [a.fact("I50.9")]),
        ("principal-diagnosis", ABSENT, [a.fact("L89.154")]),
        ("physical-limitation", PRESENT, [a.answer("96761-2", 40)]),
        ("physical-limitation", ABSENT, [a.answer("96761-2", 95)]),
        ("poor-health-literacy", PRESENT, [a.fact("Z55.6")]),
        ("poor-health-literacy", ABSENT, [a.answer("93157-6", "LA6270-8")]),
        ("patient-support", PRESENT, [a.fact("Z60.2")]),
        ("patient-support", ABSENT, [a.answer("93159-2", "LA6270-8")]),
        ("palliative-care", PRESENT, [a.fact("Z51.5")]),
        ("palliative-care", NOT_ASSESSED, [a.fact("I10")]),
    ],
)
def test_each_p_is_present_absent_or_not_assessed(key, state, said):
    item = boost(*said)[key]
    assert item.state is state
    assert state is not PRESENT or item.evidence


@pytest.mark.parametrize(
    ("started", "priority", "state"),
    [("2023-12-01", (), PRESENT), ("2023-08-01", (), ABSENT), ("2023-12-01", (Code("", "EL"),), ABSENT)],
)
def test_an_earlier_stay_counts_for_six_months_unless_it_was_elective(started, priority, state):
    start = a.ADMITTED.fromisoformat(f"{started}T08:00:00+00:00")
    before = Encounter("Encounter/b", "finished", "IMP", start, priority=priority)
    assert boost(encounters=(before,))["prior-hospitalization"].state is state


def test_the_psychological_p_is_sensitive_whatever_it_says():
    plan = plan_of(a.answer("55758-7", 0))
    assert "psychological" not in {item.key for item in plan.shareable().boost}
    assert len(plan.shareable().boost) == 7
