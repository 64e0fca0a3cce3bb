"""What Epic makes of a search: what it must say, what is left out of it with a warning, how short its pages are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Query = tuple[tuple[str, str], ...]

#: The parameter by which a next link names its page.
SESSION: Final = "session"
#: No more are asked for one page, whatever _count says; what stands on it is less, and there is a next.
PAGE: Final = 15
#: More than this is not given, on whatever page.
MOST: Final = 100
#: So long is a next link good.
SESSION_SECONDS: Final = 600.0
#: Asked of no resource type in particular.
ALWAYS: Final = frozenset({"_format", "_pretty", "_include", "_revinclude", SESSION})

#: One of these must be in a search, and the code of what is answered where none is.
REQUIRED: Final[Mapping[str, tuple[frozenset[str], str]]] = MappingProxyType(
    {
        "CarePlan": (frozenset({"category"}), "59108"),
        "Observation": (frozenset({"category", "code"}), "59108"),
        # The documentation of the parameters in its statement: the others refine what these find.
        "ServiceRequest": (frozenset({"patient", "subject", "encounter"}), "4110"),
        "DocumentReference": (frozenset({"patient", "subject", "encounter"}), "4110"),
        "Communication": (frozenset({"patient", "subject", "encounter"}), "4110"),
        "Condition": (frozenset({"patient", "subject", "encounter"}), "4110"),
    }
)

_REQUESTS: Final = frozenset(
    {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
)
#: The values that a parameter knows, where its value set is closed; any other is left out.
VALUES: Final[Mapping[tuple[str, str], frozenset[str]]] = MappingProxyType(
    {
        ("Condition", "category"): frozenset(
            {
                "problem-list-item",
                "encounter-diagnosis",
                "health-concern",
                "medical-history",
                "genomics",
                "infection",
                "dental-finding",
                "reason-for-visit",
            }
        ),
        ("Condition", "clinical-status"): frozenset(
            {"active", "recurrence", "relapse", "inactive", "remission", "resolved"}
        ),
        ("Observation", "category"): frozenset(
            {
                "social-history",
                "vital-signs",
                "imaging",
                "laboratory",
                "procedure",
                "survey",
                "exam",
                "therapy",
                "activity",
                "core-characteristics",
                "lda",
                "genomics",
                "smartdata",
                "sdoh",
                "functional-status",
                "functional-mental-status",
                "cognitive-status",
                "disability-status",
                "treatment-intervention-preference",
                "care-experience-preference",
            }
        ),
        ("CarePlan", "category"): frozenset(
            {
                "assess-plan",
                "736271009",
                "736353004",
                "738906000",
                "736378000",
                "719091000000102",
                "longitudinal",
                "inpatient",
            }
        ),
        ("Goal", "lifecycle-status"): frozenset(
            {
                "proposed",
                "planned",
                "accepted",
                "active",
                "on-hold",
                "completed",
                "cancelled",
                "entered-in-error",
                "rejected",
            }
        ),
        ("ServiceRequest", "status"): _REQUESTS,
        ("DeviceRequest", "status"): _REQUESTS,
        ("MedicationRequest", "status"): _REQUESTS | {"stopped", "cancelled"},
        ("DocumentReference", "status"): frozenset({"current", "superseded", "entered-in-error"}),
    }
)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A search without what was left out, and the names of that."""

    query: Query
    left_out: tuple[str, ...] = ()


def lacks(kind: str, names: Collection[str], number: str) -> bool:
    """Whether a search says too little of what it wants, where that is answered with this code."""
    wanted, coded = REQUIRED.get(kind, (frozenset[str](), ""))
    return coded == number and not wanted & set(names) and not {"_id", SESSION} & set(names)


def leave_out_parameters(query: Query, listed: Collection[str]) -> Narrowed:
    """The search without the parameters that nobody lists: it finds more than was asked for."""
    names = {name for name, _ in query if name.partition(":")[0] not in {*listed, *ALWAYS}}
    return Narrowed(tuple(pair for pair in query if pair[0] not in names), tuple(sorted(names)))


def leave_out_values(kind: str, query: Query) -> Narrowed:
    """The search without the values that their parameter does not know; without the parameter where it knows none of them."""
    kept: list[tuple[str, str]] = []
    names: set[str] = set()
    for name, value in query:
        known = VALUES.get((kind, name))
        values = value.split(",")
        good = [given for given in values if known is None or given.rpartition("|")[2] in known]
        if len(good) < len(values):
            names.add(name)
        if good:
            kept.append((name, ",".join(good)))
    return Narrowed(tuple(kept), tuple(sorted(names)))
