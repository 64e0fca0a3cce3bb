"""The record without anything that carries a sensitivity label: what everybody may read is planned from it alone.

A plan for everybody that is cut out of the whole plan tells of what was cut by what is missing, by a count, or by a
verdict. One that was never told of the sensitive statements cannot (decision 148).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from service.domain.codes import Code
from service.domain.content import Content
from service.domain.record import Coverage, Encounter, Fact, Record
from service.domain.sensitivity import Labels, may_be_shared
from service.pipeline.assess.citing import Citing
from service.pipeline.assess.destination import tells_of_psychiatry

#: Read of every patient, whatever is taken away.
_ALWAYS_READ = frozenset({"Patient", "Encounter"})


class _Statement(Protocol):
    @property
    def reference(self) -> str: ...

    @property
    def labels(self) -> Labels: ...


_S = TypeVar("_S", bound=_Statement)


def open_record(record: Record, content: Content) -> Record:
    """The record as if nobody had written down what is sensitive; the same one where nothing is."""
    citing = Citing(content)
    facts = tuple(fact for fact in record.facts if may_be_shared(fact.labels | citing.labels_of(fact)))
    observations = tuple(
        observation for observation in record.observations if may_be_shared(citing.labels(observation))
    )
    secret = _references(record.facts) - _references(facts)
    visits = [visit for visit in _open(record.encounters) if _open_visit(visit, secret, content) == visit]
    coverages = tuple(
        coverage for coverage in _open(record.coverages) if may_be_shared(_told_by(coverage, citing))
    )
    opened = replace(
        record,
        encounter=_open_visit(record.encounter, secret, content),
        encounters=tuple(visits),
        facts=facts,
        observations=observations,
        coverages=coverages,
        related_persons=tuple(
            person
            for person in _open(record.related_persons)
            if may_be_shared(citing.told_by(person.relationships))
        ),
        gaps=tuple(gap for gap in record.gaps if may_be_shared(gap.labels)),
    )
    return replace(opened, types_read=record.types_read - (_types(record) - _types(opened)))


def _told_by(coverage: Coverage, citing: Citing) -> Labels:
    return citing.words_and_codes((coverage.payor, *coverage.names, *coverage.hints), coverage.types)


def _open(statements: tuple[_S, ...]) -> tuple[_S, ...]:
    return tuple(statement for statement in statements if may_be_shared(statement.labels))


def _references(facts: Iterable[Fact]) -> frozenset[str]:
    return frozenset(fact.reference for fact in facts)


def _open_visit(visit: Encounter, secret: frozenset[str], content: Content) -> Encounter:
    """The visit without the codes and diagnoses that tell; another one than the visit itself where there were any."""
    citing = Citing(content)

    def told(codes: tuple[Code, ...]) -> tuple[Code, ...]:
        return tuple(code for code in codes if may_be_shared(citing.told_by((code,))))

    def places(codes: tuple[Code, ...]) -> tuple[Code, ...]:
        # All names of one place are withheld together: one of them may be understood without the others.
        telling = tells_of_psychiatry(codes, content) or told(codes) != codes
        return () if telling else codes

    return replace(
        visit,
        types=told(visit.types),
        # A reason whose one coding tells is withheld with its others and its words.
        reasons=tuple(concept for concept in visit.reasons if told(concept) == concept),
        service_type=told(visit.service_type),
        priority=told(visit.priority),
        admit_source=places(visit.admit_source),
        disposition=places(visit.disposition),
        ordered_disposition=places(visit.ordered_disposition),
        diagnoses=tuple(pair for pair in visit.diagnoses if pair[0] not in secret),
    )


def _types(record: Record) -> frozenset[str]:
    """The resource types of which something was said, but for those that stand in every record."""
    statements: tuple[Iterable[_Statement], ...] = (
        record.facts,
        record.observations,
        record.coverages,
        record.related_persons,
    )
    said = {statement.reference.partition("/")[0] for kind in statements for statement in kind}
    return frozenset(said) - _ALWAYS_READ
