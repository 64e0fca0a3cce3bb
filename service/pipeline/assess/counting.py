"""What counts as a statement of the record, and how firmly: DOMAIN rules on status, verification, date and place."""

from collections.abc import Iterable
from datetime import date, timedelta

from service.domain.codes import System
from service.domain.evidence import Certainty
from service.domain.expression import Scope
from service.domain.record import Encounter, Fact, Kind, Observation, Record

_OVER = frozenset({"resolved", "inactive", "remission"})
_WRONG = frozenset({"refuted", "entered-in-error"})
_DOUBTFUL = frozenset({"unconfirmed", "provisional", "differential"})
_MISTAKEN = frozenset({"entered-in-error", "do-not-perform"})
_VOID: dict[Kind, frozenset[str]] = {
    Kind.PROCEDURE: _MISTAKEN | {"not-done", "stopped", "preparation"},
    Kind.MEDICATION: _MISTAKEN | {"cancelled", "stopped"},
    # A draft may be one of our own, from an earlier plan: it proves nothing.
    Kind.ORDER: _MISTAKEN | {"revoked", "draft"},
    Kind.DEVICE: _MISTAKEN | {"revoked", "draft", "cancelled"},
    # Asked for is not booked.
    Kind.APPOINTMENT: _MISTAKEN | {"cancelled", "noshow", "proposed", "pending", "waitlist"},
    Kind.ALLERGY: _MISTAKEN | _OVER,
    Kind.DOCUMENT: _MISTAKEN | {"superseded"},
    Kind.CONSENT: _MISTAKEN | {"rejected", "inactive", "not-done"},
    Kind.GOAL: _MISTAKEN | {"cancelled", "rejected"},
    Kind.CARE_PLAN: _MISTAKEN | {"revoked"},
}
_NO_OBSERVATION = frozenset({"entered-in-error", "cancelled"})
#: A statement made east of us may already carry tomorrow's date.
_TOMORROW = timedelta(days=1)


def certainty_of(fact: Fact, scope: Scope, record: Record, today: date) -> Certainty | None:
    """How firmly a fact counts for a leaf that looks at this scope, None if it does not count."""
    if fact.began is not None and fact.began > today + _TOMORROW and scope is not Scope.UPCOMING:
        return None
    counts = _condition_counts if fact.kind is Kind.CONDITION else _other_counts
    if not counts(fact, scope, record.encounter, today) or not in_scope(fact, scope, record, today):
        return None
    return Certainty.UNCERTAIN if fact.verification in _DOUBTFUL else Certainty.SUPPORTED


def observation_counts(observation: Observation, today: date) -> bool:
    """Whether an answer or measurement counts: not cancelled, not a mistake, not from the future."""
    if observation.status in _NO_OBSERVATION:
        return False
    return observation.at is None or observation.at.date() <= today + _TOMORROW


def in_scope(fact: Fact, scope: Scope, record: Record, today: date) -> bool:
    """Whether a fact belongs to what a leaf looks at."""
    if scope is Scope.ANY:
        return True
    if scope is Scope.PROBLEM_LIST:
        return "problem-list-item" in fact.categories
    if scope is Scope.UPCOMING:
        return fact.began is not None and fact.began >= today
    return _of_stay(fact.encounter, fact.began, record) or fact.reference in _diagnoses(record.encounter)


def observed_in_stay(observation: Observation, record: Record) -> bool:
    """Whether an answer or measurement was made in the stay being planned."""
    return _of_stay(observation.encounter, observation.at and observation.at.date(), record)


def is_recent(day: date | None, within_days: int | None, today: date) -> bool:
    """Whether a statement is young enough; what has no date is no proof where an age is asked."""
    if within_days is None:
        return True
    return day is not None and today - day <= timedelta(days=within_days)


def reasons_as_facts(stay: Encounter) -> Iterable[Fact]:
    """The stay's reasons as diagnoses of the stay, each with all its codings; a reason for admission is a working diagnosis."""
    for concept in stay.reasons:
        coded = tuple(code for code in concept if code.system != System.TEXT)
        said = [code.code for code in concept if code.system == System.TEXT]
        named = [code.display or code.code for code in coded]
        yield Fact(
            kind=Kind.CONDITION,
            reference=stay.reference,
            codes=coded,
            text=next(iter(said + named), ""),
            verification="provisional",
            encounter=stay.reference,
            began=stay.start and stay.start.date(),
            labels=stay.labels,
        )


def _condition_counts(fact: Fact, scope: Scope, stay: Encounter, today: date) -> bool:
    if fact.verification in _WRONG:
        return False
    if scope is Scope.STAY and _ended_in(fact, stay):
        return True
    if fact.ended is not None:
        return fact.ended > today
    return fact.status not in _OVER


def _ended_in(fact: Fact, stay: Encounter) -> bool:
    """What the patient came with and what was treated here is of this stay, also when it is over."""
    return fact.ended is not None and stay.start is not None and fact.ended >= stay.start.date()


def _other_counts(fact: Fact, scope: Scope, _stay: Encounter, today: date) -> bool:
    if fact.status in _VOID.get(fact.kind, _MISTAKEN) or fact.intent == "proposal":
        return False
    if fact.kind is Kind.DOCUMENT:
        return fact.verification != "entered-in-error"
    if fact.kind is Kind.CONSENT:
        return fact.ended is None or fact.ended >= today
    if fact.kind is Kind.MEDICATION and scope is not Scope.STAY:
        return fact.status != "completed" and (fact.ended is None or fact.ended >= today)
    return True


def _of_stay(encounter: str, day: date | None, record: Record) -> bool:
    stay = record.encounter
    if encounter:
        return record.is_of_stay(encounter)
    if day is None or stay.start is None or day < stay.start.date():
        return False
    return stay.end is None or day <= stay.end.date()


def _diagnoses(stay: Encounter) -> frozenset[str]:
    return frozenset(reference for reference, _ in stay.diagnoses)
