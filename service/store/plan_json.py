"""A plan as JSON and back, for the database: every field by its name, sets sorted, dates in ISO 8601."""

from collections.abc import Callable
from functools import cache
from typing import Any

from cattrs import Converter
from cattrs.preconf.json import make_converter

from service.domain.plan import Plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values only; the same plan gives the same JSON."""
    document: dict[str, Any] = _converter().unstructure(plan, Plan)
    return document


def plan_from_json(document: dict[str, Any]) -> Plan:
    """The plan that `plan_to_json` was given. Fields added since then have their defaults."""
    return _converter().structure(document, Plan)


@cache
def _converter() -> Converter:
    """Made on first use: compiling it takes longer than a command line may wait for its first word."""
    converter = make_converter()
    converter.register_unstructure_hook(str, _storable)
    converter.register_unstructure_hook_factory(_is_set, _sorted_list)
    return converter


def _storable(words: str) -> str:
    """PostgreSQL's JSON cannot hold a NUL, and a record may."""
    return str(words).replace("\x00", "")


def _is_set(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is frozenset


def _sorted_list(_: Any) -> Callable[[frozenset[str]], list[str]]:
    return lambda members: sorted(map(str, members))
