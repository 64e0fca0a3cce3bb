"""What a reading by id within a batch has shown of the resource, whichever way the EHR answered."""

import pytest

from fhir_mappings.bundle import Search
from service.domain.absence import Shown
from service.ehr.search import refusal, result_of
from service.errors import EhrGarbled, EhrNotFhir, EhrRefused, EhrRejected, EhrUnavailable

_STAY = Search("Encounter", id="1")


def _no_page(_):
    raise AssertionError("there are no further pages")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (EhrRefused(status=404), Shown.ABSENT),
        (EhrRefused(status=410), Shown.ABSENT),
        (EhrGarbled(), Shown.ABSENT),
        (EhrNotFhir(), Shown.ABSENT),
        (EhrRefused(status=401), Shown.NOT_LET),
        (EhrRefused(status=403), Shown.NOT_LET),
        (EhrRejected(status=422), Shown.NOT_LET),
        (EhrUnavailable(), Shown.UNANSWERED),
    ],
)
def test_an_error_shows_the_same_in_a_batch_as_by_itself(error, shown):
    assert refusal(_STAY, error).shown is shown


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"resourceType": "Encounter", "id": "1"}, Shown.PRESENT),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, Shown.ABSENT),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "security"}]},
            Shown.NOT_LET,
        ),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
            Shown.ABSENT,
        ),
    ],
)
def test_what_an_answer_shows(answer, shown):
    assert result_of(_STAY, answer, _no_page).shown is shown
