"""What answers in words come to."""

import pytest

from service.domain.codes import Code, System
from service.pipeline.assess.polarity import Said, polarity_of_code, read_polarity, tidy_words

TABLE = {
    Said.YES: (
        "Yes", "y", "TRUE", "Yes.", "Yes, often", "yes - worried", "1 - Yes", "Yes (1)", "Positive", "positive screen", "At risk",
        "At risk for food insecurity", "High risk", "Often", "Often true", "Always", "Very hard", "Somewhat hard", "Daily or almost daily",
        "Endorses thoughts of self-harm", "Reports being homeless", "Yes (qualifier value)", "Present", "Weekly", "Insecure",
    ),
    Said.PARTLY: ("Sometimes", "Sometimes true", "sometimes true.", "Rarely", "Once or twice", "Several days", "In the past"),
    Said.NO: (
        "No", "n", "FALSE", "None", "Never", "Never true", "0", "0 - No", "No.", "No, thank you", "Denies", "Denied", "denies any", "Negative",
        "Not at all", "Not at risk", "Low risk", "No concerns", "No safety concerns", "no known problems", "None of the above",
        "None reported", "Patient denies", "Pt denies abuse", "Does not apply", "Doesn\u2019t have any", "No (qualifier value)", "Not hard at all",
        "N/A", "Never true (0)", "is not homeless", "Negative for abuse", "does not feel unsafe",
    ),
    Said.DECLINED: (
        "Declined", "Patient declined", "Patient refuses", "patient refused to answer", "Refused", "I choose not to answer this question",
        "Prefer not to say", "Prefers not to answer", "Asked but declined", "asked-unknown", "Don\u2019t know", "Not sure", "No answer",
        "No response", "Chose not to answer", "I don't want to answer", "unwilling to answer",
    ),
    Said.NOTHING: (
        "", " ", "-", "Unknown", "Not asked", "Not assessed", "Unable to assess", "unable to obtain due to condition", "Deferred", "?",
    ),
    Said.OWN_WORDS: (
        "Homeless", "Lives with sister", "No food at home", "Shelter", "3 times a year", "High school", "Currently homeless", "Normandy",
        "Yesterday", "Nora", "Nonesuch Street", "Northern side", "Truelove",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"), [(said, words) for said, all_of in TABLE.items() for words in all_of]
)
def test_an_answer_in_words_is_read(said: Said, words: str) -> None:
    assert read_polarity(words) is said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code(System.SNOMED, "373066001"), Said.YES),
        (Code(System.SNOMED, "373067005", "No (qualifier value)"), Said.NO),
        (Code(System.LOINC, "LA33-6"), Said.YES),
        (Code(System.LOINC, "LA30122-8"), Said.DECLINED),
        (Code("https://ehr.example/nomenclature", "960439", "Yes"), Said.YES),
        (Code("https://ehr.example/nomenclature", "960440", "No"), Said.NO),
        (Code("http://terminology.hl7.org/CodeSystem/v2-0136", "Y"), Said.YES),
    ],
)
def test_a_coded_answer_is_read_by_its_code_or_its_words(code: Code, said: Said) -> None:
    assert polarity_of_code(code) is said


@pytest.mark.parametrize(
    ("words", "tidy"),
    [
        ("1 - Often true", "often true"),
        ("Often true (2)", "often true"),
        ("(3) Never", "never"),
        ("  OFTEN   true. ", "often true"),
        ("2", "2"),
        ("Smoker (finding)", "smoker"),
    ],
)
def test_what_surrounds_an_answer_is_left_out(words: str, tidy: str) -> None:
    assert tidy_words(words) == tidy
