"""What the tenants file leaves unsaid is told where an EHR's rules make a difference of it, and only there."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from config.tenants import Tenant, WritePolicy
from service.domain.write_shape import AuthorShape, ProblemList, WriteShape
from service.ehr.capability import Capability, ResourceCapability
from service.pipeline.preflight_hospital import of_hospital

HOSPITAL = Tenant(id="one", fhir_base_url="http://127.0.0.1:9/fhir", organization="Example Hospital")
CREATES = ResourceCapability(
    frozenset({"create", "read", "search-type"}), frozenset({"patient", "identifier"})
)
STRICT = Capability(
    resources=MappingProxyType(dict.fromkeys(("DocumentReference", "Communication", "Condition"), CREATES)),
    writes=MappingProxyType(
        {
            "DocumentReference": WriteShape(author=AuthorShape.PRACTITIONER, waits_for_signature=True),
            "Communication": WriteShape(sender=frozenset({"Practitioner"})),
            "Condition": WriteShape(only_where="problems", categories=("problem-list-item",)),
        }
    ),
)
WHOLE = replace(
    HOSPITAL, author_practitioner="Practitioner/7", unsigned_documents=True, problems=ProblemList.PROBLEM_LIST
)


def rows(capability, tenant=HOSPITAL):
    return {finding.subject: finding for finding in of_hospital(capability, tenant)}


def test_an_ehr_with_rules_of_its_own_asks_for_what_nobody_has_said():
    found = rows(STRICT)
    assert {subject: row.verdict.value for subject, row in found.items()} == {
        "author_practitioner": "ready",
        "message_sender": "degraded",
        "unsigned_documents": "ready",
        "problems": "ready",
    }
    assert all(subject in row.said for subject, row in found.items())


def test_what_a_hospital_has_said_is_not_asked_for_again():
    found = rows(STRICT, WHOLE)
    assert set(found) == {"unsigned_documents"}
    assert found["unsigned_documents"].said.startswith("The document is written before a person has signed")


def test_problems_of_a_category_that_its_ehr_does_not_take_are_told():
    diagnoses = replace(WHOLE, problems=ProblemList.ENCOUNTER_DIAGNOSIS)
    assert rows(STRICT, diagnoses)["problems"].verdict.value == "degraded"


def test_an_ehr_without_such_rules_is_asked_nothing():
    assert rows(replace(STRICT, writes=MappingProxyType({}))) == {}


@pytest.mark.parametrize("kind", ["DocumentReference", "Communication", "Condition"])
def test_a_type_that_is_not_written_asks_for_nothing(kind):
    unmade = replace(STRICT, resources=MappingProxyType({**STRICT.resources, kind: ResourceCapability()}))
    untaken = replace(STRICT, writes=MappingProxyType({**STRICT.writes, kind: WriteShape(taken=False)}))
    assert set(rows(unmade)) == set(rows(untaken)) < set(rows(STRICT))


def test_a_hospital_that_writes_nothing_is_asked_nothing():
    assert rows(STRICT, replace(HOSPITAL, write_policy=WritePolicy.SHADOW)) == {}
