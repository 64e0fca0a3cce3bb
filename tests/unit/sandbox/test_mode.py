import pytest

from service.errors import BadInput
from service.sandbox.mode import USUAL_RATE, VENDORS, Mode, mode_of, statement


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("full", Mode()),
        ("epic-like", Mode("epic-like")),
        ("oracle-like,flaky", Mode("oracle-like", USUAL_RATE)),
        (" flaky , epic-like", Mode("epic-like", USUAL_RATE)),
        ("meditech-like", Mode("meditech-like")),
        ("athena-like,flaky", Mode("athena-like", USUAL_RATE)),
        ("singles", Mode(singles=True)),
        ("singles,flaky", Mode("", USUAL_RATE, singles=True)),
        ("flaky", Mode("", USUAL_RATE)),
        ("full,flaky", Mode("", USUAL_RATE)),
        ("oracle-like,written", Mode("oracle-like")),
    ],
)
def test_words_make_a_mode(words, mode):
    assert mode_of(words) == mode


@pytest.mark.parametrize("words", ["paper", "", "epic-like,paper"])
def test_an_unknown_word_is_refused_with_the_known_ones(words):
    with pytest.raises(
        BadInput,
        match="choose full, epic-like, oracle-like, meditech-like, athena-like, singles, flaky, or one of them",
    ):
        mode_of(words)


def test_an_ehr_is_of_one_kind():
    with pytest.raises(BadInput, match="epic-like and oracle-like"):
        mode_of("epic-like,oracle-like")


@pytest.mark.parametrize("words", ["full", "epic-like", "oracle-like,flaky", "singles"])
def test_a_mode_reads_as_it_was_asked_for_and_survives_the_way_to_the_child(words):
    mode = mode_of(words, seed=7)
    assert str(mode) == words
    assert Mode.loaded(mode.dumped()) == mode


def test_faults_are_added_and_taken_away():
    assert Mode("epic-like").failing(rate=0.5, seed=3) == Mode("epic-like", 0.5, 3)


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_vendor_has_its_statement(vendor):
    assert statement(vendor)["resourceType"] == "CapabilityStatement"
