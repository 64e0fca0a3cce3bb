"""A hospital's directory for patients who have no address: its service area stands for their place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from config.tenants import ServiceArea
from service.domain.community_service import CommunityService, Directory


@dataclass(frozen=True, slots=True)
class AreaDirectory:
    """The same directory. An unknown place is the area's default ZIP code, or anywhere within its ZIP codes."""

    directory: Directory
    area: ServiceArea

    def candidates(self, services: Collection[str], postal_code: str) -> Sequence[CommunityService]:
        """Entries that answer one of the services and serve this place; "" is the hospital's area."""
        found = self.directory.candidates(services, postal_code or self.area.default_postal_code)
        if postal_code or self.area.default_postal_code or not self.area.postal_codes:
            return found
        return [service for service in found if self._reaches(service)]

    def _reaches(self, service: CommunityService) -> bool:
        return not service.postal_codes or bool(service.postal_codes & self.area.postal_codes)
