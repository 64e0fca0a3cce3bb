"""Whether what a plan becomes is taken as it is: by the EHR's own $validate where it offers that, else by the written rules."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from fhir_mappings.outbound.shape import shaped
from service.domain.publication import Draft
from service.domain.write_shape import AS_FHIR_HAS_IT
from service.ehr.capability import Capability
from service.ehr.client import Ehr
from service.ehr.ladder import Rung, step_for
from service.ehr.tries import validate
from service.errors import EhrError
from service.pipeline.finding import Area, Finding, Verdict
from service.pipeline.preflight_rules import broken_rules
from service.pipeline.publishing.ready import facts_of

_VALIDATE: Final = "validate"


def of_bodies(ehr: Ehr, capability: Capability, drafts: Iterable[Draft]) -> Iterator[Finding]:
    """A row for each type that is written there: drafts about nobody, shaped as this EHR's rules say, and looked at again."""
    for kind, bodies in _by_type(ehr, capability, drafts).items():
        if _VALIDATE in capability.of(kind).operations:
            yield _validated(ehr, kind, bodies)
        else:
            yield _held_against_rules(capability, kind, bodies)


def of_vanished(vanished: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """What the EHR took with a create and did not keep, as was seen when it was read afterwards; a row for each type."""
    for kind, names in sorted(vanished.items()):
        said = f"Sent with a {kind}, and not there when it was read afterwards: {', '.join(sorted(names))}."
        yield Finding(Area.BODY, f"{kind} kept", Verdict.DEGRADED, said)


def _by_type(ehr: Ehr, capability: Capability, drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    made: dict[str, list[Draft]] = {}
    known = list(drafts)
    types = {draft.full_url: draft.resource_type for draft in known}
    for draft in known:
        kind = draft.resource_type
        if step_for(capability, kind).rung is not Rung.NOT_POSSIBLE:
            bodies = shaped(draft, capability.shape(kind), facts_of(ehr.tenant), types=types)
            made.setdefault(kind, []).extend(bodies)
    return made


def _validated(ehr: Ehr, kind: str, drafts: Sequence[Draft]) -> Finding:
    if not drafts:
        return _unmade(kind)
    verdict = validate(ehr, drafts[0].body)
    if isinstance(verdict, EhrError):
        said = f"Unclear: its $validate gave no verdict. {verdict}"
        return Finding(Area.BODY, kind, Verdict.DEGRADED, said)
    if verdict:
        said = f"Its $validate has something against ours: {', '.join(verdict)}."
        return Finding(Area.BODY, kind, Verdict.DEGRADED, said)
    return Finding(Area.BODY, kind, Verdict.READY, "Its $validate has nothing against ours.")


def _held_against_rules(capability: Capability, kind: str, drafts: Sequence[Draft]) -> Finding:
    shape = capability.shape(kind)
    if not drafts:
        return _unmade(kind)
    if shape == AS_FHIR_HAS_IT:
        said = "No written rule is known for it, and the EHR offers no $validate: only the first real one shows whether it is taken."
        return Finding(Area.BODY, kind, Verdict.READY, said)
    broken = sorted({element for draft in drafts for element in broken_rules(draft.body, shape)})
    if broken:
        said = f"Ours does not keep to what is written about it: {', '.join(broken)}. Please report this."
        return Finding(Area.BODY, kind, Verdict.DEGRADED, said)
    said = "Ours keeps to what is written about it; the EHR offers no $validate, so it was not asked."
    return Finding(Area.BODY, kind, Verdict.READY, said)


def _unmade(kind: str) -> Finding:
    said = f"Nothing of ours can be a {kind} that is taken there: its rules and the tenants file leave none."
    return Finding(Area.BODY, kind, Verdict.DEGRADED, said)
