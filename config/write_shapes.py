"""Reads `then: writes:` of a vendor's rule: the shape in which its EHR takes each type of resource."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import yaml

from config.marked_yaml import Entry
from service.domain.write_shape import AuthorShape, Change, WriteShape

_ELEMENT: Final = re.compile(r"[a-zA-Z]+(\.[a-zA-Z]+)*")
#: The tenant's fields that can ask for a type.
_SWITCHES: Final = ("problems",)
#: How YAML marks what is not quoted and reads as a boolean.
_BOOLEAN: Final = "tag:yaml.org,2002:bool"
_NOBODY_CAN_LOOK: Final = "none"


def read_shapes(entry: Entry) -> Mapping[str, WriteShape]:
    """Read the shapes by resource type."""
    return MappingProxyType(
        {resource_type: _read_shape(shape) for resource_type, shape in entry.fields(()).items()}
    )


def _read_shape(entry: Entry) -> WriteShape:
    found = entry.fields(tuple(_READERS))
    if not found:
        raise entry.wrong(f"this says nothing of how it is taken; known are {', '.join(_READERS)}")
    values = {key: _READERS[key](value) for key, value in found.items()}
    if values.get("taken") is False and "why" not in values:
        raise entry.wrong("what is never written says why: add a sentence as why")
    return WriteShape(**{_FIELDS.get(key, key): value for key, value in values.items()})


def _elements(entry: Entry) -> tuple[str, ...]:
    for path in entry.texts():
        if not _ELEMENT.fullmatch(path):
            raise entry.wrong(f"{path!r} is no element: write its name, or a path like context.period")
    return entry.texts()


def _switch_name(entry: Entry) -> str:
    if entry.text() not in _SWITCHES:
        raise entry.wrong(
            f"{entry.text()!r} is no field of a tenant that asks for something: {', '.join(_SWITCHES)}"
        )
    return entry.text()


def _found_by(entry: Entry) -> tuple[str, ...]:
    return () if entry.texts() == (_NOBODY_CAN_LOOK,) else entry.texts()


def _json(entry: Entry) -> Any:
    """The value as JSON; what is not quoted and says true or false is a boolean, everything else a text."""
    if isinstance(entry.node, yaml.MappingNode):
        return {key: _json(value) for key, value in entry.fields(()).items()}
    if isinstance(entry.node, yaml.SequenceNode):
        return [_json(member) for member in entry.items()]
    text = entry.text()
    is_boolean = entry.node.tag == _BOOLEAN and text in {"true", "false"}
    return text == "true" if is_boolean else text


def _fixed(entry: Entry) -> Mapping[str, Any]:
    return MappingProxyType({name: _json(value) for name, value in entry.fields(()).items()})


def _names(entry: Entry) -> frozenset[str]:
    return frozenset(entry.texts())


_READERS: Final[Mapping[str, Callable[[Entry], Any]]] = {
    "taken": Entry.switch,
    "why": Entry.text,
    "only_where": _switch_name,
    "elements": _elements,
    "set": _fixed,
    "drop": lambda given: frozenset(_elements(given)),
    "categories": Entry.texts,
    "attachments": Entry.texts,
    "author": lambda given: given.choice(AuthorShape),
    "sender": _names,
    "recipients": _names,
    "one_target": Entry.switch,
    "targets": _names,
    "period_end": Entry.switch,
    "coded": Entry.switch,
    "text_limit": Entry.whole,
    "note_limit": Entry.whole,
    "waits_for_signature": Entry.switch,
    "change": lambda given: given.choice(Change),
    "withdrawn_as": Entry.text,
    "read_back": Entry.switch,
    "found_by": _found_by,
    "shows_at_once": Entry.switch,
}
#: Keys that Python names otherwise.
_FIELDS: Final = {"set": "fixed"}
