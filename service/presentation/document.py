"""The plan as a JSON document: the stable contract of `homeward plan --format json` and of the REST API.

Described by docs/plan-document.schema.json. It is for the authorised clinician, so it holds sensitive needs with their
labels; what is meant for others inside it, `bundle` and `patient_instructions`, does not.
"""

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from config.tenants import UTC
from fhir_mappings.narrative import programme_phrase
from service.domain.assessment import Blocker, Disposition, Factor, NamedPlace, Readiness
from service.domain.checklist import BoostItem, ComplianceItem, Mark
from service.domain.community_service import Match
from service.domain.content_origin import ContentOrigin
from service.domain.evidence import Certainty, Evidence
from service.domain.gap_words import provisional
from service.domain.need import Need
from service.domain.plan import (
    BedsideQuestion,
    Education,
    FollowUp,
    Goal,
    PersonTask,
    Plan,
    Programme,
    Referral,
)
from service.domain.protocol import ProtocolRef, Review, Urgency
from service.domain.record import Gap
from service.domain.risk import RiskScore
from service.domain.sensitivity import Labels
from service.presentation.items import decision_document
from service.presentation.patient_sheet import Reader, SheetNote, patient_sheet, sheet_note
from service.presentation.sheet_form import SheetForm, find_sheet_form

Json = dict[str, Any]


def plan_document(plan: Plan, *, bundle: Json, phone: str = "", zone: ZoneInfo = UTC) -> Json:
    """The document: dates as YYYY-MM-DD, codes as bare text, null where there is nothing to say.

    phone and zone are the hospital's, for the patient's sheet. `content` names what the plan was
    made by; `decisions` stands only where a person has decided.
    """
    content = {"content": _content(plan.content)} if plan.content else {}
    decisions = {"decisions": [decision_document(one) for one in plan.decisions]} if plan.decisions else {}
    return {
        "patient": plan.patient.reference,
        "encounter": plan.encounter.reference,
        "today": plan.today.isoformat(),
        "needs": [_need(need) for need in plan.needs],
        "referrals": [_referral(referral) for referral in plan.referrals],
        "goals": [_goal(goal) for goal in plan.goals],
        "follow_ups": [*map(_follow_up, plan.follow_ups), *map(_task, plan.tasks)],
        "education": [_lesson(lesson) for lesson in plan.education],
        "programmes": [_programme(programme) for programme in plan.programmes],
        "bedside_questions": [_question(question) for question in plan.bedside_questions],
        "risk_scores": [_score(score) for score in plan.risk_scores],
        "boost_8p": [_boost(item) for item in plan.boost],
        "disposition": _disposition(plan.disposition),
        "readiness": _readiness(plan.readiness),
        "compliance": [_compliance(item) for item in plan.compliance],
        "gaps": [_gap(gap) for gap in plan.gaps],
        **({"provisional": list(missing)} if (missing := provisional(plan.gaps)) else {}),
        "patient_instructions": patient_sheet(plan, Reader.PATIENT, phone=phone, zone=zone),
        "patient_instructions_language": _sheet_note(sheet_note(plan)),
        "patient_instructions_form": _sheet_form(find_sheet_form(plan)),
        "bundle": bundle,
        **content,
        **decisions,
    }


def _content(origin: ContentOrigin) -> Json:
    return {"digest": origin.digest, "protocols": origin.protocols, "review_pending": origin.pending}


def _sheet_note(note: SheetNote) -> Json:
    return {"language": note.language, "preferred": note.wanted or None, "note": note.text}


def _sheet_form(form: SheetForm) -> Json:
    return {
        "large_print": form.large_print,
        "read_aloud": form.read_aloud,
        "contact": str(form.contact),
        "why": list(form.why),
    }


def _need(need: Need) -> Json:
    """`certainty`, `urgency` and `review` stand only where they are not supported, routine and verified."""
    document: Json = {
        "code": need.code,
        "state": str(need.state),
        "sensitive": _labels(need.labels),
        "evidence": _evidence(need.evidence),
        "protocol": _protocol(need.protocol),
    }
    if need.certainty is not Certainty.SUPPORTED:
        document["certainty"] = str(need.certainty)
    if need.urgency is not Urgency.ROUTINE:
        document["urgency"] = str(need.urgency)
    if need.protocol.review is Review.PENDING:
        document["review"] = str(need.protocol.review)
    return document


def _referral(referral: Referral) -> Json:
    """`existing`, its words and `also_for` stand only where there is an order already, perhaps one, or a further need."""
    document: Json = {
        "need": referral.need,
        "service": referral.service,
        "category": referral.category,
        "priority": str(referral.priority),
        "due": referral.due.isoformat(),
        "community_service": _community_service(referral.community_services),
    }
    if referral.existing:
        document["existing"] = referral.existing
    if referral.existing_words:
        document["existing_words"] = referral.existing_words
    if referral.also_for:
        document["also_for"] = list(referral.also_for)
    return document


def _community_service(offers: tuple[Match, ...]) -> Json | None:
    """The best match, with how many more there are."""
    if not offers:
        return None
    best, service = offers[0], offers[0].service
    return {
        "id": service.id,
        "name": service.name,
        "organization": service.organization,
        "phone": service.phone,
        "distance_km": None if best.distance_km is None else round(best.distance_km, 1),
        "verified": service.verified.isoformat() if service.verified else None,
        "reasons": list(best.reasons),
        "alternatives": len(offers) - 1,
    }


def _goal(goal: Goal) -> Json:
    return {
        "need": goal.need,
        "text": goal.text,
        "target": goal.target,
        "start": goal.start.isoformat(),
        "due": goal.due.isoformat(),
        "existing": goal.existing or None,
    }


def _follow_up(visit: FollowUp) -> Json:
    return {
        "need": visit.need,
        "kind": "visit or call",
        "text": visit.text,
        "owner": None,
        "not_before": visit.not_before.isoformat(),
        "due": visit.due.isoformat(),
        "existing": visit.existing or None,
    }


def _task(task: PersonTask) -> Json:
    return {
        "need": task.need,
        "kind": "task",
        "text": task.text,
        "owner": task.owner,
        "not_before": None,
        "due": task.due.isoformat(),
        "existing": None,
    }


def _lesson(lesson: Education) -> Json:
    return {"need": lesson.need, "text": lesson.text, "link": lesson.link or None}


def _programme(programme: Programme) -> Json:
    return {
        "key": programme.key,
        "title": programme.title,
        "needs": [programme.need, *programme.also_for],
        "says": programme_phrase(programme),
        "authority": programme.authority,
        "rules": programme.rules or None,
        "effective": programme.effective.isoformat() if programme.effective else None,
        "review": str(programme.review),
    }


def _question(question: BedsideQuestion) -> Json:
    return {"need": question.need, "question": question.question}


def _score(score: RiskScore) -> Json:
    return {
        "name": score.name,
        "variant": score.variant,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "band": score.band,
        "missing": list(score.missing),
    }


def _boost(item: BoostItem) -> Json:
    return {
        "key": item.key,
        "title": item.title,
        "state": str(item.state),
        "sensitive": _labels(item.labels),
        "evidence": _evidence(item.evidence),
    }


def _compliance(item: ComplianceItem) -> Json:
    """Who does what stands only while it is open."""
    is_open = item.mark is Mark.OPEN
    return {
        "key": item.key,
        "requirement": item.requirement,
        "frameworks": list(item.frameworks),
        "status": str(item.mark),
        "owner": item.owner if is_open else None,
        "to_do": item.to_do if is_open else None,
        "review": str(item.review),
        "sensitive": _labels(item.labels),
        "evidence": _evidence(item.evidence),
    }


def _disposition(disposition: Disposition | None) -> Json:
    """An alert stands first among the factors: whoever reads only those must not miss it.

    `named` stands only where the order or the stay names a place, `not_understood` where its words are all there is.
    """
    if disposition is None:
        return {"suggested": None, "factors": []}
    alert = (Factor(disposition.alert, "alert"),) if disposition.alert else ()
    factors = [_factor(factor) for factor in (*alert, *disposition.factors)]
    named = {"named": _named(disposition.named)} if disposition.named else {}
    unread = {"not_understood": disposition.unread} if disposition.unread else {}
    return {"suggested": disposition.suggested or None, **named, **unread, "factors": factors}


def _named(place: NamedPlace) -> Json:
    return {"code": place.code, "display": place.display, "by": place.by}


def _factor(factor: Factor) -> Json:
    """`place` stands only where it speaks for or against one, `question` only where something is missing."""
    place = {"place": factor.place} if factor.place else {}
    question = {"question": factor.question} if factor.question else {}
    return {
        "text": factor.text,
        "weighs": factor.weighs,
        **place,
        **question,
        "evidence": _evidence(factor.evidence),
    }


def _readiness(readiness: Readiness | None) -> Json:
    if readiness is None:
        return {"verdict": None, "blockers": []}
    blockers = [_blocker(blocker) for blocker in readiness.blockers]
    return {"verdict": readiness.verdict and str(readiness.verdict), "blockers": blockers}


def _blocker(blocker: Blocker) -> Json:
    return {
        "key": blocker.key,
        "text": blocker.text,
        "clears": blocker.clears,
        "blocks": blocker.blocks,
        "evidence": _evidence(blocker.evidence),
    }


def _gap(gap: Gap) -> Json:
    """`said` and `labels` stand only where there are such, `asked_again` only where a fault may pass."""
    document: Json = {"about": gap.about, "reason": str(gap.reason), "detail": gap.detail, "count": gap.count}
    optional = {"said": list(gap.said), "labels": _labels(gap.labels)}
    again = {"asked_again": str(gap.lasting)} if gap.is_asked_again() else {}
    return document | {name: values for name, values in optional.items() if values} | again


def _evidence(evidence: Iterable[Evidence]) -> list[Json]:
    return [_cited(item) for item in evidence]


def _cited(item: Evidence) -> Json:
    """`certainty` stands only where the statement is not a firm one."""
    document: Json = {
        "reference": item.reference,
        "code": item.code.code if item.code else None,
        "date": item.on.isoformat() if item.on else None,
        "text": item.text,
    }
    if item.certainty is not Certainty.SUPPORTED:
        document["certainty"] = str(item.certainty)
    return document


def _protocol(protocol: ProtocolRef) -> Json:
    return {"id": protocol.id, "version": protocol.version}


def _labels(labels: Labels) -> list[str]:
    return sorted(map(str, labels))
