"""Expressions of protocol files: combinators and leaves (docs/protocols.md), checked against the terminology."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from config.marked_yaml import Entry
from config.terminology_files import BY_FAMILY, Terminology
from service.domain.axes import is_axis_pattern
from service.domain.codes import System
from service.domain.content import undotted
from service.domain.expression import (
    AllOf,
    AnswerTest,
    AnyOf,
    AtLeast,
    CodeTest,
    CoverageTest,
    EvenAs,
    Expression,
    Insured,
    MeasureTest,
    NoneOf,
    PatientTest,
    RelatedTest,
    RiskTest,
    Scope,
    ScoreTest,
    ScreenedTest,
    StayTest,
    Which,
)
from service.domain.instrument import Instrument, Item
from service.domain.record import Kind
from service.domain.risk import URGENCY
from service.domain.units import UNITS, tidy

_KINDS = {
    "condition": Kind.CONDITION,
    "procedure": Kind.PROCEDURE,
    "medication": Kind.MEDICATION,
    "order": Kind.ORDER,
    "device": Kind.DEVICE,
    "appointment": Kind.APPOINTMENT,
    "allergy": Kind.ALLERGY,
    "document": Kind.DOCUMENT,
    "consent": Kind.CONSENT,
    "goal": Kind.GOAL,
    "care_plan": Kind.CARE_PLAN,
}
_SCORES = ("LACE", "HOSPITAL", "HFRS")
#: Their words, and the keys that only they have.
_DIAGNOSIS_KEYS = ("text", ("except_text", "even_as"))
_OTHER_KEYS = ("names", ("icd10pcs",))
#: Systems whose codes are named by what they begin with, or by axes.
_NOT_INLINE = BY_FAMILY | {System.SNOMED, System.TEXT}
#: A code or the beginning of one, without the dot: chapter Z, block Z5, category Z59, and what follows its dot.
_FAMILY = re.compile(r"[A-Z](?:\d[0-9A-Z]{0,5})?")


@dataclass(frozen=True, slots=True)
class ExpressionReader:
    """Reads expressions; what they name must stand in the terminology or in an instrument."""

    terminology: Terminology
    instruments: Mapping[str, Instrument]
    items: Mapping[str, Item]

    def read(self, entry: Entry) -> Expression:
        """An expression; ConfigurationError names file and line."""
        given = entry.fields(())
        if len(given) != 1:
            raise entry.wrong("an expression has one key: a combinator or a leaf")
        name, body = next(iter(given.items()))
        if name in _KINDS:
            return self._codes(_KINDS[name], body)
        if name not in self._readers():
            known = ", ".join((*self._readers(), *_KINDS))
            raise entry.wrong(f"unknown expression {name!r}; known are {known}")
        return self._readers()[name](body)

    def _readers(self) -> dict[str, Callable[[Entry], Expression]]:
        return {
            "any": lambda body: AnyOf(self._parts(body)),
            "all": lambda body: AllOf(self._parts(body)),
            "none": lambda body: NoneOf(self._parts(body)),
            "at_least": self._at_least,
            "answer": self._answer,
            "score": self._score,
            "screened": self._screened,
            "observation": self._measure,
            "patient": _patient,
            "coverage": lambda body: CoverageTest(body.choice(Insured)),
            "encounter": _stay,
            "risk": _risk,
            "related_person": _related,
        }

    def _parts(self, body: Entry) -> tuple[Expression, ...]:
        parts = tuple(self.read(member) for member in body.items())
        if not parts:
            raise body.wrong("expected at least one expression")
        return parts

    def _at_least(self, body: Entry) -> AtLeast:
        given = body.fields(("count", "of"), required=("count", "of"))
        count, parts = given["count"].whole(), self._parts(given["of"])
        if not 1 <= count <= len(parts):
            raise given["count"].wrong("count lies between 1 and the number of expressions")
        return AtLeast(count, parts)

    def _codes(self, kind: Kind, body: Entry) -> CodeTest:
        words, own = _DIAGNOSIS_KEYS if kind is Kind.CONDITION else _OTHER_KEYS
        given = body.fields(("icd10cm", "set", "codes", "except", words, *own, "scope", "within_days"))
        codes, families, axes = self._members(given)
        if not (codes or families or axes or words in given):
            raise body.wrong(f"expected icd10cm, set, codes or {words}")
        return CodeTest(
            kind=kind,
            codes=frozenset(codes),
            families=frozenset(families),
            excluded=frozenset(_families(given, "except")),
            axes=frozenset(axes),
            words=_words(given, words),
            except_words=_words(given, "except_text"),
            even_as=frozenset(_even_as(given)),
            scope=given["scope"].choice(Scope) if "scope" in given else Scope.ANY,
            within_days=_days(given),
            named=tuple(_named(given)),
        )

    def _members(self, given: Mapping[str, Entry]) -> tuple[set[tuple[str, str]], set[str], set[str]]:
        codes = set(_inline_codes(given["codes"])) if "codes" in given else set()
        families, axes = set(_families(given, "icd10cm")), set(_axes(given))
        for name in _texts(given, "set"):
            if name not in self.terminology.code_sets:
                raise given["set"].wrong(f"unknown code set {name!r}")
            members = self.terminology.members[name]
            families |= members.families
            axes |= members.axes
            codes |= members.codes
        return codes, families, axes

    def _answer(self, body: Entry) -> AnswerTest:
        given = body.fields(("question", "is", "within_days"), required=("question", "is"))
        questions, answers = given["question"].texts(), given["is"].texts()
        known: set[str] = set()
        for question in questions:
            known |= {choice.code for choice in self._item(given["question"], question).choices}
        unknown = [answer for answer in answers if answer not in known]
        if unknown:
            raise given["is"].wrong(f"{', '.join(unknown)} is no answer to this question in any instrument")
        return AnswerTest(questions, frozenset(answers), _days(given))

    def _item(self, entry: Entry, question: str) -> Item:
        if question not in self.items:
            raise entry.wrong(f"the question {question} stands in no instrument")
        return self.items[question]

    def _instrument(self, entry: Entry) -> Instrument:
        if entry.text() not in self.instruments:
            raise entry.wrong(f"unknown instrument {entry.text()!r}")
        return self.instruments[entry.text()]

    def _score(self, body: Entry) -> ScoreTest:
        given = body.fields(("instrument", "band", "at_least", "below"), required=("instrument",))
        scoring = self._instrument(given["instrument"]).scoring
        if scoring is None:
            raise given["instrument"].wrong("this instrument has no score")
        _exactly_one(body, given, ("band", "at_least", "below"))
        tables = (scoring.bands, scoring.bands_male, scoring.bands_female)
        known = {band.name for table in tables for band in table}
        unknown = [name for name in _texts(given, "band") if name not in known]
        if unknown:
            raise given["band"].wrong(f"{', '.join(unknown)} is no band of this instrument")
        bands = frozenset(_texts(given, "band"))
        return ScoreTest(
            given["instrument"].text(), bands, _number(given, "at_least"), _number(given, "below")
        )

    def _screened(self, body: Entry) -> ScreenedTest:
        given = body.fields(("instrument", "since", "within_days", "begun_with"), required=("instrument",))
        instrument = self._instrument(given["instrument"])
        since = self._item(given["since"], given["since"].text()).question if "since" in given else ""
        questions = _texts(given, "begun_with")
        strange = set(questions) - {item.question for item in instrument.items}
        if strange:
            raise given["begun_with"].wrong(f"{', '.join(sorted(strange))} is no question of this instrument")
        return ScreenedTest(instrument.id, since, _days(given), questions)

    def _measure(self, body: Entry) -> MeasureTest:
        thresholds = ("above", "at_least", "below", "at_most")
        given = body.fields(
            ("loinc", "unit", *thresholds, "within_days", "which", "scope"), required=("loinc", "unit")
        )
        _exactly_one(body, given, thresholds)
        return MeasureTest(
            questions=given["loinc"].texts(),
            unit=_unit(given["unit"]),
            above=_number(given, "above"),
            at_least=_number(given, "at_least"),
            below=_number(given, "below"),
            at_most=_number(given, "at_most"),
            within_days=_days(given),
            which=given["which"].choice(Which) if "which" in given else Which.LATEST,
            scope=given["scope"].choice(Scope) if "scope" in given else Scope.ANY,
        )


#: What a `patient` leaf may ask in words.
_PATIENT_WORDS = {
    "language": ("other than site", "site"),
    "interpreter": ("needed", "not needed"),
    "veteran": ("yes",),
}


def _patient(body: Entry) -> PatientTest:
    given = body.fields(("age_at_least", "age_below", "sex", "language", "interpreter", "veteran"))
    _something(body, given)
    said = {key: given[key].text() for key in _PATIENT_WORDS if key in given}
    for key, word in said.items():
        if word not in _PATIENT_WORDS[key]:
            raise given[key].wrong(f"{key} can only be {' or '.join(map(repr, _PATIENT_WORDS[key]))}")
    if "sex" in given and given["sex"].text() not in {"male", "female", "other", "unknown"}:
        raise given["sex"].wrong("sex is one of male, female, other, unknown")
    return PatientTest(
        age_at_least=given["age_at_least"].whole() if "age_at_least" in given else None,
        age_below=given["age_below"].whole() if "age_below" in given else None,
        sex=given["sex"].text() if "sex" in given else "",
        foreign_language=said.get("language") == "other than site",
        site_language=said.get("language") == "site",
        interpreter=said.get("interpreter") == "needed",
        no_interpreter=said.get("interpreter") == "not needed",
        veteran="veteran" in given,
    )


def _stay(body: Entry) -> StayTest:
    given = body.fields(("class", "disposition", "admit_source", "days_at_least"))
    _something(body, given)
    return StayTest(
        classes=frozenset(_texts(given, "class")),
        dispositions=frozenset(_texts(given, "disposition")),
        admit_sources=frozenset(_texts(given, "admit_source")),
        days_at_least=given["days_at_least"].whole() if "days_at_least" in given else None,
    )


def _risk(body: Entry) -> RiskTest:
    given = body.fields(("score", "at_least", "below", "urgency"), required=("score",))
    _exactly_one(body, given, ("at_least", "below"))
    score = given["score"].text()
    if score not in _SCORES:
        raise given["score"].wrong(f"the score is one of {', '.join(_SCORES)}")
    if "urgency" in given and (given["urgency"].text() != "known" or score not in URGENCY):
        raise given["urgency"].wrong(f"urgency is known, of {' or '.join(URGENCY)}")
    return RiskTest(
        score, _number(given, "at_least"), _number(given, "below"), urgency_known="urgency" in given
    )


def _related(body: Entry) -> RelatedTest:
    if not isinstance(body.node.value, list):
        if body.text() != "any":
            raise body.wrong("expected any, or relationship: [codes]")
        return RelatedTest()
    return RelatedTest(
        frozenset(body.fields(("relationship",), required=("relationship",))["relationship"].texts())
    )


def _inline_codes(entry: Entry) -> Iterable[tuple[str, str]]:
    systems = tuple(system.value for system in System if system not in _NOT_INLINE)
    for system, codes in entry.fields(systems).items():
        yield from ((system, code) for code in codes.texts())


def _named(given: Mapping[str, Entry]) -> Iterable[str]:
    """The codes as the author named them."""
    if families := _texts(given, "icd10cm"):
        yield f"ICD-10-CM {', '.join(families)}"
    if patterns := _texts(given, "icd10pcs"):
        yield f"ICD-10-PCS {', '.join(patterns)}"
    yield from (f"code set {name}" for name in _texts(given, "set"))
    for system, codes in given["codes"].fields(()).items() if "codes" in given else ():
        yield f"{system.upper()} {', '.join(codes.texts())}"


def _families(given: Mapping[str, Entry], key: str) -> Iterable[str]:
    """Families without the dot; what cannot be one would silently match nothing."""
    for code in _texts(given, key):
        family = undotted(code)
        if not _FAMILY.fullmatch(family):
            raise given[key].wrong(f"{code!r} is no ICD-10-CM code or family (Z59, Z59.4, Z59.41)")
        yield family


def _axes(given: Mapping[str, Entry]) -> Iterable[str]:
    for pattern in _texts(given, "icd10pcs"):
        if not is_axis_pattern(pattern):
            raise given["icd10pcs"].wrong(f"{pattern!r} is no ICD-10-PCS code or pattern (0SR90J9, 0SR[9B])")
        yield pattern


def _even_as(given: Mapping[str, Entry]) -> Iterable[EvenAs]:
    """What words may speak of besides; without words it would say nothing."""
    for key in ("except_text", "even_as"):
        if key in given and "text" not in given:
            raise given[key].wrong(f"{key} stands only beside text")
    for word in _texts(given, "even_as"):
        if word not in set(EvenAs):
            raise given["even_as"].wrong(f"{word!r} is not one of {', '.join(EvenAs)}")
        yield EvenAs(word)


def _words(given: Mapping[str, Entry], key: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _texts(given, key))


def _unit(entry: Entry) -> str:
    unit = entry.text()
    if tidy(unit) not in UNITS:
        raise entry.wrong(f"the unit {unit!r} is not known; known are {', '.join(filter(None, UNITS))}")
    return unit


def _something(body: Entry, given: Mapping[str, Entry]) -> None:
    """A leaf that asks nothing would always be true."""
    if not given:
        raise body.wrong("expected at least one key")


def _exactly_one(body: Entry, given: Mapping[str, Entry], keys: tuple[str, ...]) -> None:
    if sum(key in given for key in keys) != 1:
        raise body.wrong(f"expected exactly one of {', '.join(keys)}")


def _texts(given: Mapping[str, Entry], key: str) -> tuple[str, ...]:
    return given[key].texts() if key in given else ()


def _number(given: Mapping[str, Entry], key: str) -> float | None:
    return given[key].number() if key in given else None


def _days(given: Mapping[str, Entry]) -> int | None:
    return given["within_days"].whole() if "within_days" in given else None
