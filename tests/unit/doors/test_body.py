import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.doors.body import MAX_DEPTH, parsed
from service.errors import BadInput
from service.sandbox.inpatients import bundle_of, inpatients

#: Names and text that look like the end of a name.
_TEXT = st.text(st.sampled_from('a":\\ \t\n{}[],é\U0001f600'), max_size=6)
_DOCUMENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda node: st.lists(node, max_size=4) | st.dictionaries(_TEXT, node, max_size=4),
)


@given(_DOCUMENT, st.sampled_from([None, 2]), st.sampled_from([(",", ":"), (" , ", " : "), (",", "\t:\n")]))
def test_json_is_read_however_it_is_written(document, indent, separators):
    written = json.dumps(document, indent=indent, separators=separators)
    assert parsed(written.encode()) == json.loads(written, parse_int=_as_sent)


@given(st.dictionaries(_TEXT, _DOCUMENT, min_size=1, max_size=4), st.data())
def test_a_name_that_comes_twice_is_refused_wherever_it_stands(document, data):
    again = json.dumps(data.draw(st.sampled_from(sorted(document))))
    white = data.draw(st.sampled_from(["", " ", "\n\t"]))
    twice = f"{json.dumps(document)[:-1]}, {again}{white}: {json.dumps(data.draw(_DOCUMENT))}}}"
    inside = data.draw(st.sampled_from(["{}", "[{}]", '{{"b\\u003a": [":", {}]}}']))
    with pytest.raises(BadInput, match="same name twice"):
        parsed(inside.format(twice).encode())


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_json_may_be_nested_so_deep_and_no_deeper(opening, closing):
    often = MAX_DEPTH // (1 + (len(opening) > len('{"a":')))
    parsed((opening * often + "1" + closing * often).encode())
    with pytest.raises(BadInput, match="nested too deeply"):
        parsed((opening * (often + 1) + "1" + closing * (often + 1)).encode())


def test_json_nested_beyond_all_reading_is_told_as_such():
    with pytest.raises(BadInput, match="nested too deeply"):
        parsed(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "text", ['{"a": "b": ""}', '{"a": 1,}', "{", "nul", "[1}", "9" * 5000, "\ufeff{}", '"\ud800"']
)
def test_what_is_no_json_is_told_by_its_place(text):
    with pytest.raises(BadInput, match="not JSON"):
        parsed(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("text", [":", '":', 'style=\\"a\\": b', '"a" \n:'])
def test_text_that_looks_like_the_end_of_a_name_is_text(text):
    assert parsed(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize("dense", ['"a":[],', "[],", "{},"])
def test_a_body_of_nothing_but_names_or_brackets_is_refused_before_it_is_read(dense):
    with pytest.raises(BadInput, match="100 names, and as many objects and lists, are accepted"):
        parsed(f"[{dense * 101}".encode(), most=100)  # no JSON: it is not even parsed


def test_a_record_as_large_as_is_taken_has_room_for_its_parts():
    record = json.dumps(bundle_of(inpatients()[0], date(2024, 3, 5))).encode()
    often = 8 * 1024 * 1024 // len(record)
    assert len(parsed(b"[" + b",".join([record] * often) + b"]")) == often


def _as_sent(digits: str) -> Any:
    """Integers that no 64 bits hold are read as floats."""
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(number)
