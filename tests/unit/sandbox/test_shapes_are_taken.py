"""What publishing would send of every sample plan is taken by the vendors' written rules, and nothing of it vanishes."""

from typing import Any

import pytest

from fhir_mappings.outbound.shape import vanished
from fhir_mappings.references import resolved
from service.sandbox.written.books import WRITTEN
from tests.unit.fhir_mappings.outbound.test_shape import HOSPITALS, PATIENTS, sample, sent_to
from tests.unit.sandbox.shelf import Playing
from tests.unit.sandbox.written_ehr import WrittenEhr

pytest.importorskip("sekmet")

each_hospital = pytest.mark.parametrize("facts", HOSPITALS.values(), ids=HOSPITALS)


@each_hospital
@pytest.mark.parametrize("path", PATIENTS, ids=lambda path: path.stem)
def test_oracle_takes_and_keeps_what_is_sent(facts, path):
    playing = Playing("oracle-like", WRITTEN["oracle-like"])
    drafts = sent_to("oracle-like", path, facts)
    assert drafts
    made: dict[str, str] = {}
    for draft in drafts:
        body = resolved(draft.body, made)
        told = playing.ask("POST", draft.resource_type, body)
        assert told.status == 201, (draft.key, told.body)
        held = playing.shelf.of_type(draft.resource_type)[-1]
        made[draft.full_url] = f"{draft.resource_type}/{held['id']}"
        assert vanished(body, held) == ()


@each_hospital
def test_epic_takes_and_keeps_what_is_sent(facts, tmp_path):
    ehr = WrittenEhr("epic-like", tmp_path)
    for path in PATIENTS:
        enter_stay(ehr, sample(path))
        drafts = sent_to("epic-like", path, facts)
        assert drafts
        for draft in drafts:
            told = ehr.post(draft.body)
            assert told.status == 201, (draft.key, told.body)
            place = dict(told.headers)["location"].partition("/")[2].partition("/")[0]
            [held] = ehr.held(f"{draft.resource_type}?_id={place}")
            assert vanished(draft.body, held) == ()


def enter_stay(ehr: WrittenEhr, plan: Any) -> None:
    """The patient and the stay of a plan, as the hospital's own people enter them."""
    patient, stay = plan.patient.reference, plan.encounter.reference
    body = {
        "resourceType": "Encounter",
        "id": stay.partition("/")[2],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": patient},
    }
    ehr.put({"resourceType": "Patient", "id": patient.partition("/")[2]}, body)
