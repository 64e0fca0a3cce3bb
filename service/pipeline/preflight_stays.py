"""Preflight of `stays`: whether a filter says which stays of the server are this hospital's, and whether what it names is there."""

from collections.abc import Iterator

from config.tenants import Tenant
from service.ehr.client import Ehr
from service.errors import EhrError, EhrRefused
from service.pipeline.finding import Area, Finding, Verdict

_GONE = frozenset({404, 410})


def of_stays(tenant: Tenant, ehr: Ehr) -> Iterator[Finding]:
    """A row for the filter, and one for each organization or location that it names, which is read."""
    if tenant.stays is None:
        said = "No filter is set: every stay of this FHIR server is this hospital's."
        yield Finding(Area.SETUP, "stays", Verdict.READY, said)
        return
    named = tenant.stays.organizations | tenant.stays.locations | tenant.stays.order_performers
    said = f"A filter names {len(named)} organizations or locations; other stays are not planned."
    yield Finding(Area.SETUP, "stays", Verdict.READY, said)
    for reference in sorted(named):
        yield _named(reference, ehr)


def _named(reference: str, ehr: Ehr) -> Finding:
    try:
        ehr.read(reference)
    except EhrError as error:
        if isinstance(error, EhrRefused) and error.status in _GONE:
            said = "The EHR has none of this id, so it names no stay; correct `stays` in the tenants file."
            return Finding(Area.SETUP, reference, Verdict.UNUSABLE, said)
        said = f"It is not known whether the EHR has it. {error} Grant the reading of what `stays` names."
        return Finding(Area.SETUP, reference, Verdict.DEGRADED, said)
    return Finding(Area.SETUP, reference, Verdict.READY, "The EHR has it.")
