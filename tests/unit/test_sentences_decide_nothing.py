"""State is codes: no program compares a sentence that was written for people, ours or a library's."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("service", "fhir_mappings", "config")
#: Attributes, columns and variables that hold sentences, and calls that give one.
_SENTENCES = frozenset({"problem", "why_there", "public_message", "diagnostics", "msg"})
_GIVING = frozenset({"str", "repr"})
_ERRORS = frozenset({"error", "exception", "mistake", "failure", "e"})
#: By which a text is compared or looked through.
_COMPARING = frozenset(
    {
        "startswith",
        "endswith",
        "fullmatch",
        "match",
        "search",
        "find",
        "index",
        "removeprefix",
        "like",
        "ilike",
        "contains",
    }
)
#: An editor's place is read out of the message of a mistake in a content file; nothing is decided by it.
_ALLOWED = frozenset({"config/content_check.py"})
_SOURCES = [
    path
    for folder in _FOLDERS
    for path in sorted(_ROOT.joinpath(folder).rglob("*.py"))
    if "migrations/versions" not in path.as_posix() and path.relative_to(_ROOT).as_posix() not in _ALLOWED
]


def comparisons_of_sentences(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and not all(map(is_emptiness, node.comparators)):
            texts = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and is_comparing(node.func):
            texts = [node.func.value, *node.args]
        else:
            continue
        if any(map(is_sentence, texts)):
            yield node


def is_comparing(called: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(called, ast.Attribute) and called.attr in _COMPARING


def is_sentence(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called), args=[ast.Name(id=given), *_]):
            return called == "explain" or (called in _GIVING and given in _ERRORS)
        case ast.Call(func=ast.Attribute(value=text, attr="lower" | "casefold" | "strip")):
            return is_sentence(text)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in _SENTENCES
        case ast.Subscript(value=held, slice=ast.Constant(value=name)):
            return name in _SENTENCES or (isinstance(held, ast.Attribute) and held.attr == "args")
    return False


def is_emptiness(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in {"", None}


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_no_sentence_is_compared(path):
    found = comparisons_of_sentences(ast.parse(path.read_text(encoding="utf-8")))
    assert [f"{path.name}:{node.lineno} {ast.unparse(node)}" for node in found] == []


@pytest.mark.parametrize(
    "bad",
    [
        "entry.problem == WAITS",
        "entry.problem in {WAITS}",
        "'must' in str(error)",
        "error.msg == 'too deep'",
        "row['problem'].startswith('A person')",
        "publications.c.problem != SIGNED",
        "publications.c.problem.like('%signed%')",
        "OURS.fullmatch(entry.problem)",
        "text == explain(reason)",
        "error.args[0] == 'gone'",
        "str(error).lower() == 'gone'",
    ],
)
def test_a_comparison_with_a_sentence_is_found(bad):
    assert list(comparisons_of_sentences(ast.parse(bad)))


@pytest.mark.parametrize(
    "good", ["entry.reason is WriteReason.SIGNED_THERE", "entry.problem == ''", "error.status == 404"]
)
def test_codes_may_be_compared(good):
    assert not list(comparisons_of_sentences(ast.parse(good)))
