import pytest

from fhir_mappings.inbound.actor import actor_of

DANA, PAT = {"reference": "Practitioner/dana"}, {"reference": "Patient/p1"}


@pytest.mark.parametrize(
    ("kind", "given", "who"),
    [
        ("Procedure", {"performer": [{"actor": DANA}]}, "Practitioner/dana"),
        ("Procedure", {"performer": [{"function": {"text": "x"}}], "recorder": DANA}, "Practitioner/dana"),
        ("Condition", {"asserter": PAT}, "Patient/p1"),
        ("Condition", {"recorder": {"display": "Dana Example"}}, "Dana Example"),
        ("ServiceRequest", {"requester": DANA}, "Practitioner/dana"),
        ("ServiceRequest", {"requester": {"agent": DANA}}, "Practitioner/dana"),
        ("Observation", {"performer": [{}, DANA]}, "Practitioner/dana"),
        ("QuestionnaireResponse", {"author": DANA, "source": PAT}, "Practitioner/dana"),
        ("QuestionnaireResponse", {"source": PAT}, "Patient/p1"),
        ("DocumentReference", {"author": [DANA]}, "Practitioner/dana"),
        ("Goal", {"expressedBy": PAT}, "Patient/p1"),
        ("Appointment", {"participant": [{"actor": PAT}, {"actor": DANA}]}, "Practitioner/dana"),
        ("Appointment", {"participant": [{"actor": PAT}]}, ""),
        ("Consent", {"organization": [{"reference": "Organization/1"}]}, "Organization/1"),
        ("Procedure", {}, ""),
        ("Procedure", {"performer": "Dana"}, ""),
        ("Procedure", {"performer": [None, 7, {"actor": ["x"]}]}, ""),
        ("Procedure", {"performer": {"actor": DANA}}, "Practitioner/dana"),
        ("Observation", {"performer": [{"reference": 7}]}, ""),
        ("Unknown", {"performer": [DANA]}, ""),
    ],
)
def test_the_actor_of_a_resource_is_read_wherever_its_type_names_one(kind, given, who):
    assert actor_of({"resourceType": kind, **given}) == who
