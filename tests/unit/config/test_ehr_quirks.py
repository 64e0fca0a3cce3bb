import pytest

from config.ehr_quirks import Preference, load_quirks
from service.domain.write_shape import AuthorShape, Change, WriteShape
from service.errors import ConfigurationError

HEAD = """\
id: example
name: Example
"""
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
        (tmp_path / "example.yaml").write_text(HEAD + text)
        return load_quirks(tmp_path)

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
        ("id: one", "id: One", "4: an id has small letters"),
        ("about:", "abuot:", "5: unknown key 'abuot'"),
        ("    source: Its manual\n", "", "4: source is missing"),
        ("      - software: [Example]", "      - {}", "8: this would hold for every server"),
        ("software: [Example]", "vendor: [Example]", "8: unknown key 'vendor'"),
        ("software: [Example]", "offers: [bulk]", "8: 'bulk' is not batch"),
        ("software: [Example]", "lacks: [carePlan.create]", "8: 'carePlan.create' is not batch"),
        ("prefer: representation", "prefer: everything", "10: 'everything' is not one of minimal"),
        ("prefer: representation", "no_conditional_create: perhaps", "10: expected yes or no"),
        ("    then:\n      prefer: representation", "    then: {}", "9: nothing follows"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(read, old, new, said):
    with pytest.raises(ConfigurationError) as caught:
        read(ONE.replace(old, new))
    assert str(caught.value).startswith(f"example.yaml:{said}")


def test_a_rule_stands_there_once(read):
    with pytest.raises(ConfigurationError, match="twice"):
        read(ONE + ONE.removeprefix("quirks:\n"))


def test_a_rule_stands_in_one_file_only(tmp_path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.yaml").write_text(HEAD + ONE)
    with pytest.raises(ConfigurationError, match=r"second\.yaml:4: the quirk 'one' stands here twice"):
        load_quirks(tmp_path)


def test_a_file_without_rules_is_a_product_like_any_other(read):
    assert read("") == ()


WRITES = """\
quirks:
  - id: one
    about: It does so.
    source: Its manual
    then:
      writes:
        DocumentReference:
          elements: [status, content.attachment.data]
          set:
            docStatus: final
            type:
              coding:
                - code: "true"
                  userSelected: true
          attachments: ["text/plain;charset=utf-8"]
          author: practitioner
          waits_for_signature: yes
          change: further
          note_limit: 450
          found_by: [patient, type]
        Communication:
          found_by: none
        Task:
          taken: no
          why: It takes no tasks.
"""


def test_a_shape_is_read(read):
    [quirk] = read(WRITES)
    document = quirk.then.writes["DocumentReference"]
    assert document.fixed == {
        "docStatus": "final",
        "type": {"coding": [{"code": "true", "userSelected": True}]},
    }
    assert document.elements == ("status", "content.attachment.data")
    assert document.attachments == ("text/plain;charset=utf-8",)
    assert (document.author, document.change) == (AuthorShape.PRACTITIONER, Change.FURTHER)
    assert (document.waits_for_signature, document.note_limit) == (True, 450)
    assert document.found_by == ("patient", "type")
    assert quirk.then.writes["Communication"].found_by == ()
    assert (quirk.then.writes["Task"].taken, quirk.then.writes["Task"].why) == (False, "It takes no tasks.")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("author: practitioner", "author: anybody", "18: 'anybody' is not one of as-is"),
        ("author: practitioner", "writer: practitioner", "18: unknown key 'writer'"),
        ("note_limit: 450", "note_limit: some", "21: expected a whole number"),
        ("          why: It takes no tasks.\n", "", "26: what is never written says why"),
        ("found_by: none", "only_where: sundays", "24: 'sundays' is no field of a tenant"),
        (
            "[status, content.attachment.data]",
            "[content/attachment]",
            "10: 'content/attachment' is no element",
        ),
        ("          found_by: none\n", "          {}\n", "24: this says nothing"),
    ],
)
def test_a_mistake_in_a_shape_is_told_with_file_and_line(read, old, new, said):
    with pytest.raises(ConfigurationError) as caught:
        read(WRITES.replace(old, new))
    assert str(caught.value).startswith(f"example.yaml:{said}")


def test_shapes_of_several_rules_are_joined_and_the_later_one_counts():
    first = WriteShape(attachments=("text/plain",), note_limit=450)
    second = WriteShape(note_limit=100, found_by=())
    assert first.joined_with(second) == WriteShape(attachments=("text/plain",), note_limit=100, found_by=())
