"""What a hospital still lacks before discharges are planned for it: each thing with its remedy, in one sentence.

None of it keeps a process from running: an EHR's handshake needs a web server that answers, and no restart brings a directory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from config.tenants import Tenant
from service.domain.watch import Watch, Way
from service.pipeline.ports import Operations

_LISTENING: Final = frozenset({Way.BACKPORT, Way.REST_HOOK})
#: So many searches may fail in a row before it is said that nothing is heard: an EHR restarts within minutes.
_FAILURES: Final = 3


class Lack(StrEnum):
    """What is missing."""

    NO_HOSPITAL = "no-hospital"
    NO_SECRET = "no-secret"  # noqa: S105  a code, no secret
    NOT_HEARD_OF = "not-heard-of"
    SEARCHES_FAIL = "searches-fail"
    NO_DIRECTORY = "no-directory"


REMEDIES: Final[Mapping[Lack, str]] = {
    Lack.NO_HOSPITAL: "No hospital is served: name a tenants file in HOMEWARD_TENANTS_FILE (docs/tenants.md).",
    Lack.NO_SECRET: (
        "Its EHR's notifications would be refused: give it a subscription_secret in HOMEWARD_TENANTS_FILE "
        "(docs/tenants.md)."
    ),
    Lack.NOT_HEARD_OF: (
        "Nothing tells of its discharges, neither a Subscription nor polling nor CDS Hooks: run "
        "`homeward subscribe {tenant}` (docs/triggers.md)."
    ),
    Lack.SEARCHES_FAIL: (
        "Our searches of its EHR keep failing: `homeward subscribe {tenant} --check` and the worker's log say why."
    ),
    Lack.NO_DIRECTORY: (
        "It has no directory of community services, so no referral names one: run "
        "`homeward directory load {tenant} FOLDER` (docs/directory.md)."
    ),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a hospital lacks; tenant is "" for the whole deployment."""

    tenant: str
    lack: Lack

    @property
    def said(self) -> str:
        """What is missing and what to do about it."""
        return REMEDIES[self.lack].format(tenant=self.tenant)


def find_missing(deps: Operations) -> tuple[Missing, ...]:
    """All that is missing in a deployment. StoreUnavailable when the database does not answer."""
    if not deps.tenants:
        return (Missing("", Lack.NO_HOSPITAL),)
    watches = {watch.tenant: watch for watch in deps.store.watches.all()}
    services = deps.store.directory.sizes()
    return tuple(
        Missing(tenant.id, lack)
        for tenant in deps.tenants.values()
        for lack in find_lacks(tenant, watches.get(tenant.id), services.get(tenant.id, 0))
    )


def find_lacks(tenant: Tenant, watch: Watch | None, services: int) -> Iterator[Lack]:
    """What one hospital lacks, by its entry in the tenants file, what is watched of it, and its number of services."""
    hears = watch is not None and watch.way is not Way.NONE
    listens = watch is None or watch.way in _LISTENING
    if listens and not tenant.subscription_secret and not tenant.hooks:
        yield Lack.NO_SECRET
    if not hears and not tenant.hooks:
        yield Lack.NOT_HEARD_OF
    if watch is not None and watch.failures >= _FAILURES:
        yield Lack.SEARCHES_FAIL
    if not services:
        yield Lack.NO_DIRECTORY
