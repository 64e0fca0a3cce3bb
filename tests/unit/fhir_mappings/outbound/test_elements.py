from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.outbound.elements import clean, tidy
from fhir_mappings.outbound.goal import goal_body
from fhir_mappings.outbound.references import Names, type_of
from service.domain.plan import Goal
from service.domain.protocol import ProtocolRef
from tests import builders as a

#: JSON as a record could bring it, with every character that Python can hold.
_TEXT = st.text(st.characters(exclude_categories=[]), max_size=5)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def inside(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield part
        yield from inside(part)


@given(_JSON)
def test_tidy_json_holds_nothing_that_fhir_forbids(value):
    assert not [part for part in inside(tidy(value)) if part in ("", [], {}, None)]


@given(_TEXT)
def test_clean_text_can_be_written_anywhere(text):
    clean(text).encode()
    assert clean(clean(text)) == clean(text)
    assert not set(clean(text)) & {"\x00", "\x0b", "\x7f", "\ufffe"}


def test_numbers_and_truths_are_kept():
    assert tidy({"a": 0, "b": False, "c": [1.5, None], "d": {"e": ""}}) == {"a": 0, "b": False, "c": [1.5]}


def test_a_literal_reference_has_a_type_and_nothing_else_has():
    given_types = [type_of(x) for x in ("Condition/7", "urn:uuid:1", "http://x/Condition/7", "Condition", "")]
    assert given_types == ["Condition", "", "", "", ""]


def test_no_stay_can_borrow_the_name_of_another():
    assert Names("a", "bEncounter/1").identifier("x") != Names("ab", "Encounter/1").identifier("x")


def test_a_goal_whose_need_is_not_told_has_neither_category_nor_reason():
    goal = Goal("goal:x:y", "withheld", "Sleeps well", a.TODAY, a.TODAY, ProtocolRef("x", "1"))
    body = tidy(goal_body(goal, a.planned()))
    assert "category" not in body
    assert "addresses" not in body
