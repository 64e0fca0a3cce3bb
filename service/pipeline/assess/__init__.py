"""What the record means for leaving the hospital. Pure: the same record, content and day give the same assessment."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from service.domain.assessment import Assessment, Disposition, OpenAssessment, Outcome
from service.domain.content import Content
from service.domain.need import Need
from service.domain.ordered import Ordered
from service.domain.record import Gap, GapReason, Kind, Record
from service.domain.sensitivity import Labels, may_be_shared
from service.errors import PatientMerged
from service.pipeline.assess.checklists import boost_of, compliance_of
from service.pipeline.assess.disposition import suggest_disposition
from service.pipeline.assess.findings import Findings, collect
from service.pipeline.assess.needs import assess_needs, needs_of
from service.pipeline.assess.open_record import open_record
from service.pipeline.assess.outcome import outcome_of
from service.pipeline.assess.readiness import judge_readiness
from service.pipeline.assess.risk import risk_scores

#: Kinds of statements that may stand for a referral.
_ORDERS = frozenset({Kind.ORDER, Kind.DEVICE, Kind.APPOINTMENT})
#: Kinds of statements that may stand for an item of the plan.
_STANDING = frozenset({Kind.ORDER, Kind.DEVICE, Kind.GOAL, Kind.APPOINTMENT})


def assess(record: Record, content: Content, *, today: date, site_language: str = "en") -> Assessment:
    """All judgements over one record on one day; site_language is the BCP 47 tag in which the staff work.

    Those that everybody may be told of are made once more, from the record without what is sensitive.
    """
    shared = open_record(record, content)
    whole = _explained(_findings(record, content, today, site_language))
    told = _explained(_findings(shared, content, today, site_language), of_everybody=True)
    return _with_open(whole, shared, told)


def require_one_patient(record: Record, assessment: Assessment) -> None:
    """PatientMerged for a record that is one no longer, unless it is that of somebody who has died, by whichever word."""
    if record.patient.merged and assessment.outcome is not Outcome.DIED:
        raise PatientMerged


def glance(record: Record, content: Content, *, today: date, site_language: str = "en") -> Assessment:
    """The same judgements for somebody who waits: neither explained nor held against the checklists."""
    shared = open_record(record, content)
    findings = _findings(record, content, today, site_language)
    whole = _judged(findings, tuple(needs_of(findings)))
    findings = _findings(shared, content, today, site_language)
    told = _judged(findings, _open_only(needs_of(findings)))
    return _with_open(whole, shared, told)


def _with_open(whole: Assessment, record: Record, told: Assessment) -> Assessment:
    """Both; that somebody has died is no secret, wherever it was found: nobody drafts a plan for going home then."""
    if whole.outcome is Outcome.DIED:
        told = replace(told, outcome=Outcome.DIED)
    return replace(whole, for_everybody=OpenAssessment(record, told))


def _explained(findings: Findings, *, of_everybody: bool = False) -> Assessment:
    """The judgements with what explains them; for everybody, without the protocols that are sensitive by themselves."""
    judged = assess_needs(findings)
    if of_everybody:
        judged = tuple(judgement for judgement in judged if may_be_shared(judgement.explanation.labels))
    needs = tuple(one.need for one in judged if one.need is not None)
    return replace(
        _judged(findings, needs),
        compliance=compliance_of(findings),
        boost=boost_of(findings),
        explanations=tuple(one.explanation for one in judged),
    )


def _open_only(needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(need for need in needs if may_be_shared(need.labels))


def _findings(record: Record, content: Content, today: date, site_language: str) -> Findings:
    findings = collect(record, content, today=today, site_language=site_language)
    return replace(findings, risks=risk_scores(findings))


def _judged(findings: Findings, needs: tuple[Need, ...]) -> Assessment:
    disposition = suggest_disposition(findings, needs)
    return Assessment(
        today=findings.today,
        outcome=outcome_of(findings),
        needs=needs,
        risk_scores=findings.risks,
        disposition=disposition,
        readiness=judge_readiness(findings, needs, disposition),
        gaps=(*findings.record.gaps, *findings.gaps, *_unread_place(disposition)),
        content=findings.content.origin,
        standing_labels=_standing_labels(findings),
        ordered=_ordered(findings),
    )


def _unread_place(disposition: Disposition) -> Iterator[Gap]:
    """The words themselves stand in the outlook, which not everybody may read; a gap tells nothing of the patient."""
    if disposition.unread:
        yield Gap(
            "Encounter",
            GapReason.UNREADABLE,
            "The stay names a place that is not understood; see the outlook.",
        )


def _standing_labels(findings: Findings) -> dict[str, Labels]:
    """Of what may stand for an item of the plan: an order for a sensitive service makes the item sensitive."""
    standing = (fact for fact in findings.record.facts if fact.kind in _STANDING)
    found = {fact.reference: findings.citing.labels_of(fact) for fact in standing}
    return {reference: labels for reference, labels in found.items() if labels}


def _ordered(findings: Findings) -> dict[str, Ordered]:
    """What services the orders and appointments of the record ask for, as far as the content knows their codes or words."""
    table = findings.content.orders
    found = {
        fact.reference: table.read(
            fact.codes, (fact.text, *(code.display for code in fact.codes)), fact.beside
        )
        for fact in findings.record.facts
        if fact.kind in _ORDERS
    }
    return {reference: ordered for reference, ordered in found.items() if ordered}
