import pytest

from fhir_mappings.inbound.actor import actor_of

DANA, PAT = {"reference": "Practitioner/dana"}, {"reference": "Patient/p1"}


@pytest.mark.parametrize(
    ("kind", "given", "who"),
    [
        ("Procedure", {"performer": [{"actor": DANA}]}, "Practitioner/dana"),
        ("Procedure", {"performer": [{"function": {"text": "x"}}], "recorder": DANA}, "Practitioner/dana"),
        ("Condition", {"asserter": PAT}, ""),
        ("Condition", {"asserter": PAT, "recorder": DANA}, "Practitioner/dana"),
        ("Observation", {"performer": [PAT, DANA]}, "Practitioner/dana"),
        ("Observation", {"performer": [PAT]}, ""),
        ("Observation", {"performer": [{"type": "Patient", "display": "Zelda Testperson"}]}, ""),
        ("Observation", {"performer": [{"reference": "http://ehr.example/fhir/Patient/p1"}]}, ""),
        ("Observation", {"performer": [{"reference": "RelatedPerson/son"}]}, ""),
        ("ServiceRequest", {"requester": {"reference": "Device/1", "display": "Order robot"}}, ""),
        ("ServiceRequest", {"requester": {"type": "Device", "display": "Order robot"}}, ""),
        (
            "ServiceRequest",
            {
                "contained": [{"resourceType": "Device", "id": "author"}],
                "requester": {"reference": "#author", "display": "Homeward"},
            },
            "",
        ),
        (
            "ServiceRequest",
            {
                "contained": [{"resourceType": "Practitioner", "id": "who"}],
                "requester": {"reference": "#who", "display": "Dana Example"},
            },
            "#who",
        ),
        ("ServiceRequest", {"requester": {"reference": "Organization/ward"}}, "Organization/ward"),
        ("Appointment", {"participant": [{"actor": {"reference": "Location/room"}}]}, ""),
        ("Appointment", {"participant": [{"actor": DANA, "status": "declined"}]}, ""),
        ("Condition", {"recorder": {"display": "Dana Example"}}, "Dana Example"),
        ("ServiceRequest", {"requester": DANA}, "Practitioner/dana"),
        ("ServiceRequest", {"requester": {"agent": DANA}}, "Practitioner/dana"),
        ("Observation", {"performer": [{}, DANA]}, "Practitioner/dana"),
        ("QuestionnaireResponse", {"author": DANA, "source": PAT}, "Practitioner/dana"),
        ("QuestionnaireResponse", {"source": PAT}, ""),
        ("DocumentReference", {"author": [DANA]}, "Practitioner/dana"),
        ("Goal", {"expressedBy": PAT}, ""),
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
