import pytest

from fhir_mappings.prefetch import ESSENTIAL, FULL, SHORT, prefetched
from fhir_mappings.searches import WANTED
from service.domain.record import GapReason
from service.errors import BadInput
from tests import builders
from tests.hooks import searchset

STAY = builders.encounter()
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-supported"}]}


def read(templates=FULL, /, **sent):
    return prefetched(sent, templates, patient=builders.PATIENT, encounter=builders.ENCOUNTER)


def answered(**more):
    """Every template answered, with nothing where not told otherwise."""
    return dict.fromkeys(FULL) | {"patient": builders.patient(), "encounter": STAY} | more


def types_asked():
    return {template.partition("?")[0].partition("/")[0] for template in FULL.values()}


def test_all_that_a_plan_is_made_from_is_asked_for():
    assert {wanted.resource_type for wanted in WANTED} - {"Location", "Organization"} <= types_asked()


def test_the_short_list_holds_what_is_essential():
    assert set(SHORT) == set(ESSENTIAL)


def test_a_whole_prefetch_lacks_nothing():
    found = read(**answered(conditions=searchset([builders.condition("c1", "I10")])))
    assert (found.unmet, found.gaps) == (frozenset(), ())
    assert [one["resourceType"] for one in found.resources].count("Condition") == 1


def test_a_missing_key_is_unmet_and_a_gap():
    sent = answered()
    del sent["coverages"]
    found = read(**sent)
    assert found.unmet == {"coverages"}
    assert [(gap.about, gap.reason) for gap in found.gaps] == [("Coverage", GapReason.INCOMPLETE)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(OUTCOME, GapReason.REFUSED), (searchset([WARNING]), GapReason.UNCERTAIN)],
)
def test_a_failed_prefetch_is_unmet_and_says_why(value, reason):
    found = read(**answered(conditions=value))
    assert found.unmet == {"conditions"}
    assert [(gap.about, gap.reason) for gap in found.gaps] == [("Condition", reason)]


EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


def beside(severity="warning", code="processing", epic=""):
    coding = [{"system": EPIC, "code": epic}] if epic else []
    issue = {"severity": severity, "code": code, "details": {"coding": coding}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@pytest.mark.parametrize(
    ("outcome", "reasons", "unmet"),
    [
        (beside(epic="4119"), [], set()),
        (beside(epic="4101"), [], set()),
        (beside("information"), [], set()),
        (beside(code="suppressed"), [GapReason.INCOMPLETE], set()),
        (beside(epic="59204"), [GapReason.INCOMPLETE], set()),
        (beside(), [GapReason.UNCERTAIN], set()),
        (beside("error", "exception"), [GapReason.INCOMPLETE], {"conditions"}),
        (beside(epic="59101"), [GapReason.UNCERTAIN], {"conditions"}),
    ],
)
def test_what_came_beside_a_warning_is_used_with_the_gap_that_it_means(outcome, reasons, unmet):
    condition = builders.condition("c1", "I10")
    found = read(**answered(conditions=searchset([condition, outcome])))
    assert condition in found.resources
    assert ([gap.reason for gap in found.gaps], found.unmet) == (reasons, unmet)


@pytest.mark.parametrize("bundle", [searchset([beside(epic="4101")]), beside(epic="4101"), None])
def test_nothing_found_is_an_answer_in_every_way_to_say_it(bundle):
    found = read(**answered(conditions=bundle))
    assert (found.unmet, found.gaps) == (frozenset(), ())


def test_nothing_found_is_no_patient():
    assert read(**answered(patient=beside(epic="4101"))).unmet == {"patient"}


def test_an_answer_to_a_question_without_the_patient_is_not_used():
    theirs = builders.condition("c9", "I10", subject={"reference": "Patient/another"})
    found = read(**answered(conditions=searchset([theirs, beside(code="not-supported")])))
    assert (theirs in found.resources, found.unmet) == (False, {"conditions"})


@pytest.mark.parametrize(("key", "unmet"), [("conditions", {"conditions"}), ("coverages", set())])
def test_a_page_with_more_behind_it_is_kept_and_told(key, unmet):
    kind = FULL[key].partition("?")[0]
    one = builders.resource(kind, "x1")
    page = searchset([one], link=[{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}])
    found = read(**answered(**{key: page}))
    assert one in found.resources
    assert found.unmet == unmet
    assert [gap.reason for gap in found.gaps] == [GapReason.INCOMPLETE]


def test_keys_that_we_did_not_ask_for_are_left_aside():
    assert read(**answered(), extra=7).resources == read(**answered()).resources


def test_nobody_is_no_patient():
    assert read(**answered(patient=None)).unmet == {"patient"}


def test_what_is_about_nobody_may_come_along():
    included = searchset([builders.condition("c1", "I10"), {"resourceType": "Practitioner", "id": "x"}])
    assert len(read(**answered(conditions=included)).resources) == 4


def test_a_visit_booked_for_mother_and_child_is_no_mistake_of_charts():
    both = [{"actor": {"reference": f"Patient/{one}"}} for one in ("baby", "p1")]
    visit = builders.resource("Appointment", "a1", patient="", participant=both)
    assert visit in read(**answered(appointments=searchset([visit]))).resources
    visit["participant"] = both[:1]
    with pytest.raises(BadInput, match="another patient"):
        read(**answered(appointments=searchset([visit])))


def test_a_refusal_names_no_value_of_the_call():
    foreign = builders.condition("c1", "I10", subject={"reference": "Patient/zelda"}, resourceType="X" * 99)
    with pytest.raises(BadInput) as refused:
        read(**answered(conditions=searchset([foreign])))
    assert "zelda" not in str(refused.value)
    assert "XXX" not in str(refused.value)
