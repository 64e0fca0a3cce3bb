import json
from datetime import UTC, date, datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.domain.assessment import Outcome
from service.domain.plan import Plan
from service.domain.record import Encounter, Patient
from service.store.plan_json import plan_from_json, plan_to_json

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
