"""The catalogue of products: what a file must hold, how it is asked for, and that mistakes name file and line."""

import pytest

from config.ehr_quirks import load_quirks
from config.vendor_files import Topic, find_vendor, load_vendors
from service.ehr.capability import capability_from
from service.ehr.quirks import with_quirks
from service.errors import BadInput, ConfigurationError

GENERAL = """\
id: general
name: Any
offers:
  bundles: [transaction]
  conditional_create: yes
  types:
    Goal: {does: [create, read], by: [_id]}
    Task: {does: [read]}
"""
ONE = """\
id: one
name: One EHR
aliases: [uno]
statement_source: Its site
offers:
  software: One Server
  bundles: [batch]
  types:
    Goal: {does: [read, search-type], by: [_id, patient]}
    Appointment: {does: [search-type], by: [patient], brings: [location]}
triggers:
  - said: It has a hook.
    source: Its manual
reads:
  - said: It is read.
    source: Its manual
sees:
  - said: Goals are seen.
    of: [Goal]
    source: Its manual
nobody:
  - said: Nobody flies.
    source: Its manual
unverified:
  - said: It is blue.
    source: A forum
quirks:
  - id: one-rule
    about: It does so.
    source: Its manual
    when:
      - software: [One]
    then:
      no_searches_in_batch: yes
  - id: one-old
    about: Old ones do so.
    source: Its manual
    then:
      not_offered: [batch]
"""
THE_SEVENTEEN = [
    "aidbox",
    "athenahealth",
    "blaze",
    "canvas",
    "eclinicalworks",
    "epic",
    "google",
    "hapi",
    "healthlake",
    "meditech",
    "medplum",
    "microsoft",
    "nextgen",
    "openemr",
    "openmrs",
    "oracle-health",
    "spark",
]


@pytest.fixture
def read(tmp_path):
    def load(text, general=GENERAL):
        (tmp_path / "general.yaml").write_text(general)
        (tmp_path / "one.yaml").write_text(text)
        return load_vendors(tmp_path)["one"]

    return load


def test_the_shipped_files_are_the_seventeen_products():
    assert list(load_vendors()) == THE_SEVENTEEN


@pytest.mark.parametrize("vendor", load_vendors().values(), ids=lambda vendor: vendor.id)
def test_each_product_answers_each_topic_with_a_source(vendor):
    assert {note.topic for note in vendor.notes} == set(Topic)
    assert all(note.said.endswith(".") and note.source for note in vendor.notes)
    assert vendor.statement_source


@pytest.mark.parametrize("vendor", load_vendors().values(), ids=lambda vendor: vendor.id)
def test_each_rule_of_a_product_holds_for_what_it_publishes_of_itself(vendor):
    held = {quirk.id for quirk in with_quirks(capability_from(vendor.statement), load_quirks()).quirks}
    assert vendor.rules == held


def test_a_file_is_read(read):
    vendor = read(ONE)
    capability = capability_from(vendor.statement)
    assert (capability.known_as, capability.batch, capability.transaction) == ("One Server", True, False)
    assert capability.searches("Goal", "patient")
    assert not capability.can("Goal", "create")
    assert capability.adds("Appointment", "location")
    assert not capability.can("Task", "read")
    [seen] = [note for note in vendor.notes if note.topic is Topic.SEES]
    assert (seen.said, seen.types) == ("Goals are seen.", {"Goal"})
    # A rule without `when` is for hospitals that name it, not for the product as such.
    assert vendor.rules == {"one-rule"}


def test_what_is_like_any_fhir_server_has_all_of_it_but_what_its_file_takes_away(read):
    offers = "offers:\n  like: general\n  software: One Server\n  without: [Task]\n  operations: [validate]\n"
    text = ONE[: ONE.index("offers:")] + offers + ONE[ONE.index("triggers:") :]
    capability = capability_from(read(text).statement)
    assert capability.transaction
    assert capability.of("Goal").conditional_create
    assert capability.of("Goal").operations == {"validate"}
    assert "Task" not in capability.resources


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: one\n", "id: uno\n", "one.yaml:1: the file of 'uno' must be uno.yaml"),
        ("aliases:", "alias:", "one.yaml:3: unknown key 'alias'"),
        ("statement_source: Its site\n", "", "statement_source is missing"),
        ("reads:\n  - said: It is read.\n    source: Its manual\n", "", "reads is missing"),
        ("    source: A forum\n", "", "one.yaml:25: source is missing"),
        ("It is blue.", "It is blue", "one.yaml:25: expected a sentence"),
        ("    of: [Goal]\n", "", "of is missing"),
        ("  bundles: [batch]", "  bundles: [batches]", "one.yaml:7: known are batch, transaction"),
        ("does: [search-type]", "does: [search]", "one.yaml:10: known are create"),
        ("  software: One", "  like: hapi\n  software: One", "one.yaml:6: only general can be built upon"),
        ("  software: One", "  without: [Task]\n  software: One", "one.yaml:6: Task is not among its types"),
        (
            "offers:\n",
            "statement: epic\noffers:\n",
            "name either a statement that is kept, or what it offers",
        ),
    ],
)
def test_a_mistake_names_its_file_and_line(read, old, new, said):
    assert old in ONE
    with pytest.raises(ConfigurationError) as caught:
        read(ONE.replace(old, new, 1))
    assert said in caught.value.public_message


def test_a_statement_that_is_not_kept_is_a_mistake(read):
    begin, end = ONE.index("offers:"), ONE.index("triggers:")
    with pytest.raises(ConfigurationError, match=r"one\.yaml:5: no statement of this name is kept"):
        read(ONE[:begin] + "statement: elsewhere\n" + ONE[end:])


def test_two_products_cannot_share_a_name(tmp_path):
    (tmp_path / "general.yaml").write_text(GENERAL)
    (tmp_path / "one.yaml").write_text(ONE)
    other = ONE.replace("id: one\n", "id: two\n").replace("One EHR", "Two").replace("one-", "two-")
    (tmp_path / "two.yaml").write_text(other)
    with pytest.raises(ConfigurationError, match="the name 'uno' is one's already"):
        load_vendors(tmp_path)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("epic", "epic"),
        ("Epic", "epic"),
        ("CERNER", "oracle-health"),
        ("Oracle Health", "oracle-health"),
        ("oracle_health", "oracle-health"),
        ("athenaOne", "athenahealth"),
        ("MEDITECH", "meditech"),
        ("eCW", "eclinicalworks"),
        ("HAPI FHIR", "hapi"),
        ("azure", "microsoft"),
        ("aws", "healthlake"),
        ("canvas medical", "canvas"),
    ],
)
def test_a_product_is_found_as_people_type_it(asked, found):
    assert find_vendor(load_vendors(), asked).id == found


@pytest.mark.parametrize(
    ("asked", "near"), [("epik", "epic"), ("athna", "athenahealth"), ("Crener", "oracle-health")]
)
def test_an_unknown_name_is_told_with_the_nearest_and_all_known(asked, near):
    with pytest.raises(BadInput) as caught:
        find_vendor(load_vendors(), asked)
    assert f"Did you mean {near}?" in caught.value.public_message
    assert all(name in caught.value.public_message for name in THE_SEVENTEEN)


def test_a_name_like_none_is_told_with_all_known_and_no_guess():
    with pytest.raises(BadInput) as caught:
        find_vendor(load_vendors(), "0000")
    assert "Did you mean" not in caught.value.public_message
