"""What is sensitive stays where it is: every label, in every place of a plan, against everything that goes out."""

import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.assessment import Blocker, Disposition, Factor, Readiness, Verdict
from service.domain.community_service import Matches
from service.domain.record import Gap, GapReason
from service.domain.risk import RiskScore, ScorePart
from service.domain.sensitivity import VIOLENCE, Label
from service.presentation.patient_sheet import Reader, patient_sheet
from tests import builders as a

SECRET = "ZEBRAFISH"
EVIDENCE = (a.evidence("I50.9"), a.evidence("J44.9"))


def full_plan():
    """A plan with one of everything that can carry a label."""
    needs = (
        a.need(interventions=a.interventions(), evidence=EVIDENCE),
        a.need("stress", present=False),
        a.need("self-harm-risk", labels=frozenset({Label.BH}), interventions=a.interventions("crisis")),
    )
    score = RiskScore("LACE", "2010", 11, 11, "high", 11, (), (ScorePart("C", 3, 3, 3, "x", EVIDENCE),))
    return a.planned(
        *needs,
        matches=Matches((("food-pantry", (a.match(), a.match("Other"))),)),
        risk_scores=(score,),
        disposition=Disposition("home", "Home", (Factor("Walks", "for", EVIDENCE),), "home", "Look"),
        readiness=Readiness(Verdict.WITH_CAVEATS, (Blocker("x", "Watch", "Clear", evidence=EVIDENCE),)),
        gaps=(Gap("Coverage", GapReason.REFUSED, "403"),),
    )


def places(value, way=()):
    """The way to everything that carries a label; the patient and the stay are what the plan is about."""
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        if "labels" in names:
            yield way
        for name in names:
            if name not in {"patient", "encounter"}:
                yield from places(getattr(value, name), (*way, name))
    elif isinstance(value, tuple):
        for position, part in enumerate(value):
            yield from places(part, (*way, position))


def with_secret(value, way, label):
    """The same value with a labelled secret at the end of the way."""
    if not way:
        return replace(in_secret_words(value), labels=value.labels | {label})
    step, *rest = way
    if isinstance(value, tuple):
        changed = with_secret(value[step], rest, label)
        return (*value[:step], changed, *value[step + 1 :])
    return replace(value, **{step: with_secret(getattr(value, step), rest, label)})


def in_secret_words(value):
    """Every text inside, replaced."""
    if type(value) is str:
        return SECRET
    if isinstance(value, tuple):
        return tuple(in_secret_words(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{x.name: in_secret_words(getattr(value, x.name)) for x in fields(value)})
    return value


PLAN = full_plan()
PLACES = list(places(PLAN))
AUTHOR = Author("Homeward", "Example Hospital")


def written(plan):
    drafts = plan_resources(plan, author=AUTHOR, recorded=datetime(2024, 3, 5, tzinfo=UTC))
    return json.dumps([(draft.key, draft.body) for draft in drafts])


def test_every_kind_of_thing_that_carries_a_label_is_tried():
    kinds = {way[0] for way in PLACES}
    assert kinds == {
        "needs",
        "gaps",
        "referrals",
        "goals",
        "follow_ups",
        "education",
        "tasks",
        "bedside_questions",
        "risk_scores",
        "disposition",
        "readiness",
    }
    assert any(way[-1] == "service" for way in PLACES)


@given(st.sampled_from(PLACES), st.sampled_from(Label))
def test_no_label_in_any_place_lets_anything_into_a_shared_resource(place, label):
    assert SECRET not in written(with_secret(PLAN, place, label))


@given(st.sampled_from(PLACES), st.sampled_from(sorted(VIOLENCE)))
def test_nothing_of_violence_in_any_place_stands_on_the_patients_sheet(place, label):
    assert SECRET not in patient_sheet(with_secret(PLAN, place, label), Reader.PATIENT)


@given(st.sampled_from(Label), st.booleans())
def test_what_follows_from_a_sensitive_need_stays_with_it(label, shares_its_service):
    service = "food-pantry" if shares_its_service else "other"
    quiet = in_secret_words(a.need("quiet", interventions=a.interventions(service)))
    templates = tuple(replace(x, service=service) for x in quiet.interventions.referrals)
    quiet = replace(
        quiet, labels=frozenset({label}), interventions=replace(quiet.interventions, referrals=templates)
    )
    plan = a.planned(a.need(interventions=a.interventions()), quiet)
    assert SECRET not in written(plan)
    assert "Social work follow-up before and after discharge" in written(plan)
    if label in VIOLENCE:
        assert SECRET not in patient_sheet(plan, Reader.PATIENT)


@given(st.sampled_from(Label))
def test_how_much_is_withheld_and_what_cannot_be_told(label):
    quiet = [a.need(f"quiet-{n}", labels=frozenset({label}), interventions=a.interventions()) for n in "abc"]
    open_need = a.need(interventions=a.interventions("wic"))
    one, many = (written(a.planned(open_need, *some)) for some in (quiet[:1], quiet))
    assert one == many
