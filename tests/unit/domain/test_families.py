"""ICD-10 families of a code, however it is written and however long it is."""

from config.content import load_content
from service.domain.codes import Code, System
from service.domain.content import families_of


def test_a_code_belongs_to_all_families_that_it_begins_with():
    assert families_of(Code(System.ICD10CM, "I50.23")) == ("I", "I5", "I50", "I502", "I5023")
    assert families_of(Code(System.SNOMED, "84114007")) == ()


def test_a_code_that_is_sent_far_too_long_is_read_no_further_than_a_real_one():
    endless = Code(System.ICD10CM, "S72.001A" + "9" * 100_000)
    assert families_of(endless)[-1] == "S72001A"
    assert len(families_of(endless)) == 7


def test_no_family_that_content_asks_for_is_longer_than_what_is_read():
    content = load_content()
    asked = {family for index in content.indexes.values() for family in index.families}
    asked |= {
        family
        for table in (content.comorbidities, content.frailty)
        for one in table
        for family in one.families
    }
    asked |= set(content.sensitivity.families)
    assert max(map(len, asked)) <= 7
