"""Reads a community directory from HSDS 3.0 tabular files: one CSV file for each HSDS object.

What a service is for is said by attributes of the taxonomy "homeward-referral-services", who may know of it by those
of "homeward-sensitivity" (docs/directory.md). Every mistake is a ConfigurationError that names file and line.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from service.domain.community_service import CommunityService
from service.domain.sensitivity import NONE, VIOLENCE, Label, Labels
from service.errors import ConfigurationError

SAMPLE: Final = Path(__file__).parent / "directory"
REFERRALS: Final = "homeward-referral-services"
SENSITIVITY: Final = "homeward-sensitivity"
#: HSDS service.status → whether it takes people now; a service that is over is not listed at all.
_ACCEPTING: Final[Mapping[str, bool | None]] = {
    "active": True,
    "temporarily closed": False,
    "inactive": None,
    "defunct": None,
}
#: The columns without which a table cannot be used; others may be left out.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "organization": ("id", "name"),
    "service": ("id", "organization_id", "name", "status"),
    "location": ("id", "latitude", "longitude"),
    "address": ("id", "location_id", "address_1", "city", "state_province", "postal_code"),
    "service_at_location": ("id", "service_id", "location_id"),
    "phone": ("id", "service_id", "number"),
    "schedule": ("id", "service_id", "description"),
    "service_area": ("id", "service_id", "extent", "extent_type"),
    "language": ("id", "service_id", "code"),
    "taxonomy": ("id", "name"),
    "taxonomy_term": ("id", "taxonomy_id", "code"),
    "attribute": ("id", "link_id", "taxonomy_term_id"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of one table."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def wrong(self, message: str) -> ConfigurationError:
        return ConfigurationError(f"{self.file} line {self.line}: {message}")

    def degrees(self, column: str, limit: int) -> float | None:
        if not self[column]:
            return None
        try:
            value = float(self[column])
        except ValueError:
            raise self.wrong(f"{column} must be a number of degrees") from None
        if not -limit <= value <= limit:
            raise self.wrong(f"{column} must be between -{limit} and {limit}")
        return value

    def age(self, column: str) -> int | None:
        if self[column] and not self[column].isdecimal():
            raise self.wrong(f"{column} must be an age in whole years")
        return int(self[column]) if self[column] else None

    def day(self, column: str) -> date | None:
        try:
            return date.fromisoformat(self[column]) if self[column] else None
        except ValueError:
            raise self.wrong(f"{column} must be a date as YYYY-MM-DD") from None


Tables = Mapping[str, Mapping[str, _Row]]


def load_directory(folder: Path = SAMPLE) -> tuple[CommunityService, ...]:
    """All services that are not over, one entry for each place where they are given, ordered by id.

    ConfigurationError if a file is missing, a cell is wrong, an id is used twice or points nowhere.
    """
    tables = {name: _read(folder / f"{name}.csv", columns) for name, columns in TABLES.items()}
    links = _Links(tables)
    listed = (entry for service in tables["service"].values() for entry in _entries(service, tables, links))
    return tuple(sorted(listed, key=lambda service: service.id))


def _read(file: Path, columns: Sequence[str]) -> dict[str, _Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{file} line 1: the column {missing[0]} is missing")
            return _by_id(_row(file, reader.line_num, cells) for cells in reader)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file} is missing; a directory needs one CSV for each HSDS object"
        ) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not CSV in UTF-8: {error}") from None


def _row(file: Path, line: int, cells: Mapping[str | None, str]) -> _Row:
    row = _Row(file, line, {column: cell.strip() for column, cell in cells.items() if column is not None})
    if None in cells:
        raise row.wrong("there are more cells than columns; put a text with commas in quotes")
    return row


def _by_id(rows: Iterator[_Row]) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    for row in rows:
        if not row["id"]:
            raise row.wrong("id is empty")
        if row["id"] in found:
            raise row.wrong(f"the id stands already on line {found[row['id']].line}")
        found[row["id"]] = row
    return found


def _the(tables: Tables, name: str, row: _Row, column: str) -> _Row:
    """The row that a column points to."""
    target = tables[name].get(row[column])
    if target is None:
        raise row.wrong(f"{column} points to no {name}")
    return target


class _Links:
    """What hangs on a service or a location, by its id."""

    def __init__(self, tables: Tables) -> None:
        self.terms: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in tables["attribute"].values():
            service = _the(tables, "service", row, "link_id")
            term = _the(tables, "taxonomy_term", row, "taxonomy_term_id")
            taxonomy = _the(tables, "taxonomy", term, "taxonomy_id")
            self.terms[service["id"], taxonomy["name"]].append(term["code"])
        self.places = _grouped(tables, "service_at_location", "service")
        self.phones = _grouped(tables, "phone", "service")
        self.hours = _grouped(tables, "schedule", "service")
        self.areas = _grouped(tables, "service_area", "service")
        self.languages = _grouped(tables, "language", "service")
        self.addresses = _grouped(tables, "address", "location")


def _grouped(tables: Tables, name: str, owner: str) -> Mapping[str, list[_Row]]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in tables[name].values():
        found[_the(tables, owner, row, f"{owner}_id")["id"]].append(row)
    return found


def _entries(service: _Row, tables: Tables, links: _Links) -> Iterator[CommunityService]:
    if service["status"] not in _ACCEPTING:
        raise service.wrong(f"status must be one of {', '.join(_ACCEPTING)}")
    accepting = _ACCEPTING[service["status"]]
    if accepting is None:
        return
    labels = _labels(service, links)
    places = links.places.get(service["id"], [])
    if labels & VIOLENCE or not places:
        # Where a shelter is must not be told, whatever the files say.
        yield _entry(service, tables, links, labels=labels, accepting=accepting)
        return
    for place in places:
        yield _entry(service, tables, links, labels=labels, accepting=accepting, place=place)


def _entry(
    service: _Row,
    tables: Tables,
    links: _Links,
    *,
    labels: Labels,
    accepting: bool,
    place: _Row | None = None,
) -> CommunityService:
    where = _the(tables, "location", place, "location_id") if place else None
    address = next(iter(links.addresses.get(where["id"], [])), None) if where else None
    minimum, maximum = _ages(service)
    key = service["id"]
    return CommunityService(
        id=place["id"] if place else key,
        name=service["name"],
        organization=_the(tables, "organization", service, "organization_id")["name"],
        services=_services(service, links),
        phone=_first(links.phones, key, "number"),
        url=service["url"],
        address=address["address_1"] if address else "",
        city=address["city"] if address else "",
        state=address["state_province"] if address else "",
        postal_code=address["postal_code"] if address else "",
        latitude=where.degrees("latitude", 90) if where else None,
        longitude=where.degrees("longitude", 180) if where else None,
        postal_codes=_postal_codes(links.areas.get(key, [])),
        languages=frozenset(row["code"] for row in links.languages.get(key, [])),
        minimum_age=minimum,
        maximum_age=maximum,
        eligibility=service["eligibility_description"],
        fees=service["fees_description"],
        application=service["application_process"],
        hours=_first(links.hours, key, "description"),
        wait=service["wait_time"],
        accepting=accepting,
        verified=service.day("assured_date"),
        labels=labels,
    )


def _first(rows: Mapping[str, list[_Row]], key: str, column: str) -> str:
    return next((row[column] for row in rows.get(key, [])), "")


def _services(service: _Row, links: _Links) -> frozenset[str]:
    codes = frozenset(links.terms[service["id"], REFERRALS])
    if not codes:
        raise service.wrong(
            f"the service has no attribute of the taxonomy {REFERRALS}, so no need can find it"
        )
    return codes


def _labels(service: _Row, links: _Links) -> Labels:
    codes = links.terms[service["id"], SENSITIVITY]
    unknown = [code for code in codes if code not in Label.__members__.values()]
    if unknown:
        raise service.wrong(f"{unknown[0]} is not a sensitivity label")
    return frozenset(Label(code) for code in codes) or NONE


def _ages(service: _Row) -> tuple[int | None, int | None]:
    minimum, maximum = service.age("minimum_age"), service.age("maximum_age")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise service.wrong("minimum_age is above maximum_age")
    return minimum, maximum


def _postal_codes(areas: Sequence[_Row]) -> frozenset[str]:
    for area in areas:
        if area["extent_type"] != "text" or not area["extent"]:
            raise area.wrong('extent must list postal codes, with extent_type "text"')
    return frozenset(code for area in areas for code in area["extent"].replace(",", " ").split())
