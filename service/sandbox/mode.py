"""What the sandbox EHR plays: whose rules it keeps, and how often it fails. Read from words like "epic-like,flaky"."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from config.vendor_statements import read_vendor_statement
from service.errors import BadInput

FULL: Final = "full"
#: The products whose statements these modes keep to.
_PRODUCTS: Final[Mapping[str, str]] = {
    "epic-like": "epic",
    "oracle-like": "oracle-health",
    "meditech-like": "meditech",
    "athena-like": "athenahealth",
}
VENDORS: Final = tuple(_PRODUCTS)
#: Takes everything, but neither batch nor transaction.
SINGLES: Final = "singles"
FLAKY: Final = "flaky"
#: May stand beside a vendor, which is played by its written rules in any case (`service.sandbox.written`).
WRITTEN: Final = "written"
#: The kinds of EHR.
KINDS: Final = (FULL, *VENDORS, SINGLES)
#: The words that make a mode; they combine with commas.
WORDS: Final = (*KINDS, FLAKY)
#: The hospital's own people and interfaces do not go through the vendor's API: no rule and no fault is for them.
INSIDE: Final[Mapping[str, str]] = {"X-Sandbox-Inside": "yes"}


@dataclass(frozen=True, slots=True)
class Mode:
    """vendor is one of VENDORS or "" for a server that takes all, with singles no Bundle; of all requests, fault_rate (0 to 1) go wrong.

    The seed decides which: the n-th request of every run with the same seed meets the same fate. spellbound says that
    faults that last (`spells`) may be begun and ended from inside.
    """

    vendor: str = ""
    fault_rate: float = 0.0
    seed: int = 1
    singles: bool = False
    spellbound: bool = False

    def __str__(self) -> str:
        return f"{self.kind},{FLAKY}" if self.fault_rate else self.kind

    @property
    def kind(self) -> str:
        """The kind of EHR, one of KINDS."""
        return self.vendor or (SINGLES if self.singles else FULL)

    def failing(self, *, rate: float, seed: int) -> "Mode":
        """The same EHR with faults of this rate and seed; rate 0 for none."""
        return replace(self, fault_rate=rate, seed=seed)

    def dumped(self) -> str:
        """As the child process takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> Self:
        """What `dumped` wrote."""
        return cls(**json.loads(text))


#: Faults of `flaky` where nobody says otherwise: one request in five.
USUAL_RATE: Final = 0.2


def mode_of(words: str, *, seed: int = 1) -> Mode:
    """The mode that words like "full", "epic-like" or "oracle-like,flaky" name; BadInput with the known ones."""
    asked = [word.strip() for word in words.split(",") if word.strip()]
    unknown = [word for word in asked if word not in {*WORDS, WRITTEN}]
    if unknown or not asked:
        raise BadInput(f"There is no EHR called {', '.join(unknown) or 'nothing'}; choose {_choice()}.")
    kinds = [word for word in asked if word not in {FLAKY, WRITTEN}]
    if len(set(kinds)) > 1:
        raise BadInput(f"An EHR is of one kind, not {' and '.join(kinds)}; only {FLAKY} goes with another.")
    vendor = next((word for word in kinds if word in VENDORS), "")
    rate = USUAL_RATE if FLAKY in asked else 0.0
    return Mode(vendor, rate, seed, singles=SINGLES in kinds)


def statement(vendor: str) -> dict[str, Any]:
    """A vendor's own CapabilityStatement, trimmed to the resource types that a discharge is about."""
    return read_vendor_statement(_PRODUCTS[vendor])


def _choice() -> str:
    return f"{', '.join(WORDS)}, or one of them with ,{FLAKY}"
