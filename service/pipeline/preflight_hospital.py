"""What a hospital has not said in the tenants file and its EHR's rules ask for, or leave to it."""

from collections.abc import Callable, Iterator
from typing import Final

from config.tenants import Tenant
from service.domain.write_shape import AuthorShape, ProblemList
from service.ehr.capability import Capability
from service.pipeline.finding import Area, Finding, Verdict


def of_hospital(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    """A row for each field of the tenants file that would change where, or in whose name, a plan lands there."""
    if tenant.write_policy.writes:
        for look in _LOOKS:
            yield from look(capability, tenant)


def _author(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    shape = capability.shape("DocumentReference")
    taken = shape.taken and capability.can("DocumentReference", "create")
    if taken and shape.author is AuthorShape.PRACTITIONER and not tenant.author_practitioner:
        said = (
            "Its EHR takes only people as authors of a document, so the plan stands there in nobody's name, and its words say who "
            "made it; name a Practitioner with author_practitioner in the tenants file."
        )
        yield Finding(Area.SETUP, "author_practitioner", Verdict.READY, said)


def _sender(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    shape = capability.shape("Communication")
    taken = shape.taken and capability.can("Communication", "create")
    named = tenant.message_sender or tenant.author_practitioner
    if taken and shape.sender and named.partition("/")[0] not in shape.sender:
        said = (
            f"Messages there come from a {' or '.join(sorted(shape.sender))}, so none is sent; name one with message_sender or "
            "author_practitioner in the tenants file."
        )
        yield Finding(Area.SETUP, "message_sender", Verdict.DEGRADED, said)


def _signature(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    shape = capability.shape("DocumentReference")
    taken = shape.taken and capability.can("DocumentReference", "create")
    if taken and shape.waits_for_signature:
        said = (
            'The document is written before a person has signed the plan as well, headed "Proposal, not signed".'
            if tenant.unsigned_documents
            else "The document is written once a person has signed the plan; unsigned_documents: yes has it written before, "
            'headed "Proposal, not signed".'
        )
        yield Finding(Area.SETUP, "unsigned_documents", Verdict.READY, said)


def _problems(capability: Capability, tenant: Tenant) -> Iterator[Finding]:
    shape = capability.shape("Condition")
    taken = shape.taken and capability.can("Condition", "create")
    if not taken or shape.only_where != "problems":
        return
    wanted = tenant.problems
    if wanted is ProblemList.NO:
        said = f"Open needs are not written there; problems in the tenants file asks for it, as {' or '.join(shape.categories)}."
        yield Finding(Area.SETUP, "problems", Verdict.READY, said)
    elif wanted.category not in shape.categories:
        said = f"Its EHR takes no {wanted.category}, so open needs are not written; it takes {' or '.join(shape.categories)}."
        yield Finding(Area.SETUP, "problems", Verdict.DEGRADED, said)


_LOOKS: Final[tuple[Callable[[Capability, Tenant], Iterator[Finding]], ...]] = (
    _author,
    _sender,
    _signature,
    _problems,
)
