"""The insurances of a record: what each is worth today, and how it is cited."""

from dataclasses import dataclass
from datetime import date

from service.domain.codes import System
from service.domain.evidence import Evidence
from service.domain.payers import Cover, Meaning, Payer, PayerTable
from service.domain.record import Coverage
from service.pipeline.assess.citing import Citing

#: What pays for anything at all.
PAYS = frozenset({Cover.INSURED, Cover.LIMITED})
_REMARKS = {
    Cover.PENDING: " (applied for, or not begun)",
    Cover.LIMITED: " (pays for some care only: ask what it covers)",
    Cover.UNKNOWN: " (not clear whether it pays)",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One Coverage of the record with what it says; holds is whether it is in force today or may be."""

    cover: Cover
    payers: frozenset[Payer]
    holds: bool
    evidence: Evidence


def read_policies(
    coverages: tuple[Coverage, ...], table: PayerTable, citing: Citing, today: date
) -> tuple[Policy, ...]:
    """All that were not entered in error, those that end last first."""
    ordered = sorted(
        (coverage for coverage in coverages if coverage.status != "entered-in-error"),
        key=lambda coverage: (coverage.end or date.max, coverage.reference),
        reverse=True,
    )
    return tuple(_policy(coverage, table.read(coverage), citing, today) for coverage in ordered)


def _policy(coverage: Coverage, meaning: Meaning, citing: Citing, today: date) -> Policy:
    holds = not _has_ended(coverage, today)
    cover = _cover_today(coverage, meaning.cover, today) if holds else meaning.cover
    ended = coverage.end is not None and coverage.end < today
    evidence = Evidence(
        reference=coverage.reference,
        code=next((code for code in coverage.types if code.system != System.TEXT), None),
        on=coverage.end if ended else coverage.start,
        text=_name(coverage) + (_REMARKS.get(cover, "") if holds else " (not in force)"),
        # A programme for one disease, for prisoners or for victims tells by its name.
        labels=coverage.labels
        | citing.words_and_codes({coverage.payor, *coverage.names, *coverage.hints}, coverage.types),
    )
    return Policy(cover, meaning.payers, holds, evidence)


def _cover_today(coverage: Coverage, cover: Cover, today: date) -> Cover:
    """A draft or a status nobody knows leaves it open what it is worth; one that begins later is not there yet."""
    if cover in PAYS and coverage.start is not None and coverage.start > today:
        return Cover.PENDING
    if cover in PAYS and coverage.status not in {"", "active", "cancelled"}:
        return Cover.UNKNOWN
    return cover


def _has_ended(coverage: Coverage, today: date) -> bool:
    """Whether it is over. A record looked at later says "cancelled" of what its own dates still cover."""
    if coverage.end is not None and coverage.end < today:
        return True
    covers_today = coverage.start is not None and coverage.start <= today and coverage.end is not None
    return coverage.status == "cancelled" and not covers_today


def _name(coverage: Coverage) -> str:
    named = (coverage.payor, *(code.display or code.code for code in coverage.types), *coverage.hints)
    return next(filter(None, named), "Coverage")
