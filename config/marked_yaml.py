"""YAML in which every value is text and knows its line, so that a mistake is told as file and line.

Values are never guessed at: `no` stays a word, and a SNOMED CT identifier keeps all its digits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import yaml

from service.errors import ConfigurationError

# The C parser reads all content in a tenth of the time; PyYAML without it still works.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"[0-9]+")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a content file: a mapping, a list or a text."""

    file: str
    node: yaml.Node

    def wrong(self, message: str) -> ConfigurationError:
        """The error that says what is wrong here, with file and line."""
        return ConfigurationError(f"{self.file}:{self.node.start_mark.line + 1}: {message}")

    def fields(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Entry"]:
        """The mapping's values by key, once it has all required keys and no unknown or repeated one."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"expected a mapping with {', '.join(required) or ', '.join(known)}")
        found: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = Entry(self.file, key_node)
            if key.text() not in known and known:
                raise key.wrong(f"unknown key {key.text()!r}; known are {', '.join(known)}")
            if key.text() in found:
                raise key.wrong(f"{key.text()!r} stands here twice")
            found[key.text()] = Entry(self.file, value_node)
        missing = [key for key in required if key not in found]
        if missing:
            raise self.wrong(f"{', '.join(missing)} is missing")
        return found

    def items(self) -> list["Entry"]:
        """The members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("expected a list")
        return [Entry(self.file, member) for member in self.node.value]

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.node, yaml.ScalarNode) or not str(self.node.value).strip():
            raise self.wrong("expected a text")
        return str(self.node.value).strip()

    def texts(self) -> tuple[str, ...]:
        """One text or a list of them."""
        if isinstance(self.node, yaml.ScalarNode):
            return (self.text(),)
        return tuple(member.text() for member in self.items())

    def number(self) -> float:
        """A number, written plainly: 12 or -0.5."""
        if not _NUMBER.fullmatch(self.text()):
            raise self.wrong("expected a number")
        return float(self.text())

    def whole(self) -> int:
        """A whole number, zero or more."""
        if not _WHOLE.fullmatch(self.text()):
            raise self.wrong("expected a whole number")
        return int(self.text())

    def switch(self) -> bool:
        """`yes` or `no`."""
        if self.text() not in {"yes", "no"}:
            raise self.wrong("expected yes or no")
        return self.text() == "yes"

    def choice(self, choices: type[_Choice]) -> _Choice:
        """One of an enumeration's values."""
        try:
            return choices(self.text())
        except ValueError:
            raise self.wrong(f"{self.text()!r} is not one of {', '.join(choices)}") from None


def read_yaml(path: Path, shown_as: str) -> Entry:
    """The one document of a file; ConfigurationError if it is not YAML in UTF-8, OSError if it is not there."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (UnicodeDecodeError, yaml.reader.ReaderError):
        raise ConfigurationError(f"{shown_as}:1: this file cannot be read: it is not text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        # The place where it began helps more than the place where the parser gave up: an open quote ends with the file.
        mark = error.context_mark or error.problem_mark
        said = " ".join(filter(None, (error.problem, error.context))) or "this is not YAML"
        raise ConfigurationError(f"{shown_as}:{mark.line + 1 if mark else 1}: {said}") from None
    if node is None:
        raise ConfigurationError(f"{shown_as}:1: the file is empty")
    return Entry(shown_as, node)
