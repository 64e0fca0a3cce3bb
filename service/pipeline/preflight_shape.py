"""What a write shape means for people: one sentence for each rule that a hospital notices."""

from collections.abc import Callable, Iterator
from typing import Final

from config.tenants import Tenant
from service.domain.write_shape import AuthorShape, Change, WriteShape


def describe_shape(shape: WriteShape, tenant: Tenant) -> str:
    """The sentences that tell how a type stands in an EHR that takes it in this shape; "" where it is as FHIR has it."""
    return " ".join(sentence for part in _PARTS for sentence in part(shape, tenant))


def describe_signature(shape: WriteShape, tenant: Tenant) -> str:
    """The sentence that tells what it waits for; "" where it waits for nobody."""
    return " ".join(_signature(shape, tenant))


def _form(shape: WriteShape, tenant: Tenant) -> Iterator[str]:
    if shape.attachments:
        yield f"One attachment, {shape.attachments[0].partition(';')[0]}."
    if shape.categories and shape.only_where:
        yield f"As {tenant.problems.category or ' or '.join(shape.categories)}, where the hospital asks for it."
    if shape.one_target:
        yield "One for each resource that it is about."
    if shape.text_limit:
        yield f"Its plain text has at most {shape.text_limit:,} characters."
    if shape.note_limit:
        yield f"Its note has at most {shape.note_limit} characters."


def _signature(shape: WriteShape, tenant: Tenant) -> Iterator[str]:
    if shape.waits_for_signature and tenant.unsigned_documents and shape.attachments:
        yield 'Written before a person has signed the plan as well, headed "Proposal, not signed".'
    elif shape.waits_for_signature:
        yield "Written once a person has signed the plan."


def _people(shape: WriteShape, tenant: Tenant) -> Iterator[str]:
    if shape.author is AuthorShape.PRACTITIONER:
        named = tenant.author_practitioner
        yield f"In the name of {named}." if named else "In nobody's name: author_practitioner is not set."


def _afterwards(shape: WriteShape, _: Tenant) -> Iterator[str]:
    if shape.change is Change.FURTHER:
        yield "A change is a further one that names the one before; what stands is not changed."
    elif shape.change is Change.NEVER:
        yield "What stands is never changed."
    if shape.change is not Change.PUT:
        yield f"Withdrawn as {shape.withdrawn_as}." if shape.withdrawn_as else "It cannot be withdrawn."
    if shape.read_back:
        yield "It is read after it was made, and what vanished is told."
    if shape.found_by == ():
        yield "Nobody can look for one whose confirmation got lost: a person is asked."
    if not shape.shows_at_once:
        yield "It shows once a clinician has taken it up."


_PARTS: Final[tuple[Callable[[WriteShape, Tenant], Iterator[str]], ...]] = (
    _form,
    _signature,
    _people,
    _afterwards,
)
