"""Whatever a record says, in whatever characters, a plan of it is valid FHIR or nothing at all."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from fhir_mappings.outbound.validate import validate
from service.domain.assessment import Outcome
from service.domain.codes import Code, System
from service.domain.evidence import Evidence
from service.domain.need import NeedState
from service.domain.protocol import (
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    NeedKind,
    ReferralTemplate,
    Urgency,
)
from service.domain.record import Gap, GapReason, Kind
from service.domain.sensitivity import Label
from tests import builders as a

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=6)
#: What the protocols hold is checked when they are loaded.
WORDS = st.sampled_from(["Food", "Clinic visit", "A & B <c>", "Línea 24"])
SYSTEMS = st.sampled_from([*System, "http://example.org/cs", "nonsense"])
CODES = st.none() | st.builds(Code, SYSTEMS, st.sampled_from(["1", "I50.9"]), ANY_TEXT)
REFERENCES = st.sampled_from(["Condition/1", "Observation/2", "Coverage/3", "urn:uuid:x"]) | ANY_TEXT
DATES = st.dates(date(1999, 1, 1), date(2030, 1, 1))
LABELS = st.frozensets(st.sampled_from(Label), max_size=1)
EVIDENCE = st.builds(Evidence, REFERENCES, CODES, st.none() | DATES, ANY_TEXT, labels=LABELS)
DAYS = st.integers(0, 40)
NEEDS = st.builds(
    a.need,
    st.sampled_from(["food-insecurity", "stress", "fall-risk"]),
    title=WORDS,
    kind=st.sampled_from(NeedKind),
    state=st.sampled_from(NeedState),
    evidence=st.lists(EVIDENCE, max_size=4).map(tuple),
    urgency=st.sampled_from(Urgency),
    labels=LABELS,
    interventions=st.builds(
        a.interventions,
        st.sampled_from(["food-pantry", "wic"]),
        referrals=st.tuples(st.builds(ReferralTemplate, st.just("wic"), WORDS, CODES, within_days=DAYS)),
        goals=st.tuples(st.builds(GoalTemplate, st.just("g"), WORDS, DAYS, CODES, ANY_TEXT)),
        follow_ups=st.tuples(st.builds(FollowUpTemplate, st.just("f"), WORDS, DAYS, DAYS, CODES)),
    ),
)
THERE = st.builds(
    a.fact,
    st.just("1"),
    st.sampled_from([Kind.ORDER, Kind.GOAL, Kind.APPOINTMENT, Kind.DEVICE]),
    text=WORDS,
    status=st.sampled_from(["active", "booked"]),
    began=DATES,
    labels=LABELS,
)
RECORDS = st.builds(
    a.record,
    THERE,
    encounter=st.builds(a.stay, end=st.none() | st.datetimes(timezones=st.just(UTC))),
    gaps=st.lists(st.builds(Gap, ANY_TEXT, st.sampled_from(GapReason), ANY_TEXT), max_size=2).map(tuple),
)
PLANS = st.builds(
    lambda needs, about, outcome: a.planned(*needs, about=about, outcome=outcome),
    st.lists(NEEDS, min_size=1, max_size=2, unique_by=lambda need: need.code),
    RECORDS,
    st.sampled_from(Outcome),
)
AUTHOR = Author("Homeward", "Example Hospital")


def resources(plan, at=datetime(2024, 3, 5, tzinfo=UTC)):
    return plan_resources(plan, author=AUTHOR, recorded=at)


@settings(deadline=timedelta(seconds=2))
@given(PLANS)
def test_every_resource_of_any_record_is_valid_and_can_be_sent(plan):
    for draft in resources(plan):
        assert validate(json.loads(json.dumps(draft.body).encode())) == draft.body


@settings(deadline=timedelta(seconds=2))
@given(PLANS)
def test_every_resource_has_a_key_and_a_name_of_its_own(plan):
    drafts = resources(plan)
    for names in ({x.key for x in drafts}, {x.identifier for x in drafts}, {x.full_url for x in drafts}):
        assert len(names) == len(drafts)


@settings(deadline=timedelta(seconds=2))
@given(PLANS)
def test_the_same_plan_always_gives_the_same_resources(plan):
    assert resources(plan) == resources(replace(plan))


def test_a_need_without_any_intervention_is_still_a_plan():
    assert [x.key for x in resources(a.planned(a.need(interventions=Interventions())))] == [
        "social-work-follow-up",
        "care-plan",
        "provenance",
    ]
