"""Everything a hospital signs off, compiled for use: protocols, instruments, code sets, sensitivity, score tables.

`config.content.load_content` builds it once; it never changes and holds no file, so that assessing is a pure function.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from service.domain.axes import fits, key_of, keys_of
from service.domain.checklist import NO_CHECKLISTS, Checklists
from service.domain.codes import Code, System
from service.domain.content_origin import ContentOrigin
from service.domain.expression import CodeTest, Expression, Leaf
from service.domain.instrument import Instrument, Item
from service.domain.ordered import OrderTable
from service.domain.payers import PayerTable
from service.domain.places import DispositionCode, PlaceNames
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    NeedKind,
    ProgrammeTemplate,
    ProtocolRef,
    ReferralTemplate,
    Source,
    TaskTemplate,
    Urgency,
)
from service.domain.record import Kind
from service.domain.risk import HEMOGLOBIN, SODIUM
from service.domain.sensitivity import NONE, Label, Labels, merge
from service.domain.worded import NO_WORDED_QUESTIONS, WordedQuestions

Template = (
    ReferralTemplate | GoalTemplate | FollowUpTemplate | EducationTemplate | TaskTemplate | ProgrammeTemplate
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One intervention and the condition under which it is offered (None: always)."""

    template: Template
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class BlockerRule:
    """What stands in the way of leaving (or, with blocks false, must be watched), when it does, and what clears it."""

    key: str
    text: str
    clears: str
    when: Expression
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Protocol:
    """One need: when it is there, when it is not, what is asked otherwise, and what follows."""

    ref: ProtocolRef
    title: str
    kind: NeedKind
    present: Expression
    sources: tuple[Source, ...]
    absent: Expression | None = None
    #: Why nothing that is read rules the need out; "" where `absent` does.
    not_ruled_out: str = ""
    applies: Expression | None = None
    context: Expression | None = None
    question: str = ""
    #: The question is asked only where this is true, or where something uncertain hints at the need; None: always.
    ask_when: Expression | None = None
    gravity_domain: str = ""
    neutral_title: str = ""
    urgency: Urgency = Urgency.ROUTINE
    raises: tuple[tuple[Urgency, Expression], ...] = ()
    blockers: tuple[BlockerRule, ...] = ()
    #: While this is true others take the care over: the need stands, and nothing follows from it.
    taken_over: Expression | None = None
    offers: tuple[Offer, ...] = ()
    warning_signs: tuple[str, ...] = ()
    labels: Labels = NONE

    def expressions(self) -> tuple[Expression, ...]:
        """Every expression that stands in the protocol."""
        given = (self.present, self.absent, self.applies, self.ask_when, self.context, self.taken_over)
        conditional = (offer.when for offer in self.offers)
        raised = (when for _, when in self.raises)
        blocking = (rule.when for rule in self.blockers)
        found = (*given, *conditional, *raised, *blocking)
        return tuple(expression for expression in found if expression is not None)


@dataclass(frozen=True, slots=True)
class CodeIndex:
    """From a code to the leaves that look for it.

    families are ICD-10-CM prefixes without the dot; axes are patterns of ICD-10-PCS by section and body system; starts are
    the leaves that look for words, by what these begin with.
    """

    exact: Mapping[tuple[str, str], tuple[CodeTest, ...]]
    families: Mapping[str, tuple[CodeTest, ...]]
    axes: Mapping[str, tuple[tuple[str, CodeTest], ...]] = field(default_factory=dict)
    worded: tuple[CodeTest, ...] = ()
    words: tuple[str, ...] = ()
    starts: Mapping[str, tuple[CodeTest, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, tests: Iterable[CodeTest]) -> "CodeIndex":
        """The index of these leaves."""
        exact: dict[tuple[str, str], list[CodeTest]] = {}
        families: dict[str, list[CodeTest]] = {}
        axes: dict[str, list[tuple[str, CodeTest]]] = {}
        worded = []
        starts: dict[str, list[CodeTest]] = {}
        for test in tests:
            for code in sorted(test.codes):
                exact.setdefault(code, []).append(test)
            for family in sorted(test.families):
                families.setdefault(family, []).append(test)
            for pattern in sorted(test.axes):
                for key in keys_of(pattern):
                    axes.setdefault(key, []).append((pattern, test))
            if test.words:
                worded.append(test)
            for start in sorted({start for word in test.words for start in _WORD.findall(word)[:1]}):
                starts.setdefault(start, []).append(test)
        words = dict.fromkeys(word for test in worded for word in test.words)
        return cls(
            _frozen(exact),
            _frozen(families),
            _frozen(axes),
            tuple(dict.fromkeys(worded)),
            tuple(words),
            _frozen(starts),
        )

    def find_by_words(self, said: str) -> tuple[CodeTest, ...]:
        """The leaves whose words may stand in a text in lower case: those that begin with one of its words."""
        known = self.starts
        met = known.keys() & set(_WORD.findall(said)) if known else ()
        return tuple(dict.fromkeys(test for start in sorted(met) for test in known[start])) if met else ()

    def find(self, code: Code) -> tuple[CodeTest, ...]:
        """The leaves that this code satisfies."""
        found = self.exact.get((code.system, code.code), ())
        if code.system == System.ICD10PCS:
            patterns = self.axes.get(key_of(code.code), ())
            return found + tuple(
                dict.fromkeys(test for pattern, test in patterns if fits(pattern, code.code))
            )
        names = families_of(code)
        for family in names:
            if tests := self.families.get(family):
                found += tuple(test for test in tests if test.excluded.isdisjoint(names))
        return found


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Which labels a code carries by itself: exact (system, code) pairs, and ICD-10-CM families.

    words tell the same in a text, in lower case; with a * at the end any ending will do. Many EHRs have codes of their own,
    or none.
    """

    exact: Mapping[tuple[str, str], Labels] = field(default_factory=dict)
    families: Mapping[str, Labels] = field(default_factory=dict)
    words: Mapping[str, Labels] = field(default_factory=dict)
    #: Finds any of the words; every text of a record is looked through.
    any_word: re.Pattern[str] = field(init=False, repr=False, compare=False)
    #: The exact codes whatever their system, for codes that name none which is known.
    bare: Mapping[str, Labels] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put together once what every text and code of a record is held against."""
        bare: dict[str, Labels] = {}
        for (_, code), labels in self.exact.items():
            bare[code] = bare.get(code, NONE) | labels
        object.__setattr__(self, "bare", bare)
        object.__setattr__(self, "any_word", _any_of(tuple(self.words)))

    def of(self, code: Code) -> Labels:
        """The labels of one code: those of its longest listed family, so that an exception inside a family holds.

        A code without a known system, as a form's own number for a question, is held against the codes of every system.
        """
        if code.system not in _KNOWN_SYSTEMS:
            return self.bare.get(code.code, NONE) | self._of_family(_families(code.code[:_LONGEST_WRITTEN]))
        return self.exact.get((code.system, code.code), NONE) | self._of_family(families_of(code))

    def _of_family(self, families: tuple[str, ...]) -> Labels:
        longest = (family for family in reversed(families) if family in self.families)
        return self.families.get(next(longest, ""), NONE)

    def told_by(self, text: str) -> Labels:
        """The labels of what a text speaks of."""
        if not text or not self.words:
            return NONE
        said = text.casefold()
        if not self.any_word.search(said):
            return NONE
        return merge(labels for word, labels in self.words.items() if _any_of((word,)).search(said))


@dataclass(frozen=True, slots=True)
class Comorbidity:
    """One Charlson category: Quan's ICD-10 prefixes without the dot, SNOMED CT equivalents, weights.

    charlson is None for a category that only LACE knows; instead_of is the milder category it takes the place of.
    """

    name: str
    families: tuple[str, ...]
    codes: frozenset[tuple[str, str]]
    charlson: int | None
    lace: int
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class FrailtyGroup:
    """One of the 109 groups of the Hospital Frailty Risk Score (Gilbert 2018)."""

    name: str
    families: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Content:
    """All content of a deployment. Protocols are ordered by kind, then by id.

    questions is all that anybody asks of Observations, by code; a question in words is in lower case.
    """

    protocols: tuple[Protocol, ...]
    instruments: Mapping[str, Instrument]
    items: Mapping[str, Item]
    valid_days: Mapping[str, int]
    indexes: Mapping[Kind, CodeIndex]
    measured: frozenset[str]
    sensitivity: Sensitivity
    comorbidities: tuple[Comorbidity, ...]
    frailty: tuple[FrailtyGroup, ...]
    dispositions: tuple[DispositionCode, ...]
    place_names: PlaceNames
    question_labels: Mapping[str, Labels]
    code_sets: Mapping[str, tuple[Code, ...]] = field(default_factory=dict)
    #: The services that a referral may ask for, with the labels that each has by itself.
    services: Mapping[str, Labels] = field(default_factory=dict)
    checklists: Checklists = NO_CHECKLISTS
    payers: PayerTable = field(default_factory=PayerTable)
    #: Questions in words, and which answers speak for which need.
    worded: WordedQuestions = NO_WORDED_QUESTIONS
    #: Generic names by which a medicine without a known code is known for what it is.
    ingredients: frozenset[str] = frozenset()
    #: What orders that stand in the EHR ask for.
    orders: OrderTable = field(default_factory=OrderTable)
    #: What each leaf asks, in words (`service.domain.wording`).
    words: Mapping[Leaf, str] = field(default_factory=dict)
    #: Names exactly this content; None for content that was not read from files.
    origin: ContentOrigin | None = None
    #: What evaluating an expression gives whose leaves found nothing in the record, by their truths; kept as it comes up.
    told_before: dict[tuple[Any, ...], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    questions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        scorings = [one.scoring for one in self.instruments.values() if one.scoring]
        totals = {key for one in scorings for key in (*one.totals, *one.local, *one.names)}
        living = {code.code for name in _OF_LIFE_AND_DEATH for code in self.code_sets.get(name, ())}
        asked = frozenset(
            {*self.items, *totals, *self.measured, *living, *self.worded.numbers, *HEMOGLOBIN, *SODIUM}
        )
        object.__setattr__(self, "questions", asked)


#: Code sets by which a record says that the patient has died.
_OF_LIFE_AND_DEATH = ("death", "death-observations", "vital-status")
_KNOWN_SYSTEMS = frozenset(system.value for system in System)
_ICD10 = frozenset({System.ICD10CM.value, System.ICD10.value})
_SHORTEST_FAMILY = 1
#: An ICD-10-CM code has seven characters at most. What is sent as one may be of any length, and is read no further.
_LONGEST_FAMILY, _LONGEST_WRITTEN = 7, 16
_WORD = re.compile(r"\w+")
_Key = TypeVar("_Key", bound=Hashable)
_Member = TypeVar("_Member", bound=Hashable)


@lru_cache(maxsize=256)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    ended = (re.escape(word.removesuffix("*")) + ("" if word.endswith("*") else r"\b") for word in words)
    return re.compile(rf"\b(?:{'|'.join(ended)})")


def undotted(code: str) -> str:
    """An ICD-10 code as its families are keyed: "i50.9" → "I509"."""
    return code.replace(".", "").upper()


def families_of(code: Code) -> tuple[str, ...]:
    """All ICD-10 families that a code belongs to, shortest first; none for a code of another system."""
    return _families(code.code[:_LONGEST_WRITTEN]) if code.system in _ICD10 else ()


@lru_cache(maxsize=4096)
def _families(code: str) -> tuple[str, ...]:
    bare = undotted(code)[:_LONGEST_FAMILY]
    return tuple([bare[:length] for length in range(_SHORTEST_FAMILY, len(bare) + 1)])


def known_labels(words: Iterable[str]) -> Labels:
    """Label values from their ActCode names; ValueError for an unknown one."""
    return frozenset(Label(word) for word in words)


def _frozen(lists: Mapping[_Key, list[_Member]]) -> dict[_Key, tuple[_Member, ...]]:
    return {key: tuple(dict.fromkeys(members)) for key, members in lists.items()}
