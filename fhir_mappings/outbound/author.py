"""Who writes: Homeward is a Device that acts for the hospital, carried inside each resource it writes.

Contained, because it must resolve (US Core Provenance) where the EHR accepts no Device of ours, and because a shared
one, created by many discharges at once, would end as several.
"""

from dataclasses import dataclass
from typing import Final

from fhir_mappings.outbound.elements import Json

_ID: Final = "author"
#: Who a person chose to do what is asked for.
PERFORMER: Final = "performer"
#: The ids of all that we carry inside resources.
CONTAINED: Final = frozenset({_ID, PERFORMER})
#: A plan made from a file is for a hospital that nobody named; US Core wants one all the same.
_UNNAMED: Final = "The hospital of this record"
#: The reference to the contained Device, for every element that names an author.
AUTHOR: Final[Json] = {"reference": f"#{_ID}"}


@dataclass(frozen=True, slots=True)
class Author:
    """The device as people read it, and the hospital it acts for; organization_reference "" when it is not known."""

    device_name: str
    organization: str
    organization_reference: str = ""

    def device(self) -> Json:
        """The Device resource to be contained."""
        return {
            "resourceType": "Device",
            "id": _ID,
            "status": "active",
            "deviceName": [{"name": self.device_name, "type": "user-friendly-name"}],
            "type": {"text": "Discharge planning software"},
        }

    def on_behalf_of(self) -> Json:
        """The hospital, by reference where there is one, by name always."""
        return {
            "reference": self.organization_reference,
            "type": "Organization",
            "display": self.organization or _UNNAMED,
        }
