"""Which quirks a server has, and what they change in what we hold it capable of."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from config.ehr_quirks import Effects, Preference, Quirk, ServerTest
from service.domain.write_shape import AS_FHIR_HAS_IT, ProblemList, WriteShape
from service.ehr.capability import Capability, ResourceCapability


def with_quirks(
    capability: Capability,
    quirks: Iterable[Quirk],
    *,
    named: Iterable[str] = (),
    problems: ProblemList = ProblemList.NO,
) -> Capability:
    """The capability less what the server claims in vain and with what it wants besides.

    A quirk holds where one of its tests does, or where the tenant names it; problems is what the tenant wants. All tests look at the statement as it is,
    so that the order of the rules does not matter.
    """
    names = frozenset(named)
    held = [one for one in quirks if one.id in names or any(_holds(test, capability) for test in one.when)]
    changed = capability
    for quirk in held:
        changed = _changed(changed, quirk.then)
    return replace(changed, quirks=tuple(held), problems=problems)


def _holds(test: ServerTest, capability: Capability) -> bool:
    known = capability.known_as.casefold()
    named = any(re.search(rf"\b{re.escape(name)}\b", known) for name in test.software)
    return (
        (named or not test.software)
        and all(capability.offers(feature) for feature in test.offers)
        and not any(capability.offers(feature) for feature in test.lacks)
    )


def _changed(capability: Capability, effects: Effects) -> Capability:
    return replace(
        capability,
        batch=capability.batch and "batch" not in effects.not_offered,
        transaction=capability.transaction and "transaction" not in effects.not_offered,
        resources=_resources(capability.resources, effects),
        required_parameters=_joined(capability.required_parameters, effects.required_parameters),
        doubtful_without=_joined(capability.doubtful_without, effects.doubtful_without),
        always_with=MappingProxyType({**capability.always_with, **effects.always_with}),
        closed_dates=MappingProxyType({**capability.closed_dates, **effects.closed_dates}),
        modifier_extensions=capability.modifier_extensions and not effects.no_modifier_extensions,
        batch_writes=capability.batch_writes and not effects.no_writes_in_batch,
        batch_searches=capability.batch_searches and not effects.no_searches_in_batch,
        writes=_joined_shapes(capability.writes, effects.writes),
        hooks=capability.hooks.joined_with(effects.hooks),
        prefer=effects.prefer if effects.prefer is not Preference.MINIMAL else capability.prefer,
    )


def _joined(
    known: Mapping[str, frozenset[str]], more: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    kinds = known.keys() | more.keys()
    return MappingProxyType(
        {kind: known.get(kind, frozenset()) | more.get(kind, frozenset()) for kind in kinds}
    )


def _joined_shapes(
    known: Mapping[str, WriteShape], more: Mapping[str, WriteShape]
) -> Mapping[str, WriteShape]:
    joined = {kind: known.get(kind, AS_FHIR_HAS_IT).joined_with(shape) for kind, shape in more.items()}
    return MappingProxyType({**known, **joined})


def _resources(
    resources: Mapping[str, ResourceCapability], effects: Effects
) -> Mapping[str, ResourceCapability]:
    return MappingProxyType(
        {
            kind: replace(
                one,
                interactions=frozenset(
                    code for code in one.interactions if f"{kind}.{code}" not in effects.not_offered
                ),
                conditional_create=one.conditional_create and not effects.no_conditional_create,
            )
            for kind, one in resources.items()
        }
    )
