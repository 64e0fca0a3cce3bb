"""The line by which a text of ours is known where identifiers vanish."""

import base64
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.outbound.reference_line import (
    reference_line,
    reference_of,
    references_in_text,
    restamped,
    texts_of,
    without_reference,
)
from tests.builders import draft_of

IDENTIFIER = "urn:uuid:6fbbe176-165c-5188-ad88-682945dfa61f"


@given(st.uuids())
def test_a_reference_is_short_stays_the_same_and_has_no_letter_that_is_misread(identity):
    identifier = f"urn:uuid:{identity}"
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", reference_of(identifier))
    assert references_in_text(reference_line(identifier)) == {reference_of(identifier)}


def test_two_identifiers_have_two_references():
    assert len({reference_of(f"urn:uuid:{number}") for number in range(5000)}) == 5000


def test_it_is_read_however_a_server_has_broken_and_spaced_the_line():
    line = reference_line(IDENTIFIER)
    for kept in (
        f"<p>{line}</p>",
        line.replace(" ", "\r\n"),
        line.replace(" ", "\u00a0"),
        line.replace(" ", "&nbsp;"),
        line.replace("-", "\u2011"),
        f"the plan.\n{line}.\n",
    ):
        assert references_in_text(kept) == {reference_of(IDENTIFIER)}
    assert references_in_text(line[:-1]) == frozenset()
    assert references_in_text(f"{line}7") == frozenset()
    assert without_reference(f"Needs\n{line}") == "Needs"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_a_draft_with_another_identifier_gets_its_own_reference_in_every_text():
    line = reference_line(IDENTIFIER)
    attachment = {"contentType": "text/plain", "data": encoded(f"Plan\n{line}\n"), "size": 3}
    picture = {"contentType": "application/pdf", "data": encoded(line)}
    body = {
        "resourceType": "DocumentReference",
        "content": [{"attachment": attachment}, {"attachment": picture}],
        "payload": [
            {"contentString": f"Plan {line}"},
            {
                "contentAttachment": {
                    "contentType": "application/xhtml+xml",
                    "data": encoded(f"<p>{line}</p>"),
                }
            },
        ],
        "note": [{"text": f"Found. {line}"}, {"time": "2026-12-02"}],
    }
    draft = replace(draft_of("plan-document", body), identifier="urn:uuid:other")
    changed = restamped(draft)
    assert [references_in_text(text) for text in texts_of(changed.body)] == [
        {reference_of("urn:uuid:other")}
    ] * 4
    assert changed.body["content"][0]["attachment"]["size"] == len(f"Plan\n{line}\n")
    assert changed.body["content"][1] == {"attachment": picture}
    assert restamped(changed) == changed
    assert changed.digest == draft.digest or not draft.meaning


def test_what_is_no_text_holds_no_reference():
    broken = {"content": [{"attachment": {"contentType": "text/plain", "data": "~~~"}}, {"attachment": 1}, 2]}
    assert list(texts_of(broken)) == []
    assert list(texts_of({"content": "text", "payload": [{"contentString": 7}], "note": None})) == []
