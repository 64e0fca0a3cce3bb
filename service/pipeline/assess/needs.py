"""Each protocol's verdict on the record: the need is there, it is not, or nobody has asked."""

from collections.abc import Iterable
from dataclasses import replace

from service.domain.content import Offer, Protocol
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import Expression, Truth
from service.domain.need import NEUTRAL_TITLE, Need, NeedState
from service.domain.protocol import (
    NOTHING,
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    ReferralTemplate,
    TaskTemplate,
    Urgency,
)
from service.domain.sensitivity import merge
from service.pipeline.assess.citing import once
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.logic import evaluate, holds
from service.pipeline.assess.result import Result

_NOT_GIVEN = Result(Truth.FALSE)


def assess_needs(findings: Findings) -> tuple[Need, ...]:
    """Every need of the protocols that is there, is not, or is to be asked for, in the protocols' order."""
    found = (need_of(protocol, findings) for protocol in findings.content.protocols)
    return tuple(need for need in found if need is not None)


def need_of(protocol: Protocol, findings: Findings) -> Need | None:
    """One protocol's need; None where it does not apply, or nothing fires and nothing is to be asked."""
    if _truth(protocol.applies, findings).truth is Truth.FALSE and protocol.applies is not None:
        return None
    present, absent = evaluate(protocol.present, findings), _truth(protocol.absent, findings)
    context = _shown(_truth(protocol.context, findings))
    if present.truth is Truth.TRUE:
        return _present(protocol, findings, present, absent, context)
    if absent.truth is Truth.TRUE:
        return _need(protocol, NeedState.ABSENT, absent.evidence)
    hints = present.evidence if present.truth is Truth.UNKNOWN else ()
    question = protocol.question or (f"Confirm: {protocol.title}?" if hints else "")
    if not question:
        return None
    return _need(protocol, NeedState.NOT_ASSESSED, once((*hints, *context)), question=question)


def certainty_of(evidence: Iterable[Evidence]) -> Certainty:
    """How firmly all of it together says so: one firm statement is enough."""
    found = {one.certainty for one in evidence}
    firmest = (Certainty.SUPPORTED, Certainty.CONFLICTED, Certainty.UNCERTAIN)
    return next((certainty for certainty in firmest if certainty in found), Certainty.SUPPORTED)


def _present(
    protocol: Protocol,
    findings: Findings,
    present: Result,
    absent: Result,
    context: tuple[Evidence, ...],
) -> Need:
    contradicted = absent.truth is Truth.TRUE
    evidence = (*present.evidence, *absent.evidence) if contradicted else present.evidence
    certainty = Certainty.CONFLICTED if contradicted else certainty_of(present.evidence)
    return _need(
        protocol,
        NeedState.PRESENT,
        once((*evidence, *context)),
        certainty=certainty,
        urgency=_urgency(protocol, findings),
        interventions=_interventions(protocol, findings),
    )


def _need(  # noqa: PLR0913  every argument is one element of the need
    protocol: Protocol,
    state: NeedState,
    evidence: tuple[Evidence, ...],
    *,
    certainty: Certainty = Certainty.SUPPORTED,
    urgency: Urgency = Urgency.ROUTINE,
    interventions: Interventions = NOTHING,
    question: str = "",
) -> Need:
    labels = protocol.labels | merge(one.labels for one in evidence)
    return Need(
        code=protocol.ref.id,
        title=protocol.title,
        kind=protocol.kind,
        state=state,
        protocol=protocol.ref,
        evidence=evidence,
        certainty=certainty,
        urgency=urgency,
        gravity_domain=protocol.gravity_domain,
        question=question,
        interventions=interventions if protocol.neutral_title or not labels else _unspoken(interventions),
        labels=labels,
        neutral_title=protocol.neutral_title or (NEUTRAL_TITLE if labels else ""),
    )


def _truth(expression: Expression | None, findings: Findings) -> Result:
    return evaluate(expression, findings) if expression is not None else _NOT_GIVEN


def _shown(context: Result) -> tuple[Evidence, ...]:
    return context.evidence if context.truth is not Truth.FALSE else ()


def _urgency(protocol: Protocol, findings: Findings) -> Urgency:
    raised = [urgency for urgency, when in protocol.raises if holds(when, findings)]
    return raised[-1] if raised else protocol.urgency


def _interventions(protocol: Protocol, findings: Findings) -> Interventions:
    offered = [offer.template for offer in protocol.offers if _is_offered(offer, findings)]
    return Interventions(
        referrals=tuple(one for one in offered if isinstance(one, ReferralTemplate)),
        goals=tuple(one for one in offered if isinstance(one, GoalTemplate)),
        follow_ups=tuple(one for one in offered if isinstance(one, FollowUpTemplate)),
        education=tuple(one for one in offered if isinstance(one, EducationTemplate)),
        tasks=tuple(one for one in offered if isinstance(one, TaskTemplate)),
        warning_signs=protocol.warning_signs,
    )


def _unspoken(interventions: Interventions) -> Interventions:
    """Without the words for the patient: those of a protocol that is not sensitive by itself name what it is about."""
    return replace(
        interventions,
        referrals=tuple(replace(one, patient_text="") for one in interventions.referrals),
        goals=tuple(replace(one, patient_text="") for one in interventions.goals),
        follow_ups=tuple(replace(one, patient_text="") for one in interventions.follow_ups),
        education=tuple(replace(one, patient_text="") for one in interventions.education),
    )


def _is_offered(offer: Offer, findings: Findings) -> bool:
    return holds(offer.when, findings)
