from fhir_mappings.inbound.security import labels
from service.domain.sensitivity import NONE, Label
from tests.builders import concept


def _marked(*tags):
    return {"meta": {"security": [{"code": code} for code in tags]}}


def test_labels_come_from_meta_security_in_any_case():
    assert labels(_marked("ETHUD", "42cfrpart2", "sdv")) == {Label.ETHUD, Label.PART2, Label.SDV}


def test_unknown_codes_and_confidentiality_alone_are_no_labels():
    assert labels(_marked("R", "V", "N", "XYZ", 5)) == NONE


def test_a_document_may_carry_its_own_label():
    assert labels({"securityLabel": [concept("HIV")]}) == {Label.HIV}


def test_misshapen_security_is_no_label():
    assert labels({"meta": "x"}) == labels({"meta": {"security": "R"}}) == labels({}) == NONE
