"""What stands in a chart held against what should, where a plan stands in words: a note, a message, and what is beside it.

What was signed is told by the plan and by what people were told; what stands, by the chart as a clinician reads it. Beside the
plan's words must stand what stands beside those of a twin with the same record: nothing keeps an identifier, so that
problems and others are known by their words.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.faults.acts import Case
from benchmarks.faults.judgement import Count, Finding, faulty_gaps, findings_of
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice
from service.domain.plan import Plan
from service.sandbox.chart import Chart, ChartEntry, fold, holds
from service.sandbox.claims import find_unknown
from service.sandbox.verify import missing_words, plan_words, says_off

#: The mark by which a text of ours is known, and how a text names the one before: both differ between two copies of one text.
_MARKS: Final = re.compile(r"homeward reference [0-9a-z-]+|replaces the [^.]*\.", re.IGNORECASE)
_SIGNED: Final = frozenset({"final", "amended"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of one stay: its chart, the newest plan, and the rows in which Homeward says where it stands."""

    chart: Chart
    plan: Plan | None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class WordsTwin:
    """What the chart of a stay with the same record and no fault holds beside the plan's words, what its plan asks for, its gaps."""

    beside: Counter[str] = field(default_factory=Counter)
    items: frozenset[str] = frozenset()
    gaps: int = 0


def words_twin_of(chart: Chart, plan: Plan, holder: str) -> WordsTwin:
    """What a stay that nothing happened to shows once its plan is signed."""
    items = frozenset(item.key for item in plan.shareable().items())
    return WordsTwin(_beside(chart, holder), items, faulty_gaps(plan))


def judge_words(case: Case, seen: Seen, twin: WordsTwin, holder: str) -> Iterator[Finding]:
    """Everything that is wrong with one stay; holder is the type that the plan is read in, "" where none is."""
    yield from findings_of(case, Count.TWICE, _doubled(seen, holder))
    yield from findings_of(case, Count.OVERWRITTEN, _overwritten(case, seen.chart))
    if seen.plan is None:
        yield from findings_of(case, Count.LOST, ["there is no plan"])
    elif case.called_off:
        yield from findings_of(case, Count.STILL_ACTIVE, _still_told(seen, holder))
    else:
        yield from findings_of(case, Count.GAP, _gaps(case, seen.plan, twin))
        yield from _about_signature(case, seen, seen.plan, twin, holder)


def landed_words(case: Case, seen: Seen, twin: WordsTwin, holder: str) -> tuple[int, int]:
    """(how many of the verdict, the items and what is beside them can be read in the chart; how many should)."""
    if case.called_off or seen.plan is None or not _is_signed(case, seen.plan):
        return 0, 0
    newest = seen.chart.newest(holder) if holder else None
    wanted = len(plan_words(seen.plan)) if holder else 0
    missing = len(missing_words(newest.text, seen.plan)) if newest else wanted
    beside = _beside(seen.chart, holder)
    due = _still_due(twin.beside, seen.plan)
    there = sum(min(beside[name], count) for name, count in due.items())
    return wanted - missing + there, wanted + due.total()


def is_asked(seen: Seen) -> bool:
    """Return True if a person was asked to look whether the EHR has something."""
    return bool(find_unknown(seen.rows))


def _about_signature(case: Case, seen: Seen, plan: Plan, twin: WordsTwin, holder: str) -> Iterator[Finding]:
    newest = seen.chart.newest(holder) if holder else None
    if not _is_signed(case, plan):
        yield from findings_of(case, Count.CLAIMS, _signed_by_nobody(newest))
        return
    if plan.approval_of(WHOLE_PLAN) is None:
        yield from findings_of(case, Count.LOST, ["a signature is not in the plan any more"])
    if is_asked(seen):  # what a person is asked about is neither there nor lost
        return
    yield from findings_of(case, Count.LOST, _lost(case, seen, newest, twin, holder))
    if newest is not None:
        yield from findings_of(case, Count.CALLED_OFF, _called_off_in_vain(case, newest))
        yield from findings_of(case, Count.FROZEN, _frozen(case, newest, plan))
        yield from findings_of(case, Count.STILL_ACTIVE, _declined_words(case, newest, plan))


def _is_signed(case: Case, plan: Plan) -> bool:
    return case.is_signed or plan.approval_of(WHOLE_PLAN) is not None


def _doubled(seen: Seen, holder: str) -> Iterator[str]:
    """Two of one text, two of what is beside it, or more texts than people have signed or called off."""
    standing = [entry for entry in seen.chart.standing(holder) if _is_final(entry)] if holder else []
    texts = [fold(_MARKS.sub("", entry.text)) for entry in standing]
    copies = sum(count - 1 for count in Counter(texts).values())
    if copies:
        yield f"{copies} {holder} of the same text"
    elif len(texts) > (told := _signed_changes(seen.plan) + any(map(says_off, texts))):
        yield f"{len(texts)} {holder} of {told} signed changes"
    names = Counter(_name(entry) for entry in _entries_beside(seen.chart, holder))
    yield from (
        f"{count} {name.partition(':')[0]} of one thing" for name, count in names.items() if count > 1
    )


def _signed_changes(plan: Plan | None) -> int:
    """How often a person signed the plan, or changed what was signed."""
    decisions = plan.decisions if plan else ()
    whole = [each.at for each in decisions if each.item == WHOLE_PLAN and each.choice is Choice.APPROVED]
    return len({each.act for each in decisions if whole and each.at >= min(whole)})


def _overwritten(case: Case, chart: Chart) -> Iterator[str]:
    for edit in case.edits:
        entry = chart.find(edit.reference)
        if entry is None or not edit.stands_in(entry.resource):
            yield f"{edit.reference.partition('/')[0]}.{'.'.join(edit.path)} is no longer a person's ({case.act})"


def _still_told(seen: Seen, holder: str) -> Iterator[str]:
    """Called off: the newest text says so, or none stands."""
    newest = seen.chart.newest(holder) if holder else None
    if newest is not None and not says_off(newest.text) and not is_asked(seen):
        yield f"the newest {holder} does not say that the discharge was called off"


def _gaps(case: Case, plan: Plan, twin: WordsTwin) -> Iterator[str]:
    planned = {item.key for item in plan.shareable().items()}
    unplanned = twin.items - planned - case.declined
    # A task of ours about what was declined goes with it.
    unplanned -= {f"task:{key}" for key in case.declined}
    gaps = faulty_gaps(plan) - twin.gaps
    if unplanned or gaps > 0:
        yield f"{len(unplanned)} of {len(twin.items)} never planned, {max(gaps, 0)} gaps more ({case.act})"


def _is_final(entry: ChartEntry) -> bool:
    """Whether a reader takes it for signed; a message cannot say otherwise."""
    return entry.resource.get("docStatus", "final") in _SIGNED


def _signed_by_nobody(newest: ChartEntry | None) -> Iterator[str]:
    if newest is not None and _is_final(newest):
        yield f"a {newest.kind} stands as signed, and nobody has signed it"


def _lost(case: Case, seen: Seen, newest: ChartEntry | None, twin: WordsTwin, holder: str) -> Iterator[str]:
    if holder and newest is None:
        yield f"the plan is signed, and no {holder} stands in the chart, told as {_told(seen, holder)} ({case.act})"
    if newest is not None and not _is_final(newest):
        yield f"the newest {holder} does not stand as signed ({case.act})"
    lost = _still_due(twin.beside, seen.plan) - _beside(seen.chart, holder)
    if lost:
        yield f"not in the chart: {dict(Counter(name.partition(':')[0] for name in lost))} ({case.act})"


def _told(seen: Seen, holder: str) -> str:
    """How Homeward says that the plan's note stands."""
    told = sorted({row["standing"] for row in seen.rows if row["title"] == holder})
    return " and ".join(told) or "nothing"


def _called_off_in_vain(case: Case, newest: ChartEntry) -> Iterator[str]:
    if says_off(newest.text):
        yield f"the newest {newest.kind} says that the discharge was called off ({case.act})"


def _frozen(case: Case, newest: ChartEntry, plan: Plan) -> Iterator[str]:
    missing = missing_words(newest.text, plan)
    if missing and not says_off(newest.text):
        yield f"the newest {newest.kind} lacks {len(missing)} of what was signed last ({case.act})"
    for words in case.said.values():
        if not holds(newest.text, words):
            yield f"the newest {newest.kind} does not have the words given on the page ({case.act})"


def _declined_words(case: Case, newest: ChartEntry, plan: Plan) -> Iterator[str]:
    """The words of an item that was declined, but for where another item has them too.

    The neutral request for social work stands in the words of every plan, so that it tells nothing.
    """
    if case.chosen is None or case.chosen[0] not in case.declined - {SOCIAL_WORK}:
        return
    text = fold(newest.text)
    for words in sorted(plan_words(plan), key=len, reverse=True):
        text = text.replace(fold(words), "")
    if holds(text, case.chosen[1]):
        yield f"the newest {newest.kind} proposes what was declined ({case.act})"


def _beside(chart: Chart, holder: str) -> Counter[str]:
    """What stands beside the plan's words, by type and its own words; of sources, by what they are about."""
    return Counter(f"{entry.kind}:{_about(entry, chart)}" for entry in _entries_beside(chart, holder))


def _entries_beside(chart: Chart, holder: str) -> list[ChartEntry]:
    return [entry for entry in chart.entries if entry.kind != holder and entry.stands]


def _name(entry: ChartEntry) -> str:
    """By what two of a type are one and the same: their words, of sources what they say of which resource."""
    if entry.kind != "Provenance":
        return f"{entry.kind}:{fold(entry.title)}"
    said = {name: entry.resource.get(name) for name in ("target", "activity", "agent", "signature")}
    return f"{entry.kind}:{json.dumps(said, sort_keys=True)}"


def _still_due(beside: Counter[str], plan: Plan | None) -> Counter[str]:
    """What of it is still wanted: no problem of ours for a need that somebody has put into the record meanwhile."""
    needs = plan.shareable().present() if plan else ()
    recorded = [
        fold(need.title)
        for need in needs
        if any(item.reference.startswith("Condition/") for item in need.evidence)
    ]
    mine = ("Condition:", "Provenance:condition")
    return Counter(
        {
            name: count
            for name, count in beside.items()
            if not (name.startswith(mine) and any(title in name for title in recorded))
        }
    )


def _about(entry: ChartEntry, chart: Chart) -> str:
    if entry.kind != "Provenance":
        return fold(entry.title)
    named = [str(target.get("reference", "")) for target in entry.resource.get("target", ())]
    targets = [target for reference in named if (target := chart.find(reference))]
    return " ".join(sorted(fold(f"{target.kind} {target.title}") for target in targets))
