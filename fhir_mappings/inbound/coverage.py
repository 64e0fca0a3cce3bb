"""Coverage → Coverage."""

from collections.abc import Iterator
from datetime import UTC, tzinfo

from fhir_mappings.inbound.codes import bare_code, codes_and_text
from fhir_mappings.inbound.dates import day, last_day
from fhir_mappings.inbound.elements import Json, first, items, text
from fhir_mappings.inbound.references import Shared, display, reference_of
from fhir_mappings.inbound.security import labels
from fhir_mappings.inbound.statuses import read_status
from service.domain.codes import Code, System
from service.domain.record import Coverage
from service.domain.unstated import says_nothing

#: R5's Coverage.kind, in the words that tell the same elsewhere.
_SELF_PAY_KIND = "self-pay"
#: CMS Blue Button names its variables and identifiers under this address; who is in it has Medicare.
_BLUE_BUTTON = "bluebutton.cms.gov"
_PERSONS = ("Patient/", "RelatedPerson/")


def coverage(resource: Json, shared: Shared, *, zone: tzinfo = UTC) -> Coverage | None:
    """One insurance; None when it names neither a type nor a payer."""
    types = tuple(_types(resource))
    names = tuple(dict.fromkeys(_names(resource, shared)))
    hints = tuple(dict.fromkeys(_hints(resource)))
    by_person = any(_is_person(payer) for payer in _payers(resource))
    if not (types or names or hints or by_person):
        return None
    period = first(resource.get("period"))
    return Coverage(
        reference=reference_of(resource),
        status=read_status(resource.get("status")),
        types=types,
        payor=next((name for name in names if not says_nothing(name)), names[0] if names else ""),
        names=names,
        hints=hints,
        paid_by_person=by_person,
        start=day(period.get("start"), zone),
        end=last_day(period.get("end"), zone),
        labels=labels(resource),
    )


def _types(resource: Json) -> Iterator[Code]:
    yield from codes_and_text(resource.get("type"))
    if bare_code(resource.get("kind")).replace("_", "-") == _SELF_PAY_KIND:
        yield Code(System.SELF_PAY, "pay", "Self-pay")


def _payers(resource: Json) -> list[Json]:
    """R4 payor, R5 insurer and paymentBy."""
    payers = [payer for key in ("payor", "insurer") for payer in items(resource.get(key))]
    return payers + [first(paid.get("party")) for paid in items(resource.get("paymentBy"))]


def _names(resource: Json, shared: Shared) -> Iterator[str]:
    """Payers first, then plans and groups."""
    for payer in _payers(resource):
        if not _is_person(payer):
            yield from filter(None, (display(payer, resource, shared), text(payer.get("display"))))
    yield from filter(None, (text(plan.get("name")) for plan in _plans(resource)))


def _hints(resource: Json) -> Iterator[str]:
    """What a plan may be told by alone ("Part A"), as Blue Button does, and a payer (an identifier in words)."""
    for payer in _payers(resource):
        identifier = first(payer.get("identifier"))
        yield from filter(
            None, (text(identifier.get("value")), text(first(identifier.get("assigner")).get("display")))
        )
    for plan in _plans(resource):
        value = plan.get("value")
        yield from filter(
            None, (text(first(value).get("value")) if isinstance(value, dict) else text(value),)
        )
    yield from filter(None, (text(resource.get("network")),))
    if _is_blue_button(resource):
        yield "Medicare"


def _plans(resource: Json) -> list[Json]:
    """Without what belongs to the pharmacy: a medical plan's drug group makes it no drug plan."""
    return [plan for plan in items(resource.get("class")) if not bare_code(plan.get("type")).startswith("rx")]


def _is_person(payer: Json) -> bool:
    return text(payer.get("reference")).startswith(_PERSONS) or text(payer.get("type")) in {
        "Patient",
        "RelatedPerson",
    }


def _is_blue_button(resource: Json) -> bool:
    addresses = (
        *(text(extension.get("url")) for extension in items(resource.get("extension"))),
        *(text(identifier.get("system")) for identifier in items(resource.get("identifier"))),
    )
    return any(_BLUE_BUTTON in address for address in addresses)
