"""Leaves that ask for the insurance: what is in force, what it is worth, and whose it is."""

from collections.abc import Iterable, Sequence

from service.domain.evidence import Certainty, Evidence
from service.domain.expression import CoverageTest, Insured, Truth
from service.domain.payers import Cover, Payer
from service.pipeline.assess.citing import in_doubt
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.policies import PAYS, Policy
from service.pipeline.assess.result import UNKNOWN, Result, truth_of

_PAYERS = {
    Insured.MEDICARE: Payer.MEDICARE,
    Insured.MEDICAID: Payer.MEDICAID,
    Insured.MILITARY: Payer.MILITARY,
}
_COVERS = {Insured.PENDING: Cover.PENDING, Insured.LIMITED: Cover.LIMITED}
#: What nobody can say of yet whether it pays for the care after the stay.
_OPEN = frozenset({Cover.LIMITED, Cover.PENDING, Cover.UNKNOWN})
_OPPOSITE = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


def covered(test: CoverageTest, findings: Findings) -> Result:
    """What the insurances say; only their total absence says nothing."""
    policies = findings.policies
    if not policies:
        return UNKNOWN
    valid = [policy for policy in policies if policy.holds]
    if test.state in _PAYERS:
        return _of_payer(_PAYERS[test.state], valid)
    if test.state in _COVERS:
        found = [policy for policy in valid if policy.cover is _COVERS[test.state]]
        return Result(truth_of(found), _cite(found))
    paying = [policy for policy in valid if policy.cover is Cover.INSURED]
    truth, cited = (Truth.TRUE, paying) if paying else _without_cover(policies, valid)
    if truth is Truth.UNKNOWN:
        return Result(truth, _doubt(cited))
    if test.state is Insured.UNINSURED:
        return Result(_OPPOSITE[truth], _cite(cited))
    return Result(truth, _cite(paying))


def _without_cover(policies: Sequence[Policy], valid: Sequence[Policy]) -> tuple[Truth, Sequence[Policy]]:
    """Where nothing is sure to pay: FALSE if that is said, UNKNOWN while something may."""
    undecided = [policy for policy in valid if policy.cover in _OPEN]
    said_none = [policy for policy in valid if policy.cover is Cover.NONE]
    # Who pays alone while an application is open has no insurance yet.
    waits = said_none and all(policy.cover is Cover.PENDING for policy in undecided)
    if undecided and not waits:
        return Truth.UNKNOWN, undecided
    return Truth.FALSE, valid or policies


def _of_payer(payer: Payer, valid: Sequence[Policy]) -> Result:
    """Whether it is this payer's. What is only applied for or unclear leaves it open, unless other cover is known."""
    named = [policy for policy in valid if payer in policy.payers]
    paying = [policy for policy in named if policy.cover in PAYS]
    if paying:
        return Result(Truth.TRUE, _cite(paying))
    if named:
        return Result(Truth.UNKNOWN, _doubt(named))
    covers = {policy.cover for policy in valid}
    return Result(Truth.UNKNOWN if Cover.INSURED not in covers and covers & _OPEN else Truth.FALSE)


def _cite(policies: Iterable[Policy]) -> tuple[Evidence, ...]:
    return tuple(policy.evidence for policy in policies)


def _doubt(policies: Iterable[Policy]) -> tuple[Evidence, ...]:
    return tuple(in_doubt(policy.evidence, Certainty.UNCERTAIN) for policy in policies)
