"""`config/compliance.yaml` and `config/boost_8p.yaml`: checklists on a plan, in the expressions of the protocols."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from config.content_folder import LayeredFolder
from config.expression_files import ExpressionReader
from config.marked_yaml import Entry, read_yaml
from config.source_files import read_labels
from service.domain.checklist import NO_CHECKLISTS, BoostRule, Checklists, ComplianceRule, Shown
from service.domain.expression import Expression
from service.domain.protocol import Review

_COMPLIANCE: Final = ("key", "requirement", "frameworks", "owner", "to_do", "review")
_BOOST: Final = ("key", "title")
_Rule = TypeVar("_Rule", ComplianceRule, BoostRule)


def read_checklists(root: LayeredFolder, expressions: ExpressionReader) -> Checklists:
    """The checklists of a folder laid out like `config/`, none where it has no such files.

    ConfigurationError names file and line.
    """
    compliance, boost = root / "compliance.yaml", root / "boost_8p.yaml"
    if not (compliance.exists() and boost.exists()):
        return NO_CHECKLISTS
    return Checklists(
        compliance=_items(compliance, lambda entry: _compliance(entry, expressions)),
        boost=_items(boost, lambda entry: _boost(entry, expressions)),
    )


def _items(path: Path, read: Callable[[Entry], _Rule]) -> tuple[_Rule, ...]:
    found: dict[str, _Rule] = {}
    document = read_yaml(path, path.name).fields(("sources", "items"), required=("sources", "items"))
    for entry in document["items"].items():
        rule = read(entry)
        if rule.key in found:
            raise entry.wrong(f"{rule.key!r} stands here twice")
        found[rule.key] = rule
    return tuple(found.values())


def _compliance(entry: Entry, expressions: ExpressionReader) -> ComplianceRule:
    given = entry.fields((*_COMPLIANCE, "applies", "met", "shown", "for_services"), required=_COMPLIANCE)
    if "met" in given and "shown" in given:
        raise entry.wrong("an item is met by the record or shown by the plan, not both")
    return ComplianceRule(
        key=given["key"].text(),
        requirement=given["requirement"].text(),
        frameworks=given["frameworks"].texts(),
        owner=given["owner"].text(),
        to_do=given["to_do"].text(),
        review=given["review"].choice(Review),
        applies=_optional(given, "applies", expressions),
        met=_optional(given, "met", expressions),
        shown=given["shown"].choice(Shown) if "shown" in given else None,
        for_services=given["for_services"].texts() if "for_services" in given else (),
    )


def _boost(entry: Entry, expressions: ExpressionReader) -> BoostRule:
    given = entry.fields((*_BOOST, "present", "absent", "read", "sensitive"), required=_BOOST)
    return BoostRule(
        key=given["key"].text(),
        title=given["title"].text(),
        present=_optional(given, "present", expressions),
        absent=_optional(given, "absent", expressions),
        read=given["read"].text() if "read" in given else "",
        labels=read_labels(given),
    )


def _optional(given: Mapping[str, Entry], key: str, expressions: ExpressionReader) -> Expression | None:
    return expressions.read(given[key]) if key in given else None
