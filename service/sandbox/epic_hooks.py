"""An EHR that calls CDS Hooks as Epic documents it, and takes of a card what Epic takes.

Rows 37 and 38 of the written rules, as two tables: how a call looks, and what of an answer is dropped without a word. Every entry
can be taken out, and a test shows that it then no longer holds. Source: fhir.epic.com, documentation of CDS Hooks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

Json = dict[str, Any]

KEYS: Final = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
ORDER_SETS: Final = "urn:com.epic.cdshooks.action.code.system.orderset-item"
TRIGGER: Final = "com.epic.cdshooks.request.bpa-trigger-action"
DISCHARGE, OPEN_CHART = 27, 60
#: The system in which orders are coded once they are made; each site has its own.
SITE_CODES: Final = "urn:oid:1.2.840.114350.1.13.861.1.7.2.696580"
_OUTCOMES: Final = "urn:oid:1.2.840.114350.1.13.861.1.7.2.657369"
_HOOKS: Final = ("patient-view", "order-select", "order-sign")
_TOPIC_LIMIT: Final = 100


# --- row 37: how a call looks -------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CallHabit:
    """One way in which a call differs from what the specification would have; shape changes a call."""

    name: str
    row: int
    about: str
    shape: Callable[[Json], Json]


def _with(call: Json, **members: Any) -> Json:
    return {**call, **members}


def _without(holder: Json, name: str) -> Json:
    return {key: value for key, value in holder.items() if key != name}


def _known_hook(call: Json) -> Json:
    """A discharge has no hook of its own: it comes as patient-view with a trigger."""
    if call["hook"] in _HOOKS:
        return call
    return _with(call, hook="patient-view", extension={**call.get("extension", {}), TRIGGER: DISCHARGE})


def _trigger_as_text(call: Json) -> Json:
    said = call.get("extension", {})
    return _with(call, extension={**said, TRIGGER: str(said[TRIGGER])}) if TRIGGER in said else call


def _user_by_role(call: Json) -> Json:
    user = str(call["context"]["userId"])
    role = user.replace("Practitioner/", "PractitionerRole/", 1)
    return _with(call, context={**call["context"], "userId": role})


def _no_encounter(call: Json) -> Json:
    return _with(call, context=_without(call["context"], "encounterId"))


def _whole_searchsets(call: Json) -> Json:
    """What a read would give comes as a searchset as well."""
    prefetch = {key: _searchset(value) for key, value in call["prefetch"].items()}
    return _with(call, prefetch=prefetch)


def _searchset(value: Json) -> Json:
    if value["resourceType"] == "Bundle":
        return value
    entry = {"resource": value, "search": {"mode": "match"}}
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [entry]}


def _nothing_found(call: Json) -> Json:
    """An empty searchset has one entry: a warning with code 4101."""
    prefetch = {
        key: _with(value, total=0, entry=[_no_results()]) if _is_empty(value) else value
        for key, value in call["prefetch"].items()
    }
    return _with(call, prefetch=prefetch)


def _is_empty(value: Json) -> bool:
    return value["resourceType"] == "Bundle" and not value.get("entry")


def _no_results() -> Json:
    coding = {"system": _OUTCOMES, "code": "4101", "display": "Resource request returns no results."}
    issue = {"severity": "warning", "code": "processing", "details": {"coding": [coding]}}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def _own_scope(call: Json) -> Json:
    return _authorized(call, scope="EPIC.FHIR.R4.SERVICES.Patient.Read EPIC.FHIR.R4.SERVICES.Encounter.Read")


def _short_token(call: Json) -> Json:
    return _authorized(call, expires_in=300)


def _authorized(call: Json, **members: Any) -> Json:
    lent = call.get("fhirAuthorization")
    return _with(call, fhirAuthorization={**lent, **members}) if lent else call


CALL_HABITS: Final = (
    CallHabit("three-hooks", 37, "There are only patient-view, order-select and order-sign.", _known_hook),
    CallHabit("trigger-as-text", 37, "The trigger is a number that is sent as text, too.", _trigger_as_text),
    CallHabit("user-by-role", 37, "The user may be a PractitionerRole.", _user_by_role),
    CallHabit("no-encounter", 37, "The encounter may be absent.", _no_encounter),
    CallHabit("whole-searchsets", 37, "Prefetch values are searchsets.", _whole_searchsets),
    CallHabit("nothing-found", 37, "An empty searchset holds a warning 4101.", _nothing_found),
    CallHabit("own-scope", 37, "The scope of the token is names of its APIs.", _own_scope),
    CallHabit("short-token", 37, "The token is good for 300 seconds.", _short_token),
)


# --- row 38: what of a card is taken ------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CardRule:
    """One reason why a suggestion is dropped without a word; keys are those of the hospital's preference list."""

    name: str
    row: int
    about: str
    drops: Callable[[Json, Json, Mapping[str, str]], bool]


def _has_other_than_one_action(_card: Json, suggestion: Json, _keys: Mapping[str, str]) -> bool:
    return len(suggestion.get("actions", [])) != 1


def _has_no_uuid(_card: Json, suggestion: Json, _keys: Mapping[str, str]) -> bool:
    """Without one no feedback is sent."""
    return not suggestion.get("uuid")


def _has_no_label(_card: Json, suggestion: Json, _keys: Mapping[str, str]) -> bool:
    return not suggestion.get("label")


def _says_nothing(_card: Json, suggestion: Json, _keys: Mapping[str, str]) -> bool:
    """The description of its action is what the clinician reads."""
    return any(not action.get("description") for action in suggestion.get("actions", []))


def _is_exclusive(card: Json, _suggestion: Json, _keys: Mapping[str, str]) -> bool:
    return card.get("selectionBehavior") != "any"


def _has_an_odd_topic(card: Json, _suggestion: Json, _keys: Mapping[str, str]) -> bool:
    code = str(card.get("source", {}).get("topic", {}).get("code", ""))
    return bool(code) and not (code.isalnum() and len(code) <= _TOPIC_LIMIT)


def _is_no_known_order(_card: Json, suggestion: Json, keys: Mapping[str, str]) -> bool:
    orders = [action.get("resource", {}) for action in suggestion.get("actions", [])]
    return any(
        order.get("resourceType") in {"ServiceRequest", "MedicationRequest"} and not key_of(order, keys)
        for order in orders
    )


def key_of(order: Json, keys: Mapping[str, str]) -> str:
    """The key of the hospital's own list, or order set, by which an order is named; "" for none."""
    codings = order.get("code", {}).get("coding", [])
    known = (coding for coding in codings if coding.get("system") in {KEYS, ORDER_SETS})
    return next((coding["code"] for coding in known if coding.get("code") in keys), "")


CARD_RULES: Final = (
    CardRule("one-action", 38, "A suggestion has one action.", _has_other_than_one_action),
    CardRule("uuid", 38, "A suggestion has a uuid.", _has_no_uuid),
    CardRule("label", 38, "A suggestion has a label.", _has_no_label),
    CardRule("description", 38, "An action has a description.", _says_nothing),
    CardRule("any", 38, "A card's selectionBehavior is any.", _is_exclusive),
    CardRule("topic", 38, "A topic's code is alphanumeric and short.", _has_an_odd_topic),
    CardRule("order-keys", 38, "An order is named by a key of the hospital's list.", _is_no_known_order),
)


@dataclass(frozen=True, slots=True)
class ActionRule:
    """One reason why a system action is dropped."""

    name: str
    row: int
    about: str
    drops: Callable[[Json], bool]


ACTION_RULES: Final = (
    ActionRule("update-only", 38, "A system action updates.", lambda action: action.get("type") != "update"),
    ActionRule(
        "orders-only",
        38,
        "A system action is about a ServiceRequest.",
        lambda action: action.get("resource", {}).get("resourceType") != "ServiceRequest",
    ),
    ActionRule(
        "unsigned-only",
        38,
        "A system action is about an order that is not signed.",
        lambda action: action.get("resource", {}).get("status") != "draft",
    ),
)


@dataclass(frozen=True, slots=True)
class EpicHooks:
    """The EHR's side of a call.

    keys are the hospital's preference list: its keys, and the code that an order made from each has. habits, rules and action_rules
    are the tables that hold; plural says that feedback has overrideReasons.
    """

    keys: Mapping[str, str]
    habits: Sequence[CallHabit] = CALL_HABITS
    rules: Sequence[CardRule] = CARD_RULES
    action_rules: Sequence[ActionRule] = ACTION_RULES
    plural: bool = True
    user: str = field(default="Practitioner/arthur-attending")

    def call(self, prefetch: Json, patient: str, encounter: str, hook: str, **more: Any) -> Json:
        """Make a call of this hook about a patient and stay, given by their ids, as this EHR writes it."""
        plain = {
            "hook": hook,
            "hookInstance": str(uuid4()),
            "context": {"userId": self.user, "patientId": patient, "encounterId": encounter},
            "prefetch": prefetch,
            **more,
        }
        for habit in self.habits:
            plain = habit.shape(plain)
        return plain

    def taken(self, cards: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        """Give the suggestions that a clinician sees, each with its card; all else is dropped without a word."""
        for card in cards:
            for suggestion in card.get("suggestions", []):
                if not any(rule.drops(card, suggestion, self.keys) for rule in self.rules):
                    yield card, suggestion

    def actions(self, answer: Json) -> list[Json]:
        """Give the system actions that are carried out."""
        return [
            action
            for action in answer.get("systemActions", [])
            if not any(rule.drops(action) for rule in self.action_rules)
        ]

    def signed_order(self, suggestion: Json, encounter: str, at: datetime, *, signer: str) -> Json:
        """Make the order of a suggestion that a clinician took and signed: all but its key are the hospital's defaults."""
        suggested = suggestion["actions"][0]["resource"]
        key = key_of(suggested, self.keys)
        coding = {"system": SITE_CODES, "code": self.keys[key], "display": f"ORDER {self.keys[key]}"}
        return {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"coding": [coding], "text": coding["display"]},
            "subject": suggested["subject"],
            "encounter": {"reference": encounter},
            "authoredOn": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "requester": {"reference": signer},
        }

    def accepted(self, card: Json, suggestions: Sequence[Json], at: datetime) -> Json:
        """Give the feedback on what was taken."""
        told = [{"id": suggestion["uuid"]} for suggestion in suggestions]
        return _feedback(card, "accepted", at, acceptedSuggestions=told)

    def overridden(self, card: Json, codes: Sequence[str], comment: str, at: datetime) -> Json:
        """Give the feedback on a card that was set aside, with the reasons as this EHR writes them."""
        reasons = [{"reason": {"code": code}, "userComment": comment} for code in codes]
        told = {"overrideReasons": reasons} if self.plural else {"overrideReason": reasons[0]}
        return _feedback(card, "overridden", at, **told)


def _feedback(card: Json, outcome: str, at: datetime, **more: Any) -> Json:
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": moment, **more}


def token_claims(issuer: str, client: str, audience: str, at: datetime) -> Json:
    """The claims of the JWT that signs a call: good from five minutes ago for about fifteen."""
    issued = int(at.timestamp())
    return {
        "iss": issuer,
        "sub": client,
        "aud": audience,
        "iat": issued,
        "nbf": issued - round(timedelta(minutes=5).total_seconds()),
        "exp": issued + round(timedelta(minutes=15).total_seconds()),
        "jti": str(uuid4()),
    }
