"""Screenings and social history in words and local numbers: hints to confirm, and a gap for what nobody understood.

A question and its answer in words decide nothing, as a diagnosis in words does not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from service.domain.codes import Code, System
from service.domain.content import Content
from service.domain.evidence import Certainty, Evidence
from service.domain.expression import CodeTest, Scope
from service.domain.record import Gap, GapReason, Kind, Observation
from service.domain.screening import SCREENING
from service.domain.sensitivity import NONE, Labels, merge
from service.domain.worded import Speaks, WordedQuestion, phrase_pattern, tidy_question
from service.pipeline.assess.answers import answer_codes, declines
from service.pipeline.assess.asked_words import words_of
from service.pipeline.assess.citing import Citing, asked_by, day_of
from service.pipeline.assess.polarity import Said, polarity_of_code, read_polarity, tidy_words
from service.pipeline.assess.words import asserts, is_about_others, is_denied_before

#: Systems whose codes say what was asked, and words.
_NAMING: Final = frozenset({System.LOINC, System.SNOMED, System.TEXT})
#: Questions that a yes answers with none: "Denies abuse: yes".
_DENIES: Final = re.compile(r"(?:no|denies|free of|absence of|negative for|without)\b")
#: Questions of which a no is good news, although they name what is good.
_NEGATED: Final = re.compile(
    r"n't\b|\b(?:not|no|never|without|unable|lack\w*|worr\w+|trouble|problems?|difficult\w*|afraid|unsafe|los(?:e|ing)|concern\w*|barriers?|need)\b"
)
_FLIPPED: Final = {Said.YES: Said.NO, Said.PARTLY: Said.NO, Said.NO: Said.OWN_WORDS}
#: Answers that leave nothing open, whatever was asked.
_SETTLED: Final = frozenset({Said.NO, Said.DECLINED, Said.NOTHING})
_LONG_AGO: Final = date.min
_SHOWN_ANSWERS, _SHOWN_LENGTH = 5, 80


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer: its words, what they come to, and its number where it is one."""

    words: str
    said: Said
    number: float | None = None


@dataclass(slots=True)
class Worded:
    """What was told in words: hints by need and by leaf, and what was not understood."""

    content: Content
    citing: Citing
    needs: dict[str, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    hints: dict[CodeTest, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    unread: list[tuple[str, str, Labels]] = field(default_factory=list)

    def read(self, observations: Iterable[Observation]) -> None:
        """The last answers to each question in words; observations are valid."""
        by_question: dict[str, list[Observation]] = defaultdict(list)
        for observation in observations:
            by_question[question_in_words(observation, self.content) or _unworded(observation)].append(
                observation
            )
        for said in by_question.values():
            last = max(day_of(observation) or _LONG_AGO for observation in said)
            for observation in said:
                if (day_of(observation) or _LONG_AGO) == last:
                    self._statement(observation, question_in_words(observation, self.content))

    def gaps(self) -> tuple[Gap, ...]:
        """One gap for each kind of resource, and one for its sensitive words, which carry their labels."""
        found: dict[tuple[str, Labels], list[str]] = defaultdict(list)
        for about, words, labels in self.unread:
            found[about, labels].append(words)
        for_all = sorted(found.items(), key=lambda pair: (pair[0][0], sorted(pair[0][1])))
        return tuple(_gap(about, labels, words) for (about, labels), words in for_all)

    def _statement(self, observation: Observation, question: str) -> None:
        numbers = [code.code for code in observation.codes if code.system == System.LOINC]
        rows = self.content.worded.about(question, numbers)
        if _is_understood(observation, self.content):
            rows = self._of_another_topic(rows, observation)
            for answer in _answers(observation):
                self._hints_of(rows, observation, question, answer)
            return
        for answer in _answers(observation):
            hinted = self._hints_of(rows, observation, question, answer)
            hinted = self._named(observation, question, answer) or hinted
            settled = _is_settled(rows, answer) and not _is_unknown_number(rows, observation)
            if not hinted and not settled and _is_screening(observation):
                self._not_understood(observation, answer)

    def _of_another_topic(
        self, rows: tuple[WordedQuestion, ...], observation: Observation
    ) -> tuple[WordedQuestion, ...]:
        """The rows of the record's words where its code means something else: "TAPS: alcohol" with tobacco's number."""
        labels = [item.label for code in observation.codes if (item := self.content.items.get(code.code))]
        meant = {row.need for label in labels for row in self.content.worded.about(tidy_question(label))}
        told = {row.need for row in rows}
        return rows if meant - {""} and not (meant & told) - {""} else ()

    def _hints_of(
        self, rows: tuple[WordedQuestion, ...], observation: Observation, question: str, answer: _Answer
    ) -> bool:
        """Add a hint for each need that the answer speaks for; whether there is any."""
        needs = dict.fromkeys(row.need for row in rows if row.need and _speaks(row, question, answer))
        for need in needs:
            self.needs[need].append(self._evidence(observation, answer))
        return bool(needs)

    def _named(self, observation: Observation, question: str, answer: _Answer) -> bool:
        """Add a hint for each diagnosis that protocols know in words; whether there is any."""
        index = self.content.indexes[Kind.CONDITION]
        words, asked = tidy_words(answer.words), answer.said in {Said.YES, Said.PARTLY}
        if not index.words or not phrase_pattern(index.words).search(f"{question} {words}"):
            return False
        found = False
        for test in index.worded:
            named = (asked and _says(test, question) and not _DENIES.match(question)) or _says(test, words)
            if test.scope is Scope.ANY and named and not is_about_others(question):
                self.hints[test].append(self._evidence(observation, answer))
                found = True
        return found

    def _evidence(self, observation: Observation, answer: _Answer) -> Evidence:
        text = _shown(observation, answer)
        cited = self.citing.observation(observation, text, Certainty.UNCERTAIN)
        labels = cited.labels | self.content.sensitivity.told_by(text)
        return Evidence(cited.reference, cited.code, cited.on, text, Certainty.UNCERTAIN, labels)

    def _not_understood(self, observation: Observation, answer: _Answer) -> None:
        text = _shown(observation, answer)
        labels = self.citing.labels(observation) | self.content.sensitivity.told_by(text)
        numbers = [code.code for code in observation.codes]
        rows = self.content.worded.about(tidy_question(words_of(observation)), numbers)
        labels |= merge(self._labels_of(row.need) for row in rows if row.speaks is not Speaks.WORDS)
        self.unread.append((observation.reference.partition("/")[0], text, labels))

    def _labels_of(self, need: str) -> Labels:
        return next((protocol.labels for protocol in self.content.protocols if protocol.ref.id == need), NONE)


def is_told_in_words(observation: Observation) -> bool:
    """Whether an Observation is of a kind whose words may count: a screening, social history, or of no kind at all."""
    return not observation.categories or _is_screening(observation)


def question_in_words(observation: Observation, content: Content) -> str:
    """The question as the record asks it, else as the instrument that its code belongs to calls it."""
    if said := words_of(observation):
        return tidy_question(said)
    items = (content.items.get(asked_by(code)) for code in observation.codes)
    label = next((tidy_question(item.label) for item in items if item), "")
    return label or (tidy_question(observation.codes[0].code) if is_local(observation) else "")


def is_local(observation: Observation) -> bool:
    """Whether a question has codes, none of a system that names what is asked: only the hospital knows what it is."""
    return bool(observation.codes) and all(
        code.system and code.system not in _NAMING for code in observation.codes
    )


def _unworded(observation: Observation) -> str:
    """What tells a question that nobody put in words from others: its codes, or the form's item."""
    return "".join(f"|{code.system}|{code.code}" for code in observation.codes)


def _is_screening(observation: Observation) -> bool:
    return any(category.casefold() in SCREENING for category in observation.categories)


def _is_understood(observation: Observation, content: Content) -> bool:
    """Whether its code is asked for by somebody and its answer is one of those known."""
    keys = [key for code in observation.codes if (key := asked_by(code)) in content.questions]
    items = [content.items[key] for key in keys if key in content.items]
    if any(answer_codes(item, observation) or declines(item, observation) for item in items):
        return True
    known = content.indexes[Kind.CONDITION]
    if any(
        known.find(code)
        for code in (*observation.codes, *observation.answers)
        if code.system == System.SNOMED
    ):
        return True
    return bool(keys) and observation.quantity is not None and not any(item.choices for item in items)


def _answers(observation: Observation) -> list[_Answer]:
    """Each answer that was given, a bare number among them."""
    if observation.absent and not observation.text:
        return []
    coded = [_Answer(_name(code), polarity_of_code(code)) for code in observation.answers]
    parts = [part for part in observation.text.split("; ") if part.strip()]
    shown = {answer.words.casefold() for answer in coded}
    worded = [_worded(part) for part in parts if part.casefold() not in shown]
    if coded or worded or observation.quantity is None:
        return coded + worded
    return [_Answer(f"{observation.quantity.value:g}", Said.OWN_WORDS, observation.quantity.value)]


def _name(code: Code) -> str:
    return code.display or code.code


def _worded(words: str) -> _Answer:
    tidy = tidy_words(words)
    number = float(tidy) if tidy.isascii() and tidy.isdigit() and len(tidy) < 7 else None  # noqa: PLR2004  no longer number counts anything
    return _Answer(words, read_polarity(words), number)


def _speaks(row: WordedQuestion, question: str, answer: _Answer) -> bool:
    """Whether an answer speaks for the need of a row: the one place where question and answer are held together."""
    said = answer.said
    if is_about_others(question):
        return False
    if _DENIES.match(question):
        said = _FLIPPED.get(said, said)
    match row.speaks:
        case Speaks.YES:
            return said in {Said.YES, Said.PARTLY} or (answer.number or 0) >= 1
        case Speaks.OFTEN:
            return said is Said.YES
        case Speaks.NO:
            return said in {Said.NO, Said.PARTLY} and not _NEGATED.search(question)
        case Speaks.WORDS:
            return _is_named(tidy_words(answer.words), row.words)


def _is_settled(rows: tuple[WordedQuestion, ...], answer: _Answer) -> bool:
    """Whether an answer that speaks for no need is understood all the same."""
    if answer.said in _SETTLED or answer.number is not None:
        return True
    if any(row.need and row.speaks is not Speaks.WORDS for row in rows) and answer.said is not Said.OWN_WORDS:
        return True
    words = tidy_words(answer.words)
    # A word that a row knows and that does not speak is denied there: "not homeless".
    known = [row for row in rows if row.speaks is Speaks.WORDS]
    return any(not row.words or _is_found(words, row.words) for row in known)


def _is_unknown_number(rows: tuple[WordedQuestion, ...], observation: Observation) -> bool:
    """Whether it is a number alone, under a hospital's own code that no row knows: it may be anything, or a score."""
    told = observation.answers or observation.text
    return not rows and not told and observation.quantity is not None and is_local(observation)


def _is_named(words: str, phrases: tuple[str, ...]) -> bool:
    """Whether any of some phrases stands in a text and is not denied there."""
    found = phrase_pattern(phrases).finditer(words)
    return any(not is_denied_before(words, match.start()) for match in found)


def _says(test: CodeTest, words: str) -> bool:
    """Whether words say what a leaf looks for, with its exceptions and what counts for it all the same."""
    return _is_named(words, test.words) and asserts(test, words, coded=False)


def _is_found(words: str, phrases: tuple[str, ...]) -> bool:
    return phrase_pattern(phrases).search(words) is not None


def _shown(observation: Observation, answer: _Answer) -> str:
    asked = words_of(observation) or observation.codes[0].code if observation.codes else ""
    return f"{_cut(asked)}: {_cut(answer.words)}"


def _cut(words: str) -> str:
    tidy = " ".join(words.split()).rstrip(":? ")
    return tidy if len(tidy) <= _SHOWN_LENGTH else f"{tidy[: _SHOWN_LENGTH - 1]}…"


def _gap(about: str, labels: Labels, words: Sequence[str]) -> Gap:
    shown = tuple(dict.fromkeys(words))
    more = len(shown) - _SHOWN_ANSWERS
    listed = shown[:_SHOWN_ANSWERS] + ((f"and {more} more",) if more > 0 else ())
    detail = "Answers of a screening or of social history were not understood; look at them."
    return Gap(about, GapReason.NOT_UNDERSTOOD, detail, len(words), said=listed, labels=labels)
