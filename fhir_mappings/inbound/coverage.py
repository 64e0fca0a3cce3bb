"""Coverage → Coverage."""

from datetime import UTC, tzinfo

from fhir_mappings.inbound.codes import bare_code, codes_or_text
from fhir_mappings.inbound.dates import day, last_day
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import Shared, display, reference_of
from fhir_mappings.inbound.security import labels
from service.domain.record import Coverage


def coverage(resource: Json, shared: Shared, *, zone: tzinfo = UTC) -> Coverage | None:
    """One insurance; None when it names neither a type nor a payer."""
    types = codes_or_text(resource.get("type"))
    payor = _payor(resource, shared)
    if not (types or payor):
        return None
    period = first(resource.get("period"))
    return Coverage(
        reference=reference_of(resource),
        status=bare_code(resource.get("status")),
        types=types,
        payor=payor,
        start=day(period.get("start"), zone),
        end=last_day(period.get("end"), zone),
        labels=labels(resource),
    )


def _payor(resource: Json, shared: Shared) -> str:
    """The payer's name (R4 payor, R5 insurer), else that of the plan."""
    named = [one for key in ("payor", "insurer") for one in items(resource.get(key))]
    called = (display(one, resource, shared) for one in named)
    plans = (text(one.get("name")) for one in items(resource.get("class")))
    return next(filter(None, called), "") or next(filter(None, plans), "")
