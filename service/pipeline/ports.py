"""What the pipeline needs of the deployment; bootstrap's Deps gives it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from config.settings import Settings
from config.tenants import Tenant
from service.domain.community_service import Directory
from service.domain.content import Content
from service.ehr.client import Ehr
from service.jobs import Jobs
from service.store import Store


class Operations(Protocol):
    """What it takes to look after discharges and jobs: no content is loaded, and no EHR is asked."""

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The hospitals by id."""
        ...

    @property
    def store(self) -> Store:
        """What Homeward remembers."""
        ...

    @property
    def jobs(self) -> Jobs:
        """The queue."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock, in UTC."""
        ...


class Deps(Operations, Protocol):
    """The adapters and the content, as the steps use them."""

    @property
    def settings(self) -> Settings:
        """What the deployment is set to."""
        ...

    def content(self, tenant: str, /) -> Content:
        """A tenant's protocols, instruments and code sets."""
        ...

    def ehr(self, tenant: str, /) -> Ehr:
        """A tenant's EHR."""
        ...

    def directory(self, tenant: str, /) -> Directory:
        """A tenant's community services."""
        ...
