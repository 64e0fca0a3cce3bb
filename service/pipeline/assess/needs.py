"""Each protocol's verdict on the record: the need is there, it is not, or nobody has asked."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from service.domain.content import Offer, Protocol
from service.domain.evidence import Certainty, Evidence
from service.domain.explanation import Explanation, Verdict
from service.domain.expression import AnswerTest, Expression, Truth, leaves
from service.domain.need import NEUTRAL_TITLE, Need, NeedState
from service.domain.protocol import (
    NOTHING,
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    Interventions,
    ProgrammeTemplate,
    ReferralTemplate,
    TaskTemplate,
    Urgency,
)
from service.domain.sensitivity import NONE, merge
from service.pipeline.assess.answers import is_declined
from service.pipeline.assess.citing import in_doubt, once
from service.pipeline.assess.findings import Findings
from service.pipeline.assess.logic import Traced, evaluate, holds, trace
from service.pipeline.assess.result import Result

_NOT_GIVEN = Result(Truth.FALSE)
#: Resources whose words are no diagnosis but may leave a question open.
_OPEN_STATEMENTS = ("Coverage/", "Patient/", "RelatedPerson/")


@dataclass(frozen=True, slots=True)
class Judged:
    """One protocol's need, None where it does not apply or nothing fires and nothing is to be asked; and why."""

    need: Need | None
    explanation: Explanation


def assess_needs(findings: Findings) -> tuple[Judged, ...]:
    """Every protocol's verdict, in the protocols' order."""
    return tuple(judge(protocol, findings) for protocol in findings.content.protocols)


def needs_of(findings: Findings) -> Iterator[Need]:
    """The needs of the same verdicts, in the same order, without what explains them."""
    for protocol in findings.content.protocols:
        if protocol.applies is not None and evaluate(protocol.applies, findings).truth is Truth.FALSE:
            continue
        present, absent = evaluate(protocol.present, findings), _truth(protocol.absent, findings)
        if need := _need_of(protocol, findings, present, absent):
            yield need


def judge(protocol: Protocol, findings: Findings) -> Judged:
    """Whether one protocol's need is there, and the evaluation that says so."""
    applies, absent = _traced(protocol.applies, findings), _traced(protocol.absent, findings)
    present, ask_when = trace(protocol.present, findings), _traced(protocol.ask_when, findings)
    taken_over = _traced(protocol.taken_over, findings)
    verdict, need = Verdict.NOT_APPLICABLE, None
    if applies is None or applies.result.truth is not Truth.FALSE:
        need = _need_of(protocol, findings, present.result, absent.result if absent else _NOT_GIVEN)
        verdict = Verdict(need.state) if need else Verdict.LEFT_OUT
    explanation = Explanation(
        need=protocol.ref.id,
        title=protocol.title,
        protocol=protocol.ref,
        verdict=verdict,
        present=present.step,
        absent=absent.step if absent else None,
        applies=applies.step if applies else None,
        ask_when=ask_when.step if ask_when else None,
        taken_over=taken_over.step if taken_over else None,
        labels=merge(
            [
                protocol.labels,
                need.labels if need else NONE,
                *[one.labels for one in (present, absent, applies, ask_when, taken_over) if one],
            ]
        ),
    )
    return Judged(need, explanation)


def _traced(expression: Expression | None, findings: Findings) -> Traced | None:
    return None if expression is None else trace(expression, findings)


def _need_of(protocol: Protocol, findings: Findings, present: Result, absent: Result) -> Need | None:
    context = _shown(_truth(protocol.context, findings))
    if present.truth is Truth.TRUE:
        return _present(protocol, findings, present, absent, context)
    told = findings.told.get(protocol.ref.id, ())
    if absent.truth is Truth.TRUE and not _is_later(told, absent.evidence):
        return _need(protocol, NeedState.ABSENT, once((*absent.evidence, *context)))
    hints = (*(present.evidence if present.truth is Truth.UNKNOWN else ()), *told)
    reason = _truth(protocol.ask_when, findings)
    question = _question(protocol, is_hinted=bool(hints), is_asked=reason.truth is Truth.TRUE)
    if not question:
        return None
    old = once(_once_answered(protocol, findings))
    question += _once_declined(hints) + _on_record(old) + _unclear(hints)
    reasons = reason.evidence if reason.truth is Truth.TRUE else ()
    against = absent.evidence if absent.truth is Truth.TRUE else ()
    evidence = once((*hints, *reasons, *context, *old, *against))
    return _need(protocol, NeedState.NOT_ASSESSED, evidence, question=question)


def _is_later(told: Collection[Evidence], against: Collection[Evidence]) -> bool:
    """Whether words speak for a need on the last day on which something spoke against it, or later, or undated."""
    last = max((evidence.on for evidence in against if evidence.on), default=None)
    return any(last is None or evidence.on is None or evidence.on >= last for evidence in told)


def _once_answered(protocol: Protocol, findings: Findings) -> Iterator[Evidence]:
    """What spoke for the need once and is too old to count: whoever asks again should know of it."""
    if not findings.expired:
        return
    tests = (leaf for leaf in leaves(protocol.present) if isinstance(leaf, AnswerTest))
    for test in tests:
        known = (findings.expired[question] for question in test.questions if question in findings.expired)
        for old in known:
            if old.codes & test.answers:
                yield from (in_doubt(one, Certainty.UNCERTAIN) for one in old.evidence)


def _question(protocol: Protocol, *, is_hinted: bool, is_asked: bool) -> str:
    """What is asked where nothing decides; "" where nothing in the record is a reason to ask."""
    if protocol.question and (protocol.ask_when is None or is_asked or is_hinted):
        return protocol.question
    return f"Confirm: {protocol.title}?" if is_hinted else ""


def _on_record(old: Collection[Evidence]) -> str:
    last = max((one for one in old if one.on), key=lambda one: (one.on, one.reference), default=None)
    return f" (On record from {last.on}: {last.text}.)" if last else ""


def _unclear(hints: Iterable[Evidence]) -> str:
    """What an insurance or a language on record leaves open: whoever asks should not ask as if nothing were known."""
    said = dict.fromkeys(hint.text for hint in hints if hint.reference.startswith(_OPEN_STATEMENTS))
    return f" (On record: {'; '.join(said)}.)" if said else ""


def _once_declined(evidence: Iterable[Evidence]) -> str:
    """Whoever did not want to answer is not asked as if nobody had."""
    declined = [one for one in evidence if is_declined(one)]
    if not declined:
        return ""
    on = max(f" on {one.on}" if one.on else "" for one in declined)
    return f" (Asked before{on} and not answered; ask again only if that is welcome.)"


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
    elsewhere = _truth(protocol.taken_over, findings)
    taken_over = elsewhere.truth is Truth.TRUE
    return _need(
        protocol,
        NeedState.PRESENT,
        # Who wonders why nothing follows reads it beside the need.
        once((*evidence, *context, *(elsewhere.evidence if taken_over else ()))),
        certainty=certainty,
        urgency=_urgency(protocol, findings),
        interventions=NOTHING if taken_over else _interventions(protocol, findings),
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
        programmes=tuple(one for one in offered if isinstance(one, ProgrammeTemplate)),
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
