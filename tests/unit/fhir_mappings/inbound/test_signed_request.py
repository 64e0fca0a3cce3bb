import pytest

from fhir_mappings.inbound.signed_request import signer_of
from service.domain.decision import Signer

BASE = "https://ehr.example.org/fhir"
DOCTOR = {"reference": "Practitioner/7", "display": "Zelda Testperson, MD"}
SIGNED = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "requester": DOCTOR}


@pytest.mark.parametrize(
    ("more", "signer"),
    [
        ({}, Signer("Zelda Testperson, MD", reference="Practitioner/7")),
        ({"status": "completed"}, Signer("Zelda Testperson, MD", reference="Practitioner/7")),
        ({"intent": "original-order"}, Signer("Zelda Testperson, MD", reference="Practitioner/7")),
        (
            {"requester": {"reference": f"{BASE}/PractitionerRole/8/_history/2"}},
            Signer("PractitionerRole/8", reference="PractitionerRole/8"),
        ),
    ],
)
def test_an_order_is_signed_by_the_clinician_it_names(more, signer):
    assert signer_of(SIGNED | more, base=BASE) == signer


@pytest.mark.parametrize(
    "more",
    [
        {"status": "draft"},
        {"status": "revoked"},
        {"status": None},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"requester": None},
        {"requester": {"reference": "#author"}},
        {"requester": {"reference": "Device/1"}},
        {"requester": {"reference": "Patient/1"}},
        {"requester": {"reference": "https://elsewhere.example/fhir/Practitioner/7"}},
        {"requester": {"display": "Zelda Testperson, MD"}},
        {"requester": "Practitioner/7"},
        {"requester": []},
    ],
)
def test_what_no_clinician_of_this_ehr_signed_is_signed_by_nobody(more):
    assert signer_of(SIGNED | more, base=BASE) is None
