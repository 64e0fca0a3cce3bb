"""A patient's chart as a clinician reads it in the EHR: what Homeward wrote, decoded, without markup, newest note first.

Nothing is taken from Homeward's ledger: whatever neither the admission nor the hospital's people wrote is Homeward's, also
where an EHR keeps none of its identifiers.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from textwrap import wrap
from typing import Any, Final

Json = dict[str, Any]

#: What a plan may be written as, what says most first.
WRITTEN_TYPES: Final = (
    "CarePlan",
    "DocumentReference",
    "Communication",
    "Goal",
    "ServiceRequest",
    "Condition",
    "Task",
    "Provenance",
)
#: The types that a whole plan can be read in.
WHOLE: Final = WRITTEN_TYPES[:3]
#: Columns of a page of plain text, as clinical notes are kept.
COLUMNS: Final = 72
_WITHDRAWN: Final = frozenset(
    {"revoked", "cancelled", "entered-in-error", "rejected", "superseded", "stopped", "not-done"}
)
_INACTIVE: Final = frozenset({"inactive", "resolved", "remission"})
_BLOCKS: Final = frozenset({"p", "div", "li", "h1", "h2", "h3", "h4", "ul", "ol", "tr", "br", "body"})
_UNREAD: Final = frozenset({"head", "script", "style", "title"})
#: The element with a resource's own words, by type.
_TITLED: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("title",),
    "DocumentReference": ("type", "text"),
    "Communication": ("topic", "text"),
    "Goal": ("description", "text"),
    "ServiceRequest": ("code", "text"),
    "Condition": ("code", "text"),
    "Task": ("description",),
}
_CATEGORIES: Final[Mapping[str, str]] = {
    "problem-list-item": "Problem",
    "encounter-diagnosis": "Encounter diagnosis",
    "health-concern": "Health concern",
}
_NAMES: Final[Mapping[str, str]] = {
    "CarePlan": "Care plan",
    "DocumentReference": "Note",
    "Communication": "Message",
    "ServiceRequest": "Order",
}
#: What a reader must know of a status that does not say it.
_MEANINGS: Final[Mapping[str, str]] = {
    "provisional": "provisional: it waits until a clinician reconciles it",
    "preliminary": "preliminary: nobody has signed it",
    "final": "final: signed",
    "draft": "draft: nobody has signed it",
}


@dataclass(frozen=True, slots=True)
class ChartEntry:
    """One resource of ours in a chart; made is the instant of its first version as the EHR's own clock tells it."""

    resource: Json
    made: str = ""

    @property
    def kind(self) -> str:
        """Its resource type."""
        return str(self.resource["resourceType"])

    @property
    def reference(self) -> str:
        """Its literal reference."""
        return f"{self.kind}/{self.resource.get('id', '')}"

    @property
    def title(self) -> str:
        """Its own words for what it is, "" where it has none."""
        value: Any = self.resource
        for name in _TITLED.get(self.kind, ()):
            value = value.get(name, "") if isinstance(value, Mapping) else ""
        return value if isinstance(value, str) else ""

    @property
    def text(self) -> str:
        """What a reader reads of it, in lines: of several attachments the one that opens first."""
        texts = [text for text in read_texts(self.resource) if text]
        return texts[0] if texts and self.kind == "DocumentReference" else "\n".join(texts)

    @property
    def stands(self) -> bool:
        """Whether it has not been taken back."""
        return not is_withdrawn(self.resource)


@dataclass(frozen=True, slots=True)
class Chart:
    """What of ours stands in one patient's chart, each type in the order in which it was made."""

    entries: tuple[ChartEntry, ...]

    def of(self, *kinds: str) -> tuple[ChartEntry, ...]:
        """The entries of these types."""
        return tuple(entry for entry in self.entries if entry.kind in kinds)

    def standing(self, *kinds: str) -> tuple[ChartEntry, ...]:
        """The same without what was taken back."""
        return tuple(entry for entry in self.of(*kinds) if entry.stands)

    def newest(self, kind: str) -> ChartEntry | None:
        """The entry of this type that was made last, of those that stand."""
        return max(self.standing(kind), key=lambda entry: entry.made, default=None)

    def find(self, reference: str) -> ChartEntry | None:
        """The entry with this literal reference."""
        return next((entry for entry in self.entries if entry.reference == reference), None)


def read_chart(resources: Iterable[tuple[Json, str]]) -> Chart:
    """Make a chart of resources, each with the instant of its first version."""
    entries = [ChartEntry(resource, made) for resource, made in resources]
    order = {kind: place for place, kind in enumerate(WRITTEN_TYPES)}
    return Chart(tuple(sorted(entries, key=lambda entry: (order.get(entry.kind, len(order)), entry.made))))


def read_texts(resource: Mapping[str, Any]) -> Iterator[str]:
    """Read each text of a resource as lines without markup: notes, messages, narratives, remarks."""
    for content in resource.get("content", ()):
        yield read_attachment(content.get("attachment", {}))
    for payload in resource.get("payload", ()):
        yield payload.get("contentString", "") or read_attachment(payload.get("contentAttachment", {}))
    if resource.get("resourceType") not in {"DocumentReference", "Communication"}:
        yield strip_markup(str(resource.get("text", {}).get("div", "")))
    for note in resource.get("note", ()):
        yield str(note.get("text", ""))


def read_attachment(attachment: Mapping[str, Any]) -> str:
    """Read an attachment's text; "" for one without data, or of a type that holds no text."""
    kind = str(attachment.get("contentType", "")).partition(";")[0].strip().lower()
    data = attachment.get("data")
    if not isinstance(data, str) or kind == "application/pdf":
        return ""
    text = b64decode(data).decode(errors="replace")
    return strip_markup(text) if kind.endswith(("html", "xml")) else text


def strip_markup(text: str) -> str:
    """Return the words of HTML, each block on a line of its own."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


def is_withdrawn(resource: Mapping[str, Any]) -> bool:
    """Return True for a resource that was taken back, in its type's own words."""
    statuses = {str(resource.get(name, "")) for name in ("status", "lifecycleStatus", "docStatus")}
    codes = {*_codes(resource.get("clinicalStatus")), *_codes(resource.get("verificationStatus"))}
    return bool(statuses & _WITHDRAWN or codes & (_INACTIVE | {"entered-in-error", "refuted"}))


def fold(text: str) -> str:
    """Return the words of a text in one line and in small letters: where lines break says nothing."""
    return " ".join(text.split()).casefold()


def holds(text: str, words: str) -> bool:
    """Return True if a text has these words, wherever its lines break."""
    return fold(words) in fold(text)


def describe(entry: ChartEntry) -> str:
    """Name an entry as a clinician sees it in a list: "Problem “Food insecurity”, provisional: …"."""
    resource = entry.resource
    codes = [code for category in resource.get("category", ()) for code in _codes(category)]
    name = next((_CATEGORIES[code] for code in codes if code in _CATEGORIES), "")
    name = name or _NAMES.get(entry.kind, entry.kind)
    if entry.kind == "ServiceRequest" and resource.get("intent") in {"proposal", "plan"}:
        name = "Proposed order"
    title = f" “{entry.title}”" if entry.title else ""
    return ", ".join([f"{name}{title}", *_told_statuses(entry)])


def render_lines(text: str, columns: int = COLUMNS) -> list[str]:
    """Return a text as lines of at most so many columns; lines that fit stay as they are."""
    lines: list[str] = []
    for line in text.splitlines():
        if len(line) <= columns:
            lines.append(line)
        else:
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            lines += wrap(line, columns, subsequent_indent=indent, break_on_hyphens=False)
    return lines


def _told_statuses(entry: ChartEntry) -> Iterator[str]:
    resource = entry.resource
    if not entry.stands:
        yield "taken back"
        return
    told = (str(resource[name]) for name in ("docStatus", "lifecycleStatus", "status") if name in resource)
    for status in list(_codes(resource.get("verificationStatus"))) or list(told)[:1]:
        yield _MEANINGS.get(status, status)
    if entry.kind == "Communication":
        yield f"to {len(resource.get('recipient', ()))}"


def _codes(concept: Any) -> Iterator[str]:
    codings = concept.get("coding", ()) if isinstance(concept, Mapping) else ()
    yield from (str(coding["code"]) for coding in codings if "code" in coding)


class _Reader(HTMLParser):
    """Collects the words of HTML, with a line's end before and after each block."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  its signature
        """Begin a line where a block begins; what is not read hides its content."""
        self._hidden += tag in _UNREAD
        if tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        """End a line where a block ends."""
        self._hidden -= tag in _UNREAD and self._hidden > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        if not self._hidden:
            self.parts.append(data)
