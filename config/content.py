"""All clinical and social content, read and checked once at start."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from config.checklist_files import read_checklists
from config.content_folder import ContentFolder, LayeredFolder
from config.expression_files import ExpressionReader
from config.instrument_files import read_instrument
from config.marked_yaml import Entry, read_yaml
from config.order_files import load_orders
from config.protocol_files import ProtocolReader
from config.terminology_files import Terminology, load_terminology
from service.domain.checklist import Checklists
from service.domain.content import CodeIndex, Content, Protocol
from service.domain.content_origin import ContentOrigin
from service.domain.expression import CodeTest, MeasureTest, leaves
from service.domain.instrument import Choice, Instrument, Item
from service.domain.ordered import OrderTable
from service.domain.places import names_of
from service.domain.protocol import NeedKind, Review
from service.domain.record import Kind
from service.domain.sensitivity import NONE, Labels
from service.domain.worded import WordedQuestions
from service.domain.wording import Wording
from service.errors import ConfigurationError

#: What Homeward ships.
SHIPPED = Path(__file__).parent
_Read = TypeVar("_Read", Instrument, Protocol)


@dataclass(frozen=True, slots=True)
class ContentReader:
    """Tables and instruments of a folder, and the reader of protocols that may refer to them."""

    terminology: Terminology
    instruments: dict[str, Instrument]
    items: dict[str, Item]
    orders: OrderTable

    @classmethod
    def of(cls, folder: ContentFolder) -> "ContentReader":
        """ConfigurationError names file and line of the first thing that is wrong."""
        layers = folder.layers()
        terminology = load_terminology(layers.folder("terminology"))
        instruments = _read_all(
            layers.folder("instruments"), read_instrument, lambda instrument: instrument.id
        )
        orders = load_orders(layers.folder("terminology"), terminology)
        return cls(terminology, instruments, _items(instruments.values()), orders)

    def protocol(self, entry: Entry) -> Protocol:
        """One protocol; ConfigurationError names file and line."""
        return ProtocolReader(self._expressions()).read(entry)

    def checklists(self, folder: ContentFolder) -> Checklists:
        """The checklists of a folder; ConfigurationError names file and line."""
        return read_checklists(folder.layers(), self._expressions())

    def _expressions(self) -> ExpressionReader:
        return ExpressionReader(self.terminology, self.instruments, self.items)


def load_content(folder: Path | None = None, overlay: Path | None = None) -> Content:
    """Protocols, instruments and terminology of a folder laid out like `config/` (the shipped one if None).

    Files of overlay stand in place of those of the same name, or beside them. ConfigurationError names file and line of
    the first thing that is wrong.
    """
    found = ContentFolder(folder or SHIPPED, overlay)
    reader = ContentReader.of(found)
    protocols = _read_all(found.protocols(), reader.protocol, lambda protocol: protocol.ref.id)
    compiled = _compiled(tuple(protocols.values()), reader, reader.checklists(found))
    pending = sum(protocol.ref.review is Review.PENDING for protocol in compiled.protocols)
    origin = ContentOrigin(found.digest(), len(compiled.protocols), pending)
    return replace(compiled, origin=origin)


def load_contents(whole: str, overlays: Mapping[str, Path | None]) -> Mapping[str, Content]:
    """The content of each hospital by its id, and under "" that of the deployment; whole is "" for the shipped one.

    overlays are the hospitals' own folders. ConfigurationError names file and line of the first thing that is wrong.
    """
    folder = Path(whole) if whole else None
    found: dict[Path | None, Content] = {None: load_content(folder)}
    for overlay in overlays.values():
        if overlay not in found:
            found[overlay] = load_content(folder, overlay)
    return {"": found[None], **{name: found[overlay] for name, overlay in overlays.items()}}


def _compiled(protocols: Sequence[Protocol], reader: ContentReader, checklists: Checklists) -> Content:
    terminology, instruments, items = reader.terminology, reader.instruments, reader.items
    given = [
        *(expression for one in protocols for expression in one.expressions()),
        *checklists.expressions(),
    ]
    asked = [leaf for expression in given for leaf in leaves(expression)]
    tests = [leaf for leaf in asked if isinstance(leaf, CodeTest)]
    measures = [leaf for leaf in asked if isinstance(leaf, MeasureTest)]
    by_kind = {kind: [test for test in tests if test.kind is kind] for kind in Kind}
    kinds, places = list(NeedKind), names_of(terminology.dispositions)
    wording = Wording(instruments, items, places)
    return Content(
        protocols=tuple(sorted(protocols, key=lambda one: (kinds.index(one.kind), one.ref.id))),
        instruments=instruments,
        items=items,
        valid_days=_valid_days(instruments.values()),
        indexes={kind: CodeIndex.of(found) for kind, found in by_kind.items()},
        measured=frozenset(question for measure in measures for question in measure.questions),
        sensitivity=terminology.sensitivity,
        comorbidities=terminology.comorbidities,
        frailty=terminology.frailty,
        dispositions=terminology.dispositions,
        place_names=terminology.place_names,
        question_labels=_question_labels(instruments.values()),
        code_sets=terminology.code_sets,
        services=terminology.services,
        checklists=checklists,
        payers=terminology.payers,
        worded=_worded(terminology, protocols),
        ingredients=terminology.ingredients,
        orders=reader.orders,
        words={leaf: wording.leaf(leaf) for leaf in asked},
    )


def _worded(terminology: Terminology, protocols: Sequence[Protocol]) -> WordedQuestions:
    """The table of questions in words, as far as it speaks of needs that the folder has."""
    known = {protocol.ref.id for protocol in protocols} | {""}
    return WordedQuestions(tuple(row for row in terminology.worded if row.need in known))


def _read_all(
    folder: LayeredFolder, read: Callable[[Entry], _Read], name: Callable[[_Read], str]
) -> dict[str, _Read]:
    found: dict[str, _Read] = {}
    for path in folder.glob("*.yaml"):
        entry = read_yaml(path, shown_as(path, folder))
        item = read(entry)
        if name(item) != path.stem:
            raise entry.wrong(f"the id {name(item)!r} is not the name of the file")
        found[name(item)] = item
    if not found:
        raise ConfigurationError(f"{folder.layers[0].name}: there is no .yaml file here")
    return found


def shown_as(path: Path, folder: LayeredFolder) -> str:
    """How a mistake names a file: by its folder, and that of an overlay by the overlay too."""
    near = f"{path.parent.name}/{path.name}"
    return near if path.parent == folder.layers[0] else f"{path.parent.parent.name}/{near}"


def _items(instruments: Iterable[Instrument]) -> dict[str, Item]:
    """Each question once: a question that stands in several instruments has the answers of all of them."""
    found: dict[str, Item] = {}
    for item in (item for instrument in instruments for item in instrument.items):
        known = found.get(item.question)
        found[item.question] = _merged(known, item) if known else item
    return found


def _merged(one: Item, other: Item) -> Item:
    choices: dict[str, Choice] = {choice.code: choice for choice in (*other.choices, *one.choices)}
    return Item(
        question=one.question,
        label=one.label,
        choices=tuple(choices.values()),
        low=one.low,
        high=one.high,
        derived=one.derived,
        multiple=one.multiple or other.multiple,
        labels=one.labels | other.labels,
    )


def _questions(instrument: Instrument) -> Iterator[tuple[str, Labels]]:
    yield from ((item.question, item.labels | instrument.labels) for item in instrument.items)
    if instrument.scoring:
        keys = (*instrument.scoring.totals, *instrument.scoring.local, *instrument.scoring.names)
        yield from ((key, instrument.labels) for key in keys)


def _question_labels(instruments: Iterable[Instrument]) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for instrument in instruments:
        for question, labels in _questions(instrument):
            found[question] = found.get(question, NONE) | labels
    return {question: labels for question, labels in found.items() if labels}


def _valid_days(instruments: Iterable[Instrument]) -> dict[str, int]:
    """How long an answer counts: the longest of the instruments that ask the question."""
    found: dict[str, int] = {}
    for instrument in instruments:
        for question, _ in _questions(instrument):
            found[question] = max(found.get(question, 0), instrument.valid_days)
    return found
