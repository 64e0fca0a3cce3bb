"""What one must know of a hospital to read its record: things that FHIR leaves to each."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

#: SNOMED CT "Patient discharge", the order by which an EHR says that a patient is to go home.
PATIENT_DISCHARGE: Final = "http://snomed.info/sct|58000006"


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a hospital writes its record.

    order_codes ("system|code") are its orders to discharge a patient. zone is where its clocks hang, in which every time
    becomes a day; None where nobody has said: then the offset of the stay's own times.
    """

    order_codes: frozenset[str] = frozenset({PATIENT_DISCHARGE})
    zone: tzinfo | None = None


USUAL: Final = Conventions()
