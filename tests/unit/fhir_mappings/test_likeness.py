"""Telling our own resource from another's where the EHR does not search by our identifier."""

import base64
from dataclasses import replace

import pytest

from fhir_mappings import systems
from fhir_mappings.likeness import Likeness, likeness
from fhir_mappings.outbound.reference_line import reference_line
from tests.builders import draft_of

OURS = draft_of(
    "plan-document",
    {
        "resourceType": "DocumentReference",
        "subject": {"reference": "Patient/7"},
        "type": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}], "text": "Plan"},
        "date": "2024-03-05T12:00:00+00:00",
        "context": {"encounter": [{"reference": "Encounter/1"}]},
    },
)


def bare(**changes):
    """As a server keeps it that drops identifiers."""
    body = {name: part for name, part in OURS.body.items() if name not in {"identifier", "meta"}}
    return {name: part for name, part in {**body, "id": "5", **changes}.items() if part is not None}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({**OURS.body, "date": "2030-01-01"}, Likeness.OURS),
        (bare(), Likeness.OURS),
        (bare(date="2024-03-05T06:00:00.412-06:00"), Likeness.OURS),
        (bare(date="2024-03-05"), Likeness.OURS),
        (bare(subject={"reference": "https://ehr/fhir/Patient/7/_history/2"}), Likeness.OURS),
        (
            bare(type={"coding": [{"system": "http://loinc.org", "code": "18776-5"}, {"code": "x"}]}),
            Likeness.OURS,
        ),
        (bare(identifier=[{"system": "urn:oid:1.2.3", "value": "theirs"}]), Likeness.OURS),
        (bare(date="2024-03-05T12:00:07Z"), Likeness.PERHAPS),
        (bare(date=None), Likeness.PERHAPS),
        (bare(date="yesterday"), Likeness.PERHAPS),
        (bare(context=None), Likeness.PERHAPS),
        (bare(type=None), Likeness.PERHAPS),
        (bare(type={"text": "Discharge summary"}), Likeness.OTHER),
        (bare(subject={"reference": "Patient/8"}), Likeness.OTHER),
        (bare(context={"encounter": [{"reference": "Encounter/2"}]}), Likeness.OTHER),
        (bare(identifier=[{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:another"}]), Likeness.OTHER),
        (bare(resourceType="Goal"), Likeness.OTHER),
    ],
)
def test_it_is_ours_perhaps_or_anothers(found, verdict):
    assert likeness(found, OURS) is verdict


SOCIAL = {"system": systems.SNOMED, "code": "410606002"}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ({"coding": [SOCIAL], "text": "Help to apply for SNAP"}, Likeness.OURS),
        ({"coding": [SOCIAL], "text": "Support group"}, Likeness.OTHER),
        ({"coding": [SOCIAL]}, Likeness.PERHAPS),
    ],
)
def test_a_code_that_many_requests_carry_tells_none_from_another(code, verdict):
    made = {"subject": {"reference": "Patient/7"}, "encounter": {"reference": "Encounter/1"}}
    body = {"resourceType": "ServiceRequest", "authoredOn": "2024-03-05", **made}
    ours = draft_of("snap", {**body, "code": {"coding": [SOCIAL], "text": "Help to apply for SNAP"}})
    assert likeness({**body, "code": code}, ours) is verdict


def test_a_type_that_cannot_be_compared_is_never_surely_ours():
    draft = draft_of("x", {"resourceType": "Provenance"})
    assert likeness({"resourceType": "Provenance"}, draft) is Likeness.PERHAPS


def text(words):
    return [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(words.encode()).decode()}}]


TOLD = replace(OURS, body={**OURS.body, "content": text(f"Plan\n\n{reference_line(OURS.identifier)}\n")})


@pytest.mark.parametrize(
    ("content", "date", "verdict"),
    [
        (f"Any words. {reference_line(OURS.identifier)}", "2030-01-01", Likeness.OURS),
        (f"Plan {reference_line('urn:uuid:another')}", "2024-03-05T12:00:00Z", Likeness.OTHER),
        ("A note of the ward.", "2024-03-05T12:00:07Z", Likeness.OTHER),
        ("A note of the ward.", None, Likeness.OTHER),
        # As an earlier release wrote it, which gave its texts no reference.
        ("Plan", "2024-03-05T12:00:00Z", Likeness.OURS),
    ],
)
def test_the_reference_in_a_text_tells_whose_it_is_before_anything_else(content, date, verdict):
    assert likeness(bare(content=text(content), date=date), TOLD) is verdict
