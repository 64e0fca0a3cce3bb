"""Where a plan stands in an EHR, in sentences: what was read from the EHR, and why the rest is not there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from service.domain.publication import Landing, LedgerEntry, WriteState
from service.sandbox.hospital import Hospital
from service.sandbox.inpatients import Inpatient

#: What a plan may be written as, what says most first.
KINDS: Final = (
    "CarePlan",
    "DocumentReference",
    "Communication",
    "Goal",
    "ServiceRequest",
    "Condition",
    "Task",
)

Json = dict[str, Any]


def main_resource(hospital: Hospital, patient: Inpatient) -> list[Json]:
    """The one that holds the whole plan, none where there is none."""
    found = (one for kind in KINDS[:3] for one in hospital.ours(patient, kind))
    return [one for one, _ in zip(found, range(1), strict=False)]


def where_it_stands(hospital: Hospital, patient: Inpatient, entries: Sequence[LedgerEntry]) -> Iterator[str]:
    """Sentences for a person who looks at the demo."""
    held = {kind: len(hospital.ours(patient, kind)) for kind in KINDS}
    yield f"In the EHR: {', '.join(f'{count} {kind}' for kind, count in held.items() if count) or 'nothing'}."
    lower: Counter[tuple[str, str]] = Counter(
        (entry.draft.resource_type, entry.why_there)
        for entry in entries
        if entry.wanted and entry.rung is not Landing.RESOURCE
    )
    for (kind, reason), count in lower.items():
        yield f"{kind} ({count}): {reason}"
    unknown = sum(entry.wanted and entry.state is WriteState.UNKNOWN for entry in entries)
    if unknown:
        yield f"Of {unknown} nobody knows whether the EHR has them; a person must look."
