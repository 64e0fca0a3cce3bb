"""The one pass over the record: everything the protocols and scores may ask, found by code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from service.domain.codes import Code, System
from service.domain.content import CodeIndex, Content
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import CodeTest, Scope
from service.domain.instrument import VALID_DAYS
from service.domain.record import Fact, Gap, GapReason, Kind, Observation, Record
from service.domain.risk import RiskScore
from service.pipeline.assess.answers import Answered, latest_answers
from service.pipeline.assess.citing import Citing, asked_by, day_of, in_time
from service.pipeline.assess.counting import (
    certainty_of,
    is_recent,
    observation_counts,
    observed_in_stay,
    reasons_as_facts,
)
from service.pipeline.assess.destination import Destination, read_destination
from service.pipeline.assess.on_file import is_on_file
from service.pipeline.assess.policies import Policy, read_policies
from service.pipeline.assess.scores import Scored, score_instruments
from service.pipeline.assess.unread_types import types_unread
from service.pipeline.assess.worded import Worded, is_told_in_words
from service.pipeline.assess.words import asserts, is_mute, mention, names_procedure, said_of, speaks_in_words

_YES = frozenset({"true", "yes", "y", "positive", "present"})
_YES_CODES = frozenset({"LA33-6", "373066001", "Y"})
_LONG_AGO = date.min

#: Statements whose words may say that what they name is declined.
_ORDERS = frozenset({Kind.ORDER, Kind.DEVICE})


@dataclass(frozen=True, slots=True)
class Findings:
    """What the record holds, by what may be asked.

    hits are statements with a matching code, hints such as match by their words only; answers by question, and in
    expired the last ones to questions whose answers are all too old to count; observed are the measurements by LOINC,
    oldest first; conditions are the diagnoses that count; destination is where order and stay send the patient;
    policies are the insurances.
    """

    record: Record
    content: Content
    today: date
    site_language: str
    citing: Citing
    hits: Mapping[CodeTest, tuple[Evidence, ...]]
    hints: Mapping[CodeTest, tuple[Evidence, ...]]
    answers: Mapping[str, Answered]
    expired: Mapping[str, Answered]
    scores: Mapping[str, Scored]
    observed: Mapping[str, Sequence[Observation]]
    conditions: tuple[tuple[Fact, Certainty], ...]
    gaps: tuple[Gap, ...]
    destination: Destination
    policies: tuple[Policy, ...]
    #: What answers in words say of each need, for somebody to confirm.
    told: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    risks: tuple[RiskScore, ...] = ()
    #: The resource types that a fault kept from us.
    unread: frozenset[str] = frozenset()


def collect(record: Record, content: Content, *, today: date, site_language: str) -> Findings:
    """Everything found in one pass over the record."""
    citing = Citing(content)
    collector = _Collector(record, content, today, citing)
    for fact in (*record.facts, *reasons_as_facts(record.encounter)):
        collector.fact(fact)
    for observation in record.observations:
        collector.observation(observation)
    collector.finish()
    valid = collector.valid()
    answers = latest_answers(valid, content.items, citing)
    scores, gaps = score_instruments(content.instruments.values(), valid, citing)
    worded = collector.worded()
    return Findings(
        record=record,
        content=content,
        today=today,
        site_language=site_language,
        citing=citing,
        hits={test: _ordered(found) for test, found in collector.hits.items()},
        hints=_together(collector.hints, worded.hints),
        answers=answers,
        expired=latest_answers(collector.expired(valid), content.items, citing),
        scores=scores,
        observed=collector.by_time(),
        conditions=tuple(collector.conditions),
        destination=read_destination(record.encounter, content),
        policies=read_policies(record.coverages, content.payers, citing, today),
        gaps=(*gaps, *worded.gaps(), *_unread(collector.mute)),
        told={need: _ordered(found) for need, found in worded.needs.items()},
        unread=types_unread(record.gaps),
    )


@dataclass(slots=True)
class _Collector:
    """Findings while they are being collected."""

    record: Record
    content: Content
    today: date
    citing: Citing
    hits: dict[CodeTest, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    hints: dict[CodeTest, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    conditions: list[tuple[Fact, Certainty]] = field(default_factory=list)
    seen: dict[str, list[Observation]] = field(default_factory=lambda: defaultdict(list))
    asserted: dict[tuple[str, str], list[Observation]] = field(default_factory=lambda: defaultdict(list))
    said: list[Observation] = field(default_factory=list)
    #: How many diagnoses have neither words nor a code that anybody lists.
    mute: int = 0

    def fact(self, fact: Fact) -> None:
        """Every leaf that this fact satisfies gets it."""
        index = self.content.indexes[fact.kind]
        if fact.kind is Kind.CONDITION:
            counts = certainty_of(fact, Scope.ANY, self.record, self.today)
            counts = counts or certainty_of(fact, Scope.STAY, self.record, self.today)
            if counts is not None:
                self.conditions.append((fact, counts))
                self.mute += is_mute(fact) and not any(index.find(code) for code in fact.codes)
        matched: set[CodeTest] = set()
        for code in fact.codes:
            for test in index.find(code):
                self._hit(test, fact, code, matched)
        self._read(fact, index, matched)

    def observation(self, observation: Observation) -> None:
        """Kept if anyone may ask for it: by question, or as a finding asserted by its code or its answer."""
        keys = [key for code in observation.codes if (key := asked_by(code)) in self.content.questions]
        is_finding = _is_finding(observation)
        in_words = is_told_in_words(observation)
        if not (keys or is_finding or in_words) or not observation_counts(observation, self.today):
            return
        if in_words:
            self.said.append(observation)
        for key in keys:
            self.seen[key].append(observation)
        if is_finding:
            asked = next(filter(_is_snomed, observation.codes), observation.codes[0])
            self.asserted[asked.system, asked.code].append(observation)

    def finish(self) -> None:
        """Findings asserted by observations count as diagnoses do: the latest of each question, while it is valid."""
        index = self.content.indexes[Kind.CONDITION]
        for said in self.asserted.values():
            last = max(day_of(one) or _LONG_AGO for one in said)
            for one in said:
                if (day_of(one) or _LONG_AGO) == last and self._valid(one, VALID_DAYS):
                    self._assert(one, index)

    def worded(self) -> Worded:
        """What is told in words, as far as it is young enough."""
        found = Worded(self.content, self.citing)
        found.read(observation for observation in self.said if self._valid(observation, VALID_DAYS))
        return found

    def valid(self) -> dict[str, list[Observation]]:
        """What is young enough to be an answer, by question."""
        days = self.content.valid_days
        return {
            key: kept
            for key, said in self.seen.items()
            if (kept := [one for one in said if self._valid(one, days.get(key, VALID_DAYS))])
        }

    def expired(self, valid: Mapping[str, object]) -> dict[str, list[Observation]]:
        """What was answered to questions that have no valid answer."""
        return {key: said for key, said in self.seen.items() if key not in valid}

    def by_time(self) -> dict[str, list[Observation]]:
        """What was measured, oldest first."""
        return {key: sorted(said, key=in_time) for key, said in self.seen.items()}

    def _hit(self, test: CodeTest, fact: Fact, code: Code, matched: set[CodeTest]) -> None:
        counts = certainty_of(fact, test.scope, self.record, self.today)
        if counts is None or test in matched or not is_recent(fact.began, test.within_days, self.today):
            return
        matched.add(test)
        if is_on_file(fact):
            self.hits[test].append(self.citing.fact(fact, code, counts))
        else:
            self.hints[test].append(self.citing.fact(fact, code, Certainty.UNCERTAIN))

    def _read(self, fact: Fact, index: CodeIndex, matched: set[CodeTest]) -> None:
        """Look for words: in a diagnosis what its codes leave open, in any other statement text and displays."""
        if index.starts:
            said = said_of(fact)
            for test in index.find_by_words(said):
                self._worded(test, fact, said, matched)

    def _worded(self, test: CodeTest, fact: Fact, said: str, matched: set[CodeTest]) -> None:
        if test in matched or not mention(test, said) or not speaks_in_words(fact, test):
            return
        if fact.kind is Kind.CONDITION and not asserts(test, said, coded=bool(fact.codes)):
            return
        if fact.kind is Kind.PROCEDURE and not names_procedure(test, said):
            return
        counts = certainty_of(fact, test.scope, self.record, self.today)
        if counts is None or not is_recent(fact.began, test.within_days, self.today):
            return
        # A code for a diagnosis that we do not know is as good as its words, no better.
        named = () if fact.kind is Kind.CONDITION else fact.codes
        # Where a coding has no display, the text of its concept is what it is called.
        code = next((code for code in named if mention(test, (code.display or fact.text).casefold())), None)
        if code and self._is_doubtful(fact, code):
            code = None  # "Hospice declined" is for somebody to look at
        found = self.citing.fact(fact, code, counts if code else Certainty.UNCERTAIN)
        (self.hits if code else self.hints)[test].append(found)

    def _is_doubtful(self, fact: Fact, code: Code) -> bool:
        """Whether the words of an order or a document leave open whether there is one."""
        if fact.kind in _ORDERS:
            return self.content.orders.is_doubtful((fact.text, code.display))
        return not is_on_file(fact)

    def _assert(self, observation: Observation, index: CodeIndex) -> None:
        for code in _asserted(observation):
            as_fact = Fact(
                kind=Kind.CONDITION,
                reference=observation.reference,
                codes=(code,),
                text=code.display or code.code,
                encounter=observation.encounter,
                began=day_of(observation),
                labels=self.citing.labels(observation),
            )
            matched: set[CodeTest] = set()
            for test in index.find(code):
                self._hit(test, as_fact, code, matched)
            self._read(as_fact, index, matched)

    def _valid(self, observation: Observation, days: int) -> bool:
        """Young enough, or of the stay being planned however long that is or ago."""
        day = day_of(observation)
        if day is None or self.today - day <= timedelta(days=days):
            return True
        return observed_in_stay(observation, self.record)


def _unread(mute: int) -> Iterable[Gap]:
    """What nobody could read, by words or by code, is told."""
    if mute:
        yield Gap(
            "Condition", GapReason.UNREADABLE, "It has no words, and a code that stands in no list.", mute
        )


def _is_finding(observation: Observation) -> bool:
    """Whether its question or its answer is a SNOMED CT concept, which may be a finding."""
    return any(map(_is_snomed, observation.codes)) or any(map(_is_snomed, observation.answers))


def _is_snomed(code: Code) -> bool:
    return code.system == System.SNOMED


def _asserted(observation: Observation) -> Iterable[Code]:
    """SNOMED CT findings an observation asserts: its own code answered yes, or its answers."""
    yes = observation.text.casefold() in _YES or any(code.code in _YES_CODES for code in observation.answers)
    if yes:
        yield from (code for code in observation.codes if code.system == System.SNOMED)
    yield from (code for code in observation.answers if code.system == System.SNOMED)


def _together(
    first: Mapping[CodeTest, Sequence[Evidence]], second: Mapping[CodeTest, Sequence[Evidence]]
) -> dict[CodeTest, tuple[Evidence, ...]]:
    """The hints of two sources, by leaf."""
    return {test: _ordered((*first.get(test, ()), *second.get(test, ()))) for test in (*first, *second)}


def _ordered(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Latest first, then by reference: what a reader wants to see first."""
    found = sorted(dict.fromkeys(evidence), key=lambda one: one.reference)
    return tuple(sorted(found, key=lambda one: one.on or _LONG_AGO, reverse=True))
