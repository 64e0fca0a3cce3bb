"""Code sets, sensitivity labels, referral services and score tables from `config/terminology/*.csv`."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from config.content_folder import LayeredFolder
from service.domain.axes import is_axis_pattern
from service.domain.codes import Code, System
from service.domain.content import (
    Comorbidity,
    FrailtyGroup,
    Sensitivity,
    known_labels,
    undotted,
)
from service.domain.payers import Cover, Meaning, Payer, PayerTable
from service.domain.place_words import words_of
from service.domain.places import DispositionCode, PlaceName, PlaceNames, Words
from service.domain.protocol import ProgrammeRules, ProgrammeTemplate, Review
from service.domain.sensitivity import NONE, Labels
from service.domain.unstated import fold
from service.domain.worded import Speaks, WordedQuestion
from service.errors import ConfigurationError

_Value = TypeVar("_Value")
_SYSTEMS = {system.value: system.value for system in System}
#: Systems whose members are families or axes, not single codes.
BY_FAMILY = frozenset({System.ICD10CM, System.ICD10PCS})
_REVIEWS = frozenset(review.value for review in Review)
_ENDS: Final = frozenset({"", "died", "transferred"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; its values are there for every column that was asked for."""

    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def wrong(self, message: str) -> ConfigurationError:
        """The error that says what is wrong here, with file and line."""
        return ConfigurationError(f"{self.file}:{self.line}: {message}")

    def number(self, column: str) -> float:
        """A number."""
        try:
            return float(self[column])
        except ValueError:
            raise self.wrong(f"{column} must be a number") from None

    def day(self, column: str) -> date | None:
        """A day as YYYY-MM-DD, None where the column is empty."""
        try:
            return date.fromisoformat(self[column]) if self[column] else None
        except ValueError:
            raise self.wrong(f"{column} must be a day as YYYY-MM-DD") from None

    def flag(self, column: str) -> bool:
        """Whether the column says yes; the other rows leave it empty."""
        if self[column] not in {"", "yes"}:
            raise self.wrong(f"{column} must be yes or empty")
        return bool(self[column])

    def labels(self) -> Labels:
        """The column `labels`, ActCode names separated by spaces."""
        try:
            return known_labels(self["labels"].split())
        except ValueError:
            raise self.wrong(f"{self['labels']!r} holds an unknown sensitivity label") from None

    def system(self) -> str:
        """The column `system`, a short name of a code system."""
        if self["system"] not in _SYSTEMS:
            raise self.wrong(f"{self['system']!r} is not a code system; known are {', '.join(System)}")
        return _SYSTEMS[self["system"]]


@dataclass(frozen=True, slots=True)
class Members:
    """What a code set holds, as a leaf looks for it: codes, ICD-10-CM families without the dot, ICD-10-PCS axes."""

    codes: frozenset[tuple[str, str]]
    families: frozenset[str]
    axes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Terminology:
    """All tables: what protocol and instrument files may refer to, and what the scores need."""

    code_sets: dict[str, tuple[Code, ...]]
    members: dict[str, Members]
    snomed: dict[str, str]
    loinc: dict[str, str]
    domains: frozenset[str]
    services: dict[str, Labels]
    service_titles: dict[str, str]
    services_at_home: dict[str, bool]
    sensitivity: Sensitivity
    comorbidities: tuple[Comorbidity, ...]
    frailty: tuple[FrailtyGroup, ...]
    dispositions: tuple[DispositionCode, ...]
    place_names: PlaceNames
    programmes: dict[str, ProgrammeTemplate]
    payers: PayerTable
    worded: tuple[WordedQuestion, ...]
    ingredients: frozenset[str]


def load_terminology(folder: LayeredFolder) -> Terminology:
    """Every table of the folder; ConfigurationError names file and line."""
    code_sets = _code_sets(folder)
    dispositions = tuple(_dispositions(folder / "dispositions.csv"))
    return Terminology(
        code_sets=code_sets,
        members={name: _members(codes) for name, codes in code_sets.items()},
        snomed=_displays(code_sets, System.SNOMED),
        loinc=_displays(code_sets, System.LOINC),
        domains=frozenset(row["domain"] for row in read_rows(folder / "gravity_domains.csv", ("domain",))),
        services=_once(folder / "referral_services.csv", "service", Row.labels),
        service_titles=_once(folder / "referral_services.csv", "service", _title, columns=("title",)),
        services_at_home=_once(folder / "referral_services.csv", "service", _at_home, columns=("at_home",)),
        sensitivity=_sensitivity(folder),
        comorbidities=tuple(_comorbidities(folder / "charlson.csv", code_sets)),
        frailty=tuple(_frailty(folder / "hfrs.csv")),
        dispositions=dispositions,
        place_names=_place_names(folder, dispositions),
        programmes=_programmes(folder / "programmes.csv"),
        payers=_payers(folder / "payers.csv"),
        worded=tuple(_worded_questions(folder / "worded_questions.csv")),
        ingredients=frozenset(_ingredients(folder / "ingredients.csv")),
    )


def _code_sets(folder: LayeredFolder) -> dict[str, tuple[Code, ...]]:
    sets: dict[str, dict[tuple[str, str], Code]] = {}
    for path in sorted(folder.glob("code_sets*.csv")):
        for row in read_rows(path, ("set", "system", "code", "display", "source", "review")):
            _reviewed(row)
            if row.system() == System.ICD10PCS and not is_axis_pattern(row["code"]):
                raise row.wrong(f"{row['code']!r} is no ICD-10-PCS code or pattern (0SR90J9, 0SR[9B])")
            members, key = sets.setdefault(row["set"], {}), (row.system(), row["code"])
            if key in members:
                raise row.wrong(f"{row['code']} stands in the set {row['set']} twice")
            members[key] = Code(*key, row["display"])
    return {name: tuple(members.values()) for name, members in sets.items()}


def _members(codes: Sequence[Code]) -> Members:
    return Members(
        frozenset((code.system, code.code) for code in codes if code.system not in BY_FAMILY),
        frozenset(undotted(code.code) for code in codes if code.system == System.ICD10CM),
        frozenset(code.code for code in codes if code.system == System.ICD10PCS),
    )


def _displays(code_sets: dict[str, tuple[Code, ...]], system: System) -> dict[str, str]:
    """Code → display, of all sets."""
    return {
        code.code: code.display for codes in code_sets.values() for code in codes if code.system == system
    }


def _reviewed(row: Row) -> None:
    if row["review"] not in _REVIEWS:
        raise row.wrong(f"review must be {' or '.join(Review)}")
    if not row["source"]:
        raise row.wrong("source is missing")


def _sensitivity(folder: LayeredFolder) -> Sensitivity:
    exact: dict[tuple[str, str], Labels] = {}
    families: dict[str, Labels] = {}
    for row in read_rows(folder / "sensitivity.csv", ("system", "code", "labels", "source", "review")):
        _reviewed(row)
        if row.system() == System.ICD10CM:
            families[undotted(row["code"])] = row.labels()
        else:
            exact[row.system(), row["code"]] = row.labels() | exact.get((row.system(), row["code"]), NONE)
    return Sensitivity(exact, families, _once(folder / "sensitive_words.csv", "word", Row.labels))


def _comorbidities(path: Path, code_sets: dict[str, tuple[Code, ...]]) -> Iterator[Comorbidity]:
    for row in read_rows(path, ("category", "families", "sets", "charlson_1987", "lace", "instead_of")):
        unknown = [name for name in row["sets"].split() if name not in code_sets]
        if unknown:
            raise row.wrong(f"unknown code set {', '.join(unknown)}")
        members = (code for name in row["sets"].split() for code in code_sets[name])
        yield Comorbidity(
            name=row["category"],
            families=tuple(row["families"].split()),
            codes=frozenset((code.system, code.code) for code in members),
            charlson=int(row.number("charlson_1987")) if row["charlson_1987"] else None,
            lace=int(row.number("lace")),
            instead_of=row["instead_of"],
        )


def _frailty(path: Path) -> Iterator[FrailtyGroup]:
    for row in read_rows(path, ("category", "families", "weight")):
        yield FrailtyGroup(row["category"], tuple(row["families"].split()), row.number("weight"))


def _dispositions(path: Path) -> Iterator[DispositionCode]:
    for row in read_rows(path, ("code", "display", "ub04", "facility", "ends", "when", "source", "review")):
        _reviewed(row)
        if row["ends"] not in _ENDS:
            raise row.wrong("ends must be died, transferred or empty")
        billed = tuple(row["ub04"].split())
        yield DispositionCode(row["code"], row["display"], billed, row.flag("facility"), row["ends"])


def _place_names(folder: LayeredFolder, table: Sequence[DispositionCode]) -> PlaceNames:
    """Every spelling of a place: FHIR's codes and those of UB-04, further codes, and words."""
    coded = {(System.UB04.value, code): PlaceName(place, code) for place in table for code in place.ub04}
    coded |= {(System.DISPOSITION.value, place.code): PlaceName(place) for place in reversed(table)}
    for row in read_rows(
        folder / "disposition_codes.csv", ("system", "code", "display", "place", "ub04", "source", "review")
    ):
        _reviewed(row)
        if (row["system"], row["code"]) in coded:
            raise row.wrong(f"{row['code']} stands here or in dispositions.csv already")
        coded[row["system"], row["code"]] = _place_name(row, table)
    worded: dict[Words, PlaceName] = {}
    for row in read_rows(folder / "disposition_words.csv", ("words", "place", "ub04", "source", "review")):
        _reviewed(row)
        words, name = words_of(row["words"]), _place_name(row, table)
        if not words or worded.setdefault(words, name) != name:
            raise row.wrong(f"{row['words']} says nothing of its own, or another place in another line")
    return PlaceNames(coded, _by_first_word(worded))


def _place_name(row: Row, table: Sequence[DispositionCode]) -> PlaceName:
    """What a line names: the place of its UB-04 code, the first of its FHIR code, or that no place is named yet."""
    if not row["place"]:
        return PlaceName()
    fitting = [place for place in table if place.code == row["place"]]
    exact = [place for place in fitting if row["ub04"] in place.ub04] if row["ub04"] else fitting
    if not exact:
        raise row.wrong(f"dispositions.csv has no place {row['place']} {row['ub04']}".rstrip())
    return PlaceName(exact[0], row["ub04"])


def _by_first_word(worded: dict[Words, PlaceName]) -> dict[str, list[tuple[Words, PlaceName]]]:
    found: dict[str, list[tuple[Words, PlaceName]]] = {}
    for words in sorted(worded, key=len, reverse=True):
        found.setdefault(words[0], []).append((words, worded[words]))
    return found


def _payers(path: Path) -> PayerTable:
    """What codes and names of payers mean. The system `name` is a whole name, `phrase` words in one, both as `fold` leaves them."""
    tables: dict[str, dict[str, Meaning]] = {}
    for row in read_rows(path, ("system", "code", "cover", "payers", "display", "source", "review")):
        _reviewed(row)
        known = tables.setdefault(row["system"], {})
        if row["code"] in known:
            raise row.wrong(f"{row['code']} stands here twice")
        if row["system"] in {"name", "phrase"} and fold(row["code"]) != row["code"]:
            raise row.wrong("a name stands in lower case, without accents and punctuation")
        known[row["code"]] = _meaning(row)
    names, phrases = tables.pop("name", {}), tables.pop("phrase", {})
    typology = tables.pop(System.SOPT, {})
    codes = {(system, code): meaning for system, known in tables.items() for code, meaning in known.items()}
    return PayerTable(codes, typology, names, phrases)


def _meaning(row: Row) -> Meaning:
    try:
        payers = frozenset(Payer(payer.removesuffix("?")) for payer in row["payers"].split())
        return Meaning(Cover(row["cover"]), payers, weak=row["payers"].endswith("?"))
    except ValueError:
        raise row.wrong(f"cover is {' or '.join(Cover)}, payers are {', '.join(Payer)}") from None


def _programmes(path: Path) -> dict[str, ProgrammeTemplate]:
    """One line for each time that a programme's rules or figures held; times may not overlap."""
    columns = ("programme", "title", "rule", "authority", "effective", "until", "status", "review")
    found: dict[str, ProgrammeTemplate] = {}
    for row in read_rows(path, columns):
        rules = _rules(row)
        key = row["programme"]
        known = found.get(key) or ProgrammeTemplate(key, row["title"], row["authority"], ())
        if (known.title, known.authority) != (row["title"], row["authority"]):
            raise row.wrong(f"{key} has one title and one authority")
        if any(_overlap(rules, other) for other in known.rules):
            raise row.wrong(f"{key} has other rules for the same days")
        found[key] = replace(known, rules=(*known.rules, rules))
    return found


def _rules(row: Row) -> ProgrammeRules:
    if row["review"] not in _REVIEWS:
        raise row.wrong(f"review must be {' or '.join(Review)}")
    if not row["status"]:
        raise row.wrong("status is missing: where do the figures come from?")
    return ProgrammeRules(row["rule"], row.day("effective"), row.day("until"), Review(row["review"]))


def _overlap(one: ProgrammeRules, other: ProgrammeRules) -> bool:
    first, last = max(one.effective or date.min, other.effective or date.min), date.max
    return first <= min(one.until or last, other.until or last)


def _worded_questions(path: Path) -> Iterator[WordedQuestion]:
    """Rows of a table that a folder may do without."""
    columns = ("need", "asks", "speaks", "words", "source", "review")
    for row in read_rows(path, columns) if path.exists() else ():
        _reviewed(row)
        if row["speaks"] not in set(Speaks):
            raise row.wrong(f"speaks must be {', '.join(Speaks)}")
        if not row["asks"]:
            raise row.wrong("asks is missing: which questions does this row know?")
        asks, words = _phrases(row["asks"]), _phrases(row["words"])
        if row["need"] and bool(words) != (row["speaks"] == Speaks.WORDS):
            raise row.wrong("words are given where the answer's own words speak, and only there")
        yield WordedQuestion(row["need"], asks, Speaks(row["speaks"]), words)


def _ingredients(path: Path) -> Iterator[str]:
    """Names of a table that a folder may do without."""
    for row in read_rows(path, ("ingredient", "source", "review")) if path.exists() else ():
        _reviewed(row)
        yield row["ingredient"].casefold()


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (phrase.strip().casefold() for phrase in text.split("|"))))


def _at_home(row: Row) -> bool:
    return row.flag("at_home")


def _title(row: Row) -> str:
    if not row["title"]:
        raise row.wrong("title is missing")
    return row["title"]


def _once(
    path: Path, column: str, value: Callable[[Row], _Value], *, columns: Sequence[str] = ("labels",)
) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for row in read_rows(path, (column, *columns)):
        if row[column] in found:
            raise row.wrong(f"{row[column]} stands here twice")
        found[row[column]] = value(row)
    return found


def read_reviewed_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The lines of a table each of which names its source and review status."""
    for row in read_rows(path, (*columns, "source", "review")):
        _reviewed(row)
        yield row


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The lines of a table; ConfigurationError for a missing file or column, or a line that is too long or too short."""
    shown = f"{path.parent.name}/{path.name}"
    try:
        handle = path.open(encoding="utf-8", newline="")
    except OSError:
        raise ConfigurationError(f"{shown}: this file cannot be read") from None
    with handle:
        reader = csv.reader(handle, strict=True)
        header = next(reader, [])
        missing = [column for column in columns if column not in header]
        if missing:
            raise ConfigurationError(f"{shown}:1: column {', '.join(missing)} is missing")
        for cells in filter(None, reader):
            if len(cells) != len(header):
                raise ConfigurationError(f"{shown}:{reader.line_num}: this line has not one value per column")
            yield Row(shown, reader.line_num, dict(zip(header, cells, strict=True)))
