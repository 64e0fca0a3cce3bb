"""What Homeward says of where a plan stands, held against the chart: what it claims, and the EHR does not hold."""

from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, Final

from service.domain.decision import WHOLE_PLAN
from service.domain.publication import Landing, WriteStanding
from service.sandbox.chart import WRITTEN_TYPES, Chart, ChartEntry, holds

Row = Mapping[str, Any]

#: By rung, the types of what must hold an item's words there.
_HOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    Landing.CARE_PLAN.value: ("CarePlan",),
    Landing.DOCUMENT.value: ("DocumentReference",),
    Landing.MESSAGE.value: ("Communication",),
    Landing.CONCERN.value: ("Condition",),
}
#: With one of these a row says that its own resource stands in the EHR.
_THERE: Final = frozenset({WriteStanding.LANDED.value, WriteStanding.REPLACED.value})
#: With one of these a row says that the item stands on its rung now. An item without a resource of its own is "not possible"
#: as a resource, and stands in the words of its rung all the same; what stood before the plan has none.
_CLAIMED: Final = frozenset({*_THERE, WriteStanding.NOT_POSSIBLE.value, ""})
#: What the page puts in the place of a hyphen.
_SPACED: Final = {standing.value.replace("-", " "): standing.value for standing in WriteStanding}
_CELLS: Final = 4


def find_unheld(rows: Iterable[Row], chart: Chart, *, is_declined: bool = False) -> Iterator[str]:
    """Yield a sentence for each row of `landing` that claims what the chart does not hold.

    Landed is what stands as it is wanted: where something is_declined, that may be taken back. rows are those of a discharge's status document, or of its page (`read_page`). What waits, is refused, unknown or a
    person's claims nothing.
    """
    for row in rows:
        if row["standing"] in _CLAIMED and row["rung"] != Landing.PAGE.value:
            yield from (
                _unheld_reference(row, chart, is_declined=is_declined)
                if row["reference"]
                else _unheld_words(row, chart)
            )
        elif row["standing"] == WriteStanding.WITHDRAWN.value and _still_stands(row, chart):
            yield f"{row['reference'].partition('/')[0]} is told as withdrawn, and stands in the chart."


def find_unknown(rows: Iterable[Row]) -> list[str]:
    """Return the items of which a person was asked to look whether the EHR has them."""
    return [str(row["item"]) for row in rows if row["standing"] == WriteStanding.UNKNOWN.value]


def _unheld_reference(row: Row, chart: Chart, *, is_declined: bool) -> Iterator[str]:
    """What is told with a reference must stand there; what the record had before the plan is the EHR's own."""
    kind = str(row["reference"]).partition("/")[0]
    if row["standing"] not in _THERE or kind not in WRITTEN_TYPES:
        return
    entry = chart.find(row["reference"])
    if entry is None:
        yield f"{kind} is told as {row['standing']}, and is not in the chart."
    elif not entry.stands and not is_declined:
        yield f"{kind} is told as {row['standing']}, and was taken back."


def _unheld_words(row: Row, chart: Chart) -> Iterator[str]:
    kinds = _HOLDERS.get(row["rung"], ())
    if not kinds:  # as a resource of its own, without a receipt
        if row["standing"] == WriteStanding.LANDED.value:
            yield f"{row['title']} is told as landed, without a resource."
        return
    holders = chart.standing(*kinds)
    if not holders:
        yield f"An item is told to stand on the rung {row['rung']}, and no {' or '.join(kinds)} stands in the chart."
    elif _is_item(row) and not any(_says(holder, row["title"]) for holder in holders):
        yield f"An item is told to stand in the words of a {kinds[0]}, and they do not hold it ({row['item']})."


def _is_item(row: Row) -> bool:
    """Whether its title is words of the plan, and not the type of a resource, nor a need of which only a concern tells."""
    return (
        row["item"] != WHOLE_PLAN
        and row["title"] not in WRITTEN_TYPES
        and row["rung"] != Landing.CONCERN.value
    )


def _says(holder: ChartEntry, title: str) -> bool:
    return holds(holder.text, title)


def _still_stands(row: Row, chart: Chart) -> bool:
    entry = chart.find(row["reference"])
    return entry is not None and entry.stands


def read_page(html: str) -> list[Row]:
    """Read the rows of the page's table of where each item stands, in the form of the status document's."""
    reader = _Table()
    reader.feed(html)
    reader.close()
    return [
        {
            "item": "",
            "title": " ".join("".join(cells[0]).split()),
            "rung": " ".join(cells[1][0].split()) if cells[1] else "",
            "reference": " ".join("".join(cells[2]).split()),
            "standing": _read_standing(cells[3]),
        }
        for cells in reader.rows
        if len(cells) == _CELLS
    ]


def _read_standing(parts: list[str]) -> str:
    """The word before what the page adds to it; a word that is not known here stays as it is, and claims nothing."""
    word = parts[0].partition(":")[0].strip() if parts else ""
    return _SPACED.get(word, word)


class _Table(HTMLParser):
    """Collects the cells of the table with the id of where things stand, each as its pieces of text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[list[str]]] = []
        self._is_in_it = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin the table, a row or a cell."""
        if tag == "caption":
            self._is_in_it = dict(attrs).get("id") == "written-table"
        elif self._is_in_it and tag == "tr":
            self.rows.append([])
        elif self._is_in_it and tag in {"th", "td"} and self.rows:
            self.rows[-1].append([])

    def handle_endtag(self, tag: str) -> None:
        """End the table."""
        if tag == "table":
            self._is_in_it = False

    def handle_data(self, data: str) -> None:
        """Keep a piece of a cell's text."""
        if self._is_in_it and self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1].append(data)
