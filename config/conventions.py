"""What one must know of a hospital to read its record: things that FHIR leaves to each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from service.domain.record import INPATIENT_CLASSES

#: SNOMED CT "Patient discharge", the order by which an EHR says that a patient is to go home.
PATIENT_DISCHARGE: Final = "http://snomed.info/sct|58000006"
#: What a hospital's own class of encounters may stand for: HL7 v3 ActEncounterCode.
ENCOUNTER_CLASSES: Final = INPATIENT_CLASSES | {"AMB", "EMER", "FLD", "HH", "PRENC", "VR"}


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a hospital writes its record.

    order_codes ("system|code") are its orders to discharge a patient. zone is where its clocks hang, in which every time
    becomes a day; None where nobody has said: then the offset of the stay's own times. encounter_classes are its own classes
    of encounters ("system|code", code or words, in lower case) and their v3 ActCode, "" for one that says nothing there.
    """

    order_codes: frozenset[str] = frozenset({PATIENT_DISCHARGE})
    zone: tzinfo | None = None
    encounter_classes: Mapping[str, str] = field(default_factory=dict)


USUAL: Final = Conventions()
