"""The table of docs/ehr.md on which EHR gets what, made from what preflight says. `python -m tests.vendor_table` prints it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from config.ehr_quirks import load_quirks
from config.vendor_files import Vendor, load_vendors
from service.domain.write_shape import ProblemList
from service.pipeline.finding import Area, Finding, Verdict
from service.pipeline.preflight_landing import used_types
from service.pipeline.preflight_vendor import NO_HOSPITAL, capability_of, of_vendor

_TODAY: Final = date(2026, 12, 1)
_HEAD: Final = (
    "EHR",
    "the plan",
    "each referral",
    "tasks, who decided",
    "open needs, where wanted",
    "written",
    "not read",
    "orders are heard of by",
)
_SIGNED: Final = replace(NO_HOSPITAL, author_practitioner="Practitioner/1")


def vendor_table() -> str:
    """One row for each product, in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(tuple(_cells(vendor)) for vendor in load_vendors().values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _cells(vendor: Vendor) -> Iterator[str]:
    findings = of_vendor(vendor, load_quirks(), _TODAY, _SIGNED).findings
    lands = {found.subject: found.rung for found in findings if found.area is Area.LANDING}
    yield vendor.name
    yield lands["the plan"]
    yield lands["each referral"]
    yield ", ".join(dict.fromkeys((lands["each task"], lands["who decided"])))
    yield _needs(vendor)
    yield _when(vendor)
    lacking = [
        found.subject for found in findings if found.area is Area.READ and found.verdict is not Verdict.READY
    ]
    yield ", ".join(lacking) or "none"
    yield _heard_of({found.subject: found for found in findings if found.area is Area.TRIGGER})


def _needs(vendor: Vendor) -> str:
    categories = [
        wanted.category
        for wanted in ProblemList
        if wanted is not ProblemList.NO
        and "Condition"
        in used_types(
            capability_of(vendor, load_quirks(), hospital := replace(_SIGNED, problems=wanted)), hospital
        )
    ]
    return ", ".join(categories) or "none"


def _when(vendor: Vendor) -> str:
    capability = capability_of(vendor, load_quirks(), _SIGNED)
    used = used_types(capability, _SIGNED)
    waits = {capability.shape(kind).waits_for_signature for kind in used}
    return {frozenset({True}): "once signed", frozenset({False}): "at once, as drafts"}.get(
        frozenset(waits), "none"
    )


def _heard_of(triggers: dict[str, Finding]) -> str:
    if triggers["subscriptions"].verdict is Verdict.READY:
        return "Subscription"
    return "polling by code" if triggers["polling"].verdict is Verdict.READY else "a census, a hook or REST"


if __name__ == "__main__":
    print(vendor_table())  # noqa: T201
