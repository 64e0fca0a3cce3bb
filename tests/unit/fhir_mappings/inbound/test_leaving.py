from datetime import date, timedelta

import pytest

from config.conventions import Conventions
from fhir_mappings import systems
from fhir_mappings.inbound.record import build_record
from service.domain.codes import Code, System
from tests import builders as a

IN_THREE_DAYS = date(2024, 3, 8)
SOON = {"start": "2024-03-01T08:00:00Z", "end": "2024-03-08T15:00:00Z"}


def order(number="discharge", /, **more):
    code = a.concept("58000006", systems.SNOMED, "Patient discharge")
    given = {"status": "active", "intent": "order", "code": code, "encounter": {"reference": a.ENCOUNTER}}
    return a.resource("ServiceRequest", number, **{**given, "authoredOn": "2024-03-04", **more})


def stay_of(*resources, today=a.TODAY, **more):
    read = [a.patient(), *resources]
    if not any(one["resourceType"] == "Encounter" for one in resources):
        read.append(a.encounter())
    return build_record(read, encounter=a.ENCOUNTER, today=today, **more).encounter


def test_nobody_has_said_when_until_somebody_says():
    assert stay_of().planned_end is None
    assert stay_of(order()).planned_end is None


def test_an_end_that_has_not_come_is_when_it_is_planned_to_come():
    stay = stay_of(a.encounter(period=SOON))
    assert (stay.end, stay.planned_end) == (None, IN_THREE_DAYS)
    assert stay_of(a.encounter(period=SOON), today=IN_THREE_DAYS).planned_end is None
    assert stay_of(a.encounter(plannedEndDate="2024-03-08")).planned_end == IN_THREE_DAYS


@pytest.mark.parametrize(
    "when",
    [
        {"occurrenceDateTime": "2024-03-08"},
        {"occurrenceDateTime": "2024-03-08T11:00:00-06:00"},
        {"occurrencePeriod": {"start": "2024-03-08", "end": "2024-03-10"}},
        {"occurrenceTiming": {"event": ["2024-03-10", "2024-03-08"]}},
    ],
)
def test_an_order_names_the_day_in_each_way_that_fhir_has(when):
    assert stay_of(order(**when)).planned_end == IN_THREE_DAYS


def test_a_signed_order_is_nearer_than_what_the_stay_says_and_of_several_the_earliest_counts():
    later, sooner = (
        order("later", occurrenceDateTime="2024-03-09"),
        order("sooner", occurrenceDateTime="2024-03-06"),
    )
    assert stay_of(a.encounter(period=SOON), later, sooner).planned_end == date(2024, 3, 6)


def test_a_day_that_has_passed_says_nothing_of_leaving():
    gone = order(occurrenceDateTime="2024-03-04")
    assert stay_of(gone).planned_end is None
    assert stay_of(gone, a.encounter(period=SOON)).planned_end == IN_THREE_DAYS
    assert stay_of(order(occurrenceDateTime="2024-03-05")).planned_end == a.TODAY


@pytest.mark.parametrize(
    "more",
    [
        {"status": "draft"},
        {"doNotPerform": True},
        {"status": "revoked"},
        {"status": "completed"},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"encounter": {"reference": "Encounter/another"}},
        {"encounter": None},
        {"subject": {"reference": "Patient/another"}},
        {"code": a.concept("91251008", systems.SNOMED)},
        {"occurrenceDateTime": "9999-12-31"},
        {"occurrenceDateTime": "soon"},
        {"occurrenceDateTime": None, "occurrencePeriod": ["?"]},
    ],
)
def test_what_is_no_signed_order_to_leave_this_stay_on_a_day_that_can_be_says_nothing(more):
    given = {"occurrenceDateTime": "2024-03-08", **more}
    assert stay_of(order(**given)).planned_end is None


def test_an_end_in_another_century_is_no_plan():
    assert stay_of(a.encounter(period={**SOON, "end": "9999-12-31"})).planned_end is None
    edge = a.TODAY + timedelta(days=90)
    assert stay_of(order(occurrenceDateTime=edge.isoformat())).planned_end == edge
    assert stay_of(order(occurrenceDateTime=(edge + timedelta(days=1)).isoformat())).planned_end is None


def test_a_hospital_has_order_codes_of_its_own():
    own = order(code=a.concept("DISCH", "urn:example:orders"), occurrenceDateTime="2024-03-08")
    assert stay_of(own).planned_end is None
    assert (
        stay_of(own, conventions=Conventions(frozenset({"urn:example:orders|DISCH"}))).planned_end
        == IN_THREE_DAYS
    )


def test_an_order_says_where_to():
    details = [
        a.concept("snf", systems.DISCHARGE_DISPOSITION),
        a.concept("91251008", systems.SNOMED),
        {"text": "by car"},
    ]
    stay = stay_of(order(orderDetail=details))
    assert stay.ordered_disposition == (
        Code(System.DISPOSITION, "snf"),
        Code(System.SNOMED, "91251008"),
        Code(System.TEXT, "by car"),
    )
    assert stay.disposition == ()
    assert stay_of(order(orderDetail=details, status="draft")).ordered_disposition == ()
