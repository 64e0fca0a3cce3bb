from datetime import date

from fhir_mappings.inbound.related_person import contacts, related_person
from service.domain.codes import Code, System
from tests.builders import concept, patient, resource


def test_family_is_read_with_relationship_and_phone():
    found = related_person(
        resource(
            "RelatedPerson",
            "r",
            relationship=[concept("DAU", "role")],
            name=[{"given": ["Zita"], "family": "Testperson"}],
            telecom=[{"system": "phone", "value": "555-0101"}],
            active=False,
            period={"start": "2020", "end": "2023"},
        )
    )
    assert found
    assert (found.reference, found.name, found.phone) == ("RelatedPerson/r", "Zita Testperson", "555-0101")
    assert found.relationships == (Code("role", "DAU"),)
    assert not found.active
    assert (found.start, found.end) == (date(2020, 1, 1), date(2023, 12, 31))


def test_someone_without_name_and_relationship_is_not_understood():
    assert related_person(resource("RelatedPerson", "r", name="?", relationship=None)) is None


def test_the_contacts_on_the_patient_are_people_around_the_patient():
    spouse = {"relationship": [concept("C", "v2-0131", text="spouse")], "name": {"text": "Zeno Testperson"}}
    found = contacts(patient(contact=[spouse, {"organization": {"reference": "Organization/o"}}]))
    assert [one.name for one in found] == ["Zeno Testperson"]
    assert found[0].reference == "Patient/p1"
    assert found[0].relationships == (Code("v2-0131", "C"), Code(System.TEXT, "spouse"))
