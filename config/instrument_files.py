"""Screening instruments from `config/instruments/*.yaml` (docs/protocols.md)."""

from collections.abc import Mapping
from itertools import pairwise

from config.marked_yaml import Entry
from config.source_files import read_labels, read_sources
from service.domain.instrument import VALID_DAYS, Band, Choice, Instrument, Item, Scoring

_KEYS = (
    "id",
    "version",
    "title",
    "panel",
    "valid_days",
    "sensitive",
    "scales",
    "items",
    "score",
    "complete",
    "sources",
)
_ITEM_KEYS = ("question", "label", "scale", "answers", "low", "high", "derived", "multiple", "sensitive")
_SCORE_KEYS = ("total", "local", "names", "range", "bands", "bands_male", "bands_female")
Choices = tuple[Choice, ...]


def read_instrument(entry: Entry) -> Instrument:
    """One instrument; ConfigurationError names file and line."""
    given = entry.fields(_KEYS, required=("id", "version", "title", "sources"))
    scales = {name: _choices(scale) for name, scale in _mapping(given, "scales").items()}
    items = tuple(_item(member, scales) for member in given["items"].items()) if "items" in given else ()
    if not items and "score" not in given:
        raise entry.wrong("an instrument has items, a score or both")
    _no_repeats(entry, [item.question for item in items])
    questions = [item.question for item in items]
    complete = given["complete"].texts() if "complete" in given else ()
    if not set(complete) <= set(questions):
        raise given["complete"].wrong("complete may only name questions of this instrument")
    return Instrument(
        id=given["id"].text(),
        version=given["version"].text(),
        title=given["title"].text(),
        items=items,
        panels=given["panel"].texts() if "panel" in given else (),
        scoring=_scoring(given["score"]) if "score" in given else None,
        complete=complete or tuple(item.question for item in items if not item.derived),
        valid_days=given["valid_days"].whole() if "valid_days" in given else VALID_DAYS,
        labels=read_labels(given),
        sources=read_sources(given["sources"]),
    )


def _item(entry: Entry, scales: Mapping[str, Choices]) -> Item:
    given = entry.fields(_ITEM_KEYS, required=("question", "label"))
    if sum(key in given for key in ("scale", "answers", "high")) != 1:
        raise entry.wrong("an item has a scale, answers of its own, or low and high")
    return Item(
        question=given["question"].text(),
        label=given["label"].text(),
        choices=_item_choices(given, scales),
        low=given["low"].number() if "low" in given else None,
        high=given["high"].number() if "high" in given else None,
        derived="derived" in given and given["derived"].switch(),
        multiple="multiple" in given and given["multiple"].switch(),
        labels=read_labels(given),
    )


def _item_choices(given: Mapping[str, Entry], scales: Mapping[str, Choices]) -> Choices:
    if "answers" in given:
        return _choices(given["answers"])
    if "scale" not in given:
        return ()
    if given["scale"].text() not in scales:
        raise given["scale"].wrong(f"unknown scale {given['scale'].text()!r}")
    return scales[given["scale"].text()]


def _choices(entry: Entry) -> Choices:
    return tuple(_choice(code, body) for code, body in entry.fields(()).items())


def _choice(code: str, entry: Entry) -> Choice:
    given = entry.fields(("label", "score", "also", "declined"), required=("label",))
    return Choice(
        code=code,
        label=given["label"].text(),
        score=given["score"].number() if "score" in given else None,
        also=tuple(text.casefold() for text in given["also"].texts()) if "also" in given else (),
        declined="declined" in given and given["declined"].switch(),
    )


def _scoring(entry: Entry) -> Scoring:
    given = entry.fields(_SCORE_KEYS, required=("range",))
    bounds = given["range"].items()
    if len(bounds) != len(("low", "high")):
        raise given["range"].wrong("a range is [lowest, highest]")
    if ("bands_male" in given) != ("bands_female" in given):
        raise entry.wrong("bands_male and bands_female stand together")
    return Scoring(
        totals=given["total"].texts() if "total" in given else (),
        low=bounds[0].number(),
        high=bounds[1].number(),
        local=given["local"].texts() if "local" in given else (),
        names=tuple(name.casefold() for name in given["names"].texts()) if "names" in given else (),
        bands=_bands(given, "bands"),
        bands_male=_bands(given, "bands_male"),
        bands_female=_bands(given, "bands_female"),
    )


def _bands(given: Mapping[str, Entry], key: str) -> tuple[Band, ...]:
    if key not in given:
        return ()
    parts = [member.fields(("name", "from"), required=("name", "from")) for member in given[key].items()]
    bands = tuple(Band(part["name"].text(), part["from"].number()) for part in parts)
    if any(lower.starts >= higher.starts for lower, higher in pairwise(bands)):
        raise given[key].wrong("bands rise from the lowest to the highest")
    return bands


def _mapping(given: Mapping[str, Entry], key: str) -> dict[str, Entry]:
    return given[key].fields(()) if key in given else {}


def _no_repeats(entry: Entry, questions: list[str]) -> None:
    repeated = sorted({question for question in questions if questions.count(question) > 1})
    if repeated:
        raise entry.wrong(f"the question {', '.join(repeated)} stands here twice")
