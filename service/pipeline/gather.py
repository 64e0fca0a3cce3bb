"""One stay's record, read from the EHR: everything that could not be read is said, nothing stops the reading."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from typing import Any, Final

from config.conventions import USUAL, Conventions
from fhir_mappings.bundle import Search
from fhir_mappings.form_searches import form_searches
from fhir_mappings.inbound.elements import first
from fhir_mappings.inbound.encounter import ended_on, part_of
from fhir_mappings.inbound.logical import names_in, tokens_of, with_literals
from fhir_mappings.inbound.record import build_record, subject_of
from fhir_mappings.inbound.references import reference_of
from fhir_mappings.inbound.whole_stay import require_stay, whole_stay
from fhir_mappings.references import is_encounter
from fhir_mappings.searches import Question, questions
from service.domain.absence import Shown, shown_by
from service.domain.record import Gap, GapReason, Lasting, Record
from service.ehr.client import Ehr
from service.ehr.search import Lack, SearchResult
from service.errors import (
    BadInput,
    EhrNotFhir,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    NotShown,
    UnknownEncounter,
)
from service.pipeline.left_out import NOTHING_CITED, Cited, find_left_out, is_disowned

#: Ward in a department in a stay in a stay it was merged into; more levels are a mistake.
_LEVELS: Final = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """Which of the types that a record lacks are answered better now, and which silent ones were found empty once more."""

    better: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()


def gather(
    encounter: str,
    ehr: Ehr,
    *,
    today: date,
    asked: frozenset[str] | None = None,
    conventions: Conventions = USUAL,
    cited: Cited = NOTHING_CITED,
) -> Record:
    """The record of a stay ("Encounter/12") in at most four round trips on a server that takes batches.

    Where a contact within a stay is named, or one that was merged, it is the record of that stay, read by one trip more.

    The fourth reads forms, where answers name their questions only by them.
    asked are the codes of Observations that anybody asks for, others are passed over (None: none are); cited is what the plan
    before rests on, which costs a trip more where a search gives none of it. Raises
    UnknownEncounter, NotAnInpatientStay, NotShown when
    stay or patient may not be read or the patient is not there, EhrUnavailable when the EHR does not answer. All else that is missing is a Gap of the record.
    """
    stay = _with_patient(_stay(encounter, ehr, conventions), ehr)
    patient = subject_of(stay)
    if not patient.startswith("Patient/"):
        raise BadInput("The stay names no patient; correct it in the EHR.")
    searches, not_offered = questions(
        patient, _looks_back_from(stay, today, conventions.zone), ehr.capability()
    )
    results = ehr.batch([question.search for question in searches])
    _require_patient(results[0], patient)
    resources = [stay, *(resource for result in results for resource in result.resources)]
    forms, form_gaps = _forms(resources, ehr)
    left_out = find_left_out(cited, (question.search for question in searches), results, patient, ehr)
    gaps = [*not_offered, *_gaps(searches, results), *form_gaps, *left_out]
    return build_record(
        [*resources, *forms],
        encounter=reference_of(stay),
        gaps=_counted(gaps),
        today=today,
        asked=asked,
        conventions=conventions,
    )


def find_answered(
    encounter: str,
    ehr: Ehr,
    lacking: Mapping[str, int],
    *,
    today: date,
    conventions: Conventions = USUAL,
    cited: Cited = NOTHING_CITED,
) -> Answers:
    """Which of the resource types that a record lacks are answered better now; only they are asked for.

    A type of which nothing was found so far is answered only by something. lacking gives how many searches of a type had failed. Raises as `gather` does.
    """
    stay = _with_patient(_stay(encounter, ehr, conventions), ehr)
    patient = subject_of(stay)
    # Forms are named by the answers that are filled in.
    wanted = {"Patient", *lacking, *(["QuestionnaireResponse"] if "Questionnaire" in lacking else [])}
    asked, _ = questions(patient, _looks_back_from(stay, today, conventions.zone), ehr.capability())
    again = [question for question in asked if question.search.resource_type in wanted]
    results = ehr.batch([question.search for question in again])
    _require_patient(results[0], patient)
    left_out = find_left_out(cited, (question.search for question in again), results, patient, ehr)
    _, form_gaps = _forms([resource for result in results for resource in result.resources], ehr)
    still = Counter[str]()
    for gap in (*_gaps(again, results), *form_gaps, *left_out):
        still[gap.about] += gap.count * gap.is_asked_again()
    answered = frozenset(kind for kind, searches in lacking.items() if still[kind] < searches)
    resources = (resource for result in results for resource in result.resources)
    found = {resource["resourceType"] for resource in resources if not is_disowned(resource, patient)}
    empty = (answered & cited.silent()) - found
    return Answers(answered - empty, empty)


def _forms(resources: Iterable[dict[str, Any]], ehr: Ehr) -> tuple[list[dict[str, Any]], list[Gap]]:
    """The forms without which answers cannot be understood; what cannot be read of them is a gap, never a failure."""
    searches, gaps = form_searches(resources, ehr.capability(), ehr.tenant.fhir_base_url)
    try:
        results = ehr.batch(searches)
    except EhrUnavailable:
        return [], [
            *gaps,
            Gap(
                "Questionnaire",
                GapReason.INCOMPLETE,
                "The EHR did not answer for its forms.",
                lasting=Lasting.PASSING,
            ),
        ]
    forms = [form for result in results for form in result.resources]
    return forms, [*gaps, *(gap for result in results for gap in result.gaps)]


def _stay(encounter: str, ehr: Ehr, conventions: Conventions) -> dict[str, Any]:
    """The stay of this name, or the one that the contact of this name is part of or was merged into."""
    try:
        named = ehr.read(encounter)
    except (EhrRefused, EhrRejected, EhrNotFhir) as error:
        if error.retryable:
            raise
        if shown_by(error) is Shown.ABSENT:
            raise UnknownEncounter from None
        raise NotShown(encounter, is_absent=False) from error
    if named["resourceType"] != "Encounter":
        raise UnknownEncounter
    known = {encounter: named, **_above(named, ehr)}
    stay = whole_stay(named, known, conventions)
    require_stay(stay, conventions)
    return stay


def _above(named: dict[str, Any], ehr: Ehr) -> dict[str, dict[str, Any]]:
    """What an encounter is part of, level by level, as far as the EHR lets us read it."""
    found: dict[str, dict[str, Any]] = {}
    reference = part_of(named)
    while is_encounter(reference) and reference not in {reference_of(named), *found} and len(found) < _LEVELS:
        try:
            found[reference] = ehr.read(reference)
        except EhrRefused:
            break
        reference = part_of(found[reference])
    return found


def _with_patient(stay: dict[str, Any], ehr: Ehr) -> dict[str, Any]:
    """The stay with the reference of its patient, looked for where it names them by an identifier alone."""
    token = next(tokens_of(first(stay.get("subject")).get("identifier")), None)
    if subject_of(stay) or token is None or not ehr.capability().searches("Patient", "identifier"):
        return stay
    [result] = ehr.batch([Search("Patient", (("identifier", "|".join(token)),))])
    return with_literals(stay, names_in(result.resources))


def _looks_back_from(stay: dict[str, Any], today: date, zone: tzinfo | None) -> date:
    """The end of the stay, today while it lasts or where its end cannot be read."""
    return min(ended_on(stay, zone) or today, today)


def _require_patient(result: SearchResult, patient: str) -> None:
    """Without the patient there is no record; everything else may be missing."""
    if result.resources:
        return
    if result.lack is Lack.PASSING:
        raise EhrUnavailable("GET Patient: the EHR does not answer.")
    raise NotShown(patient, is_absent=result.shown is Shown.ABSENT)


def _gaps(asked: Sequence[Question], results: Sequence[SearchResult]) -> Iterable[Gap]:
    """The gaps of all questions; an extra one's only when the question it adds to was not answered either."""
    for question, result in zip(asked, results, strict=True):
        if not question.extra:
            yield from result.gaps


def _counted(gaps: Iterable[Gap]) -> list[Gap]:
    """Equal gaps as one with their number."""
    counts: dict[Gap, int] = {}
    for gap in gaps:
        alone = replace(gap, count=1)
        counts[alone] = counts.get(alone, 0) + gap.count
    return [replace(gap, count=count) for gap, count in counts.items()]
