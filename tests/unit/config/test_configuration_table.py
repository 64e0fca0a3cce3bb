from dataclasses import fields
from pathlib import Path

from config.configuration_table import README, configuration_table, with_table
from config.settings import Settings


def test_the_readme_holds_the_table_that_the_settings_make():
    document = Path(README).read_text()
    assert document == with_table(document), "run: .venv/bin/python -m config.configuration_table"


def test_every_setting_has_a_row_with_its_meaning():
    rows = configuration_table().splitlines()[2:]
    assert len(rows) == len(fields(Settings))
    assert all(row.split("|")[3].strip() for row in rows)
