"""Thinking time: from FHIR JSON in memory to FHIR JSON ready to be written, without any I/O."""

import math
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from datetime import time as clock
from typing import Any

import orjson

from benchmarks.figures import Figure
from benchmarks.records import TODAY, Json, record_of
from config.content import load_content
from config.directory_file import load_directory
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.community_service import LoadedDirectory
from service.domain.content import Content
from service.domain.plan import Plan
from service.domain.publication import LedgerEntry, WriteState
from service.domain.record import Record
from service.ehr.capability import Capability, capability_from
from service.ehr.ladder import descend
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.match import match
from service.sandbox.mode import statement

_AUTHOR = Author("Homeward", "Example Hospital", "")
_ROUNDS = 9
_SIZES = (1_000, 5_000, 20_000)
_LONGEST = 50_000
_VALIDATION_MS = 1.5
_THINKING_MS = 30.0


def figures() -> list[Figure]:
    """The budgets of thinking: CPU milliseconds for 1,000 resources, and how the time grows."""
    content, directory = load_content(), LoadedDirectory(load_directory())

    def planned(record: Record) -> Plan:
        assessment = assess(record, content, today=TODAY)
        return draft(
            record, assessment, match(assessment, record.patient, directory, today=TODAY), tenant="bench"
        )

    epic = capability_from(statement("epic-like"))
    resources, stay = record_of(1_000)
    record = _read(resources, stay, content)
    plan = planned(record)
    written = len(_written(plan))
    reading = _cpu_ms(lambda: _read(resources, stay, content))
    thinking = _cpu_ms(lambda: planned(record))
    whole = _cpu_ms(lambda: _written(planned(_read(resources, stay, content))))
    parsing = _cpu_ms(lambda: orjson.loads(orjson.dumps(resources)))
    return [
        Figure("read 1,000 resources (map inbound)", reading, "ms CPU"),
        Figure("assess + match + draft, 1,000 resources", thinking, "ms CPU", _THINKING_MS),
        Figure(
            f"read + assess + match + draft + write out {written} resources",
            whole,
            "ms CPU",
            _THINKING_MS + _VALIDATION_MS * written,
        ),
        Figure("the same, against parsing the same record as JSON", whole / parsing, "times"),
        Figure("where each item stands in the EHR, capability cached", _deciding(plan, epic), "ms CPU", 1.0),
        Figure("assess alone, 1,000 resources", _assessing(record, content), "ms CPU", 10.0),
        Figure("assess alone, 50,000 resources", _assessing(_long_known(content), content), "ms CPU", 600.0),
        Figure(
            "growth from 1,000 to 20,000 resources (exponent; 1 is linear)",
            _exponent(lambda resources, stay: planned(_read(resources, stay, content))),
            "",
            1.15,
        ),
        Figure("load and compile all protocols", _cpu_ms(load_content, rounds=3), "ms CPU", 300.0),
    ]


def _deciding(plan: Plan, capability: Capability) -> float:
    entries = [LedgerEntry(draft, WriteState.WAITING, draft.digest) for draft in _written(plan)]
    return _cpu_ms(lambda: descend(entries, capability))


def _assessing(record: Record, content: Content) -> float:
    return _cpu_ms(lambda: assess(record, content, today=TODAY))


def _long_known(content: Content) -> Record:
    """The record of somebody who has been a patient for all their life."""
    resources, stay = record_of(_LONGEST)
    return _read(resources, stay, content)


def _read(resources: list[Json], stay: str, content: Content) -> Record:
    return build_record(resources, encounter=stay, today=TODAY, asked=content.questions)


def _written(plan: Plan) -> tuple[Any, ...]:
    return plan_resources(plan, author=_AUTHOR, recorded=datetime.combine(TODAY, clock(), UTC))


def _exponent(planned: Callable[[list[Json], str], Plan]) -> float:
    """The slope of log(time) over log(size): read and think, at each size."""
    return statistics.linear_regression(
        [math.log(size) for size in _SIZES], [math.log(_whole_ms(size, planned)) for size in _SIZES]
    ).slope


def _whole_ms(size: int, planned: Callable[[list[Json], str], Plan]) -> float:
    resources, stay = record_of(size)
    return _cpu_ms(lambda: planned(resources, stay), rounds=3)


def _cpu_ms(work: Callable[[], object], *, rounds: int = _ROUNDS) -> float:
    """Median CPU milliseconds of one call, after one that is not counted."""
    work()
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        spent.append((time.process_time() - begun) * 1000)
    return statistics.median(spent)
