"""Finding, or making once, a resource of ours that is shared by all discharges of a hospital."""

from typing import Final

from fhir_mappings.bundle import Search, carries, finder
from fhir_mappings.references import reference_of
from service.domain.publication import Draft
from service.ehr.client import Ehr
from service.ehr.ladder import findable_by
from service.ehr.search import Lack
from service.ehr.writing import condition
from service.errors import EhrError, EhrRefused, EhrRejected

_UNAUTHORIZED: Final = 401


def find_or_create(ehr: Ehr, draft: Draft) -> str | None:
    """Return where it stands ("Device/7"), "" where this EHR takes none, None where that is not known just now.

    It is looked for first, and made only where it is not there and could be found again. Two callers at once could make
    two: hold a lock. Of several, the one whose id sorts first is everybody's.
    """
    try:
        return _found(ehr, draft)
    except (EhrRefused, EhrRejected) as error:
        return None if error.status == _UNAUTHORIZED else ""
    except EhrError:
        return None


def _found(ehr: Ehr, draft: Draft) -> str | None:
    name, token = finder(draft)
    capability = ehr.capability()
    if not findable_by(capability, draft.resource_type, name):
        return ""
    [result] = ehr.batch([Search(draft.resource_type, ((name, token),))])
    ours = [reference_of(found) for found in result.resources if carries(found, draft.identifier)]
    if ours:
        return min(ours)
    if result.lack is not Lack.NOTHING:
        return "" if result.lack is Lack.LASTING else None
    if not capability.can(draft.resource_type, "create"):
        return ""
    return ehr.create(draft.body, if_none_exist=condition(draft, capability)).reference or None
