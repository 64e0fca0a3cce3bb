"""Patterns of ICD-10-PCS codes."""

import pytest

from service.domain.axes import fits, is_axis_pattern, keys_of


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("0SR[9B]", "0SR90J9"),
        ("0SR[9B]", "0SRB03A"),
        ("0Y6", "0Y6H0Z2"),
        ("0DH6[034]UZ", "0DH63UZ"),
        ("0D1B??4", "0D1B0Z4"),
        ("10E0XZZ", "10E0XZZ"),
        ("5A1D[789]0Z", "5A1D70Z"),
    ],
)
def test_a_code_fits_a_pattern_of_its_axes(pattern: str, code: str) -> None:
    assert fits(pattern, code)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("0SR[9B]", "0SRC0J9"),
        ("0SR[9B]", "0SR90J"),
        ("0SR[9B]", "0SR90J9A"),
        ("0Y6", "0X6H0Z2"),
        ("0DH6[034]UZ", "0DH67UZ"),
        ("0D1B??4", "0D1B0ZH"),
        ("0Y6", "0Y6HOZ2"),
        ("0Y6", ""),
    ],
)
def test_another_axis_or_what_is_no_code_does_not_fit(pattern: str, code: str) -> None:
    assert not fits(pattern, code)


@pytest.mark.parametrize("pattern", ["0SR[9B]", "0SR90J9", "0D1B??4", "0Y", "0[02]1", "5A1D[789]0Z"])
def test_a_pattern_names_at_most_seven_axes_of_which_two_are_given(pattern: str) -> None:
    assert is_axis_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "0", "0?R", "??", "0SR90J9Z", "0SR[]", "0SR[9", "0SRI", "0SO", "0sr", "0SR*", "0SR.", "0SR[9]"],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    assert not is_axis_pattern(pattern)


def test_a_pattern_is_looked_up_by_section_and_body_system() -> None:
    assert keys_of("0[2S]R") == ("02", "0S")
    assert keys_of("10E0XZZ") == ("10",)
