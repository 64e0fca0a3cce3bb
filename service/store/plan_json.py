"""Plans and decisions as JSON and back, for the database: every field by its name, sets sorted, dates in ISO 8601."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final
from uuid import UUID

from cattrs import Converter
from cattrs.preconf.json import make_converter

from service.domain.decision import Decision
from service.domain.evidence import Evidence
from service.domain.explanation import Step
from service.domain.expression import Truth
from service.domain.plan import Plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values only; the same plan gives the same JSON."""
    document: dict[str, Any] = _converter().unstructure(plan, Plan)
    if told := document[_TOLD]:
        document[_TOLD] = {name: _shortened(value, document[name]) for name, value in told.items()}
    return document


def plan_from_json(document: dict[str, Any]) -> Plan:
    """The plan that `plan_to_json` was given. Fields added since then have their defaults, and so have those left out."""
    if told := document.get(_TOLD):
        full = {name: _in_full(value, document[name]) for name, value in told.items() if name in document}
        document = document | {_TOLD: full}
    return _converter().structure(document, Plan)


#: The plan for everybody says most of what the whole plan says: that is kept once, and named by its place.
_TOLD: Final = "for_everybody"


def _shortened(told: Any, whole: Any) -> Any:
    """A list with the place of each member that stands in the whole plan's list."""
    if not isinstance(told, list):
        return told
    return [whole.index(member) if member in whole else member for member in told]


def _in_full(told: Any, whole: Any) -> Any:
    if not isinstance(told, list):
        return told
    return [whole[member] if isinstance(member, int) else member for member in told]


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """The decision as JSON values only."""
    document: dict[str, Any] = _converter().unstructure(decision, Decision)
    return document


def decision_from_json(document: dict[str, Any]) -> Decision:
    """The decision that `decision_to_json` was given."""
    return _converter().structure(document, Decision)


@cache
def _converter() -> Converter:
    """Made on first use: compiling it takes longer than a command line may wait for its first word."""
    converter = make_converter()
    converter.register_unstructure_hook(str, _storable)
    converter.register_unstructure_hook(UUID, str)
    converter.register_structure_hook(UUID, lambda text, _: UUID(text))
    converter.register_unstructure_hook_factory(_is_set, _sorted_list)
    _keep_steps_small(converter)
    return converter


def _keep_steps_small(converter: Converter) -> None:
    """A plan holds hundreds of steps, most of them a false leaf: what is empty is left out."""

    def kept(step: Step) -> dict[str, Any]:
        evidence = [converter.unstructure(one, Evidence) for one in step.evidence]
        parts = [kept(part) for part in step.parts]
        full = {"evidence": evidence, "parts": parts, "negates": step.negates}
        return {"asks": _storable(step.asks), "truth": step.truth.value} | {
            k: v for k, v in full.items() if v
        }

    def step_of(document: dict[str, Any], _: Any) -> Step:
        return Step(
            asks=document["asks"],
            truth=Truth(document["truth"]),
            evidence=tuple(converter.structure(one, Evidence) for one in document.get("evidence", ())),
            parts=tuple(step_of(part, None) for part in document.get("parts", ())),
            negates=document.get("negates", False),
        )

    converter.register_unstructure_hook(Step, kept)
    converter.register_structure_hook(Step, step_of)


def _storable(words: str) -> str:
    """PostgreSQL's JSON cannot hold a NUL, and a record may."""
    return str(words).replace("\x00", "")


def _is_set(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is frozenset


def _sorted_list(_: Any) -> Callable[[frozenset[str]], list[str]]:
    return lambda members: sorted(map(str, members))
