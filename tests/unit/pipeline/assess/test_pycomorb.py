"""Charlson and HFRS against pycomorb (MIT), an implementation that is not ours.

tests/data/pycomorb_oracle.json holds what it said: every family of the tables, its parents, neighbours and children, and
combinations. How it was made stands in docs/decisions/0102-pycomorb-as-data.md.
"""

import json
from pathlib import Path

import pytest

from service.domain.codes import Code, System
from service.pipeline.assess import assess
from service.pipeline.assess.risk.charlson import charlson_index
from tests.builders import TODAY, fact, record
from tests.unit.pipeline.assess.shipped import CONTENT

ORACLE = json.loads((Path(__file__).parents[3] / "data" / "pycomorb_oracle.json").read_text())
_TABLES = {one.name for one in CONTENT.frailty}


def test_charlson_s_index_is_pycomorb_s() -> None:
    differing = {}
    for codes, expected in ORACLE["charlson"]:
        coded = [Code(System.ICD10, code) for code in codes.split("+")]
        if (index := charlson_index(coded, CONTENT.comorbidities)) != expected:
            differing[codes] = (index, expected)
    assert differing == {}


def test_the_frailty_score_is_pycomorb_s() -> None:
    differing = {}
    for codes, expected in ORACLE["hfrs"]:
        diagnoses = [fact(code) for code in codes.split("+")]
        scores = {one.name: one for one in assess(record(*diagnoses), CONTENT, today=OLD).risk_scores}
        if scores["HFRS"].value != pytest.approx(expected):
            differing[codes] = (scores["HFRS"].value, expected)
    assert differing == {}


def test_the_frailty_table_has_its_109_groups() -> None:
    assert len(CONTENT.frailty) == len(_TABLES) == 109


#: Somebody born in 1950 is 75 then.
OLD = TODAY.replace(year=TODAY.year + 2)
