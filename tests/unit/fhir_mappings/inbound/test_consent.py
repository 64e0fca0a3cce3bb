"""What a patient agreed to have shared: only what was said clearly, and never against a refusal."""

import pytest

from fhir_mappings.inbound.consent import consented
from fhir_mappings.inbound.record import build_record
from service.domain.sensitivity import Label
from tests import builders as a

SDV = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV"}
BH = SDV | {"code": "BH"}
PRIVACY = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
}
PERMIT = {"type": "permit", "securityLabel": [SDV]}
TREAT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}


def consent(provision=None, /, **more):
    given = {"status": "active", "scope": PRIVACY, "provision": PERMIT | (provision or {})}
    return a.resource("Consent", "c1", **(given | more))


def agreed(*consents):
    return {str(label) for label in consented(consents, a.TODAY)}


@pytest.mark.parametrize(
    "provision",
    [
        {},
        {"purpose": [TREAT]},
        {"action": [{"coding": [{"code": "disclose"}]}]},
        {"period": {"start": "2024-01-01", "end": "2024-12"}},
        {"period": {"start": "2024-03-05"}},
    ],
)
def test_a_permission_for_a_label_is_consent_to_it_and_to_no_other(provision):
    assert agreed(consent(provision)) == {"SDV"}


@pytest.mark.parametrize(
    "provision",
    [
        {"securityLabel": []},
        {"purpose": [TREAT | {"code": "HMARKT"}]},
        {"action": [{"coding": [{"code": "collect"}]}]},
        {"actor": [{"reference": {"reference": "Organization/another"}}]},
        {"code": [{"text": "letters only"}]},
        {"period": {"end": "2024-03-04"}},
        {"period": {"start": "2024-03-06"}},
        {"period": {"start": "soon"}},
        {"type": "deny"},
        {"type": None},
    ],
)
def test_a_permission_that_is_narrower_over_or_unclear_is_none(provision):
    assert agreed(consent(provision)) == set()


@pytest.mark.parametrize(
    "more",
    [
        {"status": "proposed"},
        {"status": "inactive"},
        {"scope": {"coding": [{"code": "research"}]}},
        {"provision": None},
        {"provision": "yes"},
        {"modifierExtension": [{"url": "http://ehr.example/not-really", "valueBoolean": True}]},
    ],
)
def test_only_an_active_consent_about_privacy_counts(more):
    assert agreed(consent(**more)) == set()


def test_a_refusal_outweighs_a_permission():
    both = consent({"securityLabel": [SDV, BH]})
    assert agreed(both, consent({"type": "deny"})) == {"BH"}
    assert agreed(both, consent({"type": "deny", "securityLabel": []})) == set()
    assert agreed(
        consent({"securityLabel": [SDV, BH], "provision": [{"type": "deny", "securityLabel": [BH]}]})
    ) == {"SDV"}


def test_a_refusal_to_a_relative_is_none_to_the_care_team():
    def refusing(*whom):
        return consent({"type": "deny", "actor": [{"reference": {"reference": one}} for one in whom]})

    assert agreed(consent(), refusing("RelatedPerson/partner")) == {"SDV"}
    assert agreed(consent(), refusing("RelatedPerson/partner", "Organization/hospital")) == set()
    assert agreed(consent(), refusing("")) == set()


def test_a_refusal_whose_period_cannot_be_read_still_holds():
    assert agreed(consent(), consent({"type": "deny", "period": {"end": "some day"}})) == set()


def test_the_record_says_what_this_patient_agreed_to():
    resources = [a.patient(), a.encounter(), consent(), a.patient("p2")]
    another = consent({"securityLabel": [BH]}) | {"id": "c2", "patient": {"reference": "Patient/p2"}}
    record = build_record([*resources, another], encounter=a.ENCOUNTER, today=a.TODAY)
    assert record.consented == {Label.SDV}
