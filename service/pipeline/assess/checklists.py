"""What the record shows of the checklists: the compliance items it meets, and the eight P of BOOST."""

from collections.abc import Collection

from service.domain.checklist import BoostItem, BoostRule, ComplianceItem, ComplianceRule, Mark
from service.domain.evidence import Evidence
from service.domain.expression import Expression, Truth
from service.domain.need import NeedState
from service.domain.record import Kind
from service.domain.sensitivity import merge
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.logic import evaluate
from service.pipeline.assess.result import Result
from service.pipeline.assess.risk.visits import SIX_MONTHS, earlier_admissions
from service.pipeline.assess.understood import is_wholly_read

_NOT_GIVEN = Result(Truth.FALSE)
_ELECTIVE = frozenset({"EL", "ELECTIVE", "3", "R"})


def compliance_of(findings: Findings) -> tuple[ComplianceItem, ...]:
    """Every item as far as the record shows it; what only the plan can show is left open for drafting to settle."""
    return tuple(_item(rule, findings) for rule in findings.content.checklists.compliance)


def boost_of(findings: Findings) -> tuple[BoostItem, ...]:
    """The eight P, each present, absent or not assessed."""
    return tuple(_boost(rule, findings) for rule in findings.content.checklists.boost)


def _item(rule: ComplianceRule, findings: Findings) -> ComplianceItem:
    mark, evidence = _mark(rule, findings)
    return ComplianceItem(
        key=rule.key,
        requirement=rule.requirement,
        frameworks=rule.frameworks,
        mark=mark,
        owner=rule.owner,
        to_do=rule.to_do,
        evidence=evidence,
        review=rule.review,
        labels=merge(one.labels for one in evidence),
        shown=rule.shown,
        for_services=rule.for_services,
    )


def _mark(rule: ComplianceRule, findings: Findings) -> tuple[Mark, tuple[Evidence, ...]]:
    """What the record does not say leaves an item open, whether it applies or whether it is met.

    It is met by acts alone: each statement that decides it names who did it, and when.
    """
    if rule.applies is not None and evaluate(rule.applies, findings).truth is Truth.FALSE:
        return Mark.NOT_APPLICABLE, ()
    met = _asked(rule.met, findings)
    unfinished = _unfinished(findings) if rule.met is not None else ()
    acts = tuple(
        evidence for evidence in met.evidence if evidence.is_act() and evidence.reference not in unfinished
    )
    is_done = met.truth is Truth.TRUE and acts and acts == met.evidence
    return (Mark.MET, met.evidence) if is_done else (Mark.OPEN, ())


def _unfinished(findings: Findings) -> Collection[str]:
    """Procedures that somebody prepares or has begun: they count for needs, and nothing has been done yet."""
    return {
        fact.reference
        for fact in findings.record.facts
        if fact.kind is Kind.PROCEDURE and fact.status not in {"completed", ""}
    }


def _boost(rule: BoostRule, findings: Findings) -> BoostItem:
    state, evidence = _state(rule, findings)
    labels = rule.labels | merge(one.labels for one in evidence)
    return BoostItem(rule.key, rule.title, state, evidence, labels)


def _state(rule: BoostRule, findings: Findings) -> tuple[NeedState, tuple[Evidence, ...]]:
    present = _asked(rule.present, findings) if rule.present else _admitted_before(findings)
    if present.truth is Truth.TRUE:
        return NeedState.PRESENT, present.evidence
    absent = _asked(rule.absent, findings)
    if absent.truth is Truth.TRUE:
        return NeedState.ABSENT, absent.evidence
    silent = present.truth is Truth.FALSE and is_wholly_read(rule.read, findings)
    return (NeedState.ABSENT if silent else NeedState.NOT_ASSESSED), ()


def _admitted_before(findings: Findings) -> Result:
    """Hospital stays that began in the six months before admission and that nothing calls elective."""
    stay = findings.record.encounter
    if stay.start is None:
        return Result(Truth.UNKNOWN)
    since = stay.start.date() - SIX_MONTHS
    elective = {
        one.reference
        for one in findings.record.encounters
        if any(code.code.upper() in _ELECTIVE for code in one.priority)
    }
    found = tuple(
        one
        for one in earlier_admissions(findings.record)
        if one.on is not None and one.on >= since and one.reference not in elective
    )
    return Result(Truth.TRUE if found else Truth.FALSE, found)


def _asked(expression: Expression | None, findings: Findings) -> Result:
    return evaluate(expression, findings) if expression is not None else _NOT_GIVEN
