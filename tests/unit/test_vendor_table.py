"""The table of docs/ehr.md on which EHR gets what says what preflight says."""

from pathlib import Path

from config.vendor_files import load_vendors
from tests.vendor_table import vendor_table

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_products_is_what_preflight_says():
    text = (DOCS / "ehr.md").read_text(encoding="utf-8")
    section = text.split("### Which EHR gets what\n", 1)[1].split("\n### ", 1)[0]
    written = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert written == vendor_table(), (
        "print it with `python -m tests.vendor_table` and put it into docs/ehr.md"
    )


def test_the_page_on_preflight_names_every_product():
    text = (DOCS / "preflight.md").read_text(encoding="utf-8").casefold().replace("\n", " ")
    for vendor in load_vendors().values():
        assert any(name.casefold() in text for name in (vendor.id, vendor.name, *vendor.aliases)), vendor.id
