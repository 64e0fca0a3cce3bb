"""What makes a later plan's resources the same as those that the EHR holds."""

from datetime import UTC, date, datetime, timedelta

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.plan import Plan
from service.domain.record import Encounter
from tests import builders as a

AUTHOR = Author("Homeward", "Example Hospital")
PLANNED = date(2024, 3, 8)


def planned(stay: Encounter, today: date) -> Plan:
    need = a.need(interventions=a.interventions())
    return a.planned(need, about=a.record(encounter=stay), today=today)


def meanings(plan: Plan) -> dict[str, str]:
    drafts = plan_resources(plan, author=AUTHOR, recorded=datetime(2024, 3, 5, tzinfo=UTC))
    return {draft.key: draft.meaning for draft in drafts if draft.key != "provenance"}


def on(day: int, stay: Encounter) -> dict[str, str]:
    return meanings(planned(stay, a.TODAY + timedelta(days=day)))


def test_while_nobody_has_said_when_a_plan_of_tomorrow_means_the_same():
    assert on(0, a.stay()) == on(1, a.stay())


def test_until_the_day_planned_and_once_it_has_come_a_plan_means_the_same():
    announced = a.stay(planned_end=PLANNED)
    left = a.stay(end=datetime(2024, 3, 8, 15, tzinfo=UTC))
    assert on(0, announced) == on(2, announced) == on(3, announced) == on(4, left)


def test_a_day_that_moves_changes_what_is_due():
    moved = on(0, a.stay(planned_end=PLANNED + timedelta(days=2)))
    assert on(0, a.stay(planned_end=PLANNED))["care-plan"] != moved["care-plan"]
    assert on(0, a.stay(planned_end=PLANNED))["care-plan"] != on(0, a.stay())["care-plan"]
