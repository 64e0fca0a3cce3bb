"""The statements and little more: what the modes play until a plan lands under the written rules."""

from collections.abc import Mapping
from typing import Final

from service.sandbox.asgi import Told
from service.sandbox.habits import HABITS
from service.sandbox.written import listed, parts
from service.sandbox.written.frame import READS, Book, Question, Retelling, Rule, resource_of, with_resource

_DOCUMENTS: Final = frozenset({"DocumentReference"})


def spell_by_habit(vendor: str) -> Retelling:
    """What is read is spelled by the vendor's habits (`service.sandbox.habits`)."""
    habits = HABITS[vendor]

    def retell(question: Question, told: Told) -> Told:
        answer = resource_of(told)
        return with_resource(told, habits.spell_answer(answer, number=question.number)) if answer else told

    return Retelling(
        row=0, name="habits", about="Answers are spelled the vendor's way.", interactions=READS, retell=retell
    )


def _has_plain_document(question: Question) -> bool:
    authors = question.body.get("author", [])
    people = all(str(author.get("reference", "")).startswith("Practitioner/") for author in authors)
    return len(question.body.get("content", [])) == 1 and people


LAX: Final[Mapping[str, Book]] = {
    "oracle-like": Book(
        (
            *listed.listed_only(403),
            *listed.batches_of_reads(),
            # The documentation of the parameters in its statement.
            parts.require_parameters(
                13,
                {
                    "Appointment": ["date"],
                    "Communication": ["category", "received", "recipient", "-email-status"],
                    "ServiceRequest": ["patient"],
                },
            ),
            Rule(
                row=8,
                name="modifier extension",
                about="Modifier extensions are not taken.",
                refuses=lambda question: parts.has_modifier_extension(question.body),
                status=422,
            ),
            Rule(
                row=2,
                name="plain document",
                about="One attachment, and practitioners as authors.",
                types=_DOCUMENTS,
                interactions=frozenset({"create", "update"}),
                refuses=lambda question: not _has_plain_document(question),
                status=422,
            ),
            parts.ignore_conditions(10),
            spell_by_habit("oracle-like"),
        ),
    ),
}
