"""Having an EHR tell us of discharge orders: its Subscriptions to us made, found again and repaired.

Running it twice is as good as once: ours are known by a tag that is derived from the tenant, or by their endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.outbound.subscription import (
    Topic,
    Wanted,
    backports,
    faults,
    is_ours,
    repaired,
    rest_hooks,
    topic_about,
    topic_url,
)
from fhir_mappings.own_marks import search_token
from fhir_mappings.references import reference_of
from service import clock
from service.domain.watch import Watch, Way
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.search import Lack
from service.errors import ConfigurationError, EhrRefused, EhrUnavailable
from service.pipeline.orders import searchable
from service.pipeline.ports import Deps
from service.pipeline.preflight import orders_by_code

_KIND: Final = "Subscription"
_NEEDED: Final = frozenset({"create", "read", "update", "search-type"})
#: An EHR activates at once, or after we answered its handshake.
_ACTIVATION_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.25
_TOPIC_CODE: Final = "http://hl7.org/fhir/fhir-types|SubscriptionTopic"
_NOT_WITHOUT_PATIENT: Final = (
    "The EHR takes no Subscriptions, and its orders cannot be searched for without a patient: "
    "name a census_list, or trigger by CDS Hooks or REST."
)
_STATES: Final = "requested,active,error,off"


@dataclass(frozen=True, slots=True)
class Means:
    """How an EHR can tell us, and in a sentence why so."""

    way: Way
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One Subscription: what it tells of, where it is, its status in the EHR, what was found wrong, what was done."""

    subject: str
    reference: str
    status: str
    faults: tuple[str, ...]
    done: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """How a tenant's EHR tells us now; watched says whether our own rounds are made in that way, too.

    failures is how many rounds have failed in a row.
    """

    tenant: str
    means: Means
    standings: tuple[Standing, ...] = ()
    watched: bool = False
    failures: int = 0

    @property
    def holds(self) -> bool:
        """Whether discharge orders reach us by it, with nothing left to repair."""
        active = all(one.status == "active" and not one.faults for one in self.standings)
        return self.means.way is not Way.NONE and active and self.watched and not self.failures


def means_of(capability: Capability, tenant: Tenant, *, topic: Topic | None = None) -> Means:
    """The best way that /metadata allows. topic is one that tells of orders, None where no suited one is known."""
    if capability.of(_KIND).interactions >= _NEEDED:
        if topic is not None:
            return Means(Way.BACKPORT, f"The EHR offers a topic that tells of orders: {topic.url}.")
        return Means(Way.REST_HOOK, "The EHR takes Subscriptions with search criteria.")
    if searchable(capability, tenant):
        whose = "patient by patient over the census" if tenant.census_list else "by code"
        return Means(Way.POLL, f"The EHR takes no Subscriptions; orders are searched for {whose}.")
    return Means(Way.NONE, _NOT_WITHOUT_PATIENT)


def subscribe(tenant: Tenant, deps: Deps, *, check: bool = False) -> Subscribed:
    """Make or repair what the EHR supports and keep watch from now on; with check say only what would be done.

    Raises ConfigurationError without a secret or for a topic that is not offered, EhrError when the EHR does not let us
    look at its Subscriptions or change them.
    """
    ehr = deps.ehr(tenant.id)
    orders, stays = _topics(ehr, tenant)
    means = _tried(means_of(ehr.capability(), tenant, topic=orders), ehr)
    wanted = _wanted(means.way, tenant, deps, orders, stays)
    existing = _existing(ehr, wanted)
    standings = tuple(_standing(one, existing, ehr, check=check) for one in wanted)
    if not check:
        _watch(tenant, means.way, deps)
    watch = deps.store.watches.of(tenant.id)
    watched = watch is not None and watch.way is means.way
    return Subscribed(tenant.id, means, standings, watched, watch.failures if watch else 0)


def unsubscribe(tenant: Tenant, deps: Deps, *, check: bool = False) -> tuple[str, ...]:
    """Turn off every Subscription of the EHR that is ours; their references. With check only say which those are.

    EhrError when the EHR does not let us look at them or change them.
    """
    ehr = deps.ehr(tenant.id)
    if not ehr.capability().of(_KIND).interactions >= _NEEDED:
        return ()
    known = replace(
        tenant, subscription_secret=tenant.subscription_secret or "none"
    )  # ours are known by tag or endpoint
    orders, stays = _topics(ehr, known)
    ways = [Way.REST_HOOK, Way.BACKPORT] if orders else [Way.REST_HOOK]
    wanted = [subscription for way in ways for subscription in _wanted(way, known, deps, orders, stays)]
    existing = _existing(ehr, wanted)
    ours = _still_on(
        [found for found in existing if any(is_ours(found, subscription) for subscription in wanted)]
    )
    for found in ours if not check else ():
        ehr.update({**found, "status": "off"})
    return tuple(reference_of(found) for found in ours)


def _tried(means: Means, ehr: Ehr) -> Means:
    """Polling only if such a search was answered: /metadata does not say all that is refused."""
    search = orders_by_code(ehr.capability(), ehr.tenant) if means.way is Way.POLL else None
    if search is None:
        return means
    [result] = ehr.batch([search])
    if result.lack is Lack.PASSING:
        raise EhrUnavailable(
            "A search for discharge orders was tried and got no whole answer; run this again."
        )
    return means if result.lack is Lack.NOTHING else Means(Way.NONE, _NOT_WITHOUT_PATIENT)


def _topics(ehr: Ehr, tenant: Tenant) -> tuple[Topic | None, Topic | None]:
    """The topics that tell of orders and of stays, as far as the EHR describes its topics or the tenant names one."""
    offered = ehr.capability().of(_KIND).topics
    if tenant.subscription_topic and tenant.subscription_topic not in offered:
        raise ConfigurationError("The EHR's /metadata does not list the subscription_topic of this tenant.")
    if not offered:
        return None, None
    described = [one for one in _definitions(ehr) if topic_url(one) in offered]
    if tenant.subscription_topic:
        described = [one for one in described if topic_url(one) == tenant.subscription_topic]
        orders = topic_about("ServiceRequest", described) or Topic(tenant.subscription_topic)
        return orders, topic_about("Encounter", described)
    return topic_about("ServiceRequest", described), topic_about("Encounter", described)


def _definitions(ehr: Ehr) -> Sequence[dict[str, Any]]:
    if not ehr.capability().searches("Basic", "code"):
        return ()
    [result] = ehr.batch([Search("Basic", (("code", _TOPIC_CODE),))])
    return result.resources


def _wanted(
    way: Way, tenant: Tenant, deps: Deps, orders: Topic | None, stays: Topic | None
) -> tuple[Wanted, ...]:
    if way not in {Way.BACKPORT, Way.REST_HOOK}:
        return ()
    if not tenant.subscription_secret:
        raise ConfigurationError("Give this hospital a subscription_secret in HOMEWARD_TENANTS_FILE first.")
    endpoint = f"{deps.settings.public_url}/subscriptions/{tenant.id}"
    if way is Way.BACKPORT and orders is not None:
        return backports(tenant, endpoint, orders, stays)
    return rest_hooks(tenant, endpoint)


def _existing(ehr: Ehr, wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
    """The EHR's Subscriptions that may be ours, each once."""
    if not wanted:
        return []
    capability = ehr.capability()
    tags = search_token(*(subscription.tag for subscription in wanted))
    asked = [("_tag", tags), ("url", wanted[0].endpoint)]
    searches = [Search(_KIND, (pair,)) for pair in asked if capability.searches(_KIND, pair[0])]
    results = ehr.batch(searches or [Search(_KIND, (("status", _STATES),))])
    if any(result.lack is not Lack.NOTHING and not result.resources for result in results):
        raise EhrRefused("The EHR does not say which Subscriptions it has; making more could double them.")
    return list({reference_of(one): one for result in results for one in result.resources}.values())


def _standing(wanted: Wanted, existing: Sequence[dict[str, Any]], ehr: Ehr, *, check: bool) -> Standing:
    ours = [one for one in existing if is_ours(one, wanted)]
    if not ours:
        if check:
            return Standing(wanted.subject, "", "", ("missing",), "nothing")
        reference = ehr.create(dict(wanted.body)).reference
        return _settled(Standing(wanted.subject, reference, "requested", (), "created"), wanted, ehr)
    first, *others = sorted(ours, key=lambda one: (bool(faults(one, wanted)), reference_of(one)))
    wrong = faults(first, wanted) + (("sent twice",) if _still_on(others) else ())
    standing = Standing(wanted.subject, reference_of(first), str(first.get("status")), wrong, "nothing")
    if check or not wrong:
        return standing
    for other in _still_on(others):
        ehr.update({**other, "status": "off"})
    if faults(first, wanted):
        ehr.update(repaired(first, wanted))
    return _settled(replace(standing, done="repaired", faults=()), wanted, ehr)


def _still_on(subscriptions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in subscriptions if one.get("status") in {"active", "requested"}]


def _settled(standing: Standing, wanted: Wanted, ehr: Ehr) -> Standing:
    """As it stands once the EHR has activated it, or given up."""
    deadline = clock.machine_seconds() + _ACTIVATION_SECONDS
    while True:
        now = ehr.read(standing.reference)
        if now.get("status") != "requested" or clock.machine_seconds() > deadline:
            return replace(standing, status=str(now.get("status")), faults=faults(now, wanted))
        clock.sleep(_LOOK_SECONDS)


def _watch(tenant: Tenant, way: Way, deps: Deps) -> None:
    with deps.store.begin() as unit:
        if way is Way.NONE:
            unit.watches.forget(tenant.id)
            return
        known = unit.watches.lock(tenant.id)
        if known is None or known.way is not way:
            watch = known or Watch(tenant.id, way, deps.now())
            unit.watches.save(replace(watch, way=way, due=deps.now()))
