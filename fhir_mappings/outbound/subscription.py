"""The Subscriptions we ask an EHR for: what they say, how ours are told from others', what is wrong with one.

Sources: FHIR R4 Subscription; HL7 Subscriptions R5 Backport 1.1, backport-subscription and the R4 encoding of
SubscriptionTopic as Basic.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings.inbound.encounter_class import searched_classes
from fhir_mappings.order_codes import searched_codes
from fhir_mappings.outbound.references import Names
from fhir_mappings.own_marks import TAG, own_coding

_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
PROFILE: Final = f"{_BACKPORT}/backport-subscription"
#: In /metadata, on Subscription: the canonical of a topic that is offered.
TOPIC_OFFERED: Final = f"{_BACKPORT}/capabilitystatement-subscriptiontopic-canonical"
_FILTER: Final = f"{_BACKPORT}/backport-filter-criteria"
_CONTENT: Final = f"{_BACKPORT}/backport-payload-content"
_HEARTBEAT: Final = f"{_BACKPORT}/backport-heartbeat-period"
_TOPIC: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
#: An hour's silence is no loss that the hourly round would not find.
_HEARTBEAT_SECONDS: Final = 900
_REASON: Final = "Homeward plans each discharge that is ordered"
_JSON: Final = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that tells of created and changed resources of a type; filters are the parameters that narrow it."""

    url: str
    filters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Subscription we want there to be: subject is what it tells of ("orders", "stays")."""

    subject: str
    tag: str
    body: Mapping[str, Any]

    @property
    def endpoint(self) -> str:
        """Where its notifications go."""
        return str(self.body["channel"]["endpoint"])


def rest_hooks(tenant: Tenant, endpoint: str) -> tuple[Wanted, ...]:
    """R4 rest-hook Subscriptions to a tenant's discharge orders and hospital stays."""
    orders = f"ServiceRequest?code={searched_codes(tenant.order_codes)}"
    stays = f"Encounter?class={searched_classes(tenant.encounter_classes)}"
    return tuple(
        Wanted(subject, _tag(tenant, subject), _body(tenant, subject, endpoint, criteria=criteria))
        for subject, criteria in (("orders", orders), ("stays", stays))
    )


def backports(tenant: Tenant, endpoint: str, orders: Topic, stays: Topic | None) -> tuple[Wanted, ...]:
    """Topic-based Subscriptions to the same; without a topic of stays only to orders."""
    code = f"ServiceRequest?code={searched_codes(tenant.order_codes)}" if "code" in orders.filters else ""
    kinds = f"Encounter?class={searched_classes(tenant.encounter_classes)}"
    wanted = [_topical(tenant, "orders", endpoint, orders, code)]
    if stays:
        wanted.append(_topical(tenant, "stays", endpoint, stays, kinds if "class" in stays.filters else ""))
    return tuple(wanted)


def topic_about(resource_type: str, definitions: Iterable[Mapping[str, Any]]) -> Topic | None:
    """Of topics as Basic resources, the one with most filters that tells of every creation and change of a type."""
    suited = [
        Topic(url, frozenset(_filters(definition)))
        for definition in definitions
        if (url := topic_url(definition)) and _tells_all(definition, resource_type)
    ]
    return max(suited, key=lambda topic: (len(topic.filters), topic.url), default=None)


def is_ours(resource: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether a Subscription of the EHR is the wanted one, in whatever state: by our tag, or by endpoint and subject."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if any(isinstance(tag, dict) and tag.get("code") == wanted.tag for tag in tags or ()):
        return True
    theirs = str(resource.get("criteria", "")).partition("?")[0]
    return _channel(resource).get("endpoint") == wanted.endpoint and theirs == _asked_type(wanted)


def faults(resource: Mapping[str, Any], wanted: Wanted) -> tuple[str, ...]:
    """What is wrong with a Subscription of the EHR, in words without secrets; () for one that is as wanted.

    A header that the EHR does not show cannot be wrong; one that is being activated is waited for, not repaired.
    """
    channel, right = _channel(resource), _channel(wanted.body)
    compared = {"endpoint": "endpoint", "payload": "payload", "type": "channel type"}
    found = [words for name, words in compared.items() if channel.get(name) != right.get(name)]
    if resource.get("criteria") != wanted.body["criteria"]:
        found.append("criteria")
    if channel.get("header") and channel["header"] != right["header"]:
        found.append("secret")
    if resource.get("status") not in {"active", "requested"}:
        found.append(f"status {resource.get('status')}")
    return tuple(found)


def repaired(resource: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The EHR's own resource with everything as wanted, to be activated again."""
    kept = {name: value for name, value in resource.items() if name not in {"error", "_criteria"}}
    meta = resource.get("meta")
    given = dict(meta) if isinstance(meta, dict) else {}
    return {**kept, **wanted.body, "meta": {**given, **wanted.body["meta"]}}


def _topical(tenant: Tenant, subject: str, endpoint: str, topic: Topic, narrowing: str) -> Wanted:
    body = _body(tenant, subject, endpoint, criteria=topic.url)
    body["meta"]["profile"] = [PROFILE]
    if narrowing:
        body["_criteria"] = {"extension": [{"url": _FILTER, "valueString": narrowing}]}
    body["channel"]["_payload"] = {"extension": [{"url": _CONTENT, "valueCode": "id-only"}]}
    body["channel"]["extension"] = [{"url": _HEARTBEAT, "valueUnsignedInt": _HEARTBEAT_SECONDS}]
    return Wanted(subject, _tag(tenant, subject), body)


def _body(tenant: Tenant, subject: str, endpoint: str, *, criteria: str) -> dict[str, Any]:
    return {
        "resourceType": "Subscription",
        "meta": {"tag": [own_coding(_tag(tenant, subject)), dict(TAG)]},
        "status": "requested",
        "reason": _REASON,
        "criteria": criteria,
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": _JSON,
            "header": [f"Authorization: Bearer {tenant.subscription_secret}"],
        },
    }


def _tag(tenant: Tenant, subject: str) -> str:
    return Names(tenant.id, "").identifier(f"subscription:{subject}")


def _asked_type(wanted: Wanted) -> str:
    return str(wanted.body["criteria"]).partition("?")[0]


def _channel(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    channel = resource.get("channel")
    return channel if isinstance(channel, dict) else {}


def _tells_all(definition: Mapping[str, Any], resource_type: str) -> bool:
    """Creations and changes, without a condition that would hide an order's end."""
    for trigger in _extensions(definition, "resourceTrigger"):
        parts = _parts(trigger)
        about = {str(value).rpartition("/")[2] for value in parts.get("resource", [])}
        kinds = set(parts.get("supportedInteraction", ["create", "update"]))
        narrowed = parts.keys() & {"fhirPathCriteria", "queryCriteria"}
        if about == {resource_type} and {"create", "update"} <= kinds and not narrowed:
            return True
    return False


def _filters(definition: Mapping[str, Any]) -> Collection[str]:
    return [
        str(name)
        for one in _extensions(definition, "canFilterBy")
        for name in _parts(one).get("filterParameter", [])
    ]


def topic_url(definition: Mapping[str, Any]) -> str:
    """The canonical of a topic as a Basic resource, "" for any other Basic."""
    return next((str(_value_of(one)) for one in _extensions(definition, "url")), "")


def _extensions(definition: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return [one for one in _objects(definition.get("extension")) if one.get("url") == f"{_TOPIC}.{name}"]


def _parts(extension: Mapping[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in _objects(extension.get("extension")):
        found.setdefault(str(one.get("url")), []).append(_value_of(one))
    return found


def _value_of(extension: Mapping[str, Any]) -> Any:
    return next((value for name, value in extension.items() if name.startswith("value")), True)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
