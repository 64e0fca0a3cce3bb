"""A plan as a list of what a person can decide about: each item with its key, how it stands, and who decided."""

from typing import Any, Final

from fhir_mappings.narrative import SOCIAL_WORK_TITLE
from service.domain.community_service import CommunityService
from service.domain.decision import SOCIAL_WORK, WHOLE_PLAN, Choice, Decision
from service.domain.plan import Education, FollowUp, Goal, Item, PersonTask, Plan, Referral
from service.pipeline.decide import decidable, state_of

Json = dict[str, Any]

_KINDS: Final = {
    Referral: "referral",
    Goal: "goal",
    FollowUp: "follow-up",
    Education: "teaching",
    PersonTask: "task",
}


def decision_state(plan: Plan) -> Json:
    """How the plan as a whole stands, and each of its items, in the order of the plan; declined ones last."""
    items = [_item(key, item, plan) for key, item in decidable(plan).items() if key != WHOLE_PLAN]
    return {**_standing(plan, WHOLE_PLAN), "items": items}


def decision_document(decision: Decision) -> Json:
    """One decision as it was made."""
    edit = decision.edit
    changed = {
        "text": edit.text or None,
        "due": edit.due.isoformat() if edit.due else None,
        "community_service": _service(edit.service),
    }
    return {
        "item": decision.item,
        "choice": decision.choice.value,
        **_signed(decision),
        "edit": changed if decision.choice is Choice.EDITED else None,
    }


def _item(key: str, item: Item | None, plan: Plan) -> Json:
    if item is None:
        # The neutral request says neither what it stands for nor how much of it there is.
        text = SOCIAL_WORK_TITLE if key == SOCIAL_WORK else ""
        told: Json = {
            "kind": "referral",
            "text": text,
            "due": plan.discharge_date.isoformat(),
            "existing": None,
        }
        return {"key": key, **told, "sensitive": [], **_standing(plan, key), **_offers(None)}
    return {
        "key": key,
        "kind": _KINDS[type(item)],
        "text": item.title if isinstance(item, Referral) else item.text,
        "due": None if isinstance(item, Education) else item.due.isoformat(),
        "existing": getattr(item, "existing", "") or None,
        "sensitive": sorted(map(str, item.labels)),
        **_standing(plan, key),
        **_offers(item if isinstance(item, Referral) else None),
    }


def _standing(plan: Plan, key: str) -> Json:
    verdict = plan.decision_on(key)
    return {"state": state_of(plan, key), "decided": _signed(verdict) if verdict else None}


def _signed(decision: Decision) -> Json:
    return {
        "by": decision.by.name,
        "practitioner": decision.by.reference or None,
        "at": decision.at.isoformat(timespec="seconds"),
        "reason": decision.reason or None,
    }


def _offers(referral: Referral | None) -> Json:
    if referral is None:
        return {"community_service": None, "offered": []}
    offered = [_service(match.service) for match in referral.community_services]
    return {"community_service": _service(referral.chosen), "offered": offered}


def _service(service: CommunityService | None) -> Json | None:
    if service is None:
        return None
    return {
        "id": service.id,
        "name": service.name,
        "organization": service.organization,
        "phone": service.phone,
    }
