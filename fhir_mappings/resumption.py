"""Bringing back what was called off: by the ledger's codes, and by the three-way merge for everything but the status."""

from dataclasses import replace
from typing import Any

from fhir_mappings.merge import Merged, merge
from fhir_mappings.withdrawal import status_of, with_status

Json = dict[str, Any]


def resume(said: Json, ours: Json, current: Json, *, before: str, given: str) -> Merged | None:
    """Bring back what we called off as it is wanted now; None when it is no longer as we left it, and so a person's.

    said is that of `withdraw` or `retire`, ours the body that is wanted now, before and given the statuses that the
    ledger kept. A status
    that a person had given it, as by signing a draft, comes back, and stays theirs. Our reason goes as far as the EHR still shows
    it as we put it; what people added to it stays.
    """
    if not given or status_of(current) != given:
        return None
    ours_before = status_of(said)
    if ours_before == given:
        return merge(said, ours, current)
    merged = merge(with_status(said, given), with_status(ours, before), current)
    return replace(merged, said=with_status(merged.said, ours_before))
