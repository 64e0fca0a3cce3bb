"""Leaves that ask for the insurance: what is in force, what it is worth, and whose it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from service.domain.codes import System
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import CoverageTest, Insured, Truth
from service.domain.payers import Cover, Meaning, Payer
from service.domain.record import Coverage
from service.domain.sensitivity import Labels
from service.pipeline.assess.citing import in_doubt
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.result import UNKNOWN, Result, truth_of

_PAYERS = {
    Insured.MEDICARE: Payer.MEDICARE,
    Insured.MEDICAID: Payer.MEDICAID,
    Insured.MILITARY: Payer.MILITARY,
}
_COVERS = {Insured.PENDING: Cover.PENDING, Insured.LIMITED: Cover.LIMITED}
#: What nobody can say of yet whether it pays for the care after the stay.
_OPEN = frozenset({Cover.LIMITED, Cover.PENDING, Cover.UNKNOWN})
#: What pays for anything at all.
_PAYS = frozenset({Cover.INSURED, Cover.LIMITED})
_REMARKS = {
    Cover.PENDING: " (applied for, or not begun)",
    Cover.LIMITED: " (pays for some care only: ask what it covers)",
    Cover.UNKNOWN: " (not clear whether it pays)",
}


@dataclass(frozen=True, slots=True)
class _Policy:
    """One Coverage of the record with what it says; holds is whether it is in force today or may be."""

    coverage: Coverage
    meaning: Meaning
    holds: bool

    @property
    def cover(self) -> Cover:
        return self.meaning.cover


def covered(test: CoverageTest, findings: Findings) -> Result:
    """What the insurances say; only their total absence says nothing."""
    policies = _policies(findings)
    if not policies:
        return UNKNOWN
    valid = [policy for policy in policies if policy.holds]
    if test.state in _PAYERS:
        return _of_payer(_PAYERS[test.state], valid, findings)
    if test.state in _COVERS:
        found = [policy for policy in valid if policy.cover is _COVERS[test.state]]
        return Result(truth_of(found), _cite(found, findings))
    paying = [policy for policy in valid if policy.cover is Cover.INSURED]
    truth, cited = (Truth.TRUE, paying) if paying else _without_cover(policies, valid)
    if test.state is Insured.UNINSURED:
        truth = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(truth, truth)
        return Result(truth, _doubted(truth, _cite(cited, findings)))
    return Result(truth, _doubted(truth, _cite(() if truth is Truth.FALSE else cited, findings)))


def _without_cover(policies: list[_Policy], valid: list[_Policy]) -> tuple[Truth, list[_Policy]]:
    """Where nothing is sure to pay: FALSE if that is said, UNKNOWN while something may."""
    undecided = [policy for policy in valid if policy.cover in _OPEN]
    said_none = [policy for policy in valid if policy.cover is Cover.NONE]
    # Who pays alone while an application is open has no insurance yet.
    waits = said_none and all(policy.cover is Cover.PENDING for policy in undecided)
    if undecided and not waits:
        return Truth.UNKNOWN, undecided
    return Truth.FALSE, valid or policies


def _of_payer(payer: Payer, valid: list[_Policy], findings: Findings) -> Result:
    """Whether it is this payer's. What is only applied for or unclear leaves it open, unless other cover is known."""
    named = [policy for policy in valid if payer in policy.meaning.payers]
    paying = [policy for policy in named if policy.cover in _PAYS]
    if paying:
        return Result(Truth.TRUE, _cite(paying, findings))
    known = any(policy.cover is Cover.INSURED for policy in valid)
    if named:
        return Result(Truth.UNKNOWN, _doubted(Truth.UNKNOWN, _cite(named, findings)))
    return Result(
        Truth.UNKNOWN if not known and any(policy.cover in _OPEN for policy in valid) else Truth.FALSE
    )


def _policies(findings: Findings) -> list[_Policy]:
    return [
        _policy(coverage, findings)
        for coverage in findings.record.coverages
        if coverage.status != "entered-in-error"
    ]


def _policy(coverage: Coverage, findings: Findings) -> _Policy:
    """A draft or a status nobody knows leaves it open what it is worth; one that begins later is not there yet."""
    meaning = findings.content.payers.read(coverage)
    today, status = findings.today, coverage.status
    ended = coverage.end is not None and coverage.end < today
    if ended or (status == "cancelled" and not _is_cancelled_later(coverage, today)):
        return _Policy(coverage, meaning, holds=False)
    if meaning.cover in _PAYS and coverage.start is not None and coverage.start > today:
        return _Policy(coverage, meaning._replace(cover=Cover.PENDING), holds=True)
    if meaning.cover in _PAYS and status not in {"", "active", "cancelled"}:
        return _Policy(coverage, meaning._replace(cover=Cover.UNKNOWN), holds=True)
    return _Policy(coverage, meaning, holds=True)


def _is_cancelled_later(coverage: Coverage, today: date) -> bool:
    """A record looked at later says "cancelled" of what its own dates still cover."""
    begun = coverage.start is not None and coverage.start <= today
    return begun and coverage.end is not None and coverage.end >= today


def _cite(policies: Iterable[_Policy], findings: Findings) -> tuple[Evidence, ...]:
    ordered = sorted(
        policies,
        key=lambda policy: (policy.coverage.end or date.max, policy.coverage.reference),
        reverse=True,
    )
    return tuple(_evidence(policy, findings) for policy in ordered)


def _evidence(policy: _Policy, findings: Findings) -> Evidence:
    one = policy.coverage
    ended = one.end is not None and one.end < findings.today
    return Evidence(
        reference=one.reference,
        code=next((code for code in one.types if code.system != System.TEXT), None),
        on=one.end if ended else one.start,
        text=_text(policy),
        labels=one.labels | _told_by(one, findings),
    )


def _text(policy: _Policy) -> str:
    one = policy.coverage
    named = (one.payor, *(code.display or code.code for code in one.types), *one.hints)
    name = next(filter(None, named), "Coverage")
    return name + (_REMARKS.get(policy.cover, "") if policy.holds else " (not in force)")


def _told_by(coverage: Coverage, findings: Findings) -> Labels:
    """What the name of a payer gives away: a programme for one disease, for prisoners, for victims."""
    return findings.citing.words_and_codes((coverage.payor, *coverage.names, *coverage.hints), coverage.types)


def _doubted(truth: Truth, evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    if truth is not Truth.UNKNOWN:
        return evidence
    return tuple(in_doubt(cited, Certainty.UNCERTAIN) for cited in evidence)
