"""Orders by the hospital's own table: which service each covers, and which stand for the item itself."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.codes import Code, System
from service.domain.community_service import Matches
from service.domain.preference_list import KnownOrders, ListedOrder, SuggestedOrder
from service.pipeline.draft import draft
from tests import builders as a
from tests.unit.pipeline.test_standing_orders import needs, order

ZONE = ZoneInfo("America/New_York")
PANTRY = "food-pantry"
TABLE = {PANTRY: ListedOrder("4711", frozenset({"80012"}))}
NOON = datetime.combine(a.TODAY, time(12), ZONE)


def covered(*orders, **known):
    plan = draft(
        a.record(*orders),
        a.assessment(*needs()),
        Matches(),
        tenant="example",
        orders=KnownOrders(TABLE, zone=ZONE, **known),
    )
    return {referral.service for referral in plan.referrals if referral.existing}


def by_key(code="80012", system="urn:oid:1.2.3", **more):
    return order("ORDER 12", codes=(Code(system, code),), status="active", **more)


@pytest.mark.parametrize("code", ["80012", "4711"])
def test_an_order_by_the_table_covers_just_its_service(code):
    assert covered(by_key(code)) == {PANTRY}


@pytest.mark.parametrize("system", [System.SNOMED, System.LOINC, System.CPT])
def test_the_same_number_in_everybodys_code_system_covers_nothing(system):
    assert covered(by_key(system=system)) == set()


def test_what_was_adopted_stands_for_the_item_and_covers_nothing_else():
    made = by_key()
    assert covered(made, adopted=frozenset({made.reference})) == set()


@pytest.mark.parametrize(
    ("after", "services"), [(timedelta(minutes=1), set()), (-timedelta(minutes=1), {PANTRY})]
)
def test_what_may_answer_a_suggestion_is_left_to_publishing_and_what_was_made_before_covers(after, services):
    stay = a.record().encounter.reference
    made = by_key(encounter=stay, authored=NOON + after, began=a.TODAY)
    suggested = [SuggestedOrder(f"referral:{PANTRY}", TABLE[PANTRY], NOON)]
    assert covered(made, suggested=suggested) == services


def test_an_order_of_another_stay_answers_no_suggestion():
    made = by_key(encounter="Encounter/another", authored=NOON + timedelta(minutes=1), began=a.TODAY)
    suggested = [SuggestedOrder(f"referral:{PANTRY}", TABLE[PANTRY], NOON)]
    assert covered(made, suggested=suggested) == {PANTRY}
