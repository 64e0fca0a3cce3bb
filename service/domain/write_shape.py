"""The shape in which an EHR takes a type of resource, beyond what its CapabilityStatement tells.

A shape is data of a vendor's file (`config/vendors`, `then: writes:`). The default is a type as FHIR has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


class AuthorShape(StrEnum):
    """Who stands as author of a document."""

    AS_IS = "as-is"  # our Device, or the hospital
    NONE = "none"
    PRACTITIONER = "practitioner"  # whom the tenant names (`author_practitioner`), else nobody


class Change(StrEnum):
    """How a change of what was written reaches the EHR."""

    PUT = "put"
    FURTHER = "further"  # a new resource that names the one before; nothing is ever PUT
    NEVER = "never"


class ProblemList(StrEnum):
    """As what a hospital wants open needs in its EHR."""

    NO = "no"
    PROBLEM_LIST = "problem-list"
    ENCOUNTER_DIAGNOSIS = "encounter-diagnosis"

    @property
    def category(self) -> str:
        """The code of the Condition's category, "" where it wants none."""
        return {"no": "", "problem-list": "problem-list-item"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteShape:
    """One resource type as one EHR takes it.

    taken is False where it is never written, whatever /metadata lists; why is the sentence for people that says so.
    only_where names the tenant's field that must ask for it. elements are the only ones sent, as dotted paths, none for
    all; drop those left out; fixed (`set` in the file) those that always have this JSON. categories are the codes of the
    categories it may have, of which it gets one. attachments are the literal content types taken, best first, of which
    one is sent. sender, recipients and targets are the types that may stand there, none for all; one_target asks for a
    resource for each target. period_end: context.period.end is required, with time. coded: its code must be a coding.
    text_limit and note_limit are characters of an attached text and of a note, 0 for no limit.

    waits_for_signature: it is written once a person has signed the plan. withdrawn_as is the status of what is taken
    back, "" where a further resource says so. read_back: it is read after it was created, because what is not supported
    vanishes without a word. found_by are the search parameters by which it is looked for after a lost answer: None as
    FHIR has it (by identifier), none at all where nobody can look. shows_at_once is False for what is accepted and
    does not show in a search before a person has taken it up.
    """

    taken: bool = True
    why: str = ""
    only_where: str = ""
    elements: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    drop: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    author: AuthorShape = AuthorShape.AS_IS
    sender: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    one_target: bool = False
    targets: frozenset[str] = frozenset()
    period_end: bool = False
    coded: bool = False
    text_limit: int = 0
    note_limit: int = 0
    waits_for_signature: bool = False
    change: Change = Change.PUT
    withdrawn_as: str = ""
    read_back: bool = False
    found_by: tuple[str, ...] | None = None
    shows_at_once: bool = True

    def joined_with(self, other: "WriteShape") -> "WriteShape":
        """This shape with all that another says besides; where both say something, the other's counts."""
        said = {
            part.name: getattr(other, part.name)
            for part in fields(other)
            if getattr(other, part.name) != getattr(AS_FHIR_HAS_IT, part.name)
        }
        return replace(self, **said)


AS_FHIR_HAS_IT: Final = WriteShape()
