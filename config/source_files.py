"""What protocol and instrument files share: their sources, their sensitivity labels."""

from collections.abc import Mapping

from config.marked_yaml import Entry
from service.domain.content import known_labels
from service.domain.protocol import Review, Source
from service.domain.sensitivity import NONE, Labels


def read_sources(entry: Entry) -> tuple[Source, ...]:
    """At least one source; content without one does not start."""
    sources = tuple(_source(member) for member in entry.items())
    if not sources:
        raise entry.wrong("at least one source is needed")
    return sources


def read_labels(given: Mapping[str, Entry]) -> Labels:
    """The key `sensitive`: ActCode labels."""
    if "sensitive" not in given:
        return NONE
    try:
        return known_labels(given["sensitive"].texts())
    except ValueError:
        raise given["sensitive"].wrong(
            "unknown sensitivity label; see service/domain/sensitivity.py"
        ) from None


def _source(entry: Entry) -> Source:
    given = entry.fields(("title", "year", "version", "status"), required=("title", "status"))
    return Source(
        title=given["title"].text(),
        year=given["year"].whole() if "year" in given else None,
        version=given["version"].text() if "version" in given else "",
        review=given["status"].choice(Review),
    )
