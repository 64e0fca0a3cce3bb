"""`homeward directory load`: the community services of a hospital, replaced as a whole."""

from contextlib import closing
from pathlib import Path
from typing import Final

from config.directory_file import SAMPLE, load_directory
from config.settings import settings_of_this_process
from service.bootstrap import build_deps
from service.domain.audit import AuditEntry, Event
from service.errors import BadInput

#: Who did it, in the audit trail: whoever may run commands.
_ACTOR: Final = "homeward directory load"


def replace_directory(tenant: str, folder: Path | None) -> int:
    """Put a folder of HSDS files, or the sample, in place of a tenant's directory; the number of services it now has.

    BadInput when there is no such tenant; ConfigurationError names file and line of a mistake, and then nothing has
    changed.
    """
    deps = build_deps(settings_of_this_process())
    if tenant not in deps.tenants:
        raise BadInput("There is no such hospital in HOMEWARD_TENANTS_FILE; check its id.")
    with closing(deps.store) as store:
        services = load_directory(folder or SAMPLE)
        told = f"{len(services)} services"
        with store.begin() as unit:
            unit.audit.record(AuditEntry(deps.now(), tenant, _ACTOR, Event.DIRECTORY_LOADED, reference=told))
            return unit.directory.load(tenant, services)
