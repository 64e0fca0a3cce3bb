import json
from datetime import UTC, date, datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.domain.assessment import Outcome
from service.domain.community_service import Matches
from service.domain.plan import Plan
from service.domain.record import Encounter, Patient
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.store.plan_json import plan_from_json, plan_to_json
from tests import builders as a
from tests.unit.pipeline.assess.shipped import CONTENT

st.register_type_strategy(
    str, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


#: A plan of random words has nothing to learn from being shrunk.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=50, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
@given(plan=st.from_type(Plan))
def test_a_plan_comes_back_from_json_as_it_was(plan):
    text = json.dumps(plan_to_json(plan))
    again = plan_from_json(json.loads(text))
    assert again == plan
    assert json.dumps(plan_to_json(again)) == text


def test_what_postgresql_cannot_hold_is_left_out():
    plan = Plan(
        tenant="t",
        patient=Patient(reference="Patient/1", name="Zelda\x00 Testperson"),
        encounter=Encounter(reference="Encounter/1"),
        today=date(2024, 3, 5),
        discharge_date=date(2024, 3, 6),
        outcome=Outcome.GOING_HOME,
        needs=(),
    )
    assert plan_from_json(plan_to_json(plan)).patient.name == "Zelda Testperson"


def test_a_list_that_is_left_out_is_left_out_of_the_plan_for_everybody_too():
    """The caseload reads plans without what explains them."""
    record = a.record(a.fact("I50.9"), a.fact("T74.11XA"))
    plan = draft(record, assess(record, CONTENT, today=a.TODAY), Matches(), tenant="t")
    document = plan_to_json(plan)
    assert document["explanations"]
    assert document["for_everybody"]["explanations"]
    short = plan_from_json({name: value for name, value in document.items() if name != "explanations"})
    assert short.for_everybody
    assert plan.for_everybody
    assert (short.explanations, short.for_everybody.explanations) == ((), ())
    assert short.for_everybody.needs == plan.for_everybody.needs
