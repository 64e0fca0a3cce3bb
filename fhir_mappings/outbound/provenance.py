"""Where a plan's resources come from → US Core Provenance: this device, for this hospital, by these protocols."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fhir_mappings import systems
from fhir_mappings.narrative import generated
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.elements import Json, coding, protocol_text, references, review_phrase
from fhir_mappings.outbound.signing import person
from fhir_mappings.own_marks import own_coding
from service.domain.decision import Choice, Decision
from service.domain.plan import Plan

PROVENANCE_KEY = "provenance"
_EDITOR: Final = ("author", "Author")
_VERIFIER: Final = ("verifier", "Verifier")


def provenance_body(
    plan: Plan, targets: Sequence[str], *, author: Author, recorded: datetime, identifier: str
) -> Json:
    """The Provenance of all targets (urn:uuid full URLs). plan must be shareable.

    R4 gives Provenance no identifier, so ours stands in meta.tag, where `_tag` finds it.
    """
    return {
        "resourceType": "Provenance",
        "meta": {
            "profile": [f"{systems.US_CORE}us-core-provenance"],
            "tag": [own_coding(identifier)],
        },
        "text": generated(f"Drafted by {author.device_name} for review by the care team"),
        "target": references(targets),
        "recorded": recorded.isoformat(timespec="seconds"),
        "activity": {"coding": [coding(systems.DATA_OPERATION, "CREATE", "create")]},
        "agent": [
            {
                "type": {"coding": [coding(systems.PROVENANCE_PARTICIPANT, "author", "Author")]},
                "who": author.device(),
                "onBehalfOf": author.on_behalf_of(),
            }
        ],
        "entity": [_source(text) for text in (*_protocols(plan), *_content(plan))],
    }


def act_provenance_body(
    act: Sequence[Decision], targets: Sequence[str], *, author: Author, identifier: str
) -> Json:
    """The Provenance of what a person decided at one time, for the same hospital. No text of theirs is in it."""
    decision = act[0]
    role = _EDITOR if decision.choice is Choice.EDITED else _VERIFIER
    return {
        "resourceType": "Provenance",
        "meta": {
            "profile": [f"{systems.US_CORE}us-core-provenance"],
            "tag": [own_coding(identifier)],
        },
        "text": generated(f"{decision.choice.value.capitalize()} by {decision.by.name}"),
        "target": references(targets),
        "recorded": decision.at.isoformat(timespec="seconds"),
        "activity": {"coding": [coding(systems.DATA_OPERATION, "UPDATE", "revise")]},
        "agent": [
            {
                "type": {"coding": [coding(systems.PROVENANCE_PARTICIPANT, *role)]},
                "who": person(decision.by),
                "onBehalfOf": author.on_behalf_of(),
            }
        ],
    }


def _protocols(plan: Plan) -> list[str]:
    return list(dict.fromkeys(protocol_text(need.protocol) for need in plan.present()))


def _content(plan: Plan) -> list[str]:
    if plan.content is None:
        return []
    waiting = review_phrase(plan.content)
    return [f"content {plan.content.digest}{f' ({waiting})' if waiting else ''}"]


def _source(text: str) -> Json:
    return {"role": "source", "what": {"display": f"Homeward {text}"}}
