"""A measured figure beside its budget."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in `unit`; with a budget it is held if the value does not pass it."""

    what: str
    value: float
    unit: str
    budget: float | None = None

    @property
    def held(self) -> bool:
        """Whether the value is within the budget; a figure without one is for information."""
        return self.budget is None or self.value <= self.budget

    @property
    def shown(self) -> str:
        """As a person reads it: 12.3 ms."""
        return f"{self.value:.3g} {self.unit}".strip()

    @property
    def verdict(self) -> str:
        """yes, NO, or nothing where there is no budget."""
        return "" if self.budget is None else "yes" if self.held else "NO"

    @property
    def budget_shown(self) -> str:
        """As a person reads it: ≤ 30 ms; nothing without a budget."""
        return "" if self.budget is None else f"≤ {self.budget:g} {self.unit}".strip()
