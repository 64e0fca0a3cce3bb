"""CarePlan.text: the plan as a clinician reads it in twenty seconds. Also the phrases that every view of a plan uses.

What is written here is read by everyone who may open the CarePlan, portals and proxies included: give it only
`Plan.shareable()`. Built as a tree, so that nothing in a record can become markup.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from fhir_mappings import systems
from fhir_mappings.outbound.elements import clean, protocol_text, review_phrase
from service.domain.assessment import Blocker, Disposition, NamedPlace, Outcome, Readiness
from service.domain.community_service import Match
from service.domain.decision import WHOLE_PLAN
from service.domain.evidence import Certainty, Evidence
from service.domain.gap_words import promise, provisional
from service.domain.need import Need
from service.domain.plan import FollowUp, Goal, Plan, Programme, Referral
from service.domain.protocol import Urgency
from service.domain.record import Gap
from service.domain.risk import RiskScore

#: Evidence shown for one need; all of it is in the document and in the resources' references.
_SHOWN_EVIDENCE: Final = 3
#: What stands before the address of the plan's page.
DECIDE_HERE: Final = "Decide here:"
_DRAFT: Final = "Draft for review by the care team"
#: What must be done first is named at a glance; the rest stands below.
_FIRST_STEPS: Final = 3


def care_plan_narrative(plan: Plan, *, page: str = "") -> str:
    """XHTML div of a shareable plan; page is the address where one decides about it."""
    ET.register_namespace("", systems.XHTML)
    div = ET.Element(_tag("div"))
    _paragraph(div, f"{standing(plan)}. ", bold=headline(plan))
    if missing := provisional(plan.gaps):
        _paragraph(div, f"{'. '.join(missing)}.", bold="Provisional:")
    for title, text in _at_a_glance(plan):
        if text:
            _paragraph(div, text, bold=f"{title}:")
    for title, lines in _sections(plan):
        if lines:
            _section(div, title, lines)
    if waiting := review_phrase(plan.content):
        _paragraph(div, f"{waiting}.", bold="Homeward:")
    if page:
        # The address is also the link's text: many EHRs drop links and keep their words.
        paragraph = _paragraph(div, "", bold=DECIDE_HERE)
        ET.SubElement(paragraph, _tag("a"), href=page).text = page
    return ET.tostring(div, encoding="unicode")


def generated(text: str) -> dict[str, str]:
    """The Narrative of a resource that says no more than its elements: one paragraph."""
    ET.register_namespace("", systems.XHTML)
    div = ET.Element(_tag("div"))
    ET.SubElement(div, _tag("p")).text = clean(text)
    return {"status": "generated", "div": ET.tostring(div, encoding="unicode")}


def standing(plan: Plan) -> str:
    """How the plan as a whole stands: a draft until a named person has decided."""
    verdict = plan.decision_on(WHOLE_PLAN)
    return f"{verdict.choice.value.capitalize()} by {verdict.by.name}" if verdict else _DRAFT


def headline(plan: Plan) -> str:
    """Readiness and where to, in one line."""
    if plan.outcome is not Outcome.GOING_HOME:
        return f"No discharge home is planned: the patient {_ENDED[plan.outcome]}. "
    if plan.disposition and plan.disposition.is_against_advice():
        return f"{_against_advice(plan)}. Readiness: {_readiness(plan)}. "
    return f"Readiness: {_readiness(plan)}. Going to: {_destination(plan)}. "


def named_phrase(place: NamedPlace) -> str:
    """Where order or stay send the patient: "skilled nursing facility (named by the stay)"."""
    return f"{place.display.lower()} (named by the {place.by})"


def unread_phrase(place: Disposition) -> str:
    """Words for a place that say where to, to a person: "" if there are none."""
    if not place.unread:
        return ""
    hint = f" (it may mean {place.hint.lower()})" if place.hint else ""
    return f"The stay names a place that is not understood: {clean(place.unread)}{hint}"


def evidence_phrase(evidence: Evidence) -> str:
    """What the record says: "Heart failure (I50.23), 2024-03-01, uncertain"."""
    code = evidence.code.code if evidence.code else ""
    said = evidence.text or (evidence.code.display if evidence.code else "") or code or evidence.reference
    shown = f"{said} ({code})" if code and code not in said else said
    parts = [shown, evidence.on.isoformat() if evidence.on else ""]
    parts += [str(evidence.certainty)] if evidence.certainty is not Certainty.SUPPORTED else []
    return ", ".join(part for part in parts if part)


def evidence_lines(need: Need) -> list[str]:
    """The first evidence of a need, and how much more there is: a PHQ-9 alone has ten answers."""
    more = len(need.evidence) - _SHOWN_EVIDENCE
    shown = [evidence_phrase(item) for item in need.evidence[:_SHOWN_EVIDENCE]]
    return [*shown, f"and {more} more"] if more > 0 else shown


def programme_phrase(programme: Programme) -> str:
    """For whom a programme is, never that the patient qualifies: "May qualify, verify: income up to …"."""
    rules = programme.rules or f"the rules of this day are not on file, ask the {programme.authority}"
    since = f" (since {programme.effective})" if programme.effective else ""
    return f"May qualify, verify: {rules}{since}"


def service_phrase(match: Match) -> str:
    """A service on offer: "Meals for All (Example Council), 3.2 km, 555-0100, last verified 2024-01-31"."""
    service = match.service
    name = service.name
    if service.organization and service.organization != service.name:
        name = f"{name} ({service.organization})"
    far = f"{match.distance_km:.1f} km" if match.distance_km is not None else ""
    verified = f"last verified {service.verified}" if service.verified else "never verified"
    return clean(", ".join(part for part in (name, far, service.phone, verified) if part))


def referral_phrase(referral: Referral) -> str:
    """What is known of who will do it: an order that stands, a service to offer, or nothing yet."""
    if referral.existing_words:
        return clean(f"perhaps ordered already: {referral.existing_words} ({referral.existing})")
    if referral.existing:
        return clean(f"already ordered{order_phrase(referral)} ({referral.existing})")
    if referral.community_services:
        others = len(referral.community_services) - 1
        more = f", and {others} more" if others else ""
        return f"{service_phrase(referral.community_services[0])}{more}"
    return "no community service found" if referral.community else ""


def order_phrase(referral: Referral) -> str:
    """Since when an order stands and by whom, as far as it says: " 2024-03-05 by Practitioner/7"."""
    on = f" {referral.existing_on}" if referral.existing_on else ""
    return f"{on} by {referral.existing_by}" if referral.existing_by else on


def blocker_phrase(blocker: Blocker) -> str:
    """What stands in the way, and what clears it."""
    said = blocker.text if blocker.text.endswith("?") else f"{blocker.text.rstrip('.')}."
    return f"{said} Cleared by: {blocker.clears}"


def goal_phrase(goal: Goal) -> str:
    """A goal with its date, and where the chart has it already."""
    there = f", in the chart already ({goal.existing})" if goal.existing else ""
    return f"{goal.text}, by {goal.due}{there}"


def follow_up_phrase(visit: FollowUp) -> str:
    """A visit with its window: "Heart failure visit: 2024-03-06 to 2024-03-12", and the booking if there is one."""
    window = f"by {visit.due}" if visit.not_before >= visit.due else f"{visit.not_before} to {visit.due}"
    booked = f", booked ({visit.existing})" if visit.existing else ""
    return f"{visit.text}: {window}{booked}"


def score_phrase(score: RiskScore) -> str:
    """A score with its band, "LACE (2010): 11, high", or its range and what is missing."""
    name = f"{score.name} ({score.variant})" if score.variant else score.name
    value = f"{score.low}-{score.high}" if score.value is None else str(score.value)
    missing = f"; missing {', '.join(score.missing)}" if score.missing else ""
    return f"{name}: {value}, {score.band}{missing}"


def gap_phrase(gap: Gap) -> str:
    """What could not be read and why, without detail: "Observation: incomplete (2)"; what is read again says so."""
    if gap.is_asked_again():
        return promise(gap)
    count = f" ({gap.count})" if gap.count > 1 else ""
    return f"{gap.about}: {gap.reason}{count}"


#: Stands in every plan for leaving, for whatever may be withheld: it says neither how much nor why, nor whether.
SOCIAL_WORK_TITLE: Final = "Social work follow-up before and after discharge"


def gap_lines(gaps: Iterable[Gap]) -> list[str]:
    """Only resource types are named: the name of an instrument tells what was screened for."""
    lines = [gap_phrase(gap) if gap.about in _READ_TYPES else _OTHER_GAPS for gap in gaps]
    return list(dict.fromkeys(lines))


#: In every plan: a score of what everybody may read may be lower than the patient's.
RISK_TITLE: Final = "Risk, from what may be shown here"
_ENDED: Final = {Outcome.DIED: "has died", Outcome.TRANSFERRED: "is transferred to another hospital"}
#: What everybody reads of the verdict and of a suggestion, in every plan, as both weigh what may be withheld.
READINESS_TOLD: Final = "the verdict stands on the plan's page, for the care team"
_PLACE_TOLD: Final = (
    "no place is named yet; what the record suggests stands on the plan's page, for the care team"
)


def _at_a_glance(plan: Plan) -> Iterable[tuple[str, str]]:
    """What twenty seconds are enough for: the needs by name, what comes first, how much is still to be asked."""
    if plan.outcome is not Outcome.GOING_HOME:
        return
    titles = [need.title for need in sorted(plan.present(), key=most_urgent_first)]
    yield "Needs", "; ".join(titles) or "none found so far"
    new = sorted((one for one in plan.referrals if not one.existing), key=lambda one: one.due)
    steps = [f"{referral.title} by {referral.due}" for referral in new[:_FIRST_STEPS]]
    yield "First", "; ".join([*steps, SOCIAL_WORK_TITLE])
    asked = len({question.question for question in plan.bedside_questions})
    yield "Still to ask at the bedside", f"{asked} question{'s' if asked > 1 else ''}, below" if asked else ""


def most_urgent_first(need: Need) -> int:
    """What to sort needs by, so that what cannot wait stands first."""
    return -list(Urgency).index(need.urgency)


def _sections(plan: Plan) -> Iterable[tuple[str, list[str]]]:
    """In the order in which a discharging clinician needs them."""
    leaving = plan.outcome is Outcome.GOING_HOME
    present = plan.present() if leaving else ()
    neutral = [SOCIAL_WORK_TITLE] if leaving else []
    blockers = plan.readiness.blockers if plan.readiness and leaving else ()
    yield "Before leaving", [blocker_phrase(blocker) for blocker in blockers]
    yield "Needs", [_need_line(need) for need in present]
    decided = plan.decision_on(WHOLE_PLAN) is not None
    yield "Referrals" if decided else "Referrals (proposed)", [*map(_referral_line, plan.referrals), *neutral]
    yield "Goals", [goal_phrase(goal) for goal in plan.goals]
    yield "Follow-up", [follow_up_phrase(visit) for visit in plan.follow_ups]
    yield "To ask at the bedside", [question.question for question in plan.bedside_questions]
    yield "To teach", [lesson.text for lesson in plan.education]
    yield "Tasks", [f"{task.owner.capitalize()} (by {task.due}): {task.text}" for task in plan.tasks]
    yield RISK_TITLE, [score_phrase(score) for score in plan.risk_scores] if leaving else []
    yield "Could not be read", gap_lines(plan.gaps)


def _readiness(plan: Plan) -> str:
    return verdict_phrase(plan.readiness) if plan.readiness else READINESS_TOLD


def verdict_phrase(readiness: Readiness) -> str:
    """The verdict with how much stands behind it, "not ready (2 blockers, 1 caveat)"; where it may not be told, who has it."""
    if readiness.verdict is None:
        return READINESS_TOLD
    counted = (("blocker", len(readiness.blocking())), ("caveat", len(readiness.watched())))
    counts = ", ".join(f"{number} {word}{'s' if number > 1 else ''}" for word, number in counted if number)
    return f"{readiness.verdict} ({counts})" if counts else str(readiness.verdict)


def _against_advice(plan: Plan) -> str:
    """Who left against advice went nowhere that was planned: that is said first."""
    stay = plan.encounter
    gone = stay.end is not None and stay.end.date() <= plan.today
    return "The patient left against advice" if gone else "The patient is leaving against advice"


def _destination(plan: Plan) -> str:
    place = plan.disposition
    if place is None or (plan.is_shared and not place.named):
        return ". ".join(filter(None, (_PLACE_TOLD, place.alert.rstrip(".") if place else "")))
    told = named_phrase(place.named) if place.named else _suggestion(place)
    return ". ".join(filter(None, (told, unread_phrase(place), place.alert.rstrip("."))))


def _suggestion(place: Disposition) -> str:
    """Where nobody has said where to: what the record suggests, or what is missing to say it."""
    if place.suggested:
        return f"{place.display or place.suggested} (suggested)"
    missing = [factor.text for factor in place.factors if factor.weighs == "missing"]
    return f"cannot be decided yet ({'; '.join(missing)})" if missing else "cannot be decided yet"


def _need_line(need: Need) -> str:
    shown = "; ".join(evidence_lines(need))
    doubt = f", {need.certainty}" if need.certainty is not Certainty.SUPPORTED else ""
    return f"{need.title}{doubt}: {shown} [{protocol_text(need.protocol)}]"


def _referral_line(referral: Referral) -> str:
    urgency = f", {referral.priority}" if referral.priority is not Urgency.ROUTINE else ""
    found = referral_phrase(referral)
    return f"{referral.title}, by {referral.due}{urgency}" + (f": {found}" if found else "")


_OTHER_GAPS: Final = "Other parts of the record are incomplete or disagree; the full plan names them"
_READ_TYPES: Final = frozenset(
    {
        "AllergyIntolerance",
        "Appointment",
        "CarePlan",
        "CareTeam",
        "Condition",
        "Consent",
        "Coverage",
        "DeviceRequest",
        "DocumentReference",
        "Encounter",
        "Goal",
        "MedicationRequest",
        "Observation",
        "Patient",
        "Procedure",
        "QuestionnaireResponse",
        "RelatedPerson",
        "ServiceRequest",
    }
)


def _section(div: ET.Element, title: str, lines: Iterable[str]) -> None:
    ET.SubElement(div, _tag("h3")).text = title
    items = ET.SubElement(div, _tag("ul"))
    for line in dict.fromkeys(lines):
        ET.SubElement(items, _tag("li")).text = clean(line)


def _paragraph(div: ET.Element, text: str, *, bold: str) -> ET.Element:
    paragraph = ET.SubElement(div, _tag("p"))
    strong = ET.SubElement(paragraph, _tag("b"))
    strong.text, strong.tail = clean(bold) + " ", text
    return paragraph


def _tag(name: str) -> str:
    return f"{{{systems.XHTML}}}{name}"
