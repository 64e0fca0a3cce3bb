"""The deployment that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import settings_of_this_process
from service.bootstrap import Operations, build_operations
from service.errors import BadInput


@contextmanager
def opened_operations(tenant: str = "") -> Iterator[Operations]:
    """The adapters of the deployment, given back at the end; BadInput for a hospital that it does not know."""
    deps = build_operations(settings_of_this_process())
    try:
        if tenant and tenant not in deps.tenants:
            raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
        yield deps
    finally:
        deps.store.close()
