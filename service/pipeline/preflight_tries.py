"""What an EHR lets our registration do, beyond what its statement lists: tried with nobody's record and with no resource."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from config.tenants import Tenant
from fhir_mappings.searches import questions
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, step_for
from service.ehr.scopes import WRITTEN_TYPES
from service.ehr.tries import try_create, try_search
from service.errors import EhrError
from service.pipeline.finding import Area, Finding, Verdict

_PATIENT: Final = "Patient/homeward-preflight"
_NOT_GRANTED: Final = frozenset({401, 403})
_NOT_THERE: Final = frozenset({404, 405, 501})
_TAKEN: Final = 200
_GRANT: Final = (
    "is not granted to our client: a statement lists what the product can do, not what a registration may. Ask for it where our "
    "client is registered."
)


def of_registration(ehr: Ehr, capability: Capability, today: date) -> Iterator[Finding]:
    """What is listed and not granted, or not there; one row that all is granted where nothing lacks."""
    lacking = [*_reads(ehr, capability, today), *_creates(ehr, capability)]
    yield from lacking
    if not lacking:
        said = "What it lists of what a plan needs is granted to our client; tried with nobody's record and without a resource."
        yield Finding(Area.REGISTRATION, "all", Verdict.READY, said)


def _reads(ehr: Ehr, capability: Capability, today: date) -> Iterator[Finding]:
    asked, _ = questions(_PATIENT, today, capability)
    tried: set[str] = set()
    for question in asked:
        search = question.search
        names = [name for name, _ in search.parameters]
        # That a Patient may be read is what trying the credential shows.
        if search.id or search.resource_type in tried or capability.left_out(search.resource_type, names):
            continue
        tried.add(search.resource_type)
        status = try_search(ehr, search)
        # A search for a patient who does not exist may be refused for that: only what names the client counts.
        if status in _NOT_GRANTED:
            said = f"Searching {search.resource_type} {_GRANT}"
            yield Finding(Area.REGISTRATION, f"{search.resource_type} search", Verdict.DEGRADED, said)


def _creates(ehr: Ehr, capability: Capability) -> Iterator[Finding]:
    for kind in _written(ehr.tenant, capability):
        finding = _create(kind, try_create(ehr, kind))
        if finding is not None:
            yield finding


def _written(tenant: Tenant, capability: Capability) -> Iterable[str]:
    if not tenant.write_policy.writes:
        return ()
    return [kind for kind in WRITTEN_TYPES if step_for(capability, kind).rung is not Rung.NOT_POSSIBLE]


def _create(kind: str, status: int | EhrError) -> Finding | None:
    subject = f"{kind} create"
    if isinstance(status, EhrError):
        return Finding(Area.REGISTRATION, subject, Verdict.DEGRADED, f"Unclear: {status}")
    if status in _NOT_GRANTED:
        return Finding(Area.REGISTRATION, subject, Verdict.DEGRADED, f"Creating a {kind} {_GRANT}")
    if status in _NOT_THERE:
        said = f"Creating a {kind} is listed, and is not there ({status})."
        return Finding(Area.REGISTRATION, subject, Verdict.DEGRADED, said)
    if status == _TAKEN:
        said = f"It says yes to creating a {kind} without any resource, so whether ours are granted was not seen."
        return Finding(Area.REGISTRATION, subject, Verdict.DEGRADED, said)
    return None
