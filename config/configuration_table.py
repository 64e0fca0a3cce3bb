"""The README's configuration table, made from the settings: `python -m config.configuration_table` rewrites it."""

from dataclasses import fields
from pathlib import Path
from typing import Final

from config.settings import Settings

_BEGIN: Final = "<!-- configuration: made by python -m config.configuration_table -->"
_END: Final = "<!-- /configuration -->"
README: Final = Path(__file__).parent.parent / "README.md"


def configuration_table() -> str:
    """Markdown: one row for each setting, with its variable, default and meaning."""
    rows = [
        f"| `{item.metadata['variable']}` | {_shown(item.metadata['default'])} | {item.metadata['meaning']} |"
        for item in fields(Settings)
    ]
    return "\n".join(["| Variable | Default | Meaning |", "| --- | --- | --- |", *rows])


def with_table(document: str) -> str:
    """The document with the table between its two marks; the same document when it already stands there."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{configuration_table()}\n{_END}{after}"


def _shown(default: str) -> str:
    return f"`{default}`" if default else "none"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
