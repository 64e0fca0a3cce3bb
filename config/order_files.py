"""What orders in an EHR ask for, from `config/terminology/order_codes.csv` and `order_words.csv`."""

import re
from collections.abc import Iterator
from typing import Final

from config.content_folder import LayeredFolder
from config.terminology_files import Row, Terminology, read_reviewed_rows
from service.domain.codes import System
from service.domain.ordered import OrderedService, OrderName, OrderTable, Words, words_of_order

#: A range of codes: "E0130-E0149".
_RANGE: Final = re.compile(r"([A-Z]?)(\d{4,5})-([A-Z]?)(\d{4,5})")
#: The name by which a row stands for all codes of a code set.
_CODE_SET: Final = "set"
#: Both are HCPCS, and senders name one for the other.
_HCPCS: Final = (System.HCPCS.value, System.CPT.value)


def load_orders(folder: LayeredFolder, terminology: Terminology) -> OrderTable:
    """Both tables, which a folder may do without; ConfigurationError names file and line."""
    coded: dict[tuple[str, str], tuple[OrderedService, ...]] = {}
    path = folder / "order_codes.csv"
    columns = ("services", "needs", "system", "code", "display")
    for row in read_reviewed_rows(path, columns) if path.exists() else ():
        services = _services(row, terminology)
        for code in _codes(row, terminology):
            coded[code] = tuple(dict.fromkeys((*coded.get(code, ()), *services)))
    return OrderTable(coded, tuple(_names(folder, terminology)))


def _names(folder: LayeredFolder, terminology: Terminology) -> Iterator[OrderName]:
    path = folder / "order_words.csv"
    for row in read_reviewed_rows(path, ("services", "needs", "words", "unless")) if path.exists() else ():
        parts = tuple(_phrases(row, part) for part in row["words"].split(" + "))
        if not all(parts):
            raise row.wrong("words are missing: which names of orders does this row know?")
        services = _services(row, terminology) if row["services"] else ()
        yield OrderName(parts, services, _phrases(row, row["unless"]))


def _services(row: Row, terminology: Terminology) -> tuple[OrderedService, ...]:
    names, needs = row["services"].split(), tuple(row["needs"].split())
    unknown = [name for name in names if name not in terminology.services]
    if unknown or not names:
        raise row.wrong(f"{', '.join(unknown) or 'nothing'} stands in no line of referral_services.csv")
    return tuple(OrderedService(name, needs) for name in names)


def _codes(row: Row, terminology: Terminology) -> Iterator[tuple[str, str]]:
    if row["system"] == _CODE_SET:
        if row["code"] not in terminology.code_sets:
            raise row.wrong(f"unknown code set {row['code']}")
        yield from ((code.system, code.code) for code in terminology.code_sets[row["code"]])
        return
    system = row.system()
    for code in _expanded(row):
        yield from ((name, code) for name in (_HCPCS if system in _HCPCS else (system,)))


def _expanded(row: Row) -> Iterator[str]:
    """Every code of a range with one letter, or the code itself."""
    found = _RANGE.fullmatch(row["code"])
    if not found:
        yield row["code"]
        return
    letter, first, other, last = found.groups()
    if letter != other or len(first) != len(last) or int(first) > int(last):
        raise row.wrong(f"{row['code']} is no range of codes")
    yield from (f"{letter}{number:0{len(first)}}" for number in range(int(first), int(last) + 1))


def _phrases(row: Row, text: str) -> tuple[Words, ...]:
    phrases = tuple(words_of_order(phrase) for phrase in text.split("|") if phrase.strip())
    if not all(phrases):
        raise row.wrong(f"{text} holds no words")
    return tuple(dict.fromkeys(phrases))
