"""What a person has signed of a plan, and what an EHR is told when it no longer holds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Final

from config.tenants import Tenant
from fhir_mappings.outbound.further import called_off_resources
from service.domain.assessment import Outcome
from service.domain.decision import WHOLE_PLAN
from service.domain.discharge import CallOff, Discharge
from service.domain.publication import Draft
from service.pipeline.parties import known_author, page_of
from service.pipeline.ports import Deps
from service.pipeline.publishing.publish import Drafts
from service.store.plans import PlanVersion

_WHY: Final[Mapping[CallOff, str]] = {
    CallOff.NONE: "The discharge was called off.",
    CallOff.PERSON: "A person called the discharge off.",
    CallOff.WORDS: "The discharge order, or the stay, was called off in the EHR.",
    CallOff.ABSENCE: "The discharge order, or the stay, is no longer in the EHR.",
    CallOff.DEATH: "The patient has died.",
}
_ENDED: Final[Mapping[Outcome, str]] = {
    Outcome.DIED: "The patient has died.",
    Outcome.TRANSFERRED: "The patient is transferred to another hospital.",
}
#: A version with the drafts that its lower rungs are made of.
Drawn = Callable[[PlanVersion], Sequence[Draft]]


def said_at(version: PlanVersion) -> datetime:
    """When what a version says was last decided: on this day it is dated."""
    return max([version.created, *(decision.at for decision in version.plan.decisions)])


def signed_digests(discharge: Discharge, deps: Deps, draw: Drawn) -> Callable[[str], bool]:
    """Whether a person has signed what a draft of this digest says.

    All is signed while the plan stands as it was signed. Of a plan that was proposed anew since, what means the same as
    in the version that was signed.
    """

    @cache
    def digests() -> frozenset[str] | None:
        """Those of the signed version, None where it is the one that stands."""
        version = deps.store.plans.latest(discharge.id)
        verdict = version.plan.decision_on(WHOLE_PLAN) if version else None
        if version is None or verdict is None:
            return frozenset()
        if version.plan.signature(version.created):
            return None
        before = deps.store.plans.standing_at(discharge.id, verdict.at)
        is_signed = before is not None and before.plan.signature(before.created) is not None
        return frozenset(draft.digest for draft in draw(before)) if before and is_signed else frozenset()

    return lambda digest: (signed := digests()) is None or digest in signed


def called_off_drafts(discharge: Discharge, tenant: Tenant, deps: Deps) -> Drafts:
    """The document which says that the plan no longer holds, made when it is first asked for; () while it holds."""
    return cache(partial(_called_off, discharge, tenant, deps))


def _called_off(discharge: Discharge, tenant: Tenant, deps: Deps) -> Sequence[Draft]:
    version = deps.store.plans.latest(discharge.id)
    if version is None:
        return ()
    is_ended = version.plan.outcome is not Outcome.GOING_HOME
    if not (discharge.is_called_off() or is_ended):
        return ()
    why = _WHY[discharge.call_off] if discharge.is_called_off() else _ENDED[version.plan.outcome]
    author = known_author(tenant, version.plan, deps.store, page=page_of(discharge, deps))
    return called_off_resources(version.plan, why, author=author, recorded=discharge.changed)
