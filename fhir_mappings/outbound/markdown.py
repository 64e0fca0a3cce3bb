"""Text of a record inside GitHub Flavored Markdown: shown as it is written, never as markup, link or HTML."""

import html
import re
from typing import Final

from fhir_mappings.outbound.elements import clean

#: What begins or ends emphasis, code, links, tables and struck-out text; "@" and "/" would make bare addresses links.
_ACTIVE: Final = re.compile(r"([\\`*_\[\]|~@]|(?<=:)/|(?<=www)\.)", re.IGNORECASE)
#: What is markup only where a line begins: headings, lists, rules.
_LEADING: Final = re.compile(r"^(\d+(?=[.)]))?([.)#+=-])")


def escaped(text: str) -> str:
    """One line of plain text as markdown that shows exactly these words."""
    line = " ".join(clean(text).split())
    line = _ACTIVE.sub(r"\\\1", line)
    line = _LEADING.sub(lambda found: f"{found[1] or ''}\\{found[2]}", line)
    return html.escape(line, quote=False)


def bullets(lines: list[str]) -> str:
    """A list of lines that are markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def section(title: str, lines: list[str]) -> str:
    """A bold title over a list, "" without lines."""
    return f"**{title}**\n\n{bullets(lines)}" if lines else ""


def shortened(text: str, limit: int) -> str:
    """Plain text of fewer than `limit` characters, cut at a word where it is too long."""
    line = " ".join(clean(text).split())
    if len(line) < limit:
        return line
    return line[: limit - 2].rsplit(" ", 1)[0].rstrip(",;: ") + "…"
