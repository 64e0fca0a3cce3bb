"""The published schemas: every shipped file is valid, and what they refuse the reader refuses too."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config.content import SHIPPED, ContentReader
from config.content_folder import ContentFolder
from config.expression_files import _KINDS, _SCORES
from config.instrument_files import _ITEM_KEYS, _SCORE_KEYS, read_instrument
from config.instrument_files import _KEYS as INSTRUMENT_KEYS
from config.marked_yaml import read_yaml
from config.protocol_files import _KEYS as PROTOCOL_KEYS
from service.domain.expression import Insured, Scope, Which
from service.domain.protocol import NeedKind, Review, Urgency
from service.errors import ConfigurationError

FILES = sorted((*SHIPPED.glob("protocols/*.yaml"), *SHIPPED.glob("instruments/*.yaml")))
DOCUMENTS: dict[str, Any] = {
    f"{name}s": json.loads(Path(f"docs/{name}.schema.json").read_text())
    for name in ("protocol", "instrument")
}
SCHEMAS = {name: jsonschema.Draft202012Validator(schema) for name, schema in DOCUMENTS.items()}
#: Values that are broken in each file; all of them in all files would take minutes.
_TRIED = 5
READERS = {"protocols": ContentReader.of(ContentFolder(SHIPPED)).protocol, "instruments": read_instrument}
#: What stands in place of each value.
WRONG: tuple[Any, ...] = ("", "twelve point two", "-1", [], {}, {"nonsense": "x"})
PROTOCOL, INSTRUMENT = DOCUMENTS["protocols"], DOCUMENTS["instruments"]


def _plain(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  only text


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_file_is_valid(path: Path) -> None:
    assert [error.message for error in SCHEMAS[path.parent.name].iter_errors(_plain(path))] == []


def test_the_schemas_know_the_reader_s_keys() -> None:
    assert list(PROTOCOL["properties"]) == [*PROTOCOL_KEYS]
    assert list(INSTRUMENT["properties"]) == [*INSTRUMENT_KEYS]
    assert set(INSTRUMENT["$defs"]["item"]["properties"]) == set(_ITEM_KEYS)
    assert set(INSTRUMENT["$defs"]["score"]["properties"]) == set(_SCORE_KEYS)
    leaves = PROTOCOL["$defs"]["expression"]["properties"]
    assert set(_KINDS) <= set(leaves)
    assert leaves["risk"]["properties"]["score"]["enum"] == [*_SCORES]
    assert leaves["coverage"]["enum"] == [*Insured]
    assert leaves["observation"]["properties"]["which"]["enum"] == [*Which]
    assert leaves["observation"]["properties"]["scope"]["enum"] == [*Scope]
    assert PROTOCOL["properties"]["urgency"]["enum"] == [*Urgency]
    assert PROTOCOL["properties"]["kind"]["enum"] == [*NeedKind]
    assert PROTOCOL["$defs"]["source"]["properties"]["status"]["enum"] == [*Review]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_the_schema_refuses_the_reader_refuses(path: Path, tmp_path: Path) -> None:
    """Values all over the file in turn are taken away, made empty, wrong or of another shape."""
    read, schema, refused = READERS[path.parent.name], SCHEMAS[path.parent.name], 0
    for number, broken in enumerate(_broken(_plain(path))):
        if schema.is_valid(broken):
            continue
        refused += 1
        file = tmp_path / f"{number}.yaml"
        file.write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(ConfigurationError):
            read(read_yaml(file, "broken"))
    assert refused


def _broken(document: Any) -> Iterator[Any]:
    """The document with one value taken away or replaced, for each of its values."""
    places = list(_places(document))
    for place in places[:: max(1, len(places) // _TRIED)]:
        for wrong in (None, *WRONG):
            broken = copy.deepcopy(document)
            inside = broken
            for step in place[:-1]:
                inside = inside[step]
            if wrong is None:
                del inside[place[-1]]
            else:
                inside[place[-1]] = wrong
            yield broken


def _places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = document.items() if isinstance(document, dict) else enumerate(document)
    for step, value in steps:
        yield (*above, step)
        if isinstance(value, dict | list):
            yield from _places(value, (*above, step))
