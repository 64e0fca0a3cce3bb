from datetime import date

from fhir_mappings.searches import questions
from service.domain.record import GapReason

END = date(2024, 3, 5)


class Offered:
    def __init__(self, offers):
        self.searches = offers
        self.adds = offers


def asked(offers):
    found, gaps = questions("Patient/7", END, Offered(offers))
    return {(one.search.url, one.extra) for one in found}, gaps


def test_a_server_that_lists_everything_is_asked_for_everything():
    urls, gaps = asked(lambda *_: True)
    assert gaps == ()
    assert ("Patient/7", False) in urls
    assert ("Encounter?patient=7", False) in urls
    assert ("Observation?patient=7&category=laboratory&date=ge2023-02-03", False) in urls
    assert ("Observation?patient=7&category=survey&date=ge2021-03-05", False) in urls
    assert ("Observation?patient=7&category=social-history", False) in urls
    assert ("CarePlan?patient=7&category=assess-plan", False) in urls
    assert ("CarePlan?patient=7", True) in urls
    assert ("MedicationRequest?patient=7&_include=MedicationRequest%3Amedication", False) in urls


def test_a_server_that_lists_nothing_is_asked_for_the_patient_alone():
    urls, gaps = asked(lambda *_: False)
    assert urls == {("Patient/7", False)}
    assert {gap.reason for gap in gaps} == {GapReason.NOT_OFFERED}
    assert {"Encounter", "Observation", "Consent", "CarePlan", "Goal"} <= {gap.about for gap in gaps}


def test_another_name_for_the_patient_is_used_with_the_type():
    urls, _ = asked(lambda kind, name: (kind, name) in {("Coverage", "beneficiary"), ("Goal", "subject")})
    assert ("Coverage?beneficiary=Patient%2F7", False) in urls
    assert ("Goal?subject=Patient%2F7", False) in urls


def test_without_categories_the_recent_observations_are_read_whatever_they_are():
    urls, _ = asked(lambda kind, name: kind == "Observation" and name in {"patient", "_lastUpdated"})
    assert urls == {("Patient/7", False), ("Observation?patient=7&_lastUpdated=ge2023-02-03", False)}


def test_documents_are_only_read_where_advance_directives_can_be_asked_for():
    urls, gaps = asked(lambda kind, name: kind == "DocumentReference" and name == "patient")
    assert urls == {("Patient/7", False)}
    assert "DocumentReference" in {gap.about for gap in gaps}
    urls, _ = asked(lambda kind, name: kind == "DocumentReference" and name in {"patient", "category"})
    assert any(
        url.startswith("DocumentReference?patient=7&category=http") and "42348-3" in url for url, _ in urls
    )


def documents(*parameters):
    urls, _ = asked(lambda kind, name: kind == "DocumentReference" and name in {"patient", *parameters})
    return sorted(url.partition("&")[2].partition("=")[0] for url, _ in urls if url.startswith("Document"))


def test_advance_directives_are_asked_for_by_category_and_by_type_as_far_as_both_are_listed():
    assert documents("category", "type") == ["category", "type"]
    assert documents("category") == ["category"]
    assert documents("type") == ["type"]
