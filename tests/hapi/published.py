"""All sample inpatients planned and written to the strict server, once for each kind of EHR that it may be taken for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import requests
import yaml

from config.directory_file import load_directory
from config.ehr_quirks import Quirk, load_quirks
from config.settings import load_settings
from config.tenants import Tenant
from service.bootstrap import Deps, build_deps
from service.domain.discharge import Action, Trigger
from service.domain.publication import LedgerEntry
from service.ehr.capability import Capability, capability_from
from service.ehr.client import Ehr
from service.ehr.quirks import with_quirks
from service.pipeline.intake import intake
from service.pipeline.run import plan_discharge, publish_discharge, withdraw_discharge
from service.sandbox.hospital import ORGANIZATION, ORGANIZATION_REFERENCE
from service.sandbox.inpatients import Inpatient
from service.sandbox.mode import FULL, VENDORS, statement

MODES: Final = (FULL, *VENDORS)

Json = dict[str, Any]


class PlayedEhr(Ehr):
    """The strict server, taken for a vendor's: what it writes on lower rungs is then held to HAPI's strictness."""

    def __init__(self, tenant: Tenant, quirks: Sequence[Quirk]) -> None:
        super().__init__(tenant, quirks=quirks)
        self._stated = capability_from(statement(tenant.id)) if tenant.id in VENDORS else None
        self._known = quirks

    def capability(self) -> Capability:
        """What the vendor's statement says, for a vendor."""
        return with_quirks(self._stated, self._known) if self._stated else super().capability()


@dataclass(frozen=True, slots=True)
class Published:
    """A deployment for each mode, since none may plan another's stays, and the discharge of each inpatient by mode."""

    deps: Mapping[str, Deps]
    discharges: Mapping[tuple[str, str], UUID]
    base_url: str

    def entries(self, mode: str) -> list[LedgerEntry]:
        """The ledgers of a mode."""
        return [
            entry
            for (played, _), discharge in self.discharges.items()
            if played == mode
            for entry in self.deps[mode].store.publications.entries(discharge)
        ]

    def resources(self, mode: str) -> list[Json]:
        """Everything of ours that the server holds in a mode, read from it."""
        with requests.Session() as session:
            session.trust_env = False
            read = [entry.reference for entry in self.entries(mode) if entry.reference]
            answers = [session.get(f"{self.base_url}/{reference}", timeout=60) for reference in read]
        return [answer.json() for answer in answers if answer.ok]

    def ask(self, mode: str, patient: Inpatient, action: Action, order: str) -> None:
        """Order or cancel, and carry it out."""
        deps = self.deps[mode]
        intake(Trigger(mode, patient.encounter, action, "rest", order), deps)
        discharge = self.discharges[mode, patient.id]
        if action is Action.CANCEL:
            withdraw_discharge(discharge, deps)
            return
        plan_discharge(discharge, deps)
        publish_discharge(discharge, deps)


@contextmanager
def published(
    base_url: str, database_url: str, folder: Path, patients: Sequence[Inpatient]
) -> Iterator[Published]:
    """Plan first and write then, so that no mode reads what another wrote."""
    deployments = {mode: _deps(mode, base_url, database_url, folder) for mode in MODES}
    discharges = {}
    for mode, deps in deployments.items():
        deps.store.directory.load(mode, load_directory())
        for patient in patients:
            found = intake(Trigger(mode, patient.encounter, Action.PLAN, "rest", "ServiceRequest/1"), deps)
            assert found is not None
            discharges[mode, patient.id] = found.id
            plan_discharge(found.id, deps)
    for (mode, _), discharge in discharges.items():
        publish_discharge(discharge, deployments[mode])
    yield Published(deployments, discharges, base_url)
    for deps in deployments.values():
        deps.store.close()


def _deps(mode: str, base_url: str, database_url: str, folder: Path) -> Deps:
    tenant = {
        "id": mode,
        "fhir_base_url": base_url,
        "organization": ORGANIZATION,
        "organization_reference": ORGANIZATION_REFERENCE,
        # Nobody signs here, and what is validated is what an EHR would get.
        "unsigned_documents": "yes",
    }
    file = folder / f"{mode}.yaml"
    file.write_text(yaml.safe_dump({"tenants": [tenant]}))
    settings = load_settings({"HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_TENANTS_FILE": str(file)})
    deps = build_deps(settings)
    played = {mode: PlayedEhr(deps.tenants[mode], load_quirks())}
    return replace(deps, ehr=played.__getitem__)
