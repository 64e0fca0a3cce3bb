"""For authors: all that is wrong in a content folder, not only the first."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from config.content import ContentReader, load_content, shown_as
from config.content_folder import ContentFolder
from config.marked_yaml import Entry, read_yaml
from service.domain.content import Content
from service.errors import ConfigurationError

_PLACE = re.compile(r"(?P<file>[^:]*)(?::(?P<line>\d+))?: (?P<message>.*)", re.DOTALL)
#: What stands in for a wrong value that cannot be left out, so that the rest of the file is read.
_STAND_INS = {
    "version": "1",
    "title": "x",
    "kind": "social",
    "neutral_title": "x",
    "present": "related_person: any",
    "sources": "[{title: x, status: verified}]",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the file as its folder and name, the line (0 if it has none), what is wrong."""

    file: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A content folder that was looked through; content is None while something is wrong."""

    content: Content | None
    problems: tuple[Problem, ...]


def check(folder: Path, overlay: Path | None = None) -> Checked:
    """Everything wrong in the folder, with what is laid over it, by file and line.

    Protocols refer to instruments, and these to the tables, so each is looked at once what it refers to is right.
    """
    found = tuple(dict.fromkeys(map(_problem, _mistakes(folder, overlay))))
    return Checked(None if found else load_content(folder, overlay), found)


def _mistakes(folder: Path, overlay: Path | None) -> Iterator[ConfigurationError]:
    if not (folder / "protocols").is_dir():
        yield ConfigurationError(
            f"There is no protocols/ in {folder.name}; give a folder laid out like config/, "
            "with protocols/, instruments/ and terminology/."
        )
        return
    content = ContentFolder(folder, overlay)
    try:
        reader, protocols = ContentReader.of(content), content.protocols()
    except ConfigurationError as error:
        # Tables and instruments: what comes after would only be wrong because of this.
        yield error
        return
    count = 0
    for path in protocols.glob("*.yaml"):
        mistakes = list(_mistakes_in(path, shown_as(path, protocols), reader.protocol))
        count += len(mistakes)
        yield from mistakes
    if not count:
        yield from _attempt(lambda: load_content(folder, overlay))


def _mistakes_in(path: Path, shown: str, read: Callable[[Entry], object]) -> Iterator[ConfigurationError]:
    """Read again without what was wrong, until nothing is, or the same is wrong again."""
    told = set[str]()
    unreadable = list(_attempt(lambda: read_yaml(path, shown)))
    yield from unreadable
    if unreadable:
        return
    entry = read_yaml(path, shown)
    while mistakes := list(_attempt(lambda: read(entry))):
        (mistake,) = mistakes
        if mistake.public_message in told:
            return
        told.add(mistake.public_message)
        yield mistake
        _mend(entry.node, _problem(mistake).line - 1)


def _attempt(work: Callable[[], object]) -> Iterator[ConfigurationError]:
    try:
        work()
    except ConfigurationError as error:
        yield error


def _mend(root: yaml.Node, line: int) -> None:
    """Take away the list member or the key at this line; what must be there gets a stand-in."""
    if not isinstance(root, yaml.MappingNode):
        return
    for place, (key, value) in enumerate(root.value):
        if not _holds(key, line) and not _holds(value, line):
            continue
        if key.value in _STAND_INS:
            root.value[place] = (key, yaml.compose(_STAND_INS[key.value], Loader=yaml.SafeLoader))
        elif member := _member(value, line):
            value.value.remove(member)
        else:
            del root.value[place]
        return


def _member(value: yaml.Node, line: int) -> yaml.Node | None:
    if not isinstance(value, yaml.SequenceNode):
        return None
    return next((member for member in value.value if _holds(member, line)), None)


def _holds(node: yaml.Node, line: int) -> bool:
    """Whether the node stands on this line; a block ends where the next thing begins, in its first column."""
    last = node.end_mark.line - (node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line)
    return bool(node.start_mark.line <= line <= last)


def _problem(error: ConfigurationError) -> Problem:
    found = _PLACE.fullmatch(error.public_message)
    if found is None:
        return Problem("", 0, error.public_message)
    return Problem(found["file"], int(found["line"] or 0), found["message"])
