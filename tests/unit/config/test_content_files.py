"""Content files are read strictly: what is wrong stops the start with file and line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from config.content import load_content
from service.domain.codes import Code
from service.domain.expression import (
    AllOf,
    CodeTest,
    CoverageTest,
    Insured,
    MeasureTest,
    PatientTest,
    RelatedTest,
    RiskTest,
    Scope,
    ScreenedTest,
    StayTest,
    Which,
    leaves,
)
from service.domain.protocol import Review, Urgency
from service.domain.record import Kind
from service.domain.sensitivity import Label
from service.errors import ConfigurationError

SHIPPED = Path(config.__file__).parent
PROTOCOL = """\
id: test-need
version: "1.0"
title: A need
kind: social
question: Is it so?
present:
  answer: {question: 88122-7, is: [LA28397-0]}
absent:
  answer: {question: 88122-7, is: [LA28398-8]}
referrals:
  - {service: food-pantry, title: Food, patient_text: Get food.}
goals:
  - {key: enough, text: Has enough, target: Enough, within_days: 7}
sources:
  - {title: A book, year: 2020, status: verified}
"""
INSTRUMENT = (SHIPPED / "instruments" / "hunger-vital-sign.yaml").read_text()
Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A content folder with the shipped tables, one instrument and one protocol."""
    shutil.copytree(SHIPPED / "terminology", tmp_path / "terminology")
    for name, file, text in (
        ("instruments", "hunger-vital-sign", INSTRUMENT),
        ("protocols", "test-need", PROTOCOL),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{file}.yaml").write_text(text)
    return tmp_path


def _protocol(folder: Path, old: str, new: str) -> Path:
    assert old in PROTOCOL
    (folder / "protocols" / "test-need.yaml").write_text(PROTOCOL.replace(old, new))
    return folder


def _instrument(folder: Path, old: str, new: str) -> Path:
    assert old in INSTRUMENT
    (folder / "instruments" / "hunger-vital-sign.yaml").write_text(INSTRUMENT.replace(old, new, 1))
    return folder


def _table(folder: Path, name: str, old: str, new: str) -> Path:
    path = folder / "terminology" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    return folder


def test_a_right_folder_is_read(folder: Path) -> None:
    content = load_content(folder)
    (protocol,) = content.protocols
    assert protocol.ref.id == "test-need"
    assert protocol.ref.review is Review.VERIFIED
    assert protocol.urgency is Urgency.ROUTINE
    assert content.items["88122-7"].label == "Worried that food would run out"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("title: A need", "titel: A need", 3, "unknown key 'titel'"),
        ("title: A need\n", "title: A need\ntitle: B\n", 4, "twice"),
        ("title: A need\n", "", 1, "title is missing"),
        ("title: A need", "title: ''", 3, "expected a text"),
        ("title: A need", "title: [A]", 3, "expected a text"),
        ("kind: social", "kind: sozial", 4, "'sozial' is not one of social, safety, support, clinical"),
        ("id: test-need", "id: other-need", 1, "not the name of the file"),
        ("question: Is", "domain: nowhere\nquestion: Is", 5, "no Gravity domain"),
        ("question: Is", "sensitive: [XYZ]\nneutral_title: T\nquestion: Is", 5, "unknown sensitivity label"),
        ("question: Is", "sensitive: [SDV]\nquestion: Is", 1, "neutral_title"),
        ("question: Is", "urgency: soon\nquestion: Is", 5, "'soon' is not one of routine"),
        (
            "sources:\n  - {title: A book, year: 2020, status: verified}",
            "sources: []",
            14,
            "at least one source",
        ),
        ("status: verified", "status: sure", 15, "'sure' is not one of verified, pending"),
        ("year: 2020", "year: MMXX", 15, "expected a whole number"),
        ("year: 2020", "year: ٢٠٢٠", 15, "expected a whole number"),
        (
            "present:\n  answer: {question: 88122-7, is: [LA28397-0]}",
            "present:\n  patient: {}",
            7,
            "at least one key",
        ),
        (
            "present:\n  answer: {question: 88122-7, is: [LA28397-0]}",
            "present:\n  encounter: {}",
            7,
            "at least one key",
        ),
        (
            "present:\n  answer: {question: 88122-7, is: [LA28397-0]}",
            "present:\n  at_least: {count: 2, of: [{coverage: insured}]}",
            7,
            "count lies between 1 and the number of expressions",
        ),
        (
            "present:\n  answer: {question: 88122-7, is: [LA28397-0]}",
            "present:\n  risk: {score: LACE, at_least: nan}",
            7,
            "expected a number",
        ),
        ("service: food-pantry", "service: food-truck", 11, "'food-truck' is not in"),
        (
            "patient_text: Get food.}",
            "patient_text: Get food.}\n  - {service: food-pantry, title: More}",
            12,
            "'food-pantry' stands here twice",
        ),
        ("title: Food,", "title: Food, code: 12345,", 11, "SNOMED CT concept 12345 stands in no code set"),
        ("title: Food,", "title: Food, community: maybe,", 11, "expected yes or no"),
        ("title: Food,", "title: Food, priority: soon,", 11, "'soon' is not one of"),
        ("target: Enough, ", "", 13, "target is missing"),
        ("within_days: 7", "within_days: -7", 13, "expected a whole number"),
        ("within_days: 7", "within_days: 7, measure: {loinc: 1-8, snomed: 2}", 13, "expected one code"),
        (
            "goals:",
            "follow_ups:\n  - {key: k, text: t, not_before_days: 9, within_days: 7}\ngoals:",
            13,
            "not_before_days is later",
        ),
        ("{question: 88122-7, is: [LA28397-0]}", "{question: 1-8, is: [LA1]}", 7, "stands in no instrument"),
        ("is: [LA28397-0]", "is: [LA99]", 7, "LA99 is no answer to this question"),
        ("  answer: {question: 88122-7, is: [LA28397-0]}", "  any: []", 7, "at least one expression"),
        ("  answer: {question: 88122-7, is: [LA28397-0]}", "  any: {a: b}", 7, "expected a list"),
        ("  answer: {question: 88122-7, is: [LA28397-0]}", "  guess: {}", 7, "unknown expression 'guess'"),
        (
            "  answer: {question: 88122-7, is: [LA28397-0]}",
            "  coverage: insured\n  risk: {score: LACE, below: 3}",
            7,
            "an expression has one key",
        ),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "condition: {set: nothing}", 7, "unknown code set"),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "condition: {scope: stay}", 7, "expected icd10cm"),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "condition: {codes: {snomed: 1}}", 7, "unknown key"),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "score: {instrument: x, below: 1}",
            7,
            "unknown instr",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "score: {instrument: hunger-vital-sign, below: 1}",
            7,
            "has no score",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "observation: {loinc: 1-8, unit: '%', above: 1, below: 2}",
            7,
            "exactly one of above, at_least, below, at_most",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "observation: {loinc: 1-8, unit: '%', above: many}",
            7,
            "expected a number",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "observation: {loinc: 1-8, unit: furlong, above: 1}",
            7,
            "the unit 'furlong' is not known; known are g/L",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "condition: {icd10cm: [Z59.4, QQ]}",
            7,
            "'QQ' is no ICD-10-CM code or family",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "condition: {icd10cm: Z59, except: [housing]}",
            7,
            "'housing' is no ICD-10-CM code or family",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "procedure: {icd10pcs: [0SR90J9, 0SO]}",
            7,
            "'0SO' is no ICD-10-PCS code or pattern",
        ),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "condition: {icd10pcs: 0Y6}", 7, "unknown key"),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "condition: {text: [falls], even_as: [guess]}",
            7,
            "'guess' is not one of risk, fear, history",
        ),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "condition: {icd10cm: Z59, except_text: [air hunger]}",
            7,
            "except_text stands only beside text",
        ),
        ("question: Is it so?", "ask_when: {coverage: insured}", 5, "there is no question here"),
        (
            "answer: {question: 88122-7, is: [LA28397-0]}",
            "screened: {instrument: hunger-vital-sign, begun_with: [1-8]}",
            7,
            "1-8 is no question of this instrument",
        ),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "patient: {language: es}", 7, "other than site"),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "patient: {sex: woman}", 7, "sex is one of"),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "risk: {score: X, below: 1}", 7, "one of LACE"),
        ("answer: {question: 88122-7, is: [LA28397-0]}", "related_person: all", 7, "expected any"),
        (
            "  answer: {question: 88122-7, is: [LA28398-8]}",
            "  none:\n    - coverage: insured",
            9,
            "none may stand only in an all",
        ),
        (
            "  answer: {question: 88122-7, is: [LA28398-8]}",
            "  any:\n    - none: [{coverage: insured}]\n    - answer: {question: 88122-7, is: [LA28398-8]}",
            9,
            "none may stand only in an all",
        ),
        (
            "  answer: {question: 88122-7, is: [LA28398-8]}",
            "  all:\n    - none: [{coverage: insured}]\n    - none: [{patient: {veteran: yes}}]",
            9,
            "none may stand only in an all",
        ),
        ("question: Is it so?", 'question: "Is it so?', 5, "quoted scalar"),
    ],
)
def test_a_mistake_in_a_protocol_is_told_with_its_line(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_content(_protocol(folder, old, new))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"protocols/test-need.yaml:{line}:")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("88123-5,", "88122-7,", "the question 88122-7 stands here twice"),
        ("scale: how-often-true", "scale: sometimes", "unknown scale 'sometimes'"),
        (", scale: how-often-true", "", "an item has a scale"),
        ("derived: yes", "derived: of course", "expected yes or no"),
        ("valid_days: 365", "complete: [1-8]", "complete may only name questions"),
        ("valid_days: 365", "score: {range: [1]}", "a range is [lowest, highest]"),
        ("valid_days: 365", "score: {range: [0, 9], bands_male: [{name: a, from: 0}]}", "stand together"),
        (
            "valid_days: 365",
            "score: {range: [0, 9], bands: [{name: a, from: 3}, {name: b, from: 3}]}",
            "bands rise",
        ),
    ],
)
def test_a_mistake_in_an_instrument_is_told_with_its_line(
    folder: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"instruments/hunger-vital-sign\.yaml:\d+: ") as caught:
        load_content(_instrument(folder, old, new))
    assert said in str(caught.value)


def test_an_instrument_without_items_and_score_is_refused(folder: Path) -> None:
    (folder / "instruments" / "empty.yaml").write_text(
        'id: empty\nversion: "1"\ntitle: Nothing\nsources: [{title: A book, status: verified}]\n'
    )
    with pytest.raises(ConfigurationError, match="items, a score or both"):
        load_content(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("code_sets.csv", "food-insecurity,snomed,", "food-insecurity,sonmed,", "code_sets.csv:2: 'sonmed'"),
        ("code_sets.csv", "verified Gravity IG FSH,verified", "x,sure", "review must be"),
        ("code_sets.csv", "verified Gravity IG FSH,verified", ",verified", "source is missing"),
        ("code_sets.csv", "set,system,code", "set,sys,code", "column system is missing"),
        ("code_sets.csv", "food-security,snomed,1078229009", "food-insecurity,snomed,733423003", "twice"),
        ("code_sets.csv", "food-insecurity,snomed,733423003,Food insecurity,", "a,snomed,1,", "one value"),
        ("sensitivity.csv", ",SDV,", ",XXX,", "unknown sensitivity label"),
        ("referral_services.csv", "food-pantry,Food", "food-pantry,A,,\nfood-pantry,Food", "twice"),
        ("referral_services.csv", "food-pantry,Food pantry", "food-pantry,", "title is missing"),
        ("charlson.csv", ",dementia,", ",heartache,", "unknown code set heartache"),
        ("hfrs.csv", ",7.1,", ",many,", "weight must be a number"),
    ],
)
def test_a_mistake_in_a_table_is_told_with_its_line(
    folder: Path, name: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_content(_table(folder, name, old, new))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"terminology/{name}:")


def test_a_missing_table_is_told(folder: Path) -> None:
    (folder / "terminology" / "hfrs.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"terminology/hfrs\.csv: this file cannot be read"):
        load_content(folder)


def test_an_empty_folder_and_an_empty_file_are_told(folder: Path) -> None:
    (folder / "protocols" / "test-need.yaml").write_text("")
    with pytest.raises(ConfigurationError, match=r"test-need\.yaml:1: the file is empty"):
        load_content(folder)
    (folder / "protocols" / "test-need.yaml").unlink()
    with pytest.raises(ConfigurationError, match="there is no"):
        load_content(folder)


def test_codes_keep_every_digit_and_words_stay_words(folder: Path) -> None:
    content = load_content(folder)
    codes = {code.code for code in content.code_sets["unhealthy-alcohol-use"]}
    assert "10939881000119105" in codes
    refused = next(c for c in content.items["88122-7"].choices if c.code == "LA15775-2")
    assert refused.declined


EVERY_LEAF = """\
present:
  any:
    - at_least:
        count: 2
        of:
          - condition: {icd10cm: [z59.41], except: Z59.48, set: food-insecurity, text: No Food, within_days: 30}
          - medication: {codes: {rxnorm: "1", atc: [A10]}, names: [Insulin], scope: stay}
    - observation: {loinc: 718-7, unit: g/dL, below: 7.5, which: lowest, scope: stay}
    - patient: {age_at_least: 65, age_below: 90, sex: female, language: other than site, interpreter: needed, veteran: "yes"}
    - encounter: {class: IMP, disposition: [home, "01"], admit_source: emd, days_at_least: 3}
    - risk: {score: LACE, at_least: 10}
    - screened: {instrument: hunger-vital-sign, since: 88122-7}
    - related_person: any
    - related_person: {relationship: [SIS, BRO]}
    - coverage: medicaid
"""


def test_a_need_may_be_absent_by_an_answer_and_by_what_is_not_known_beside_it(folder: Path) -> None:
    answer = "answer: {question: 88122-7, is: [LA28398-8]}"
    both = f"  all:\n    - {answer}\n    - none: [{{condition: {{icd10cm: [Z59.41]}}}}]"
    content = load_content(_protocol(folder, f"  {answer}", both))
    assert isinstance(content.protocols[0].absent, AllOf)


def test_every_leaf_is_read_as_it_is_meant(folder: Path) -> None:
    (protocol,) = load_content(
        _protocol(folder, "present:\n  answer: {question: 88122-7, is: [LA28397-0]}\n", EVERY_LEAF)
    ).protocols
    assert leaves(protocol.present) == (
        CodeTest(
            Kind.CONDITION,
            codes=frozenset({("snomed", "733423003"), ("snomed", "445281000124101")}),
            families=frozenset({"Z5941"}),
            excluded=frozenset({"Z5948"}),
            words=("no food",),
            within_days=30,
        ),
        CodeTest(
            Kind.MEDICATION,
            codes=frozenset({("rxnorm", "1"), ("atc", "A10")}),
            words=("insulin",),
            scope=Scope.STAY,
        ),
        MeasureTest(("718-7",), "g/dL", below=7.5, which=Which.LOWEST, scope=Scope.STAY),
        PatientTest(65, 90, "female", foreign_language=True, interpreter=True, veteran=True),
        StayTest(frozenset({"IMP"}), frozenset({"home", "01"}), frozenset({"emd"}), 3),
        RiskTest("LACE", at_least=10),
        ScreenedTest("hunger-vital-sign", "88122-7"),
        RelatedTest(),
        RelatedTest(frozenset({"SIS", "BRO"})),
        CoverageTest(Insured.MEDICAID),
    )


def test_a_band_that_the_instrument_does_not_have_is_told(folder: Path) -> None:
    shutil.copy(SHIPPED / "instruments" / "phq-2.yaml", folder / "instruments")
    wrong = "score: {instrument: phq-2, band: [positive, severe]}"
    with pytest.raises(ConfigurationError, match="severe is no band of this instrument"):
        load_content(_protocol(folder, "answer: {question: 88122-7, is: [LA28397-0]}", wrong))


def test_a_service_gives_its_labels_to_the_referral(folder: Path) -> None:
    content = load_content(_protocol(folder, "service: food-pantry", "service: violence-advocacy"))
    (offer, _) = content.protocols[0].offers
    assert getattr(offer.template, "labels", None) == {Label.SDV, Label.SSP}


def test_what_a_goal_is_measured_by_has_the_name_that_its_code_system_gives_it(folder: Path) -> None:
    content = load_content(_protocol(folder, "target: Enough,", "target: Enough, measure: {loinc: 88124-3},"))
    (_, offer) = content.protocols[0].offers
    assert getattr(offer.template, "measure", None) == Code("loinc", "88124-3", "Food insecurity risk [HVS]")


def test_every_measure_of_the_shipped_goals_has_a_name() -> None:
    measures = [
        measure
        for protocol in load_content().protocols
        for offer in protocol.offers
        if (measure := getattr(offer.template, "measure", None))
    ]
    assert measures
    assert all(measure.display for measure in measures)
