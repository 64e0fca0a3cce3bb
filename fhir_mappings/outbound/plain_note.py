"""The plan as a note in plain text, for a chart that shows letters and nothing else: the verdict first, 72 columns wide.

It is made of the same words as CarePlan.text, so that nothing is in it that everybody may not read.
"""

import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final

from fhir_mappings.outbound.elements import clean
from service.domain.decision import WHOLE_PLAN, Choice
from service.domain.plan import Plan

#: A line that an 80-column screen, a printer and a reply with "> " before it still show whole.
WIDTH: Final = 72
UNSIGNED: Final = "Proposal, not signed"
_ITEM: Final = "- "


def signed_line(plan: Plan, zone: tzinfo) -> str:
    """Say who signed the plan as a whole and when, by the hospital's clock; "" where nobody has, or it was declined."""
    verdict = plan.decision_on(WHOLE_PLAN)
    if verdict is None or verdict.choice is not Choice.APPROVED:
        return ""
    return f"Signed by {clean(verdict.by.name)}, {moment(verdict.at, zone)}."


def moment(at: datetime, zone: tzinfo) -> str:
    """Write a time by the hospital's clock: "2 December 2026, 14:05"."""
    here = at.astimezone(zone)
    return f"{here.day} {here:%B} {here.year}, {here:%H:%M}"


def plain_note(
    words: str, *, title: str, standing: str, is_unsigned: bool, about: Sequence[str], reference: str
) -> str:
    """Write an XHTML div of ours as a note.

    standing says how the plan stands ("Signed by …"), "" for as the words have it; about are the lines that say whose
    plan it is; reference is the line that it ends with.
    """
    # Our own narrative, escaped by the same library: there is no entity in it to expand.
    first, *rest = _blocks(ET.fromstring(words), standing)  # noqa: S314
    heading = UNSIGNED.upper() if is_unsigned else ""
    blocks = [heading, first, standing, "\n".join([title.upper(), *about]), *rest, reference]
    return "\n\n".join(filter(None, map(wrapped, blocks))) + "\n"


def wrapped(text: str) -> str:
    """Break each line of a text at 72 columns; what follows "- " is indented, and a longer word, as a link, stays whole."""
    return "\n".join(_wrapped_line(line) for line in text.splitlines())


def _wrapped_line(line: str) -> str:
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=" " * len(_ITEM) if line.startswith(_ITEM) else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _blocks(root: ET.Element, standing: str) -> Iterator[str]:
    """The paragraphs and sections of the words, first the one with the verdict."""
    section: list[str] = []
    for number, element in enumerate(root):
        text = clean("".join(element.itertext()))
        match element.tag.rpartition("}")[2]:
            case "h3":
                section = [text.upper()]
            case "ul":
                items = [f"{_ITEM}{clean(''.join(item.itertext()))}" for item in element]
                yield "\n".join([*section, *items])
                section = []
            case _ if not number and standing:
                yield _bold(element) or text
            case _:
                yield text


def _bold(paragraph: ET.Element) -> str:
    """What stands out in a paragraph; the rest of the first one says how the plan stands."""
    return clean("".join(text for part in paragraph for text in part.itertext()))
