"""In which form a plan stands in each kind of EHR, as the vendors document it: facts of theirs, not what Homeward believes of them.

Sources: Epic's list of APIs (open.epic.com: Clinical Notes, Problems) and published write-back reports; Oracle Health's R4
pages (cerner/fhir.cerner.com: document_reference, condition, communication, provenance); the statements of MEDITECH and
athenahealth (Communication and QuestionnaireResponse, QuestionnaireResponse alone). See docs/ehr.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.sandbox.chart import COLUMNS, WRITTEN_TYPES
from service.sandbox.mode import FULL, SINGLES


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of EHR takes of a plan.

    holder is the type that the whole plan is read in, "" where none is; types are all that may stand there. attachment is
    the one content type of a note, "" for any; columns is how wide its lines may be, 0 where nothing is said.
    """

    holder: str
    types: frozenset[str]
    attachment: str = ""
    columns: int = 0

    @property
    def keeps_resources(self) -> bool:
        """Whether the items of a plan stand as resources of their own, with our identifiers."""
        return self.holder == "CarePlan"


_WHOLE: Final = Form("CarePlan", frozenset(WRITTEN_TYPES))
FORMS: Final[Mapping[str, Form]] = {
    FULL: _WHOLE,
    SINGLES: _WHOLE,
    "epic-like": Form(
        "DocumentReference", frozenset({"DocumentReference", "Condition"}), "text/plain", COLUMNS
    ),
    "oracle-like": Form(
        "DocumentReference", frozenset({"DocumentReference", "Condition", "Communication", "Provenance"})
    ),
    "meditech-like": Form("Communication", frozenset({"Communication"})),
    "athena-like": Form("", frozenset()),
}
