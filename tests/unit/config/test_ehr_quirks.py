import pytest

from config.ehr_quirks import Preference, load_quirks
from service.errors import ConfigurationError

ONE = """\
quirks:
  - id: one
    about: It does so.
    source: Its manual
    when:
      - software: [Example]
    then:
      prefer: representation
"""


@pytest.fixture
def read(tmp_path):
    def load(text):
        (tmp_path / "ehr_quirks.yaml").write_text(text)
        return load_quirks(tmp_path / "ehr_quirks.yaml")

    return load


def test_the_shipped_rules_are_sound_and_say_where_they_come_from():
    quirks = load_quirks()
    assert {"epic-care-plan-by-category", "oracle-health-writes", "prefer-representation"} <= {
        quirk.id for quirk in quirks
    }
    assert all(quirk.about.endswith(".") and quirk.source for quirk in quirks)


def test_a_rule_is_read(read):
    [quirk] = read(ONE)
    assert quirk.when[0].software == {"example"}
    assert quirk.then.prefer is Preference.REPRESENTATION


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: one", "id: One", "2: an id has small letters"),
        ("about:", "abuot:", "3: unknown key 'abuot'"),
        ("    source: Its manual\n", "", "2: source is missing"),
        ("      - software: [Example]", "      - {}", "6: this would hold for every server"),
        ("software: [Example]", "vendor: [Example]", "6: unknown key 'vendor'"),
        ("software: [Example]", "offers: [bulk]", "6: 'bulk' is not batch"),
        ("software: [Example]", "lacks: [carePlan.create]", "6: 'carePlan.create' is not batch"),
        ("prefer: representation", "prefer: everything", "8: 'everything' is not one of minimal"),
        ("prefer: representation", "no_conditional_create: perhaps", "8: expected yes or no"),
        ("    then:\n      prefer: representation", "    then: {}", "7: nothing follows"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(read, old, new, said):
    with pytest.raises(ConfigurationError) as caught:
        read(ONE.replace(old, new))
    assert str(caught.value).startswith(f"ehr_quirks.yaml:{said}")


def test_a_rule_stands_there_once(read):
    with pytest.raises(ConfigurationError, match="twice"):
        read(ONE + ONE.removeprefix("quirks:\n"))
