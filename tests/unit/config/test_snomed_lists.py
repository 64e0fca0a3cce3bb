"""The SNOMED CT lists: numbers that can be, words that say that it is so, two sources or a review that is open."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import config
from config.content import load_content
from service.domain.codes import Code, System

_TERMINOLOGY = Path(config.__path__[0]) / "terminology"
_PROTOCOLS = Path(config.__path__[0]) / "protocols"
#: The dihedral group of order ten, and the permutations, of the check digit after Verhoeff.
_PRODUCT = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_PERMUTED = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
#: What is not there, was once, is thought of, is feared or is of the family is not what the set means.
_NOT_SO = re.compile(
    r"history of|family history|suspected|at risk|risk of|in remission|screening|ruled out|no evidence",
    re.IGNORECASE,
)
#: Sets that mean such a thing themselves, and two entries that a hospital has signed off.
_MEAN_IT = frozenset(
    {"self-harm", "intimate-partner-violence", "pregnancy-loss", "tobacco-none", "screening-procedures"}
)
#: Protocols that read ICD-10-CM families and name no SNOMED CT, with the reason.
_WITHOUT = {
    "ostomy-care": "a stoma's status has no concept here that was confirmed; its making is a procedure set",
    "enteral-nutrition": "a feeding tube's status has no concept here that was confirmed; its placing is a procedure set",
    "caregiver-support": "no concept for a household member who cannot give care was confirmed",
    "health-insurance-coverage-status": "insurance is read from Coverage; no concept was confirmed",
    "medical-cost-burden": "no concept for care left out because of its cost was confirmed",
    "utility-insecurity": "no concept for utilities that are shut off was confirmed",
}
_SENSITIVE_SETS = (
    "mood-and-psychotic-disorders",
    "anxiety-stress-eating-personality",
    "self-harm",
    "intentional-self-harm",
    "opioid-use-disorder",
    "alcohol-use-disorder",
    "drug-dependence",
    "drug-overdose",
    "substance-use-in-pregnancy",
    "neonatal-abstinence",
    "pregnancy-loss",
    "induced-termination",
    "twin-loss",
    "child-abuse",
    "abuse-in-pregnancy",
    "intimate-partner-violence",
    "hiv-disease",
)
CONTENT = load_content()


def _rows(pattern: str) -> Iterator[tuple[str, dict[str, str]]]:
    for path in sorted(_TERMINOLOGY.glob(pattern)):
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                if row.get("system") == System.SNOMED:
                    yield path.name, row


def _has_its_check_digit(identifier: str) -> bool:
    check = 0
    for position, digit in enumerate(reversed(identifier)):
        check = _PRODUCT[check][_PERMUTED[position % 8][int(digit)]]
    return check == 0


@pytest.mark.parametrize("pattern", ["code_sets*.csv", "sensitivity.csv"])
def test_every_identifier_has_its_check_digit_and_is_of_a_concept(pattern: str) -> None:
    rows = list(_rows(pattern))
    assert len(rows) > 100
    wrong = [
        row["code"]
        for _, row in rows
        # Partition 00 or 10 says that it is a concept: of the core, or of an extension.
        if not _has_its_check_digit(row["code"]) or row["code"][-3:-1] not in {"00", "10"}
    ]
    assert wrong == []


def test_the_check_digit_is_worked_out_as_it_is_defined() -> None:
    assert _has_its_check_digit("111297002")
    assert not _has_its_check_digit("111297003")
    assert not _has_its_check_digit("112197002")


def test_a_row_of_the_lists_names_two_sources_or_waits_for_its_review() -> None:
    rows = list(_rows("code_sets_snomed.csv"))
    assert len(rows) > 1000
    for _, row in rows:
        assert row["source"]
        assert row["review"] == (
            "verified" if "; " in row["source"] and "confirm" not in row["source"] else "pending"
        )


def test_no_member_says_of_itself_that_it_is_not_so() -> None:
    strange = [
        (row["set"], row["display"])
        for _, row in _rows("code_sets*.csv")
        if _NOT_SO.search(row["display"]) and row["set"] not in _MEAN_IT
    ]
    assert strange == []


def _names_of(part: object, key: str) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _names_of(value, key)
    elif isinstance(part, list):
        for member in part:
            yield from _names_of(member, key)


@pytest.mark.parametrize("path", sorted(_PROTOCOLS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_need_that_an_icd_10_cm_family_raises_is_raised_by_snomed_ct_too(path: Path) -> None:
    present = yaml.safe_load(path.read_text(encoding="utf-8")).get("present")
    members: list[Code] = [
        code for name in _names_of(present, "set") for code in CONTENT.code_sets.get(name, ())
    ]
    has_snomed = any(code.system == System.SNOMED for code in members)
    if list(_names_of(present, "icd10cm")):
        assert has_snomed or path.stem in _WITHOUT


@pytest.mark.parametrize("name", _SENSITIVE_SETS)
def test_what_is_sensitive_in_words_is_sensitive_as_a_number(name: str) -> None:
    members = [code for code in CONTENT.code_sets[name] if code.system == System.SNOMED]
    assert members
    bare = [Code(code.system, code.code) for code in members]
    assert [code.code for code in bare if not CONTENT.sensitivity.of(code)] == []
