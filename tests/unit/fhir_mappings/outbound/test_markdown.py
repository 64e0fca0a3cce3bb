import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fhir_mappings.outbound.markdown import escaped, section, shortened

#: CommonMark with what GitHub adds; bare addresses, which it links as well, have a test of their own.
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """The HTML of one list item."""
    return str(GFM.render(f"- {markdown}"))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](https://evil.example)",
        "![x](https://evil.example/pixel)",
        "https://evil.example",
        "www.evil.example",
        "WWW.EVIL.EXAMPLE",
        "me@evil.example",
        "mailto:me@evil.example",
        "<https://evil.example>",
        "*bold* _italic_ **both** ~~gone~~",
        "`code` ``` fence",
        "| a | b |",
        "# heading",
        "> quote",
        "- item",
        "+ item",
        "1. item",
        "2) item",
        "---",
        "===",
        "&lt;b&gt; &amp; &#60;",
        "[x] task",
        "a\n\n# new paragraph\n\n- list",
        "\\*not escaped twice\\*",
        "[ref]: https://evil.example",
    ],
)
def test_text_of_a_record_is_shown_and_never_becomes_markup(text):
    html = shown(escaped(text))
    inside = re.fullmatch(r"<ul>\n<li>(.*)</li>\n</ul>\n", html, re.DOTALL)
    assert inside, html
    assert "<" not in inside[1]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_no_text_at_all_becomes_markup(text):
    inside = re.fullmatch(r"<ul>\n<li>(.*)</li>\n</ul>\n", shown(escaped(text)), re.DOTALL)
    assert inside
    assert "<" not in inside[1]


def test_ordinary_words_stay_as_they_are():
    assert escaped("Heart failure (I50.23), 2024-03-01, uncertain") == (
        "Heart failure (I50.23), 2024-03-01, uncertain"
    )


def test_a_section_without_lines_is_nothing():
    assert section("Needs", []) == ""


@given(st.text(min_size=1, max_size=400))
def test_a_shortened_text_is_always_shorter_than_its_limit(text):
    assert len(shortened(text, 140)) < 140


def test_a_long_text_is_cut_at_a_word():
    assert shortened("word " * 50, 20) == "word word word…"


@given(st.from_regex(r"(https?://|www\.|WWW\.|[a-z]+@)[a-z]+\.example", fullmatch=True))
def test_bare_addresses_are_no_links(text):
    assert not re.search(r"://|www\.|[^\\]@", escaped(text), re.IGNORECASE)
