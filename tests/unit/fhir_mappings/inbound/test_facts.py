from datetime import date

import pytest

from fhir_mappings import systems
from fhir_mappings.inbound.facts import FACT_TYPES, fact, is_undated
from fhir_mappings.inbound.statuses import DO_NOT_PERFORM
from service.domain.codes import Code, System
from service.domain.record import Kind
from service.domain.sensitivity import Label
from tests.builders import concept, condition, resource

HEART_FAILURE = (Code(System.ICD10CM, "I50.9"),)
METFORMIN = concept("860975", systems.RXNORM, "metformin 500 MG")


def test_a_condition_is_read_with_its_states_and_dates():
    found = fact(
        condition(
            "c1",
            "I509",
            abatementDateTime="2024-03-04",
            identifier=[{"system": "urn:x", "value": "1"}],
            meta={"security": [{"code": "BH"}]},
        ),
        {},
    )
    assert found
    assert (found.kind, found.reference, found.codes) == (Kind.CONDITION, "Condition/c1", HEART_FAILURE)
    assert (found.status, found.verification) == ("active", "confirmed")
    assert found.categories == {"encounter-diagnosis"}
    assert found.encounter == "Encounter/e1"
    assert (found.began, found.ended) == (date(2024, 3, 1), date(2024, 3, 4))
    assert found.identifiers == ("urn:x|1",)
    assert found.labels == {Label.BH}


def test_a_condition_in_words_only_has_its_text_and_no_code():
    found = fact(condition("c1", "", code={"text": "lives in her car"}), {})
    assert found
    assert (found.codes, found.text) == ((), "lives in her car")


@pytest.mark.parametrize(
    ("onset", "began"),
    [
        ({"onsetDateTime": "2011"}, date(2011, 1, 1)),
        ({"onsetPeriod": {"start": "2011-06"}}, date(2011, 6, 1)),
        ({"onsetString": "as a child", "recordedDate": "2024-03-02"}, date(2024, 3, 2)),
        ({"onsetDateTime": "?", "recordedDate": "2024-03-02"}, date(2024, 3, 2)),
        ({}, None),
    ],
)
def test_a_condition_began_with_its_onset_or_when_it_was_recorded(onset, began):
    found = fact(condition("c1", "I50.9", **{"onsetDateTime": None, **onset}), {})
    assert found
    assert found.began == began


@pytest.mark.parametrize(
    ("kind", "elements", "codes", "began", "ended"),
    [
        (
            "Procedure",
            {"code": METFORMIN, "performedPeriod": {"start": "2024-03-01", "end": "2024-03-02"}},
            1,
            1,
            2,
        ),
        (
            "MedicationRequest",
            {"medicationCodeableConcept": METFORMIN, "authoredOn": "2024-03-01"},
            1,
            1,
            None,
        ),
        ("MedicationRequest", {"medication": {"concept": METFORMIN}, "authoredOn": "2024-03-01"}, 1, 1, None),
        ("ServiceRequest", {"code": METFORMIN, "occurrencePeriod": {"start": "2024-03-01"}}, 1, 1, None),
        ("DeviceRequest", {"codeCodeableConcept": METFORMIN, "authoredOn": "2024-03-01"}, 1, 1, None),
        ("Appointment", {"serviceType": [METFORMIN], "start": "2024-03-01", "end": "2024-03-01"}, 1, 1, 1),
        ("AllergyIntolerance", {"code": METFORMIN, "recordedDate": "2024-03-01"}, 1, 1, None),
        ("DocumentReference", {"type": METFORMIN, "date": "2024-03-01"}, 1, 1, None),
        ("Consent", {"scope": METFORMIN, "provision": {"period": {"end": "2024-03-09"}}}, 1, None, 9),
        ("CareTeam", {"participant": [{"role": [METFORMIN]}], "period": {"start": "2024-03-01"}}, 1, 1, None),
        ("Goal", {"description": METFORMIN, "startDate": "2024-03-01"}, 1, 1, None),
        (
            "CarePlan",
            {"category": [METFORMIN], "period": {"start": "2024-03-01", "end": "2024-03-05"}},
            1,
            1,
            5,
        ),
    ],
)
def test_every_kind_of_fact_is_read_from_its_own_elements(kind, elements, codes, began, ended):
    found = fact(resource(kind, "x", **elements), {})
    assert found
    assert found.kind == Kind(kind)
    assert found.codes == (Code(System.RXNORM, "860975", "metformin 500 MG"),) * codes
    assert found.began == (began and date(2024, 3, began))
    assert found.ended == (ended and date(2024, 3, ended))


def test_an_appointment_says_in_words_what_any_of_its_elements_says():
    booked = fact(
        resource(
            "Appointment",
            "a",
            status="booked",
            description="Monday, Wednesday, Friday",
            serviceType=[{"text": "Hemodialysis"}],
            reasonCode=[{"text": "Monday, Wednesday, Friday"}],
        ),
        {},
    )
    assert booked
    assert booked.text == "Monday, Wednesday, Friday; Hemodialysis"


def test_a_status_is_the_one_of_its_type():
    goal = fact(resource("Goal", "g", lifecycleStatus="active", description={"text": "walk"}), {})
    order = fact(
        resource("ServiceRequest", "s", status="active", intent="order", code={"text": "walker"}), {}
    )
    assert goal
    assert goal.status == "active"
    assert order
    assert (order.status, order.intent) == ("active", "order")


def test_a_medicine_may_be_contained_or_sent_along():
    medicine = {"resourceType": "Medication", "id": "m", "code": METFORMIN}
    sent = resource("MedicationRequest", "r", medicationReference={"reference": "Medication/m"})
    held = resource(
        "MedicationRequest",
        "r",
        medicationReference={"reference": "#m", "display": "metformin"},
        contained=[medicine],
    )
    along, contained = fact(sent, {"Medication/m": medicine}), fact(held, {})
    assert along
    assert contained
    assert along.codes == contained.codes == (Code(System.RXNORM, "860975", "metformin 500 MG"),)
    assert (along.text, contained.text) == ("metformin 500 MG", "metformin")
    assert fact(sent, {}) is None


def test_an_order_not_to_do_something_is_no_active_order():
    found = fact(
        resource("ServiceRequest", "s", status="active", doNotPerform=True, code={"text": "CPR"}), {}
    )
    assert found
    assert found.status == DO_NOT_PERFORM


def test_a_team_says_who_is_on_it_and_a_document_what_it_is():
    team = fact(
        resource(
            "CareTeam",
            "t",
            name="Ward 4",
            participant=[
                {"role": [concept("133932002", systems.SNOMED)], "member": {"reference": "Practitioner/1"}},
                {"member": {"display": "Somebody"}},
                {"member": {"reference": "Practitioner/1"}},
            ],
        ),
        {},
    )
    document = fact(
        resource(
            "DocumentReference",
            "d",
            type=concept("84095-9", systems.LOINC, "Do not resuscitate"),
            category=[concept("42348-3")],
            context={"encounter": [{"reference": "Encounter/e1"}], "period": {"start": "2024-03-02"}},
        ),
        {},
    )
    assert team
    assert (team.text, team.codes) == ("Ward 4", (Code(System.SNOMED, "133932002"),))
    assert team.members == ("Practitioner/1",)
    assert document
    assert document.text == "Do not resuscitate"
    assert document.categories == {"42348-3"}
    assert (document.encounter, document.began) == ("Encounter/e1", date(2024, 3, 2))


@pytest.mark.parametrize("code", [None, [], "", 5, {}, {"coding": [{"system": "x"}]}, [None]])
def test_a_condition_that_says_nothing_is_not_understood(code):
    assert fact(condition("c1", "I50.9", code=code), {}) is None


@pytest.mark.parametrize("element", ["clinicalStatus", "verificationStatus"])
def test_a_status_that_cannot_be_read_makes_the_whole_unreadable_for_it_may_say_refuted(element):
    assert fact(condition("c1", "I50.9") | {element: [5]}, {}) is None


_UNKNOWN = {"extension": [{"url": systems.DATA_ABSENT_REASON, "valueCode": "unknown"}]}


@pytest.mark.parametrize("element", ["clinicalStatus", "verificationStatus"])
def test_a_status_of_which_the_record_says_that_nobody_knows_it_is_none(element):
    found = fact(condition("c1", "I50.9") | {element: _UNKNOWN}, {})
    assert found
    assert (found.status, found.verification).count("") == 1


@pytest.mark.parametrize(
    ("said", "verification"),
    [
        ({"text": "Entered in Error"}, "entered-in-error"),
        ("ENTERED_IN_ERROR", "entered-in-error"),
        ({"coding": [{"system": systems.SNOMED, "code": "410516002"}]}, "refuted"),
        (
            {
                "coding": [
                    {
                        "system": systems.SNOMED,
                        "code": "410516002",
                        "display": "Known absent (qualifier value)",
                    }
                ]
            },
            "refuted",
        ),
        ({"text": "Ruled out"}, "refuted"),
        ({"text": "Confirmed"}, "confirmed"),
        (
            {"coding": [{"system": systems.SNOMED, "code": "410605003", "display": "Confirmed present"}]},
            "confirmed present",
        ),
    ],
)
def test_a_verification_is_read_in_words_and_in_snomed(said, verification):
    found = fact(condition("c1", "I50.9", verificationStatus=said), {})
    assert found
    assert found.verification == verification


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ({"abatementBoolean": True}, "resolved"),
        ({"abatementBoolean": "true"}, "resolved"),
        ({"abatementString": "some years ago"}, "resolved"),
        ({"abatementAge": {"value": 40, "unit": "a"}}, "resolved"),
        ({"abatementBoolean": False}, ""),
        ({}, ""),
        ({"clinicalStatus": {"coding": [{"code": "recurrence"}]}, "abatementBoolean": True}, "recurrence"),
    ],
)
def test_a_problem_without_a_status_that_has_ended_is_over(ended, status):
    found = fact(condition("c1", "I50.9", **{"clinicalStatus": None, **ended}), {})
    assert found
    assert found.status == status


@pytest.mark.parametrize(
    ("flag", "status"),
    [
        ({"doNotPerform": "true"}, DO_NOT_PERFORM),
        ({"doNotPerform": False}, "completed"),
        ({"notDone": True}, "not-done"),
        ({"notPerformed": True}, "not-done"),
        ({"notPerformed": False}, "completed"),
        ({"status": "Not Done"}, "not-done"),
    ],
)
def test_what_was_not_done_is_told_by_the_flag_of_any_version(flag, status):
    sent = resource("Procedure", "p", **{"status": "completed", "code": {"text": "Knee replacement"}, **flag})
    found = fact(sent, {})
    assert found
    assert found.status == status


def test_a_date_that_was_meant_and_cannot_be_read_is_told():
    wrong, none = condition("c1", "I50.9", onsetDateTime="?"), condition("c1", "I50.9", onsetDateTime=None)
    for sent, undated in ((wrong, True), (none, False)):
        found = fact(sent, {})
        assert found
        assert is_undated(sent, found) is undated


def test_every_kind_has_its_elements():
    assert {kind.value for kind in Kind} == FACT_TYPES


def test_by_whom_and_where_an_order_is_to_be_done_is_kept_in_words():
    order = fact(
        resource(
            "ServiceRequest",
            "s",
            code={"text": "Physical therapy"},
            category=[{"text": "Referral"}, {"coding": [{"display": "Home care"}]}, 5],
            performerType={"text": "Therapist"},
            locationCode=[{"coding": [{"code": "PTRES", "display": "Patient's Residence"}]}],
            performer=[{"display": "Example Home Health"}, {"reference": "Organization/1"}, None],
        ),
        {},
    )
    assert order
    said = ("Referral", "Home care", "Therapist", "Patient's Residence", "Example Home Health")
    assert order.beside == said


@pytest.mark.parametrize("element", ["itemCodeableConcept", "item"])
def test_a_medicine_without_a_code_is_known_by_what_it_is_made_of(element):
    made = {"resourceType": "Medication", "id": "m", "ingredient": [{element: METFORMIN}, None]}
    found = fact(
        resource("MedicationRequest", "r", medicationReference={"reference": "#m"}, contained=[made]), {}
    )
    assert found
    assert found.codes == (Code(System.RXNORM, "860975", "metformin 500 MG"),)
