"""Evidence from statements of the record: which resource, which code, what day, what words, how sensitive."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from service.domain.codes import Code, System
from service.domain.content import Content
from service.domain.evidence import Certainty, Evidence
from service.domain.record import Encounter, Fact, Observation
from service.domain.sensitivity import Labels, merge
from service.pipeline.assess.asked_words import words_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Citing:
    """Cites statements; the labels of their resources and of their codes go with them."""

    content: Content

    def fact(self, fact: Fact, code: Code | None, certainty: Certainty) -> Evidence:
        """A diagnosis, order, medicine … by the code that matched (None: by its words)."""
        text = fact.text or (code and (code.display or code.code)) or ""
        labels = fact.labels | self.labels_of(fact)
        return Evidence(fact.reference, code, fact.began, text, certainty, labels, fact.by)

    def labels_of(self, fact: Fact) -> Labels:
        """What a statement gives away by its codes and its words, an order by who does it, a visit by its place's name."""
        words = " | ".join((fact.text, *fact.beside)) if fact.beside else fact.text
        told = self.told_by(fact.codes) | self.content.sensitivity.told_by(words)
        return told | self.content.sensitivity.told_by(fact.slot.place) if fact.slot else told

    def observation(
        self, observation: Observation, text: str, certainty: Certainty = Certainty.SUPPORTED
    ) -> Evidence:
        """An answer or a measurement; a preliminary or undated one is uncertain."""
        firm = certainty
        if certainty is Certainty.SUPPORTED and (
            observation.status == "preliminary" or observation.at is None
        ):
            firm = Certainty.UNCERTAIN
        return Evidence(
            observation.reference,
            self.asked(observation),
            day_of(observation),
            text,
            firm,
            self.labels(observation),
            observation.by,
        )

    def asked(self, observation: Observation) -> Code | None:
        """The code by which somebody asks for it, wherever it stands among the others; else the first."""
        codes, questions = observation.codes, self.content.questions
        if len(codes) < 2:  # noqa: PLR2004  there is nothing to choose
            return codes[0] if codes else None
        return next((code for code in codes if asked_by(code) in questions), codes[0])

    def stay(self, stay: Encounter, text: str, *said: Code) -> Evidence:
        """The stay itself; said are the codes that the words come from, as they may tell more than its own labels."""
        labels = stay.labels | self.told_by(said)
        return Evidence(stay.reference, None, stay.start and stay.start.date(), text, labels=labels)

    def labels(self, observation: Observation) -> Labels:
        """What an answer or measurement gives away: its resource, its question and its answer, in codes and in words."""
        asked = merge(
            self.content.question_labels.get(asked_by(code), frozenset()) for code in observation.codes
        )
        coded = self.told_by((*observation.codes, *observation.answers))
        # A bare question is asked by its group's words.
        asked_in = words_of(observation) if observation.under else observation.asked
        told = self.content.sensitivity.told_by
        worded = merge(told(said) for said in (asked_in, observation.text) if said)
        return observation.labels | asked | coded | worded

    def words_and_codes(self, words: Iterable[str], codes: tuple[Code, ...]) -> Labels:
        """What names and codes give away together."""
        told = (self.content.sensitivity.told_by(said) for said in words if said)
        return self.told_by(codes) | merge(told)

    def told_by(self, codes: tuple[Code, ...]) -> Labels:
        """What codes give away, by themselves and by their words."""
        sensitivity = self.content.sensitivity
        said = (sensitivity.told_by(code.display or code.code) for code in codes)
        return merge((*map(sensitivity.of, codes), *said))


def day_of(observation: Observation) -> date | None:
    """The day of an observation, None without one."""
    return observation.at.date() if observation.at else None


def instant_of(observation: Observation) -> datetime | None:
    """The instant of an observation; None without one. A day alone was read as its midnight."""
    if observation.at is None or observation.at.time() == time.min:
        return None
    return observation.at.astimezone(UTC)


def in_time(observation: Observation) -> tuple[datetime, str]:
    """A key that sorts from the oldest, undated first, to the latest."""
    return observation.at or _LONG_AGO, observation.reference


def once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Each statement once: a diagnosis coded in two systems says one thing, two answers of one form say two."""
    found: dict[tuple[str, str], Evidence] = {}
    for one in evidence:
        found.setdefault((one.reference, one.text), one)
    return tuple(found.values())


def in_doubt(evidence: Evidence, certainty: Certainty) -> Evidence:
    """The same evidence, at most so firm."""
    return (
        evidence if evidence.certainty is not Certainty.SUPPORTED else replace(evidence, certainty=certainty)
    )


def asked_by(code: Code) -> str:
    """The question that a code asks, as content keys it: one in words in lower case."""
    return code.code.casefold() if code.system == System.TEXT else code.code
