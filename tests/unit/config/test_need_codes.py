"""Every need code of the contract has its protocol, of the right kind and sensitivity."""

import csv
from pathlib import Path

from config.content import load_content

TABLE = Path(__file__).parents[2] / "data" / "need_codes.csv"
CODES = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
PROTOCOLS = {protocol.ref.id: protocol for protocol in load_content().protocols}


def test_every_need_code_has_a_protocol_and_every_protocol_a_need_code() -> None:
    assert set(PROTOCOLS) == {row["code"] for row in CODES}


def test_kinds_and_labels_are_those_of_the_contract() -> None:
    kinds = {row["code"]: row["kind"] for row in CODES}
    assert {code: str(protocol.kind) for code, protocol in PROTOCOLS.items()} == kinds
    for row in CODES:
        assert set(row["sensitive"].split()) <= set(PROTOCOLS[row["code"]].labels), row["code"]


def test_social_needs_name_their_gravity_domain_where_gravity_has_one() -> None:
    without = {code for code, one in PROTOCOLS.items() if one.kind == "social" and not one.gravity_domain}
    assert without == {"legal-need"}
