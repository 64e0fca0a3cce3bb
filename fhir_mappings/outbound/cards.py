"""A plan → CDS Hooks 2.0 cards: readiness and needs, one card for each blocker, orders to take over.

Cards are read by whoever opens them in the EHR, so they are made from `Plan.shareable()` only. Nothing in a record can
become markup, and nothing empty is sent.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from fhir_mappings import systems
from fhir_mappings.merge import pruned
from fhir_mappings.narrative import (
    READINESS_TOLD,
    SOCIAL_WORK_TITLE,
    evidence_lines,
    evidence_phrase,
    gap_lines,
    headline,
)
from fhir_mappings.outbound.elements import coding, review_phrase, tidy
from fhir_mappings.outbound.markdown import escaped, section, shortened
from fhir_mappings.outbound.references import Names
from fhir_mappings.references import references_in, resolved
from service.domain.assessment import Blocker, Outcome
from service.domain.need import Need
from service.domain.plan import Plan
from service.domain.protocol import Urgency
from service.domain.publication import Draft

Json = dict[str, Any]

SUMMARY: Final = "summary"
SUGGESTIONS: Final = "suggestions"
PREPARING: Final = "preparing"
UNKNOWN_CLASS: Final = "unknown-class"
UNCLAIMED: Final = "unclaimed"
#: The specification wants fewer characters than this.
_SUMMARY_LIMIT: Final = 140
_SHOWN_NEEDS: Final = 8
_SHOWN_QUESTIONS: Final = 10
_URGENCIES: Final = list(Urgency)
_TOPIC: Final = coding(systems.SNOMED, "58000006", "Patient discharge")
_REASONS: Final = (
    ("already-arranged", "Already arranged"),
    ("patient-declined", "The patient does not want it"),
    ("does-not-apply", "Does not apply to this patient"),
    ("record-wrong", "The record it rests on is wrong"),
    ("handled-later", "Will be handled after discharge"),
)
#: What a card may be set aside for, by code.
OVERRIDE_CODES: Final = frozenset(code for code, _ in _REASONS)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card leads: our own address and the page of the discharge.

    launch is where the EHR opens that page by SMART App Launch, with the context it hands on; "" where it does not.
    """

    home: str
    page: str
    context: str
    launch: str = ""


@dataclass(frozen=True, slots=True)
class OrderKeys:
    """The hospital's own orders by which referrals are suggested: the key of each by the item's, and the keys' system."""

    system: str
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the cards ("Practitioner/7"), and the keys of those that were set aside.

    order_keys are the orders by which the EHR where they are read takes a referral over, None where it takes the whole
    resource: what has no key there is not suggested.
    """

    user: str = ""
    set_aside: Collection[str] = ()
    order_keys: OrderKeys | None = None


ANYBODY: Final = Reader()


@dataclass(frozen=True, slots=True)
class Shown:
    """A card with the key it is known by, and the ids of its suggestions with the plan items they are about."""

    key: str
    id: UUID
    card: Json
    suggested: Mapping[UUID, str] = field(default_factory=dict)


def plan_cards(
    plan: Plan,
    place: Place,
    *,
    offered: Sequence[Draft] = (),
    written: Mapping[str, str] | None = None,
    reader: Reader = ANYBODY,
    preliminary: str = "",
) -> tuple[Shown, ...]:
    """The cards of a plan, the summary first. The same plan gives the same cards.

    offered are drafts of ServiceRequests that the EHR lacks, written the references of those it has (full URL → "Type/id");
    preliminary is a sentence on why the plan is not final.
    """
    shared = plan.shareable()
    names = Names(plan.tenant, plan.encounter.reference)
    blocking = {blocker_key(one, reader.user): one for one in _blocking(shared)}
    overridden = [one for key, one in blocking.items() if key in reader.set_aside]
    cards = [_summary_card(shared, overridden, preliminary=preliminary)]
    cards += [(key, _blocker_card(one)) for key, one in blocking.items() if key not in reader.set_aside]
    shown = [Shown(key, names.card(key), _finished(key, body, names, place)) for key, body in cards]
    order_keys = reader.order_keys
    takeable = [draft for draft in offered if order_keys is None or draft.key in order_keys.keys]
    if takeable and SUGGESTIONS not in reader.set_aside:
        resources = [_taken_over(draft, written or {}, order_keys) for draft in takeable]
        shown.append(_suggestions_card(takeable, resources, names, place))
    return tuple(shown)


def preparing_card(tenant: str, encounter: str, place: Place) -> Shown:
    """Nothing can be said yet: the plan is on its way, and where it will be."""
    names = Names(tenant, encounter)
    body: Json = {
        "summary": "The discharge plan is being prepared",
        "indicator": "info",
        "detail": "Homeward is reading the record. Open the page in a moment, or call again.",
    }
    return Shown(PREPARING, names.card(PREPARING), _finished(PREPARING, body, names, place))


def unknown_class_card(tenant: str, encounter: str, place: Place) -> Shown:
    """No plan is made, and what the hospital's operator has to set. The class itself is not told: it may name a service."""
    names = Names(tenant, encounter)
    body: Json = {
        "summary": "No discharge plan: the class of this encounter is not understood",
        "indicator": "info",
        "detail": "Homeward cannot tell whether this is a hospital stay. Tell those who run Homeward: `encounter_classes` of the "
        "tenants file says what the hospital's own classes of encounters mean.",
    }
    return Shown(UNKNOWN_CLASS, names.card(UNKNOWN_CLASS), _finished(UNKNOWN_CLASS, body, names, place))


def unclaimed_card(tenant: str, encounter: str, why: str, place: Place) -> Shown:
    """No plan is made, for nobody can tell which hospital's stay this is; why is a PHI-free sentence of ours."""
    names = Names(tenant, encounter)
    body: Json = {
        "summary": "No discharge plan: it is not known which hospital this stay is of",
        "indicator": "info",
        "detail": f"Tell those who run Homeward: {why}",
    }
    return Shown(UNCLAIMED, names.card(UNCLAIMED), _finished(UNCLAIMED, body, names, place))


def blocker_key(blocker: Blocker, user: str) -> str:
    """The key of a blocker's card for one user: what one sets aside the next still sees, and new evidence is news."""
    told = sorted((item.reference, str(item.on), item.text) for item in blocker.evidence)
    return f"blocker:{blocker.key}:{sha256(repr((user, told)).encode()).hexdigest()[:12]}"


def _finished(key: str, body: Json, names: Names, place: Place) -> Json:
    """A card with what all have in common, and without anything empty."""
    common: Json = {
        "uuid": str(names.card(key)),
        "source": {"label": "Homeward", "url": place.home, "topic": _TOPIC},
        "links": list(_links(place)),
        "overrideReasons": [
            {"code": code, "system": systems.OVERRIDE_REASONS, "display": display}
            for code, display in _REASONS
        ],
    }
    if key in {PREPARING, UNKNOWN_CLASS, UNCLAIMED}:
        del common["overrideReasons"]  # there is nothing to set aside
    if key == UNKNOWN_CLASS:
        del common["links"]
    card: Json = tidy(body | common)
    return card


def _links(place: Place) -> Iterator[Json]:
    """The way in that asks for no credential of ours stands first, where there is one."""
    if place.launch:
        yield {"label": "Open in Homeward", "url": place.launch, "type": "smart", "appContext": place.context}
    yield {"label": "Open the discharge plan", "url": place.page, "type": "absolute"}


def _summary_card(plan: Plan, overridden: Sequence[Blocker], *, preliminary: str) -> tuple[str, Json]:
    body = {
        "summary": shortened(_in_short(plan), _SUMMARY_LIMIT),
        "indicator": "warning" if _has_open_points(plan) else "info",
        "detail": _detail(plan, overridden, preliminary=preliminary),
    }
    return SUMMARY, body


def _in_short(plan: Plan) -> str:
    if plan.outcome is not Outcome.GOING_HOME:
        return headline(plan)
    counts = (
        _counted(len(_blocking(plan)), "point to settle", "points to settle"),
        _counted(len(plan.present()), "need"),
        _counted(len(plan.bedside_questions), "question to ask", "questions to ask"),
    )
    told = ", ".join(filter(None, counts)) or "no open need found"
    return f"Discharge: {told}; {READINESS_TOLD}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""


def _has_open_points(plan: Plan) -> bool:
    """Whether the card itself names something to settle or to watch; it is no verdict."""
    blockers = plan.readiness.blockers if plan.readiness else ()
    return plan.outcome is Outcome.GOING_HOME and bool(blockers)


def _detail(plan: Plan, overridden: Sequence[Blocker], *, preliminary: str) -> str:
    parts = [f"_{escaped(preliminary)}_" if preliminary else "", f"**{escaped(headline(plan))}**"]
    if plan.outcome is Outcome.GOING_HOME:
        parts += _sections(plan, overridden)
    waiting = review_phrase(plan.content)
    parts.append(
        f"Planned {plan.today}. A proposal for the care team to decide on{f'; {waiting}' if waiting else ''}."
    )
    return "\n\n".join(filter(None, parts))


def _sections(plan: Plan, overridden: Sequence[Blocker]) -> Iterator[str]:
    blockers = plan.readiness.blockers if plan.readiness else ()
    watched = [one for one in blockers if not one.blocks]
    needs = sorted(plan.present(), key=lambda need: -_URGENCIES.index(need.urgency))
    questions = [escaped(one.question) for one in plan.bedside_questions]
    yield section("To watch", [_blocker_line(one) for one in watched])
    yield section("Set aside by you", [_blocker_line(one) for one in overridden])
    yield section("Needs", [*_first(map(_need_line, needs), _SHOWN_NEEDS), SOCIAL_WORK_TITLE])
    yield section("To ask at the bedside", _first(questions, _SHOWN_QUESTIONS))
    yield section("Could not be read", [escaped(line) for line in gap_lines(plan.gaps)])


def _first(lines: Iterable[str], number: int) -> list[str]:
    listed = list(dict.fromkeys(lines))
    more = len(listed) - number
    return [*listed[:number], f"and {more} more"] if more > 0 else listed


def _need_line(need: Need) -> str:
    urgent = f" ({need.urgency})" if need.urgency is not Urgency.ROUTINE else ""
    evidence = "; ".join(escaped(line) for line in evidence_lines(need))
    return f"**{escaped(need.title)}**{urgent}" + (f": {evidence}" if evidence else "")


def _blocker_line(blocker: Blocker) -> str:
    return f"{escaped(blocker.text.rstrip('.'))}. Cleared by: {escaped(blocker.clears)}"


def _blocking(plan: Plan) -> tuple[Blocker, ...]:
    if plan.readiness is None or plan.outcome is not Outcome.GOING_HOME:
        return ()
    return plan.readiness.blocking()


def _blocker_card(blocker: Blocker) -> Json:
    rests_on = [escaped(evidence_phrase(item)) for item in blocker.evidence]
    parts = (f"**Cleared by:** {escaped(blocker.clears)}", section("Rests on", _first(rests_on, 5)))
    return {
        "summary": shortened(f"Before leaving: {blocker.text}", _SUMMARY_LIMIT),
        "indicator": "critical",
        "detail": "\n\n".join(filter(None, parts)),
    }


def _suggestions_card(
    offered: Sequence[Draft], resources: Sequence[Json], names: Names, place: Place
) -> Shown:
    ids = {draft.key: names.card(f"suggestion:{draft.key}") for draft in offered}
    body: Json = {
        "summary": f"{_counted(len(offered), 'referral')} proposed that the chart does not hold yet",
        "indicator": "info",
        "detail": "Each becomes a draft order only if you take it. The patient chooses the provider.",
        "selectionBehavior": "any",
        "suggestions": [
            _suggestion(draft, ids[draft.key], resource)
            for draft, resource in zip(offered, resources, strict=True)
        ],
    }
    card = _finished(SUGGESTIONS, body, names, place)
    return Shown(SUGGESTIONS, names.card(SUGGESTIONS), card, {ids[one.key]: one.key for one in offered})


def _suggestion(draft: Draft, identity: UUID, resource: Json) -> Json:
    """Take over one order, by exactly one action."""
    label = shortened(str(draft.body.get("code", {}).get("text", "Referral")), _SUMMARY_LIMIT)
    action = {"type": "create", "description": f"Create a draft order: {label}", "resource": resource}
    return {"label": label, "uuid": str(identity), "actions": [action]}


def _taken_over(draft: Draft, written: Mapping[str, str], order_keys: OrderKeys | None) -> Json:
    """The order that a suggestion makes.

    By a key: no more than that, as all else comes from the hospital's defaults. Otherwise whole and valid by itself, with
    links to what the EHR has and none to what it lacks.
    """
    if order_keys is not None:
        coding_of_list = {"system": order_keys.system, "code": order_keys.keys[draft.key]}
        return {
            "resourceType": draft.resource_type,
            "status": "draft",
            "intent": "proposal",
            "code": {"coding": [coding_of_list]},
            "subject": draft.body["subject"],
        }
    body = resolved(draft.body, written)
    missing = {link for link in references_in(body) if link.startswith("urn:uuid:")}
    whole: Json = pruned(body, missing)
    return whole
